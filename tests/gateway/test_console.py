"""The console: who gets in, who may see what, and that looking is on record."""

import re
from datetime import timedelta
from html import escape
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from casefile.audit import Tag
from casefile.envelope import Channel, Sender
from casefile.inbound import Raw
from casefile.notice import NoticeKind, Stage
from casefile.status import DutyState, NoticeState
from casefile.store import inbound, outbox
from casefile.store.ledger import NOTICE
from casefile.store.tables import notice
from channels.web.pages import Pages
from gateway import console
from tests.gateway.world import World, hidden, links_in, seeded, set_state
from tests.people import LI_WEI

# Every address of the console, and who may use it. A route that is not here fails the build.
LEAST_ROLE = {
    ("GET", "/console/login"): "anyone",
    ("POST", "/console/login"): "anyone",
    ("GET", "/console"): "auditor",
    ("GET", "/console/export.csv"): "auditor",
    ("GET", "/console/owed"): "auditor",
    ("GET", "/console/inbox"): "auditor",
    ("GET", "/console/cases/{number}"): "auditor",
    ("GET", "/console/notices/{notice_id}"): "auditor",
    ("GET", "/console/notices/{notice_id}/bytes"): "auditor",
    ("GET", "/console/notices/{notice_id}/bytes/exact"): "auditor",
    ("POST", "/console/notices/{notice_id}/release"): "admin",
    ("POST", "/console/logout"): "auditor",
}


def routes(world: World) -> set[tuple[str, str]]:
    pages = Pages({"zh": "示例银行", "en": "Example Bank"}, [Path(console.__file__).parents[1]])
    router = console.routes(world.site, pages)
    found = [route for route in router.routes if isinstance(route, APIRoute)]
    assert len(found) == len(router.routes)
    return {(method, route.path) for route in found for method in route.methods if method != "HEAD"}


async def test_every_route_is_on_the_list(world: World) -> None:
    assert routes(world) == set(LEAST_ROLE)


@pytest.mark.parametrize("role", ["nobody", "auditor", "admin"])
async def test_each_role_gets_where_it_may_and_no_further(world: World, role: str) -> None:
    order, _ = await seeded(world)
    await set_state(world, order, NoticeState.DEAD, "550 no such user")
    form_token = ""
    if role != "nobody":
        assert (await world.login(role)).status_code == 303
        form_token = hidden((await world.http.get("/console")).text, "form_token")
    for (method, pattern), least in sorted(LEAST_ROLE.items()):
        if least == "anyone" or pattern.endswith("/logout"):
            continue
        path = pattern.format(number="HY-2026-000001", notice_id=order.id)
        answer = await world.http.request(method, path, data={"form_token": form_token} if method == "POST" else None)
        if role == "nobody":
            assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/console/login"), path
        elif least == "admin" and role == "auditor":
            assert answer.status_code == 403, path
        elif path.endswith("/exact") and role == "auditor":
            assert answer.status_code == 403, "its links are alive"
        else:
            assert answer.status_code == (303 if method == "POST" else 200), path


async def test_nobody_learns_whether_a_case_exists(world: World) -> None:
    await seeded(world)
    for path in ("/console/cases/HY-2026-000001", "/console/cases/HY-2026-999999", "/console/notices/none"):
        assert (await world.http.get(path)).status_code == 303
    await world.login("auditor")
    for path in ("/console/cases/HY-2026-999999", "/console/notices/none", "/console/notices/none/bytes"):
        assert (await world.http.get(path)).status_code == 404


async def test_logins_and_exports_and_views_are_on_record(world: World) -> None:
    order, receipt = await seeded(world)
    await world.login("auditor")
    await world.http.get("/console/export.csv?kind=order")
    await world.http.get(f"/console/notices/{order.id}/bytes")
    await world.http.get(f"/console/notices/{receipt.id}/bytes/exact")
    looked = [(e.tag, e.actor, e.detail.get("exact"), e.detail.get("notice")) for e in await world.events()]
    assert looked == [
        (Tag.CONSOLE_LOGIN, "console:auditor", None, None),
        (Tag.CONSOLE_EXPORT, "console:auditor", None, None),
        (Tag.CONSOLE_BYTES, "console:auditor", False, order.id),
        (Tag.CONSOLE_BYTES, "console:auditor", True, receipt.id),
    ]


