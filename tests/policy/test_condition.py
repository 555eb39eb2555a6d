import pytest

from policy.condition import parse_condition
from policy.yaml import Misfit


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("major", True),
        ("not major", False),
        ("replied", False),
        ("not replied", True),
        ("channel == web", True),
        ("channel==web", True),
        ("not channel == web", False),
        ("channel == email", False),
        ("channel in [email, web]", True),
        ("channel in [email]", False),
        ("not channel in [email]", True),
        ("channel == web and major", True),
        ("channel == web and not major", False),
        ("level == branch", False),
        ("not level == branch", True),
    ],
)
def test_what_holds(text: str, held: bool) -> None:
    assert parse_condition(text).holds({"major"}, {"channel": "web"}) is held


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "condition '': expected a name before 'the end'"),
        ("not", "condition 'not': expected a name before 'the end'"),
        ("channel ==", "condition 'channel ==': expected a name before 'the end'"),
        ("channel == web or major", "condition 'channel == web or major': expected the end or 'and' before 'or major'"),
        ("channel in web", "condition 'channel in web': expected '[' before 'web'"),
        ("channel in [web", "condition 'channel in [web': expected ']' before 'the end'"),
        ("channel in []", "condition 'channel in []': expected a name before ']'"),
        ("__import__('os')", "condition \"__import__('os')\": expected the end or 'and' before \"('os')\""),
        ("amount > 50000", "condition 'amount > 50000': expected the end or 'and' before '> 50000'"),
        ("and major", "condition 'and major': expected a name before 'and major'"),
    ],
)
def test_what_is_not_understood_is_quoted(text: str, what: str) -> None:
    with pytest.raises(Misfit) as caught:
        parse_condition(text)
    assert caught.value.what == what


def test_yaml_that_is_no_text_is_refused() -> None:
    with pytest.raises(Misfit, match="True is not a condition"):
        parse_condition(True)
