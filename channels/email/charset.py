"""Bytes to text: the declared charset when it fits the bytes, else what the bytes themselves say."""

import codecs
import re
from typing import NamedTuple

import chardet

_LABEL = re.compile(r"[a-z0-9][a-z0-9_.:()+-]{0,39}", re.IGNORECASE)
_UNSAFE = frozenset({"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined"})
_CESU8 = "cesu-8"  # surrogate halves written as UTF-8 one by one; no codec of Python's
_REALLY: dict[str, tuple[str, ...]] = {  # what senders declare -> what they use, best first
    "ascii": ("ascii",),
    "big5": ("big5", "cp950", "big5hkscs"),
    "euc-kr": ("cp949",),
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "iso2022-jp": ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_2", "iso2022_jp_3"),
    "iso8859-1": ("cp1252", "latin-1"),
    "shift-jis": ("cp932", "shift_jis"),
    "utf-8": ("utf-8-sig", _CESU8),
}
_ALIASES = {
    "gb-2312-80": "gb2312",
    "iso-8859-8-i": "iso-8859-8",
    "ms936": "gbk",
    "unicode-1-1-utf-7": "utf-7",
    "utf8mb4": "utf-8",
    "windows-31j": "cp932",
    "windows-874": "cp874",
    "x-gbk": "gbk",
    "x-sjis": "shift_jis",
}
_SINGLE_BYTE = ("iso8859", "cp125", "latin", "koi8", "mac")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_PAIRS = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]")
_GB2312_PAIRS = re.compile(rb"[\xa1-\xf7][\xa1-\xfe]")
_SAMPLE = 32 * 1024


class Decoded(NamedTuple):
    """`defect` says how the text departs from what was declared."""

    text: str
    defect: str | None = None


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """Never raises; the last resort puts U+FFFD where bytes make no sense."""
    canonical = _canonical(declared)
    if canonical != "utf-8" and _clearly_utf8(data, canonical):
        return _guess(data, declared)
    choices = _REALLY.get(canonical, (canonical,) if canonical else ())
    for codec in choices:
        text = _strict(data, codec)
        if text is not None:
            return Decoded(text, _departure(data, canonical, codec))
    if canonical not in ("", "ascii"):
        text = data.decode(choices[0], "replace")
        if _mostly_readable(text):
            return Decoded(text, f"charset: bytes that are not {canonical}")
    return _guess(data, declared)


def _clearly_utf8(data: bytes, declared: str) -> bool:
    """Whether the bytes contradict what was declared: chance hardly makes UTF-8, least of all its longer sequences."""
    text = None if data.isascii() else _strict(data, "utf-8")
    if text is None:
        return False
    foreign = [char for char in text if char > "\x7f"]
    return declared.startswith(_SINGLE_BYTE) or all(char >= "\u0800" for char in foreign)


def _mostly_readable(text: str) -> bool:
    unreadable = text.count("\ufffd")
    return unreadable * 50 <= len(text) or unreadable * 4 <= sum(char > "\x7f" for char in text)


def _canonical(declared: str | None) -> str:
    """The codec's own name; empty when the label is missing, unknown, or no charset at all."""
    label = (declared or "").strip(" \"'\t").lower()
    if not _LABEL.fullmatch(label):
        return ""
    try:
        name = codecs.lookup(_ALIASES.get(label, label)).name.replace("_", "-")
        b"?".decode(name, "ignore")  # some codecs (zlib, rot13) are none of text
    except (LookupError, UnicodeError):
        return ""
    return "" if name in _UNSAFE else name


def _strict(data: bytes, codec: str) -> str | None:
    try:
        if codec == _CESU8:
            halves = data.decode("utf-8", "surrogatepass")
            return halves.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return data.decode(codec).removeprefix("\ufeff")
    except UnicodeError:
        return None


def _departure(data: bytes, canonical: str, codec: str) -> str | None:
    if codec == _CESU8 or (canonical in ("gb2312", "gbk", "big5") and _strict(data, canonical) is None):
        return f"charset: {canonical} decoded as {codec}"
    return None


def _guess(data: bytes, declared: str | None) -> Decoded:
    if data.isascii():
        return Decoded(data.decode("ascii"))
    for codec in _candidates(data):
        text = _strict(data, codec)
        if text is not None:
            return Decoded(text, f"charset: {_printable(declared)} decoded as {codec.removesuffix('-sig')}")
    return Decoded(data.decode("utf-8", "replace"), f"charset: {_printable(declared)}, bytes fit no charset")


def _candidates(data: bytes) -> list[str]:
    found = [codec for bom, codec in _BOMS if data.startswith(bom)]
    found.append("utf-8")
    if _looks_chinese(data):
        found.append("gb18030")
    detected = _canonical(chardet.detect(data[:_SAMPLE])["encoding"])
    return [*found, *_REALLY.get(detected, (detected,) if detected else ()), "cp1252"]


def _looks_chinese(data: bytes) -> bool:
    """GB 18030 decodes nearly anything; Chinese text keeps to the rows of GB 2312, Latin and Big5 text do not."""
    pairs = _PAIRS.findall(data[:_SAMPLE])
    return bool(pairs) and sum(bool(_GB2312_PAIRS.match(pair)) for pair in pairs) >= 0.8 * len(pairs)


def _printable(declared: str | None) -> str:
    label = (declared or "").strip(" \"'\t")
    return label if _LABEL.fullmatch(label) else "undeclared"