async def test_a_page_of_the_log(world: World) -> None:
    await seeded(world)
    await world.complain("西城支行ATM吞卡", sender=Sender())
    await world.login("auditor")
    page = (await world.http.get("/console")).text
    for shown in (
        "HY-2026-000001",
        "HY-2026-000002",
        "l***@customer.example",
        "nanhu@bank.example",
        "没有可用的联系地址",
    ):
        assert shown in page
    assert LI_WEI.email not in page


async def test_filters_and_an_empty_answer(world: World) -> None:
    order, _ = await seeded(world)
    await set_state(world, order, NoticeState.DEAD, "550 5.1.1 no such user")
    await world.login("auditor")
    dead = (await world.http.get("/console?problems=1")).text
    assert dead.count("<tr>") - 1 == 1
    assert "550 5.1.1" in dead
    assert "没有符合条件的通知" in (await world.http.get("/console?number=HY-2026-000099")).text
    wrong = (await world.http.get("/console?due_from=soon&state=perhaps")).text
    assert "以下条件无法识别" in wrong
    assert (await world.http.get("/console?after=nonsense")).status_code == 422


async def test_the_evidence_of_a_notice(world: World) -> None:
    order, _ = await seeded(world)
    await world.login("auditor")
    page = (await world.http.get(f"/console/notices/{order.id}")).text
    for shown in ("第 2 条", order.message_id, order.payload_sha256, "得到答复", "embedded mode: kept as", "按时"):
        assert escape(shown) in page
    assert "重新发送" not in page


async def test_an_attempt_that_never_finished_is_shown_as_a_possible_duplicate(world: World) -> None:
    case = await world.complain()
    store = world.site.store
    held = await store.write(outbox.claim, now=world.clock(), worker="dead:1", lease=timedelta(seconds=60))
    assert held
    world.clock.forward(minutes=2)
    await world.deliver()
    await world.login("auditor")
    page = (await world.http.get(f"/console/notices/{held.notice.id}")).text
    assert "未结束，可能重复" in page
    assert "可能重复" in (await world.http.get(f"/console?number={case.number}")).text


async def test_links_that_still_work_are_masked_and_their_bytes_kept_from_the_auditor(world: World) -> None:
    order, _ = await seeded(world)
    secret = links_in(order, "desk")[0].rpartition("/")[2]
    await world.login("auditor")
    letter = (await world.http.get(f"/console/notices/{order.id}/bytes")).text
    assert secret not in letter
    assert "/desk/••••••••" in letter
    assert "三个窗口只开一个" in letter
    assert order.payload_sha256 in letter
    refused = await world.http.get(f"/console/notices/{order.id}/bytes/exact")
    assert refused.status_code == 403
    assert secret not in refused.text
    await world.login("admin")
    assert secret not in (await world.http.get(f"/console/notices/{order.id}/bytes")).text
    exact = await world.http.get(f"/console/notices/{order.id}/bytes/exact")
    assert exact.content == order.payload
    assert exact.headers["content-disposition"].startswith("attachment; ")


async def test_once_its_links_are_over_a_letter_is_shown_in_full(world: World) -> None:
    order, _ = await seeded(world)
    (link,) = links_in(order, "desk")
    nonce = hidden((await world.http.get(link)).text, "nonce")
    await world.http.post(link, data={"nonce": nonce, "action": "refer", "to_office": "xicheng", "words": "转"})
    assert (await world.http.get(link)).status_code == 410
    await world.login("auditor")
    assert link in (await world.http.get(f"/console/notices/{order.id}/bytes")).text
    assert (await world.http.get(f"/console/notices/{order.id}/bytes/exact")).content == order.payload


async def test_a_letter_that_was_changed_in_the_database_is_called_so(world: World) -> None:
    _, receipt = await seeded(world)
    forged = receipt.payload + b"!"
    change = notice.update().where(notice.c.id == receipt.id).values(payload=forged)
    await world.site.store.write(lambda tx: tx.execute(change))
    await world.login("auditor")
    assert "不一致！" in (await world.http.get(f"/console/notices/{receipt.id}/bytes")).text


