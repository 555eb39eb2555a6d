"""The office's page: looking never acts, acting takes a typed choice, and nothing is said to the customer twice."""

import asyncio
import re
from html import escape

import pytest

from casefile.audit import Tag
from casefile.envelope import Sender
from casefile.notice import NoticeKind
from casefile.status import CaseState
from tests.gateway.world import World, attachment, hidden
from tests.people import LI_WEI

ANSWER = "经核实，当日两个窗口故障，已增开窗口。"


async def fill_in(world: World, link: str, **typed: str) -> dict[str, str]:
    page = await world.http.get(link)
    return {"nonce": hidden(page.text, "nonce"), **typed}


async def opened(world: World, **more: object) -> tuple[str, str]:
    """Link and id of a new case."""
    case = await world.complain(**more)
    await world.deliver()
    world.clock.forward(minutes=1)
    return await world.link("desk", case.complaint_id or ""), case.complaint_id or ""


async def test_the_page_tells_the_whole_case(world: World) -> None:
    link, _ = await opened(world, subject="排队")
    page = await world.http.get(link)
    assert page.status_code == 200
    for told in ("HY-2026-000001", "南湖支行", "三个窗口只开一个", LI_WEI.name, LI_WEI.email, "2026年3月11日 24:00"):
        assert str(told) in page.text
    assert 'type="radio"' in page.text
    assert "checked" not in page.text


async def test_an_answer_reaches_the_customer_and_the_page_says_how(world: World) -> None:
    link, case_id = await opened(world)
    done = await world.http.post(link, data=await fill_in(world, link, action="resolve", words=ANSWER))
    assert done.status_code == 303
    page = await world.http.get(done.headers["location"])
    assert "答复已提交" in page.text
    assert "电子邮件" in page.text
    await world.deliver()
    assert (await world.case(case_id)).state is CaseState.RESOLVED
    decision = [n for n in await world.notices(case_id) if n.kind is NoticeKind.DECISION]
    assert [n.to for n in decision] == [LI_WEI.email]


async def test_an_answer_that_cannot_be_sent_is_not_called_sent(world: World) -> None:
    link, _ = await opened(world, sender=Sender())
    done = await world.http.post(link, data=await fill_in(world, link, action="resolve", words=ANSWER))
    page = await world.http.get(done.headers["location"])
    assert "无法发给客户" in page.text
    assert "没有可用的联系地址" in page.text


async def test_a_scanner_changes_nothing(world: World) -> None:
    """It follows every link with GET and HEAD, and submits every form as it stands."""
    link, case_id = await opened(world, attachments=(attachment("回单.pdf", b"%PDF-1.7"),))
    before = (await world.events(case_id), await world.events(), await world.notices(case_id))
    page = await world.http.get(link)
    paths = set(re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text)) - {"/"}
    for path in {link, *paths}:
        await world.http.request("HEAD", path)
        await world.http.get(path)
    untouched = {"nonce": hidden(page.text, "nonce"), "to_office": "", "words": ""}
    for form in (untouched, {}, {**untouched, "action": ""}, {**untouched, "words": "click here"}):
        assert (await world.http.post(link, data=form)).status_code == 422
    assert (await world.events(case_id), await world.events(), await world.notices(case_id)) == before
    assert (await world.http.get(link)).status_code == 200


async def test_without_the_page_nothing_is_done(world: World) -> None:
    """A nonce that is missing, forged, of another case or too old: the words stay in the form."""
    link, case_id = await opened(world)
    other, _ = await opened(world, text="西城支行的另一件事。")
    typed = {"action": "progress", "words": "正在核实。"}
    old = await fill_in(world, link)
    foreign = await fill_in(world, other)
    world.clock.forward(hours=13)
    before = await world.events(case_id)
    for nonce in ("", "x", old["nonce"], foreign["nonce"], (await fill_in(world, other))["nonce"]):
        refused = await world.http.post(link, data={**typed, "nonce": nonce})
        assert refused.status_code == 422
        assert "正在核实。</textarea>" in refused.text
        assert 'value="progress" required checked' in refused.text
    assert await world.events(case_id) == before


