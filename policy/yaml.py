"""YAML 1.2 files, read strictly: what does not fit its model is a ConfigError that names file, line, key and mend."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from casefile.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)
Loc = Sequence[str | int]

_PLAIN_WORDS = {
    "missing": ("missing", "Add it"),
    "string_type": ("not a text", "Put it in quotes if it is meant as text"),
    "bool_type": ("neither true nor false", "Write true or false"),
    "bool_parsing": ("neither true nor false", "Write true or false"),
    "tuple_type": ("not a list", "Write a list: [one, two]"),
    "too_short": ("empty", "Add at least one entry"),
    "model_type": ("not a group of keys", "Write key: value"),
    "dict_type": ("not a group of keys", "Write key: value"),
}


class Finding(NamedTuple):
    """Something wrong at the key `loc`, although the form is right."""

    loc: Loc
    what: str
    mend: str


class Misfit(ValueError):
    """Raised by validators: what is wrong with a value, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what}. {mend}")
        self.what, self.mend = what, mend


def load(source: Path | str, model: type[Model]) -> Model:
    """The file (a Path) or the text (a str) as `model`. Raises ConfigError."""
    document = Document.read(source) if isinstance(source, Path) else Document("text", source)
    return document.build(model)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A mend for a misspelt word: the nearest known one, then all of them."""
    names = sorted(set(known))
    near = difflib.get_close_matches(word, names, n=1)
    guess = f"Did you mean '{near[0]}'? " if near else ""
    return f"{guess}Known here: {', '.join(names) or 'nothing'}"


class Document:
    """One YAML file: its data, and the line on which each of its keys stands."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        try:
            self._root: Node | None = _reader().compose(text)
            self._data = _reader().load(text)
        except YAMLError as error:
            raise _not_yaml(name, error) from error

    @classmethod
    def read(cls, path: Path) -> "Document":
        try:
            text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            what = f"cannot be read ({error.strerror})"
            raise ConfigError(str(path), what, "Create the file or mend its permissions") from error
        except UnicodeDecodeError as error:
            raise ConfigError(str(path), "is not UTF-8 text", "Save the file as UTF-8") from error
        return cls(str(path), text)

    def build(self, model: type[Model]) -> Model:
        """The data as `model`. Raises ConfigError for the first thing in the file that does not fit."""
        try:
            return model.model_validate(self._data)
        except ValidationError as error:
            found = sorted(_innermost(error.errors()), key=lambda e: self.line(e["loc"]))
            raise self._explain(model, found[0], len(found) - 1) from error

    def check(self, findings: Iterable[Finding]) -> None:
        """Raises ConfigError for the first finding, if there is any."""
        for finding in findings:
            raise self.error(*finding)

    def line(self, loc: Loc) -> int:
        """The line, from 1, of the last part of `loc` that the file has."""
        node, line = self._root, 1
        for part in loc:
            entry = _entry(node, part)
            if entry is None:
                break
            key, node = entry
            line = key.start_mark.line + 1
        return line

    def error(self, loc: Loc, what: str, mend: str) -> ConfigError:
        return ConfigError(f"{self.name}:{self.line(loc)} {_dotted(loc)}".rstrip(), what, mend)

    def _explain(self, model: type[BaseModel], found: ErrorDetails, others: int) -> ConfigError:
        what, mend = _words(model, found)
        return self.error(found["loc"], what + (f" (and {others} more below)" if others else ""), mend)


def _reader() -> YAML:
    return YAML(typ="safe", pure=True)


def _not_yaml(name: str, error: YAMLError) -> ConfigError:
    if isinstance(error, MarkedYAMLError) and error.problem_mark:
        where = f"{name}:{error.problem_mark.line + 1}"
        return ConfigError(where, f"not valid YAML ({error.problem})", "Mend this line or the one above it")
    return ConfigError(name, f"not valid YAML ({str(error).splitlines()[0]})", "Remove what is not plain text")


def _entry(node: Node | None, part: str | int) -> tuple[Node, Node] | None:
    """Where the entry `part` of a mapping or list starts, and what it holds."""
    if isinstance(node, MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _innermost(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without those about a list that is too short only because its entries are wrong."""
    around = {found["loc"][:depth] for found in errors for depth in range(len(found["loc"]))}
    return [found for found in errors if found["loc"] not in around]


def _words(model: type[BaseModel], found: ErrorDetails) -> tuple[str, str]:
    kind, loc = found["type"], found["loc"]
    if kind == "extra_forbidden":
        return "unknown key", did_you_mean(str(loc[-1]), _known_keys(model, loc[:-1]))
    if kind in ("enum", "literal_error"):
        known = [word.strip("'") for word in re.split(", | or ", found["ctx"]["expected"])]
        return f"unknown value {found['input']!r}", did_you_mean(str(found["input"]), known)
    if kind == "string_pattern_mismatch":
        return f"{found['input']!r} has the wrong form", f"It must match {found['ctx']['pattern']}"
    if kind == "value_error" and isinstance(found["ctx"]["error"], Misfit):
        return found["ctx"]["error"].what, found["ctx"]["error"].mend
    return _PLAIN_WORDS.get(kind, (found["msg"][:1].lower() + found["msg"][1:], "Change the value"))


def _known_keys(model: type[BaseModel], loc: Loc) -> Iterator[str]:
    models = [model]
    for part in loc:
        inner = [found for m in models for found in _models_at(m, part)]
        models = inner or models
    return (key for m in models for key in _fields(m))


def _models_at(model: type[BaseModel], part: str | int) -> Iterator[type[BaseModel]]:
    annotation = _fields(model).get(str(part))
    return _models_in(annotation)


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _dotted(loc: Loc) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.lstrip(".")
