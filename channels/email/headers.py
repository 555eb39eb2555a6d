"""Headers as they came: unfolded, RFC 2047 words and raw 8-bit bytes decoded, RFC 2231 parameters joined."""

import binascii
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from casefile.text import clean_header
from channels.email.charset import decode

MAX_HEADERS = 2000
MAX_VALUE = 64 * 1024

_FOLD = re.compile(r"\r?\n|\r")
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bq])\?([^?]*)(?:\?=|$)", re.IGNORECASE)
_BETWEEN_WORDS = re.compile(r"\s*")
_MESSAGE_ID = re.compile(r"<([^<>]{1,998})>")
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,80})\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;"]*))', re.DOTALL)
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


class Headers:
    """The headers of one part by lower-case name; values keep undecodable bytes as surrogates (PEP 383)."""

    def __init__(self, message: Message, defects: list[str]) -> None:
        items = message.raw_items()
        self.defects = defects
        self._values: dict[str, list[str]] = {}
        for count, (name, value) in enumerate(items):
            if count == MAX_HEADERS:
                defects.append(f"headers: more than {MAX_HEADERS}, the rest ignored")
                break
            self._values.setdefault(name.lower(), []).append(unfold(str(value)[:MAX_VALUE]))

    def all(self, name: str) -> list[str]:
        return self._values.get(name.lower(), [])

    def first(self, *names: str) -> str:
        return next((value for name in names for value in self.all(name)), "")

    def text(self, name: str, limit: int = 1000) -> str:
        return clean_header(self.decoded(self.first(name)), limit)

    def decoded(self, value: str) -> str:
        return decode_words(value, self.defects)

    def value(self, name: str) -> str:
        """The first token of a structured header, lower case: `text/plain` of `text/plain; charset=...`."""
        return self.first(name).partition(";")[0].strip().lower()

    def parameters(self, name: str) -> dict[str, str]:
        return parameters(self.first(name), self.defects)

    def message_ids(self, name: str) -> tuple[str, ...]:
        return message_ids(" ".join(self.all(name)))


def unfold(value: str) -> str:
    return _FOLD.sub("", value).strip()


def decode_words(value: str, defects: list[str]) -> str:
    """RFC 2047, joining the bytes of neighbouring words first: senders split characters between words."""
    pieces: list[tuple[str | None, bytes]] = []
    end = 0
    for match in _WORD.finditer(value):
        gap = value[end : match.start()]
        if gap and not (pieces and pieces[-1][0] and _BETWEEN_WORDS.fullmatch(gap)):
            pieces.append((None, to_bytes(gap)))
        _append(pieces, match[1].partition("*")[0].lower(), _word_bytes(match[2], match[3]))
        end = match.end()
    if end < len(value):
        pieces.append((None, to_bytes(value[end:])))
    return "".join(_decode_piece(charset, data, defects) for charset, data in pieces)


def _append(pieces: list[tuple[str | None, bytes]], charset: str, data: bytes) -> None:
    if pieces and pieces[-1][0] == charset:
        data = pieces.pop()[1] + data
    pieces.append((charset, data))


def _decode_piece(charset: str | None, data: bytes, defects: list[str]) -> str:
    text, defect = decode(data, charset)
    if defect:
        defects.append(f"header {defect}")
    return text


def to_bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _word_bytes(encoding: str, text: str) -> bytes:
    if encoding.lower() == "q":
        return binascii.a2b_qp(to_bytes(text), header=True)
    return loose_base64(to_bytes(text))


def loose_base64(data: bytes) -> bytes:
    """What can be read of base64 with foreign characters, missing padding or a cut end."""
    groups = [_NOT_BASE64.sub(b"", group) for group in re.split(rb"=+", data)]
    return b"".join(_base64_group(group) for group in groups)


def _base64_group(group: bytes) -> bytes:
    usable = group[:-1] if len(group) % 4 == 1 else group
    return binascii.a2b_base64(usable + b"=" * (-len(usable) % 4))


def parameters(value: str, defects: list[str]) -> dict[str, str]:
    """Parameters by lower-case name, continuations joined and percent signs decoded (RFC 2231 sections 3 and 4)."""
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    for match in _PARAMETER.finditer(value[:MAX_VALUE]):
        text = re.sub(r'\\(["\\])', r"\1", match[2]) if match[2] is not None else match[3].strip()
        name, star, section = match[1].lower().partition("*")
        if star:
            number = section.rstrip("*")
            extended = section == "" or section.endswith("*")
            pieces.setdefault(name, {})[int(number) if number.isdecimal() else 0] = (extended, text)
        else:
            plain.setdefault(name, decode_words(text, defects))
    return plain | {name: _join(sections, defects) for name, sections in pieces.items()}


def _join(sections: dict[int, tuple[bool, str]], defects: list[str]) -> str:
    ordered = [sections[number] for number in sorted(sections)]
    charset, data = None, b""
    for index, (extended, text) in enumerate(ordered):
        if extended and index == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += unquote_to_bytes(to_bytes(text)) if extended else to_bytes(text)
    if charset is None and b"=?" in data:
        return decode_words(data.decode("ascii", "surrogateescape"), defects)
    return _decode_piece(charset, data, defects)


def message_ids(value: str) -> tuple[str, ...]:
    """Ids in angle brackets, in order, without repeats; the last hundred of a longer thread."""
    found = [f"<{clean_header(''.join(match[1].split()), 998)}>" for match in _MESSAGE_ID.finditer(value)]
    if not found:
        found = [
            f"<{clean_header(word.strip('<>'), 998)}>" for word in value.split() if "@" in word and len(word) <= 998
        ]
    return tuple(dict.fromkeys(found))[-100:]


def read_date(value: str) -> datetime | None:
    """An RFC 5322 date as UTC; None when it is none."""
    try:
        moment = parsedate_to_datetime(value[:200])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def newest_date(headers: Headers) -> datetime | None:
    """When the last relay took it (the topmost Received), else when the sender says it was written."""
    stamps: Iterable[str] = (value.rpartition(";")[2] for value in headers.all("received"))
    return next((date for date in map(read_date, [*stamps, headers.first("date")]) if date), None)
