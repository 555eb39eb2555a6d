"""The documents say what the code says: keys, tags, fields, states, commands, places and links are compared with it."""

import itertools
import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import click
import pytest
import typer
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from casefile.audit import Tag
from casefile.envelope import Channel, Envelope, Nature
from casefile.status import NOTICE_MOVES
from casefile.store.tables import metadata
from gateway.cli import app
from gateway.settings import Settings
from router.assign import Assignment

ROOT = Path(__file__).parents[1]
ROOMS = ("casefile", "policy", "router", "notifier", "channels", "gateway")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DRAWINGS = sorted((ROOT / "docs").glob("*.svg"))
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_PLACE = re.compile(rf"(?:{'|'.join(ROOMS)}|docs|tests|benchmarks|\.ci)/[\w./-]*|requirements[\w-]*\.lock|[\w-]+\.sh")
_COMMAND = re.compile(r"(?:^|(?<=[\s/]))huiyin ([a-z]+)", re.MULTILINE)


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def section(name: str, heading: str) -> str:
    """From the heading to the next one of its level or above."""
    _, _, rest = text_of(name).partition(f"{heading}\n")
    assert rest, f"{name} has no heading {heading!r}"
    level = heading.split(" ")[0]
    return re.split(rf"^#{{1,{len(level)}}} ", rest, flags=re.MULTILINE)[0]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of the table rows that begin with something in backticks."""
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("| ").split(" | ")]


def names(text: str) -> list[str]:
    return [row[0].strip("`") for row in rows(text)]


def code(text: str) -> str:
    """Only what stands in backticks or fences."""
    return "\n".join([*_FENCE.findall(text), *_SPAN.findall(_FENCE.sub("", text))])


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every field of a model and of the models in it; `[]` after what there can be several of."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        parts = [part for part in (annotation, *get_args(annotation)) if _is_model(part)]
        several = "[]" if get_origin(annotation) is tuple else ""
        if parts:
            yield from leaves(parts[0], f"{prefix}{name}{several}.")
        elif not field.exclude:
            yield f"{prefix}{name}", field


def _is_model(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)


def shown(field: FieldInfo) -> str:
    """A default as huiyin.toml would have it."""
    if field.is_required():
        return "needed"
    default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    return f"`{json.dumps(default, ensure_ascii=False)}`"


def commands() -> dict[str, click.Command]:
    group = typer.main.get_command(app)
    return dict(group.commands)  # type: ignore[attr-defined]  # a Typer of several commands is a group


def slugs(markdown: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    found = (heading for _, heading in _HEADING.findall(_FENCE.sub("", markdown)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def dead_links(file: Path, markdown: str) -> list[str]:
    dead = []
    for link in _LINK.findall(_FENCE.sub("", markdown)):
        path, _, anchor = link.partition("#")
        target = file.parent / path if path else file
        if link.startswith("http"):
            continue
        if not target.exists() or (anchor and anchor not in slugs(target.read_text("utf-8"))):
            dead.append(link)
    return dead


def places_that_are_not(markdown: str) -> list[str]:
    """Paths of this repository that nothing is at."""
    spans = [span for span in code(markdown).split() if _PLACE.fullmatch(span)]
    return [span for span in spans if not (ROOT / span).exists()]


def test_every_setting_and_its_default() -> None:
    real = {name.replace("[]", ""): shown(field) for name, field in leaves(Settings) if name != "data"}
    documented = {row[0].strip("`"): row[1] for row in rows(text_of("docs/settings.md")) if row[0].strip("`") in real}
    assert documented == real


def test_every_audit_tag() -> None:
    assert names(text_of("docs/audit-tags.md")) == list(Tag)


def test_every_field_of_the_envelope_and_of_an_assignment() -> None:
    documented = [name for name, _ in leaves(Envelope)] + list(Assignment.model_fields)
    assert names(text_of("docs/schema.md")) == documented


@pytest.mark.parametrize("word", [*Channel, *Nature])
def test_every_word_of_the_envelope(word: str) -> None:
    assert f"`{word}`" in text_of("docs/schema.md")


def test_every_move_of_a_notice() -> None:
    table = [(row[0], set(_SPAN.findall(row[2])) if len(row) > 2 else set()) for row in _outbox()]
    assert dict(table) == {f"`{state}`": set(targets) for state, targets in NOTICE_MOVES.items()}


def _outbox() -> Iterator[list[str]]:
    return rows(section("docs/architecture.md", "## The outbox"))


def test_every_table() -> None:
    documented = names(section("docs/architecture.md", "## What is in the database"))
    assert sorted(documented) == sorted(metadata.tables)


def test_every_place_of_a_crash() -> None:
    sources = (file.read_text("utf-8") for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    real = {name for source in sources for name in re.findall(r'failpoint\("([^"]+)"\)', source)}
    assert set(names(section("docs/architecture.md", "## What a crash leaves behind"))) == real


def test_every_metric() -> None:
    real = set(re.findall(r'"(huiyin_\w+)"', text_of("gateway/health.py")))
    assert set(names(section("docs/operations.md", "## Watching"))) == real


def test_every_command_and_its_options() -> None:
    real = {name: _options(command) for name, command in commands().items()}
    headings = re.findall(r"^## `huiyin (.+)`$", text_of("docs/commands.md"), re.MULTILINE)
    assert {name: set(names(section("docs/commands.md", f"## `huiyin {name}`"))) for name in headings} == real


def _options(command: click.Command) -> set[str]:
    options = (parameter.opts for parameter in command.params if parameter.param_type_name == "option")
    return {option for option in itertools.chain.from_iterable(options) if option != "--help"}


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_a_document_points_to_is_there(file: Path) -> None:
    markdown = file.read_text("utf-8")
    assert dead_links(file, markdown) == []
    assert places_that_are_not(markdown) == []
    assert set(_COMMAND.findall(code(markdown))) <= commands().keys()


def test_what_is_not_there_is_found() -> None:
    text = "[a](README.md) [b](docs/none.md) [c](README.md#none) [d](#none) `gateway/intake.py` `gateway/none.py`"
    assert dead_links(ROOT / "README.md", text) == ["docs/none.md", "README.md#none", "#none"]
    assert places_that_are_not(text) == ["gateway/none.py"]
    assert _COMMAND.findall(code("`./huiyin none --data x`")) == ["none"]


def test_scripts_of_the_readme_can_be_run() -> None:
    scripts = {line.split()[0] for fence in _FENCE.findall(text_of("README.md")) for line in fence.splitlines()[1:-1]}
    assert scripts == {"./huiyin", "tests/run"}
    assert [script for script in scripts if not os.access(ROOT / script, os.X_OK)] == []


def test_both_readmes_say_the_same() -> None:
    english, chinese = text_of("README.md"), text_of("README.zh.md")
    assert _shape(english) == _shape(chinese)
    assert _commands_in(english) == _commands_in(chinese)
    assert sorted(map(_in_english, _LINK.findall(english))) == sorted(map(_in_english, _LINK.findall(chinese)))


def _shape(markdown: str) -> list[str]:
    """Headings, list items and table rows in their order."""
    return [match[0] for line in markdown.splitlines() if (match := re.match(r"#+ |- |\d\. |\| `?", line))]


def _commands_in(markdown: str) -> set[str]:
    return {re.sub(r"\s+# .*", "", part) for part in code(markdown).splitlines()}


def _in_english(link: str) -> str:
    return {"README.zh.md": "README.md"}.get(link, link).replace(".zh.svg", ".svg")


def test_the_readme_shows_every_room() -> None:
    folders = names(section("README.md", "## Where things are"))
    assert {f"{room}/" for room in ROOMS} <= set(folders)


@pytest.mark.parametrize("file", DRAWINGS, ids=lambda file: file.name)
def test_a_drawing_needs_nothing_from_elsewhere(file: Path) -> None:
    markup = file.read_text("utf-8")
    assert re.findall(r"https?://[^\"]+", markup) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"@import|<image|<script|<foreignObject", markup)
    assert "prefers-color-scheme: dark" in markup


def test_the_drawings_differ_in_words_only() -> None:
    first, *others = ([(e.tag, e.attrib) for e in ET.parse(drawing).iter()] for drawing in DRAWINGS)
    assert others == [first]


@pytest.mark.parametrize("file", DECISIONS, ids=lambda file: file.stem)
def test_a_decision_has_its_parts_and_is_listed(file: Path) -> None:
    text = file.read_text("utf-8")
    assert re.findall(r"^\*\*(\w+)\.\*\* ", text, re.MULTILINE) == ["Context", "Choice", "Consequence"]
    assert text.startswith(f"# {file.stem[:4]} ")
    assert f"](decisions/{file.name})" in text_of("docs/architecture.md")


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(file.stem[:4]) for file in DECISIONS] == list(range(1, len(DECISIONS) + 1))
