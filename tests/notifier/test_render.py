"""Templates: every notice in every language, and nothing empty where something should stand."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

import notifier
from casefile.envelope import Channel
from casefile.notice import NoticeKind
from notifier.render import LANGUAGES, Renderer

RENDERER = Renderer(ZoneInfo("Asia/Shanghai"))
TEMPLATES = Path(notifier.__file__).parent / "templates"
TO_CUSTOMERS = (NoticeKind.RECEIPT, NoticeKind.PROGRESS, NoticeKind.DECISION, NoticeKind.REVISIT)
WAYS = [(kind, Channel.EMAIL) for kind in NoticeKind] + [(kind, Channel.SMS) for kind in TO_CUSTOMERS]
CONTEXT = {
    "number": "HY-2026-000123",
    "institution": "示例银行",
    "office": "南湖支行",
    "received_at": datetime(2026, 3, 2, 1, 2, tzinfo=UTC),
    "channel": "热线",
    "reply_due": datetime(2026, 3, 11, 16, 0, tzinfo=UTC),
    "cite": "《办法》第5条",
    "words": "已增开窗口。",
    "track_url": "https://bank.example/track",
    "desk_url": "https://bank.example/desk/t",
    "revisit_url": "https://bank.example/revisit/t",
    "secret": "abcde-fghij",
    "complainant": "李伟",
    "product": "贷款",
    "branch": "南湖",
    "reasons": "branch-named",
    "attachments": ["凭证.pdf"],
    "text": "三个窗口只开一个。",
}


def render(
    kind: NoticeKind, channel: Channel = Channel.EMAIL, language: str = "zh", **special: object
) -> tuple[str, str]:
    return RENDERER.render(kind, channel, language, CONTEXT | special)


def test_every_notice_has_its_templates_and_no_other() -> None:
    expected = {f"{kind}/{channel}.{language}.txt" for kind, channel in WAYS for language in LANGUAGES}
    assert {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.txt")} == expected


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "channel"), WAYS)
def test_every_notice_names_its_case_and_is_tidy(kind: NoticeKind, channel: Channel, language: str) -> None:
    subject, text = render(kind, channel, language)
    assert CONTEXT["number"] in f"{subject}{text}"
    assert (subject == "") is (channel is Channel.SMS)
    assert text.endswith("\n")
    assert "\n\n\n" not in text
    assert not [line for line in text.split("\n") if line != line.rstrip()]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "channel"), WAYS)
def test_what_is_missing_is_an_error_and_not_an_empty_place(kind: NoticeKind, channel: Channel, language: str) -> None:
    with pytest.raises(UndefinedError):
        RENDERER.render(kind, channel, language, {})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "channel"), WAYS)
def test_what_may_be_absent_leaves_no_trace(kind: NoticeKind, channel: Channel, language: str) -> None:
    words = CONTEXT["words"] if kind in (NoticeKind.DECISION, NoticeKind.ADDITION) else ""
    absent = {"reply_due": None, "cite": "", "words": words, "secret": None, "complainant": "", "attachments": []}
    subject, text = render(kind, channel, language, product=None, branch=None, **absent)
    assert "None" not in f"{subject}{text}"
    assert "\n\n\n" not in text


def test_another_language_gets_english() -> None:
    assert render(NoticeKind.RECEIPT, language="fr") == render(NoticeKind.RECEIPT, language="en")
    assert render(NoticeKind.RECEIPT, language="zh") != render(NoticeKind.RECEIPT, language="en")


@pytest.mark.parametrize(("language", "day"), [("zh", "2026年3月11日"), ("en", "11 March 2026")])
def test_a_limit_that_ends_at_midnight_is_told_as_the_day_that_ends(language: str, day: str) -> None:
    subject, text = render(NoticeKind.ORDER, language=language)
    assert day in subject
    assert f"{day} 24:00" in text
    assert "09:02" in text  # received, in the zone of the site


@given(st.text(), st.text())
def test_words_of_people_stay_words(words: str, name: str) -> None:
    """No template language, no line breaks into the subject, nothing that could not be stored."""
    subject, text = render(NoticeKind.ORDER, words="{{ number }}" + words, complainant=name, text=words)
    assert "\n" not in subject
    assert "{{ number }}" in text
    assert "\0" not in text
    text.encode()
