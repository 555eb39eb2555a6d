"""The MIME tree taken apart (RFC 2045-2049): bodies to read, files that came along, reports of other mailers."""

import binascii
import hashlib
import io
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.generator import BytesGenerator
from email.message import Message
from itertools import islice

from casefile.envelope import Attachment
from casefile.text import clean_filename
from channels.email.charset import decode
from channels.email.headers import Headers, loose_base64

MAX_DEPTH = 50
MAX_PARTS = 1000
MAX_UUENCODED = 100

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_READABLE = frozenset({"text/plain", "text/html", "text/enriched", "text/markdown"})
_REPORTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_HEADERS_ONLY = frozenset({"text/rfc822-headers", "message/global-headers"})
_NO_FILES = _REPORTS | _HEADERS_ONLY | {"message/disposition-notification", "message/feedback-report"}
_RETURNED = _HEADERS_ONLY | {"message/rfc822", "message/global"}
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} (.+?)\r?$", re.MULTILINE)


@dataclass
class Body:
    """One stretch of text; both forms when the sender offered alternatives."""

    plain: str | None = None
    html: str | None = None


@dataclass
class Contents:
    bodies: list[Body] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    statuses: list[bytes] = field(default_factory=list)  # of delivery status notifications (RFC 3464)
    returned: list[bytes] = field(default_factory=list)  # messages or headers that came back
    types: set[str] = field(default_factory=set)
    defects: list[str] = field(default_factory=list)
    parts: int = 0


def take_apart(message: Message, defects: list[str]) -> Contents:
    contents = Contents(defects=defects)
    _visit(message, contents, depth=0, related=False)
    return contents


def _visit(part: Message, into: Contents, depth: int, related: bool) -> None:
    into.parts += 1
    if into.parts > MAX_PARTS or depth > MAX_DEPTH:
        note = f"mime: more than {MAX_PARTS} parts or {MAX_DEPTH} levels, the rest only in the raw message"
        if note not in into.defects:
            into.defects.append(note)
        return
    into.defects.extend(f"mime: {type(defect).__name__}" for defect in part.defects)
    headers = Headers(part, into.defects)
    kind = content_type(part, headers)
    into.types.add(kind)
    if kind.startswith("multipart/"):
        _visit_multipart(part, kind, into, depth)
    else:
        _visit_leaf(part, headers, kind, into, related)


def content_type(part: Message, headers: Headers) -> str:
    """What the part says it is, `text/plain` when that is unreadable (RFC 2045 section 5.2)."""
    declared = headers.value("content-type").replace(" ", "")
    if part.is_multipart() and not declared.startswith("message/"):
        return declared if declared.startswith("multipart/") else "multipart/mixed"
    if declared.startswith("multipart/"):
        return "text/plain"
    return declared if _CONTENT_TYPE.fullmatch(declared) else _bare_type(declared)


def _bare_type(declared: str) -> str:
    return (
        "text/html" if "html" in declared else "text/plain" if declared in ("", "text") else "application/octet-stream"
    )


def _visit_multipart(part: Message, kind: str, into: Contents, depth: int) -> None:
    first = len(into.bodies)
    for index, child in enumerate(_children(part)):
        _visit(child, into, depth + 1, related=kind == "multipart/related" and index > 0)
    if kind == "multipart/alternative":
        into.bodies[first:] = _merge(into.bodies[first:])


