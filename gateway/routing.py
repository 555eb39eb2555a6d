"""`huiyin route`: what the routing table of a site makes of complaints, without storing them."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from casefile.errors import InputError
from router.assign import Facts, assign
from router.offices import Offices
from router.table import Table


def read(file: str) -> str:
    """A file, or `-` for standard input; UTF-8 whatever the locale says. Raises InputError."""
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}). Give a file, or - for a pipe") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: is not UTF-8. Give what `huiyin normalize` prints") from error


def routed(text: str, data: Path) -> Iterator[dict[str, object]]:
    """One assignment per document in `text`: JSON lines, or one document over several lines. Raises InputError."""
    offices = Offices.load(data / "offices.yaml")
    table = Table.load(data / "rules.yaml", offices)
    for document in _documents(text):
        yield assign(Facts.from_json(document), table, offices).model_dump(mode="json")


def _documents(text: str) -> Iterator[dict[str, object]]:
    decoder, at = json.JSONDecoder(), 0
    while rest := text[at:].lstrip():
        try:
            document, length = decoder.raw_decode(rest)
        except json.JSONDecodeError as error:
            line = text.count("\n", 0, len(text) - len(rest)) + error.lineno
            raise InputError(f"line {line}: not JSON ({error.msg}). Give what `huiyin normalize` prints") from error
        if not isinstance(document, dict):
            raise InputError("a complaint is a JSON object. Give what `huiyin normalize` prints")
        yield document
        at = len(text) - len(rest) + length
