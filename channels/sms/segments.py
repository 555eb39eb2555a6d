"""What a text costs: its alphabet and the number of parts that it is sent in (3GPP TS 23.038, 23.040)."""

from enum import StrEnum
from typing import NamedTuple

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")  # take an escape septet each


class Encoding(StrEnum):
    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


class Segments(NamedTuple):
    """`units` are septets in GSM-7, UTF-16 code units in UCS-2; `parts` is what is billed."""

    encoding: Encoding
    units: int
    parts: int


def segments(text: str) -> Segments:
    """One character outside GSM-7 turns the whole message into UCS-2."""
    if _BASIC.union(_EXTENSION).issuperset(text):
        return _count(Encoding.GSM_7, [2 if c in _EXTENSION else 1 for c in text], alone=160, joined=153)
    return _count(Encoding.UCS_2, [2 if c > "\uffff" else 1 for c in text], alone=70, joined=67)


def _count(encoding: Encoding, widths: list[int], *, alone: int, joined: int) -> Segments:
    """A part of several gives room to the joining header; an escaped or surrogate pair never straddles two."""
    units = sum(widths)
    if units <= alone:
        return Segments(encoding, units, 1)
    parts, free = 1, joined
    for width in widths:
        if width > free:
            parts, free = parts + 1, joined
        free -= width
    return Segments(encoding, units, parts)
