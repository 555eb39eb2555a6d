"""The wire form of a notice as a person reads it, with the links in it masked or made to be clicked."""

import re
from dataclasses import dataclass
from email import message_from_bytes, policy

_SECRET = re.compile(r"(/(?:desk|revisit)/)[A-Za-z0-9_-]{20,}")
_OWN_PAGE = re.compile(r"https?://[^\s/<>\"']+(/(?:desk|revisit)/[A-Za-z0-9_-]{20,}|/track\b)")
_MASK = "••••••••"


@dataclass(frozen=True)
class Readable:
    headers: tuple[tuple[str, str], ...]
    text: str

    def masked(self) -> "Readable":
        """With the secret part of every link that lets its holder act taken out."""
        headers = tuple((name, _mask(value)) for name, value in self.headers)
        return Readable(headers, _mask(self.text))


@dataclass(frozen=True)
class Piece:
    """A stretch of text; `path` when it is the address of a page of this site."""

    text: str
    path: str = ""


def readable(payload: bytes) -> Readable:
    """A mail (RFC 5322), or a text message with at most a line before it that says to whom it goes."""
    message = message_from_bytes(payload, policy=policy.default)
    if message["To"] is None:
        return Readable((), payload.decode("utf-8", "replace"))
    headers = tuple((name, str(value)) for name, value in message.items())
    if message["Content-Type"] is None:
        return Readable(headers, payload.partition(b"\n\n")[2].decode("utf-8", "replace"))
    body = message.get_body(("plain", "html"))
    return Readable(headers, str(body.get_content()) if body else "")


def pieces(text: str) -> list[Piece]:
    """Cut into plain text and links to our own pages; every other address stays text."""
    found, end = [], 0
    for link in _OWN_PAGE.finditer(text):
        found += [Piece(text[end : link.start()]), Piece(link[0], link[1])]
        end = link.end()
    return [*found, Piece(text[end:])]


def _mask(text: str) -> str:
    return _SECRET.sub(rf"\1{_MASK}", text)