@pytest.mark.parametrize("action", ["progress", "resolve", "accept"])
async def test_a_double_click_acts_once(world: World, action: str) -> None:
    link, case_id = await opened(world)
    form = await fill_in(world, link, action=action, words="" if action == "accept" else ANSWER)
    answers = await asyncio.gather(*(world.http.post(link, data=form) for _ in range(5)))
    answers.append(await world.http.post(link, data=form))
    assert {answer.status_code for answer in answers} == {303}
    tags = [event.tag for event in await world.events(case_id)]
    acted = {"progress": Tag.CASE_PROGRESS, "resolve": Tag.CASE_RESOLVED, "accept": Tag.CASE_ACCEPTED}
    assert tags.count(acted[action]) == 1
    said = [n for n in await world.notices(case_id) if n.rule_id.startswith("said.")]
    assert len(said) == (0 if action == "accept" else 1)


async def test_a_page_from_before_a_change_does_not_act(world: World) -> None:
    """Two colleagues answer at once, or the customer writes meanwhile: the second looks again, with their words."""
    link, case_id = await opened(world)
    mine = await fill_in(world, link, action="resolve", words="我的答复")
    yours = await fill_in(world, link, action="progress", words="你的进展")
    assert (await world.http.post(link, data=yours)).status_code == 303
    late = await world.http.post(link, data=mine)
    assert late.status_code == 409
    assert "案件在此期间已有变化" in late.text
    assert "你的进展" in late.text
    assert "我的答复</textarea>" in late.text
    again = {**mine, "nonce": hidden(late.text, "nonce")}
    assert (await world.http.post(link, data=again)).status_code == 303
    assert (await world.case(case_id)).state is CaseState.RESOLVED


async def test_notices_that_go_out_do_not_make_a_page_old(world: World) -> None:
    case = await world.complain()
    link = await world.link("desk", case.complaint_id or "")
    form = await fill_in(world, link, action="accept", words="")
    assert await world.deliver() == 2
    assert (await world.http.post(link, data=form)).status_code == 303


async def test_only_what_the_state_allows_is_offered(world: World) -> None:
    link, _ = await opened(world)
    assigned = await world.http.get(link)
    assert all(f'value="{action}"' in assigned.text for action in ("accept", "progress", "resolve", "refer"))
    await world.http.post(link, data=await fill_in(world, link, action="resolve", words=ANSWER))
    resolved = await world.http.get(link)
    assert 'value="resolve"' in resolved.text
    assert not any(f'value="{action}"' in resolved.text for action in ("accept", "progress", "refer"))
    forced = await world.http.post(link, data=await fill_in(world, link, action="accept", words=""))
    assert forced.status_code == 409


async def test_referring_ends_the_link_and_keeps_the_words_of_a_late_colleague(world: World) -> None:
    link, case_id = await opened(world)
    colleague = await fill_in(world, link, action="progress", words="我还在写这句话")
    form = await fill_in(world, link, action="refer", words="属于西城支行", to_office="xicheng")
    referred = await world.http.post(link, data=form)
    assert referred.status_code == 200
    assert "西城支行" in referred.text
    over = await world.http.get(link)
    assert over.status_code == 410
    assert "已转其他机构" in over.text
    late = await world.http.post(link, data=colleague)
    assert late.status_code == 410
    assert "我还在写这句话</textarea>" in late.text
    await world.deliver()
    successor = await world.link("desk", case_id)
    assert successor != link
    assert "属于西城支行" in (await world.http.get(successor)).text
    assert (await world.case(case_id)).office_id == "xicheng"


async def test_a_link_expires(world: World) -> None:
    link, case_id = await opened(world)
    form = await fill_in(world, link, action="accept", words="")
    world.clock.forward(days=181)
    assert (await world.http.get(link)).status_code == 410
    assert (await world.http.post(link, data=form)).status_code == 410
    assert (await world.case(case_id)).state is CaseState.ASSIGNED


async def test_a_link_that_never_was_is_not_found(world: World) -> None:
    link, _ = await opened(world)
    revisit = link.replace("/desk/", "/revisit/")
    for path in ("/desk/nothing", f"{link}x", "/desk/" + "A" * 43):
        assert (await world.http.get(path)).status_code == 404
        assert (await world.http.post(path, data={"action": "accept"})).status_code == 404
    assert (await world.http.get(revisit)).status_code == 404


