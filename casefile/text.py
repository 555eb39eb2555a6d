"""The one border that foreign text crosses: after it, every string can be stored, shown and put into a header."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator

_LINE_ENDS = re.compile(r"\r\n?|\u2028|\u2029|\u0085")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_HEADER_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_MARKS = 30  # per letter: the longest run that text in use is allowed to have (UAX 15, stream-safe format)
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Plain Unicode: NFC, LF, no NUL, no lone surrogates, no control characters but TAB and LF."""
    text = _SURROGATES.sub("\ufffd", text)
    text = _LINE_ENDS.sub("\n", text)
    return _composed(_CONTROLS.sub("\ufffd", text))


def clean_header(text: str, limit: int = 200) -> str:
    """One line, safe in a header or a list: no controls, no bidi or zero-width characters, cut at `limit`."""
    flat = _HEADER_UNSAFE.sub(" ", _SURROGATES.sub("\ufffd", text))
    return _composed(" ".join(flat.split()))[:limit].strip()


def _composed(text: str) -> str:
    """NFC. Endless runs of combining marks are cut first: normalising one takes time that grows with its square."""
    return text if text.isascii() else unicodedata.normalize("NFC", "".join(_limited(text)))


def _limited(text: str) -> Iterator[str]:
    run = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run <= _MARKS:
            yield character


def clean_id(text: str, limit: int = 255) -> str:
    """A foreign identifier that fits an index: over-long ones keep their beginning and end in a digest."""
    flat = clean_header(text, 10_000)
    if len(flat.encode()) <= limit:
        return flat
    return f"{flat[: limit // 4]}#{hashlib.sha256(flat.encode()).hexdigest()}"


_RESERVED = re.compile(r'[:*?"<>|]')


def clean_filename(name: str, limit: int = 100) -> str:
    """Only a name: no path, no hidden file, no invisible characters. Empty becomes `attachment`."""
    flat = "".join(c for c in clean_header(name, 1000) if unicodedata.category(c) not in ("Cf", "Cc"))
    base = _RESERVED.sub("_", flat.replace("\\", "/").rsplit("/", 1)[-1]).strip(" .")
    stem, dot, suffix = base.rpartition(".")
    if dot and len(base) > limit:
        base = stem[: limit - len(suffix[:20]) - 1] + "." + suffix[:20]
    return base[:limit] or "attachment"
