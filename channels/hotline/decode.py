"""Bytes of a transcript to text. Call centres hand over UTF-8, GB18030 and UTF-16, and seldom say which."""

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """The text and what was wrong with it. Never raises."""
    for charset in _likely(raw):
        try:
            return raw.decode(charset), ()
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace"), ("charset: not UTF-8, GB18030 or UTF-16; unreadable bytes replaced",)


def _likely(raw: bytes) -> list[str]:
    """Charsets in the order to try them. Without a mark, UTF-16 shows in the NULs of its digits and line ends."""
    marked = [charset for mark, charset in _MARKS if raw.startswith(mark)]
    if marked:
        return marked
    low, high = raw[::2].count(0), raw[1::2].count(0)
    if not low + high:
        return ["utf-8", "gb18030"]
    wide = "utf-16-le" if high > low else "utf-16-be"
    mostly = (low + high) * 5 > len(raw)  # Latin text, which would also pass for UTF-8
    return [wide, "utf-8"] if mostly else ["utf-8", wide, "gb18030"]