@pytest.mark.parametrize(
    ("typed", "field", "message"),
    [
        ({"action": "progress", "words": " \n"}, "words", "请写明客户"),
        ({"action": "resolve", "words": "字" * 10_001}, "words", "超过 10000 字"),
        ({"action": "refer", "words": "说明"}, "to_office", "请选择要转给的机构"),
        ({"action": "refer", "words": "说明", "to_office": "nowhere"}, "to_office", "请选择要转给的机构"),
        ({"action": "refer", "words": "说明", "to_office": "nanhu"}, "to_office", "请选择要转给的机构"),
        ({"action": "accept", "words": "请客户放心"}, "words", "“受理”不发送文字"),
        ({"action": "close", "words": "x"}, "action", "请选择您要做什么"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(
    world: World, typed: dict[str, str], field: str, message: str
) -> None:
    link, case_id = await opened(world)
    before = await world.events(case_id)
    page = await world.http.post(link, data=await fill_in(world, link, **typed))
    assert page.status_code == 422
    assert f'id="{field}-problem"' in page.text
    assert message in page.text
    assert typed["words"].strip() in page.text
    assert await world.events(case_id) == before


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</textarea><svg onload=alert(1)>",
        "{{ 7*7 }}",
        "javascript:alert(1)",
        "'-alert(1)-'",
    ],
)
async def test_what_strangers_write_is_shown_as_they_wrote_it(world: World, evil: str) -> None:
    file = attachment(evil, b"x")
    link, _ = await opened(
        world,
        text=f"{evil} 南湖支行",
        subject=evil,
        sender=Sender(name=evil, email=LI_WEI.email),
        fields={"product": evil, "branch": evil, "region": evil},
        attachments=(file,),
        quoted=evil,
    )
    await world.http.post(link, data=await fill_in(world, link, action="progress", words=evil))
    shown = await world.http.post(link, data={"action": "progress", "words": evil, "to_office": evil})
    for page in (await world.http.get(link), shown):
        assert escape(evil, quote=False).split(">")[0] in page.text.replace("&#34;", '"').replace("&#39;", "'")
        for active in ("<script", "<img", "<svg onload", "49 "):
            assert active not in page.text
        assert "javascript:" not in "".join(part.split('"')[1] for part in page.text.split("href=")[1:])


async def test_attachments_are_saved_never_shown(world: World) -> None:
    svg = attachment("图 1.svg", b"<svg onload='alert(1)'/>", "image/svg+xml")
    pdf = attachment("回单.pdf", b"%PDF-1.7", "application/pdf")
    link, _ = await opened(world, attachments=(svg, pdf))
    got = await world.http.get(f"{link}/files/{svg.sha256}")
    assert got.content == svg.content
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment; ")
    assert "filename*=UTF-8''%E5%9B%BE%201.svg" in got.headers["content-disposition"]
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]
    shown = await world.http.get(f"{link}/files/{pdf.sha256}")
    assert shown.headers["content-type"] == "application/pdf"
    assert shown.headers["content-disposition"].startswith("attachment; ")


async def test_a_link_opens_the_files_of_its_own_case_only(world: World) -> None:
    mine, _ = await opened(world, attachments=(attachment("我的.pdf", b"mine"),))
    theirs = attachment("他的.pdf", b"theirs")
    await opened(world, text="西城支行的事", attachments=(theirs,))
    assert (await world.http.get(f"{mine}/files/{theirs.sha256}")).status_code == 404
    assert (await world.http.get(f"/desk/nothing/files/{theirs.sha256}")).status_code == 404


async def test_a_file_is_handed_out_under_a_harmless_name(world: World) -> None:
    names = ["../../etc/passwd", 'a"; filename="b.exe', "a\r\nSet-Cookie: x=1", "\u202egpj.exe", "é%00.pdf", ""]
    for number, name in enumerate(names):
        file = attachment(name, f"content {number}".encode())
        link, _ = await opened(world, text=f"{number} 南湖支行", attachments=(file,))
        got = await world.http.get(f"{link}/files/{file.sha256}")
        header = got.headers["content-disposition"]
        assert got.status_code == 200
        assert header.isascii()
        assert header.count('"') == 2
        assert not any(bad in header for bad in ("/", "\\", "..", "\r", "\n", "%00", "%E2%80%AE"))
        assert "set-cookie" not in got.headers


async def test_no_page_of_the_desk_may_be_kept_or_framed(world: World) -> None:
    link, _ = await opened(world)
    headers = (await world.http.get(link)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