async def test_an_admin_sends_a_dead_notice_again(world: World) -> None:
    order, _ = await seeded(world)
    await set_state(world, order, NoticeState.DEAD, "550 no such user")
    await world.login("admin")
    page = await world.http.get(f"/console/notices/{order.id}")
    token = hidden(page.text, "form_token")
    assert "重新发送" in page.text
    assert (
        await world.http.post(f"/console/notices/{order.id}/release", data={"form_token": token})
    ).status_code == 303
    assert await world.deliver() == 1
    after = await world.events(order.complaint_id)
    assert [e.actor for e in after if e.tag is Tag.NOTICE_RELEASED] == ["console:admin"]
    again = await world.http.post(f"/console/notices/{order.id}/release", data={"form_token": token})
    assert again.status_code == 409


async def test_owed_not_proven(world: World) -> None:
    case = await world.complain(sender=Sender(email="li wei@customer.example"))  # no mail can carry this address
    await world.deliver()
    await world.login("auditor")
    assert "未予发送" in (await world.http.get("/console/owed")).text
    world.clock.forward(days=30)
    await world.login("auditor")
    page = (await world.http.get("/console/owed")).text
    assert "尚未履行" in page
    assert "已逾期" in page
    assert page.index("受理回执") < page.index("处理答复")
    link = await world.link("desk", case.complaint_id or "")
    assert (await world.http.get(link)).status_code == 200


async def test_the_inbox_shows_what_waits_and_why(world: World) -> None:
    raw = Raw(Channel.EMAIL, "complaints", "<late@customer.example>", b"Subject: x\n\nx", world.clock())
    sha256 = world.site.blobs.put(raw.body)
    await world.site.store.write(inbound.keep, raw, sha256)
    await world.login("auditor")
    page = (await world.http.get("/console/inbox")).text
    assert "待处理" in page
    assert sha256[:16] in page


async def test_a_case_from_its_first_duty_to_its_last_event(world: World) -> None:
    order, _ = await seeded(world)
    await world.login("auditor")
    page = (await world.http.get("/console/cases/HY-2026-000001")).text
    assert "<svg" in page
    assert (
        page.index("立案登记") < page.index("分派承办机构") < page.index("通知已拟定") < page.index("对方服务器已接收")
    )
    assert f"/console/notices/{order.id}" in page


@pytest.mark.parametrize(
    "evil", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</code><svg/onload=x>"]
)
async def test_what_strangers_write_is_shown_as_they_wrote_it(world: World, evil: str) -> None:
    case = await world.complain(f"{evil} 南湖支行", sender=Sender(name=evil, email=LI_WEI.email), subject=evil)
    await world.deliver()
    order = next(n for n in await world.notices(case.complaint_id or "") if n.kind is NoticeKind.ORDER)
    await set_state(world, order, NoticeState.DEAD, evil)
    await world.login("admin")
    typed = f"/console?number={evil}&recipient={evil}&due_from={evil}"
    ours = (f"/console/notices/{order.id}", f"/console/notices/{order.id}/bytes", f"/console/cases/{case.number}")
    for path in ("/console", typed, "/console/owed", *ours):
        page = (await world.http.get(path)).text
        assert not any(active in page for active in ("<script", "<img", "<svg/"))
    assert escape(evil).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page or path.endswith(
        case.number or ""
    )


async def test_every_code_has_its_words(world: World) -> None:
    """Whatever state, kind or event a page may meet, it has a text in both languages."""
    words = Pages({"zh": "x"}, [Path(console.__file__).parents[1]]).words
    keys = [f"event.{tag.replace(':', '.')}" for tag in Tag]
    keys += [f"notice.{state}" for state in NOTICE.moves] + [f"notice_means.{state}" for state in NOTICE.moves]
    keys += [f"kind.{kind}" for kind in NoticeKind] + [f"stage.{stage}" for stage in Stage]
    keys += [f"duty.state.{state}" for state in DutyState] + ["notice.fenced"]
    assert [key for key in keys if key not in words] == []


async def test_templates_use_only_texts_that_exist() -> None:
    folder = Path(console.__file__).parents[1]
    words = Pages({"zh": "x"}, [folder]).words
    used = {
        key
        for template in (folder / "templates").rglob("*.html")
        for key in re.findall(r'\bt\(["\']([a-z_.]+[a-z_])["\'][,)]', template.read_text("utf-8"))
    }
    assert len(used) > 100
    assert sorted(key for key in used if key not in words) == []
