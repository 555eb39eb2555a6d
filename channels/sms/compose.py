"""The words of a notice as they go into a text message."""

import re
import unicodedata

from casefile.notice import Draft
from casefile.text import clean_text
from channels.sms.segments import Encoding, segments

_JOINER = "\u200d"  # holds one emoji together
# Typographic signs that would turn an otherwise plain message into UCS-2 and more than double its price.
_PLAIN = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "`": "'", "–": "-", "—": "-", "•": "-", "…": "...", _JOINER: ""}
)
_LINK = re.compile(r"https?://[!-~]+")


def compose(draft: Draft) -> bytes:
    """UTF-8 of the message. Never cut: whether it is too long to send is for the sender to refuse."""
    text = _collapse(_part_links(_visible(draft.text)))
    plain = text.translate(_PLAIN)
    return (plain if segments(plain).encoding is Encoding.GSM_7 else text).encode()


def _visible(text: str) -> str:
    """No control, zero-width or direction characters: none of them may hide or reorder what the reader sees."""
    shown = "".join(c for c in text if c == _JOINER or unicodedata.category(c) != "Cf")
    return clean_text(shown).replace("\ufffd", " ")


def _part_links(text: str) -> str:
    """A space after each link, or the phone takes the Chinese text that follows for a part of it."""
    return _LINK.sub(r"\g<0> ", text)


def _collapse(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
