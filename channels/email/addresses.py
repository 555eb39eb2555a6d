"""Address lists (RFC 5322 section 3.4) as they really occur, read in one pass whatever they contain."""

import re
from typing import NamedTuple

from casefile.text import clean_header
from channels.email.headers import decode_words

MAX_ADDRESSES = 500

_PIECE = re.compile(
    r'=\?[^?\s]{1,60}\?[bq]\?[^?]*\?=|"(?:[^"\\]|\\.){0,1000}"|[(),;:<>]|[^(),;:<>"=]+|.', re.IGNORECASE | re.DOTALL
)
_SPACED = re.compile(r"\s+([.@])\s*|([.@])\s+")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+")


class Mailbox(NamedTuple):
    name: str | None
    address: str | None


def read_addresses(value: str, defects: list[str]) -> list[Mailbox]:
    """At most MAX_ADDRESSES of them; what holds neither name nor address is left out."""
    found: list[Mailbox] = []
    for entry in _entries(value):
        if len(found) == MAX_ADDRESSES:
            defects.append(f"addresses: more than {MAX_ADDRESSES}, the rest ignored")
            break
        mailbox = entry.mailbox(defects)
        if mailbox.name or mailbox.address:
            found.append(mailbox)
    return found


class _Entry:
    """The pieces of one entry: outside, inside angle brackets, inside comments."""

    def __init__(self) -> None:
        self.phrase: list[str] = []
        self.angle: list[str] = []
        self.comment: list[str] = []

    def mailbox(self, defects: list[str]) -> Mailbox:
        phrase = decode_words("".join(self.phrase).strip(), defects)
        address = "".join(decode_words("".join(self.angle), defects).split()) or None
        if address is None:
            phrase = _SPACED.sub(r"\1\2", phrase) if "@" in phrase else phrase
            match = _ADDRESS.search(phrase)
            address = match[0] if match else None
            phrase = phrase.replace(address, "", 1).replace("<>", "") if address else phrase
        name = _clean_name(phrase if phrase.strip() else decode_words("".join(self.comment), defects))
        return Mailbox(name, _clean_address(address) if address and "@" in address else None)


def _clean_address(address: str) -> str | None:
    """Without quotes, and without the route of RFC 822 (`@relay,@relay:address`)."""
    return clean_header(address.rpartition(":")[2].strip("'\"."), 320) or None


def _clean_name(name: str) -> str | None:
    text = clean_header(re.sub(r"\\(.)", r"\1", name))
    while len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text.strip('"').strip() or None


def _entries(value: str) -> list[_Entry]:
    """Split at commas and semicolons outside quotes, brackets and comments; drops group names."""
    entries, current, depth, angle = [], _Entry(), 0, False
    for piece in _PIECE.findall(value):
        if piece == "(":
            depth += 1
        elif piece == ")" and depth:
            depth -= 1
        elif depth:
            current.comment.append(piece)
        elif piece == "<":
            angle, current.angle = True, []
        elif piece == ">":
            angle = False
        elif piece in ",;" and not angle:
            entries.append(current)
            current = _Entry()
        elif piece == ":" and not angle and not current.angle:
            current = _Entry()
        else:
            (current.angle if angle else current.phrase).append(piece)
    return [*entries, current]