def _children(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (child for child in payload if isinstance(child, Message))


def _merge(choices: list[Body]) -> list[Body]:
    """Alternatives say the same twice: one body with both forms."""
    plain = [body.plain for body in choices if body.plain is not None]
    html = [body.html for body in choices if body.html is not None]
    return [Body("\n".join(plain) if plain else None, "\n".join(html) if html else None)] if choices else []


def _visit_leaf(part: Message, headers: Headers, kind: str, into: Contents, related: bool) -> None:
    name = _declared_name(headers)
    disposition = headers.value("content-disposition")
    data = payload(part, headers, kind)
    if kind in _REPORTS:
        into.statuses.append(data)
    elif kind in _RETURNED:
        into.returned.append(data)
    if kind in _READABLE and disposition != "attachment" and not name and not (related and kind != "text/html"):
        _add_body(data, headers, kind, into)
    elif kind not in _NO_FILES and (data or name):
        inline = disposition == "inline" or (disposition != "attachment" and bool(headers.first("content-id")))
        into.attachments.append(attachment(name or _default_name(kind, data), kind, data, inline=inline))


def _add_body(data: bytes, headers: Headers, kind: str, into: Contents) -> None:
    parameters = headers.parameters("content-type")
    charset = parameters.get("charset")
    if kind == "text/html":
        meta = _META_CHARSET.search(data[:4096])
        text = _text(data, charset or (meta[1].decode("ascii") if meta else None), into.defects)
        into.bodies.append(Body(html=text))
        return
    data, files = split_uuencoded(data)
    into.attachments.extend(files)
    into.bodies.append(Body(plain=_text(data, charset, into.defects)))


def _text(data: bytes, charset: str | None, defects: list[str]) -> str:
    text, defect = decode(data, charset)
    if defect:
        defects.append(defect)
    return text


def payload(part: Message, headers: Headers, kind: str) -> bytes:
    """The part's own bytes, its transfer encoding undone as far as it can be."""
    encoding = headers.value("content-transfer-encoding")
    if part.is_multipart():
        inner = b"\n".join(_serialise(child) for child in _children(part))
        return loose_base64(inner) if encoding == "base64" and kind.startswith("message/") else inner
    del part["content-transfer-encoding"]  # so that what follows gives the bytes as they are
    raw = part.get_payload(decode=True)
    return undo_encoding(raw if isinstance(raw, bytes) else b"", encoding)


def _serialise(message: Message) -> bytes:
    target = io.BytesIO()
    BytesGenerator(target, mangle_from_=False, maxheaderlen=0).flatten(message)
    return target.getvalue()


def undo_encoding(raw: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        return loose_base64(raw)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(raw)
    if encoding in ("x-uuencode", "uuencode", "uue", "x-uue"):
        rest, files = split_uuencoded(raw)
        return files[0].content or b"" if files else rest
    return raw


def split_uuencoded(data: bytes) -> tuple[bytes, list[Attachment]]:
    """Files that an old mailer wrote into the text itself, between `begin 644 name` and `end`."""
    kept, files, end = [], [], 0
    for match in islice(_UU_BEGIN.finditer(data), MAX_UUENCODED):
        if match.start() < end:
            continue
        stop = data.find(b"\nend", match.end())
        if stop < 0:
            break
        content = _uudecode(data[match.end() : stop].splitlines())
        if content:
            kept.append(data[end : match.start()])
            files.append(attachment(decode(match[1]).text, "application/octet-stream", content, inline=False))
            end = stop + len(b"\nend")
    return b"".join([*kept, data[end:]]), files


def _uudecode(lines: list[bytes]) -> bytes | None:
    try:
        return b"".join(binascii.a2b_uu(line) for line in lines if line.strip())
    except binascii.Error:
        return None


def attachment(name: str, kind: str, data: bytes, *, inline: bool) -> Attachment:
    digest = hashlib.sha256(data).hexdigest()
    return Attachment(
        name=clean_filename(name), content_type=kind, size=len(data), sha256=digest, inline=inline, content=data
    )


def _declared_name(headers: Headers) -> str:
    disposition = headers.parameters("content-disposition")
    return disposition.get("filename") or headers.parameters("content-type").get("name") or ""


def _default_name(kind: str, data: bytes) -> str:
    if kind == "message/rfc822":
        return "message.eml"
    return "attachment" + (mimetypes.guess_extension(kind) or ".bin")
