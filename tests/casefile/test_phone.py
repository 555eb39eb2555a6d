import pytest
from hypothesis import given
from hypothesis import strategies as st

from casefile.phone import e164


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("13800138000", "+8613800138000"),
        ("138 0013 8000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("（0571）8765 4321", "+8657187654321"),
        ("+1 202-555-0123", "+12025550123"),
        ("0012025550123", "+12025550123"),
        ("12345", None),
        ("87654321", None),  # half a number: the area code is missing
        ("anonymous", None),
        ("", None),
    ],
)
def test_numbers_as_they_are_written_in_china(number: str, expected: str | None) -> None:
    assert e164(number, "CN") == expected


def test_the_region_decides_where_there_is_no_country_code() -> None:
    assert e164("2025550123", "US") == "+12025550123"


@given(st.text(), st.text())
def test_it_never_raises(number: str, region: str) -> None:
    assert (e164(number, region) or "+").startswith("+")
