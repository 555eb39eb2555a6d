"""The outbox of embedded mode: what was not really sent, and how a newcomer walks on from there."""

import re
from dataclasses import replace

import httpx2

from casefile.envelope import Sender
from gateway.app import create_app
from gateway.readable import Piece, pieces, readable
from tests.gateway.world import World, hidden
from tests.people import LI_WEI


async def test_an_empty_outbox_says_what_to_do(world: World) -> None:
    page = (await world.http.get("/outbox")).text
    assert "以下信件未真正寄出" in page
    assert "提交一份投诉" in page
    assert "nothing here has really been sent" in (await world.http.get("/outbox?lang=en")).text


async def test_a_newcomer_clicks_through_the_whole_life_of_a_complaint(world: World) -> None:
    case = await world.complain()
    await world.deliver()
    desk = await newest_link(world, "desk")
    form = {"nonce": hidden((await world.http.get(desk)).text, "nonce"), "action": "resolve", "words": "已增开窗口。"}
    assert (await world.http.post(desk, data=form)).status_code == 303
    await world.deliver()
    world.clock.forward(days=5)
    await world.deliver()
    revisit = await newest_link(world, "revisit")
    assert (await world.http.post(revisit, data={"satisfied": "yes"})).status_code == 200
    assert (await world.case(case.complaint_id or "")).satisfied is True


async def newest_link(world: World, purpose: str) -> str:
    """Found by clicking on letters, the newest first."""
    outbox = (await world.http.get("/outbox")).text
    for letter in re.findall(r'href="(/outbox/[^"]+)"', outbox):
        page = (await world.http.get(letter)).text
        assert "以下信件未真正寄出" in page
        link = re.search(rf'<a href="(/{purpose}/[^"]+)"', page)
        if link:
            return link[1]
    raise AssertionError(f"no letter with a {purpose} link")


async def test_newest_first_with_recipient_and_subject(world: World) -> None:
    await world.complain()
    await world.deliver()
    world.clock.forward(hours=1)
    await world.complain("西城支行ATM吞卡", sender=Sender(phone="+8613800138000"))
    await world.deliver()
    page = (await world.http.get("/outbox")).text
    assert page.index("HY-2026-000002") < page.index("HY-2026-000001")
    assert str(LI_WEI.email) in page
    assert "+8613800138000" in page


async def test_the_file_is_the_letter_byte_for_byte(world: World) -> None:
    case = await world.complain()
    await world.deliver()
    sent = {notice.payload for notice in await world.notices(case.complaint_id or "")}
    names = re.findall(r'href="/outbox/([^"/]+)"', (await world.http.get("/outbox")).text)
    assert len(names) == 2
    for name in names:
        raw = await world.http.get(f"/outbox/{name}/raw")
        assert raw.content in sent
        assert raw.headers["content-disposition"].startswith("attachment; ")


async def test_no_way_out_of_the_folder(world: World) -> None:
    for name in ("..%2Fhuiyin.toml", "%2e%2e%2faccounts.yaml", ".hidden", "none.eml", "..%2f..%2fetc%2fpasswd"):
        assert (await world.http.get(f"/outbox/{name}")).status_code == 404
        assert (await world.http.get(f"/outbox/{name}/raw")).status_code == 404


async def test_what_the_customer_wrote_stays_text(world: World) -> None:
    evil = '<script>alert(1)</script> <img src=x> http://evil.example/"onclick="x 南湖支行'
    await world.complain(evil, subject="<b>")
    await world.deliver()
    for letter in re.findall(r'href="(/outbox/[^"]+)"', (await world.http.get("/outbox")).text):
        page = (await world.http.get(letter)).text
        assert "<script" not in page
        assert "<img" not in page
        assert "evil.example" not in "".join(re.findall(r'href="([^"]*)"', page))


async def test_production_has_no_outbox_page(world: World) -> None:
    production = world.site.settings.model_copy(update={"environment": "production"})
    app = create_app(replace(world.site, settings=production))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8000") as http:
        assert (await http.get("/outbox")).status_code == 404
        assert (await http.get("/console/login")).status_code == 200


def test_only_our_own_pages_become_links() -> None:
    token = "A" * 43
    text = f"a http://x.example/desk/{token}，b https://x.example/track c http://x.example/other javascript:/track"
    assert [piece for piece in pieces(text) if piece.path] == [
        Piece(f"http://x.example/desk/{token}", f"/desk/{token}"),
        Piece("https://x.example/track", "/track"),
    ]
    assert "".join(piece.text for piece in pieces(text)) == text


def test_secrets_are_masked_in_text_and_headers() -> None:
    token = "a-_9" * 11
    mail = f"To: x@y.example\r\nX-Link: http://x/revisit/{token}\r\nContent-Type: text/plain\r\n\r\nhttp://x/desk/{token}\n"
    masked = readable(mail.encode()).masked()
    assert token not in repr(masked)
    assert masked.text == "http://x/desk/••••••••\n"


def test_a_text_message_is_read_with_and_without_its_address_line() -> None:
    assert readable("To: +86138\n\n【示例银行】您好\n\n再见".encode()).text == "【示例银行】您好\n\n再见"
    assert readable("【示例银行】您好：\n\n再见".encode()).text == "【示例银行】您好：\n\n再见"
