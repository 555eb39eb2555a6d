from datetime import date
from pathlib import Path

import pytest
from pydantic import Field

from casefile.errors import ConfigError
from casefile.model import Record
from policy.yaml import Document, Misfit, did_you_mean, load


class Leaf(Record):
    colour: str
    size: int = 1
    since: date | None = None
    from_: str | None = Field(default=None, alias="from")


class Tree(Record):
    name: str
    ready: bool = False
    leaves: tuple[Leaf, ...] = ()
    by_place: dict[str, Leaf] = Field(default_factory=dict)


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        Document("tree.yaml", text).build(Tree)
    return caught.value


def test_a_file_becomes_its_model(tmp_path: Path) -> None:
    file = tmp_path / "tree.yaml"
    file.write_text("name: 树\nleaves:\n  - {colour: green, since: 2026-03-02, from: south}\n", encoding="utf-8")
    tree = load(file, Tree)
    assert tree.leaves[0] == Leaf.model_validate({"colour": "green", "since": date(2026, 3, 2), "from": "south"})
    assert load(file.read_text("utf-8"), Tree) == tree


def test_yaml_is_version_1_2() -> None:
    """`on`, `no` and `12:30` are words; the 1.1 schema made a boolean and a number of them."""
    tree = load("name: no\nby_place: {on: {colour: 12:30}}\n", Tree)
    assert tree.name == "no"
    assert tree.by_place["on"].colour == "12:30"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name: oak\nlaeves: []\n",
            "tree.yaml:2 laeves: unknown key. Did you mean 'leaves'? Known here: by_place, leaves, name, ready",
        ),
        (
            "name: oak\nleaves:\n  - colour: green\n  - colour: red\n    form: north\n",
            "tree.yaml:5 leaves[1].form: unknown key. Did you mean 'from'? Known here: colour, from, since, size",
        ),
        (
            "name: oak\nby_place:\n  north:\n    color: red\n    colour: red\n",
            "tree.yaml:4 by_place.north.color: unknown key. Did you mean 'colour'? "
            "Known here: colour, from, since, size",
        ),
        ("leaves:\n  - colour: 3\n", "tree.yaml:1 name: missing (and 1 more below). Add it"),
        (
            "name: oak\nleaves:\n  - colour: 3\n",
            "tree.yaml:3 leaves[0].colour: not a text. Put it in quotes if it is meant as text",
        ),
        (
            "name: 2026-03-02\n",
            "tree.yaml:1 name: not a text. Put it in quotes if it is meant as text",
        ),
        (
            "name: oak\nready: perhaps\n",
            "tree.yaml:2 ready: neither true nor false. Write true or false",
        ),
        (
            "name: oak\nleaves: green\n",
            "tree.yaml:2 leaves: not a list. Write a list: [one, two]",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(text: str, message: str) -> None:
    assert str(refused(text)) == message


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("name: a\nname: b\n", "tree.yaml:2", "found duplicate key"),
        ("name: [a\nready: true\n", "tree.yaml:2", "expected ',' or ']'"),
        ("name: a\n\tready: true\n", "tree.yaml:2", "found character '\\t'"),
        ("name: !!python/name:os.system x\n", "tree.yaml:1", "could not determine a constructor"),
        ("name: a\n---\nname: b\n", "tree.yaml:2", "but found another document"),
        ("name: \x00\n", "tree.yaml", "unacceptable character"),
    ],
)
def test_what_is_not_yaml_is_named_with_its_line(text: str, where: str, what: str) -> None:
    error = refused(text)
    assert error.where == where
    assert what in error.what


def test_an_empty_file_is_no_group_of_keys() -> None:
    assert str(refused("")) == "tree.yaml:1: not a group of keys. Write key: value"


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words", "? [a, b]\n: 1\n", "a: &x [*x]\n", "1: 2\n"])
def test_odd_documents_are_refused_too(text: str) -> None:
    assert refused(text).mend


def test_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.yaml: cannot be read \(No such file or directory\)\. Create"):
        load(tmp_path / "missing.yaml", Tree)
    (tmp_path / "gbk.yaml").write_bytes("name: 树".encode("gbk"))
    with pytest.raises(ConfigError, match=r"gbk\.yaml: is not UTF-8 text\. Save the file as UTF-8"):
        load(tmp_path / "gbk.yaml", Tree)


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfname: oak\n")
    assert load(tmp_path / "bom.yaml", Tree).name == "oak"


def test_did_you_mean_keeps_quiet_when_nothing_is_near() -> None:
    assert did_you_mean("xyz", ["red", "blue"]) == "Known here: blue, red"


def test_misfit_reads_as_one_sentence_after_another() -> None:
    assert str(Misfit("it is wrong", "Mend it")) == "it is wrong. Mend it"
