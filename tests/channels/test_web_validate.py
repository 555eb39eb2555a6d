import pytest

from channels.web.contact import read_email, read_phone
from channels.web.parse import parse
from channels.web.validate import WebLimits, problems
from tests.channels.web_stage import form_body

SMALL = WebLimits(max_text=10, max_field=5, max_files=1, max_file=3)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("li.wei@customer.example", "li.wei@customer.example"),
        ("  Li.Wei@Customer.EXAMPLE ", "Li.Wei@customer.example"),
        ("ｌｉ＠customer.example", "li@customer.example"),
        ("o'brien+bank@customer.example", "o'brien+bank@customer.example"),
    ],
)
def test_one_plain_address_is_read(typed: str, read: str) -> None:
    assert read_email(typed) == read


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "li.wei",
        "li.wei@customer",
        "a@b.example,c@d.example",
        "a@b.example;c@d.example",
        "a@b.example c@d.example",
        "[a@b.example,c@d.example]",
        '["a@b.example"]',
        "李伟 <li.wei@customer.example>",
        "<li.wei@customer.example>",
        "a@b@c.example",
        "a..b@customer.example",
        ".a@customer.example",
        "a@-customer.example",
        "a@customer.example\nBcc: b@customer.example",
        "a@[127.0.0.1]",
        '"a b"@customer.example',
        "a" * 65 + "@customer.example",
        "a@" + ".".join(["b" * 60] * 5) + ".example",
    ],
)
def test_anything_else_is_not_an_address(typed: str) -> None:
    assert read_email(typed) is None


@pytest.mark.parametrize(
    ("typed", "region", "read"),
    [
        ("138 0013 8000", "CN", "+8613800138000"),
        ("１３８００１３８０００", "CN", "+8613800138000"),
        ("010-12345678", "CN", "+861012345678"),
        ("+44 7700 900123", "CN", "+447700900123"),
        ("030 901820", "DE", "+4930901820"),
        ("12345", "CN", None),
        ("1380013800", "CN", None),
        ("not a number", "CN", None),
        ("13800138000, 13900139000", "CN", None),
    ],
)
def test_telephone_numbers(typed: str, region: str, read: str | None) -> None:
    assert read_phone(typed, region) == read


def test_one_free_contact_field_is_told_apart() -> None:
    assert parse(b"text=hi&contact=li.wei@customer.example").sender.email == "li.wei@customer.example"
    assert parse(b"text=hi&contact=13800138000").sender.phone == "+8613800138000"
    unread = parse(b"text=hi&contact=knock+twice")
    assert unread.fields["contact"] == "knock twice"
    assert problems(unread, WebLimits()) == {"contact": "problem.contact"}


def test_a_named_field_wins_over_the_free_one() -> None:
    both = parse(b"text=hi&contact=second@customer.example&email=first@customer.example")
    assert both.sender.email == "first@customer.example"


def test_an_anonymous_complaint_is_fine() -> None:
    assert problems(parse("text=卡被吞了".encode()), WebLimits()) == {}


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (form_body({}), {"text": "problem.text_empty"}),
        (form_body({"text": " \r\n\u3000"}), {"text": "problem.text_empty"}),
        (form_body({"text": "x" * 11}), {"text": "problem.text_too_long"}),
        (form_body({"text": "hi", "name": "x" * 6}), {"name": "problem.too_long"}),
        (form_body({"text": "hi", "branch": "x" * 6}), {"branch": "problem.too_long"}),
        (form_body({"text": "hi", "other": "x" * 6}), {"other": "problem.too_long"}),
        (form_body({"text": "hi", "email": "a,b"}), {"email": "problem.email"}),
        (form_body({"text": "hi", "phone": "12"}), {"phone": "problem.phone"}),
        (form_body({"text": "hi"}, files={"a": b"1234"}), {"attachments": "problem.file_too_big"}),
        (form_body({"text": "hi"}, files={"a": b"1", "b": b"2"}), {"attachments": "problem.too_many_files"}),
        (form_body({"text": "x" * 10, "name": "x" * 5}, files={"a": b"123"}), {}),
    ],
)
def test_problems(raw: bytes, found: dict[str, str]) -> None:
    assert problems(parse(raw), SMALL) == found


def test_a_field_longer_than_the_parser_keeps_is_still_too_long() -> None:
    found = problems(parse(form_body(dict.fromkeys(("text", "name", "email", "branch"), "x" * 2**20))), WebLimits())
    assert found == {
        "text": "problem.text_too_long",
        "name": "problem.too_long",
        "branch": "problem.too_long",
        "email": "problem.email",
    }
