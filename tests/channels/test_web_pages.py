import asyncio
import re
from pathlib import Path

import pytest
from starlette.requests import Request

from casefile.errors import ConfigError
from casefile.status import CaseState
from channels.web.body import RequestTooLarge, RequestTooSlow, read_body
from channels.web.pages import Pages
from channels.web.words import LANGUAGES, Words, pick_language
from tests.channels.web_stage import Stage

ROOM = Path(__file__).parents[2] / "channels" / "web"
WORDS = Words([ROOM / "texts.yaml"])
PAGES = ("/", "/track", "/revisit/good", "/revisit/old", "/docs", "/nothing", "/track?number=HY-1")


@pytest.fixture
def stage() -> Stage:
    return Stage()


def request(query: str = "", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": raw})


def test_every_text_that_a_template_asks_for_exists_in_both_languages() -> None:
    asked = {
        key
        for template in (ROOM / "templates").iterdir()
        for key in re.findall(r'\bt\("([a-z_.]+)"[,)]', template.read_text("utf-8"))
    }
    assert len(asked) > 50
    assert [key for key in asked if key not in WORDS] == []


def test_every_state_problem_and_error_has_words() -> None:
    code = "".join(path.read_text("utf-8") for path in ROOM.glob("*.py"))
    named = set(re.findall(r'"((?:problem|error|receipt)\.[a-z0-9_.]*[a-z0-9_])"', code))
    states = {f"state.{state}" for state in CaseState}
    errors = {
        f"error.{status}.{part}" for status in (404, 408, 409, 410, 413, 415, 422, 503) for part in ("title", "text")
    }
    fields = {f"problem.{name}" for name in ("email", "phone", "contact")}
    templates = {path.name for path in (ROOM / "templates").iterdir()}
    assert [key for key in (named - templates) | states | errors | fields if key not in WORDS] == []


def test_both_languages_fill_in_the_same_values() -> None:
    texts = Words([ROOM / "texts.yaml"])._texts
    for key, text in texts.items():
        zh, en = (set(re.findall(r"{(\w+)", text[language])) for language in LANGUAGES)
        assert zh == en, key


@pytest.mark.parametrize("text", ["only.zh:\n  zh: 只有中文\n", "key: text\n", "key:\n  zh: 一\n  en: one\n  fr: un\n"])
def test_a_text_that_lacks_a_language_stops_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "texts.yaml").write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=r"texts\.yaml"):
        Words([tmp_path / "texts.yaml"])


def test_another_room_adds_its_own_pages(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    template = (
        '{% extends "base.html" %}{% block title %}x{% endblock %}{% block content %}{{ t("desk.hi") }}{% endblock %}'
    )
    (tmp_path / "templates" / "desk.html").write_text(template, "utf-8")
    (tmp_path / "texts.yaml").write_text("desk.hi:\n  zh: 您好\n  en: Hello\n", "utf-8")
    page = Pages({"zh": "示例银行"}, [tmp_path]).render("desk.html", "en")
    assert "Hello" in page.body.decode()
    with pytest.raises(ConfigError, match="another file"):
        Words([tmp_path / "texts.yaml", tmp_path / "texts.yaml"])


@pytest.mark.parametrize(
    ("query", "headers", "language"),
    [
        ("", {}, "zh"),
        ("lang=en", {"accept_language": "zh"}, "en"),
        ("lang=xx", {"accept_language": "en"}, "en"),
        ("", {"cookie": "huiyin_lang=en", "accept_language": "zh"}, "en"),
        ("", {"accept_language": "en-US,en;q=0.9,zh;q=0.8"}, "en"),
        ("", {"accept_language": "en;q=0.5, zh-TW;q=0.9"}, "zh"),
        ("", {"accept_language": "fr, en;q=0"}, "zh"),
        ("", {"accept_language": "en;q=nonsense, ,;;"}, "zh"),
    ],
)
def test_the_language_of_a_page(query: str, headers: dict[str, str], language: str) -> None:
    assert pick_language(request(query, **headers)) == language


def test_the_chosen_language_is_remembered(stage: Stage) -> None:
    assert "Make a complaint" in stage.client.get("/?lang=en").text
    assert "Make a complaint" in stage.client.get("/").text


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_sealed(stage: Stage, address: str, language: str) -> None:
    answer = stage.client.get(address, params={"lang": language})
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-language"] == language
    assert answer.headers["cache-control"] == ("private, no-cache" if address == "/" else "no-store")
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", answer.text)
    assert re.findall(r'(?:src|href|action)="(?!/[^/]|/"|#|data:)', answer.text) == []


def test_the_language_switch_never_leads_to_another_host(stage: Stage) -> None:
    page = stage.client.get("http://testserver//attacker.example/").text
    assert 'href="//' not in page


def test_the_style_sheet_is_ours_alone(stage: Stage) -> None:
    answer = stage.client.get("/static/huiyin.css")
    assert answer.headers["content-type"].startswith("text/css")
    assert "url(" not in answer.text
    assert "@import" not in answer.text


class Sender:
    """A client that sends `chunk` again and again, pausing before each."""

    def __init__(self, chunk: bytes, pause: float = 0) -> None:
        self.chunk, self.pause, self.taken = chunk, pause, 0

    async def __call__(self) -> dict[str, object]:
        await asyncio.sleep(self.pause)
        self.taken += 1
        return {"type": "http.request", "body": self.chunk, "more_body": True}


def posted(sender: Sender, **headers: str) -> Request:
    return Request(request(**headers).scope | {"method": "POST"}, sender)


async def test_reading_stops_at_the_cap() -> None:
    sender = Sender(b"x" * 1000)
    with pytest.raises(RequestTooLarge):
        await read_body(posted(sender), 10_000, 5)
    assert sender.taken == 11


async def test_an_announced_size_over_the_cap_is_refused_unread() -> None:
    sender = Sender(b"x")
    with pytest.raises(RequestTooLarge):
        await read_body(posted(sender, content_length="10001"), 10_000, 5)
    assert sender.taken == 0


async def test_a_body_that_trickles_in_runs_out_of_time() -> None:
    with pytest.raises(RequestTooSlow):
        await read_body(posted(Sender(b"x", pause=0.01)), 10_000, 0.1)
