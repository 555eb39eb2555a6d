"""Getting into the console, staying in, and being kept out."""

from casefile.audit import Tag
from casefile.status import NoticeState
from gateway.accounts import add_account
from tests.gateway.world import PASSWORD, World, hidden, seeded, set_state, site_events


async def test_the_cookie_is_kept_from_scripts_and_other_sites(world: World) -> None:
    cookie = (await world.login()).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/console" in cookie
    assert "secure" not in cookie  # the public address of this site is http


async def test_login_leads_back_to_the_page_that_was_asked_for_but_never_elsewhere(world: World) -> None:
    asked = await world.http.get("/console/owed?lang=en")
    login = await world.http.get(asked.headers["location"])
    back = hidden(login.text, "next")
    assert back == "/console/owed?lang=en"
    form = {"name": "admin", "password": PASSWORD, "form_token": hidden(login.text, "form_token")}
    assert (await world.http.post("/console/login", data={**form, "next": back})).headers["location"] == back
    evil = ["https://evil.example", "//evil.example/console/", "/console\\@evil.example", "/outbox", "/console/\n//x"]
    for elsewhere in evil:
        async with world.stranger() as http:
            page = await http.get("/console/login")
            fresh = {**form, "form_token": hidden(page.text, "form_token"), "next": elsewhere}
            assert (await http.post("/console/login", data=fresh)).headers["location"] == "/console"


async def test_a_session_ends_with_its_password(world: World) -> None:
    await world.login()
    assert (await world.http.get("/console")).status_code == 200
    add_account(world.site.settings.folder("accounts.yaml"), "admin", "another good password", "admin")
    assert (await world.http.get("/console")).status_code == 303
    assert (await world.login()).status_code == 403
    assert (await world.login(password="another good password")).status_code == 303


async def test_a_session_ends_after_eight_idle_hours(world: World) -> None:
    await world.login()
    for _ in range(3):
        world.clock.forward(hours=7.9)
        assert (await world.http.get("/console")).status_code == 200
    world.clock.forward(hours=8)
    assert (await world.http.get("/console")).status_code == 303


async def test_logging_out_ends_the_session_in_this_browser(world: World) -> None:
    await world.login()
    token = hidden((await world.http.get("/console")).text, "form_token")
    assert (await world.http.post("/console/logout", data={"form_token": token})).status_code == 303
    assert (await world.http.get("/console")).status_code == 303


async def test_a_new_login_never_takes_over_a_session_that_was_planted(world: World) -> None:
    page = await world.http.get("/console/login")
    before = world.http.cookies["huiyin_console"]
    await world.login()
    planted = {"form_token": hidden(page.text, "form_token")}
    assert (await world.http.post("/console/logout", data=planted)).status_code == 403
    async with world.stranger() as http:
        http.cookies.set("huiyin_console", before)
        assert (await http.get("/console")).status_code == 303


async def test_a_cookie_of_another_purpose_or_changed_by_hand_is_nobody(world: World) -> None:
    await world.login()
    good = world.http.cookies["huiyin_console"]
    payload, _, signature = good.partition(".")
    for forged in (
        "",
        "x",
        f"{payload}.",
        f"{payload}x.{signature}",
        good[:-2],
        hidden(await desk_page(world), "nonce"),
    ):
        async with world.stranger() as http:
            http.cookies.set("huiyin_console", forged)
            assert (await http.get("/console")).status_code == 303


async def desk_page(world: World) -> str:
    return (await world.http.get(await world.desk_link())).text


async def test_posts_need_the_token_of_this_very_session(world: World) -> None:
    order, _ = await seeded(world)
    await set_state(world, order, NoticeState.DEAD)
    await world.login()
    mine = hidden((await world.http.get("/console")).text, "form_token")
    await world.login()
    before = await world.events(order.complaint_id)
    for token in ("", "x", mine):
        refused = await world.http.post(f"/console/notices/{order.id}/release", data={"form_token": token})
        assert refused.status_code == 403
        assert "没有执行任何操作" in refused.text
    assert await world.events(order.complaint_id) == before


async def test_login_without_its_form_is_refused(world: World) -> None:
    await world.http.get("/console/login")
    for token in ("", "x"):
        form = {"name": "admin", "password": PASSWORD, "form_token": token}
        assert (await world.http.post("/console/login", data=form)).status_code == 403
    async with world.stranger() as http:  # without a cookie
        assert (await http.post("/console/login", data={"name": "admin", "password": PASSWORD})).status_code == 403
    assert await site_events(world, Tag.CONSOLE_LOGIN) == []


async def test_guessing_is_stopped_by_name_and_starts_anew_later(world: World) -> None:
    for _ in range(5):
        assert (await world.login("admin", "wrong password")).status_code == 403
    stopped = await world.login("admin", PASSWORD)
    assert stopped.status_code == 429
    assert "失败次数过多" in stopped.text
    assert stopped.headers["retry-after"] == "900"
    world.clock.forward(minutes=15, seconds=1)
    assert (await world.login("admin", PASSWORD)).status_code == 303


async def test_guessing_is_stopped_by_address(world: World) -> None:
    for number in range(5):
        assert (await world.login(f"guess{number}", "wrong password")).status_code == 403
    assert (await world.login("auditor", PASSWORD)).status_code == 429


async def test_a_stopped_guess_is_not_on_record_again(world: World) -> None:
    for _ in range(8):
        await world.login("admin", "wrong password")
    assert len(await site_events(world, Tag.CONSOLE_REFUSED)) == 5


async def test_the_record_of_a_refusal_names_neither_address_nor_what_was_typed(world: World) -> None:
    await world.login("my-password-typed-as-name", "x")
    (refused,) = await site_events(world, Tag.CONSOLE_REFUSED)
    assert refused.actor == "console"
    assert not any(known in refused.model_dump_json() for known in ("my-password", "127.0.0.1"))
