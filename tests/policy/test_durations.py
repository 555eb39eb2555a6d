import pytest

from policy.durations import Duration, Unit, parse_duration, parse_within
from policy.yaml import Misfit


@pytest.mark.parametrize(
    ("text", "count", "unit"),
    [
        ("5min", 5, Unit.MINUTE),
        ("24h", 24, Unit.HOUR),
        ("3wd", 3, Unit.WORKING_DAY),
        ("15cd", 15, Unit.CALENDAR_DAY),
        ("8wk", 8, Unit.WEEK),
        ("3mo", 3, Unit.MONTH),
        ("1y", 1, Unit.YEAR),
        ("same_day", 0, Unit.CALENDAR_DAY),
        ("next_day", 1, Unit.CALENDAR_DAY),
    ],
)
def test_every_form_is_read(text: str, count: int, unit: Unit) -> None:
    assert parse_duration(text) == Duration(count=count, unit=unit)


@pytest.mark.parametrize("text", ["", "3", "wd", "0wd", "-1wd", "3 wd", "3days", "1.5h", "１wd", "1000wd", "3wd\n"])
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(Misfit, match="is not a length of time"):
        parse_duration(text)


def test_promptly_needs_the_house_to_name_a_target() -> None:
    within = parse_within({"target": "15min", "within": "promptly"})
    assert within.house_target
    assert str(within.length) == "15min"
    with pytest.raises(Misfit) as caught:
        parse_within("promptly")
    assert caught.value.what == "'promptly' states no time"
    assert caught.value.mend == "Add the house's own target: {target: 15min, within: promptly}"


@pytest.mark.parametrize(
    "value", [7, None, ["3wd"], {"target": "7wd", "within": "10wd"}, {"target": "1h", "within": "promptly", "x": 1}]
)
def test_what_is_no_limit_is_refused(value: object) -> None:
    with pytest.raises(Misfit, match="is not a limit"):
        parse_within(value)


def test_a_plain_length_is_no_house_target() -> None:
    assert parse_within("7wd").house_target is False
