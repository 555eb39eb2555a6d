"""The body of a web form or API call as an envelope. Pure, and never raises."""

import hashlib
import re
from datetime import datetime

from casefile.envelope import Attachment, Channel, Envelope, RawRef, Sender
from casefile.language import guess_language
from casefile.text import clean_filename, clean_header, clean_text
from channels.web.contact import read_contact
from channels.web.multipart import boundary_of, read_multipart
from channels.web.submission import Submission, Upload, read_json, read_urlencoded

HONEYPOT = "website"  # a field that no person sees

_ALIASES = {"what_happened": "text", "idempotency_key": "form_id"}
_OWN_PLACE = frozenset({"text", "subject", "name", "email", "phone", "contact", "language", "form_id", HONEYPOT})
_TEXT_LIMIT, _FIELD_LIMIT, _NAME_LIMIT = 200_000, 2_000, 60
_CONTENT_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,100}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def parse(raw: bytes, received_at: datetime | None = None, default_region: str = "CN") -> Envelope:
    """A JSON object, a multipart form or a urlencoded form, told apart by content; oddities become defects.

    `default_region` (ISO 3166) is where a telephone number without country code belongs.
    """
    found = _read(raw)
    values = _values(found)
    text = _text(values.pop("text", ""), found)
    subject = _line(values.pop("subject", ""))
    contact = read_contact(values, default_region)
    found.defects.extend(f"{name}: not readable, kept as typed" for name in contact.unread)
    if not (values or text or found.uploads):
        found.defects.append("body: no field of a complaint in it")
    if values.get(HONEYPOT):
        found.defects.append("honeypot: filled")
    return Envelope(
        channel=Channel.WEB,
        external_id=values.get("form_id") or None,
        received_at=received_at,
        sender=Sender(name=values.get("name") or None, email=contact.email, phone=contact.phone),
        subject=subject,
        text=text,
        full_text=text,
        language=_language(values.get("language", ""), f"{subject}\n{text}"),
        attachments=tuple(_attachment(upload) for upload in found.uploads),
        fields={name: value for name, value in values.items() if name not in _OWN_PLACE} | contact.unread,
        defects=tuple(clean_header(defect) for defect in found.defects),
        raw=RawRef(sha256=hashlib.sha256(raw).hexdigest(), size=len(raw)),
    )


def _read(raw: bytes) -> Submission:
    boundary = boundary_of(raw)
    if boundary:
        return read_multipart(raw, boundary)
    if raw[:100].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return read_json(raw)
    return read_urlencoded(raw)


def _values(found: Submission) -> dict[str, str]:
    """Each field once. A repeated one is joined, so that two addresses in `email` are seen for what they are."""
    joined: dict[str, list[str]] = {}
    for name, value in found.fields:
        name = _line(name, _NAME_LIMIT)
        joined.setdefault(_ALIASES.get(name, name), []).append(value)
    values = {}
    for name, parts in joined.items():
        given = [part for part in parts if part.strip()]
        if len(given) > 1:
            found.defects.append(f"{name}: given {len(given)} times, joined")
        values[name] = "\n\n".join(given) if name == "text" else _small(name, ", ".join(given), found)
    return {name: value for name, value in values.items() if name and value}


def _small(name: str, value: str, found: Submission) -> str:
    if len(value) > _FIELD_LIMIT:
        found.defects.append(f"{name}: cut at {_FIELD_LIMIT} characters")
    return _line(value)


def _line(value: str, limit: int = _FIELD_LIMIT) -> str:
    return clean_header(value[:limit], limit)


def _text(value: str, found: Submission) -> str:
    if len(value) > _TEXT_LIMIT:
        found.defects.append(f"text: cut at {_TEXT_LIMIT} characters")
    return clean_text(value[:_TEXT_LIMIT]).strip()


def _language(given: str, text: str) -> str | None:
    primary = given.lower().replace("_", "-").partition("-")[0]
    if _LANGUAGE.fullmatch(primary):
        return primary
    return guess_language(text)


def _attachment(upload: Upload) -> Attachment:
    content_type = upload.content_type[:200].partition(";")[0].strip().lower()
    return Attachment(
        name=clean_filename(upload.name[-_FIELD_LIMIT:]),
        content_type=content_type if _CONTENT_TYPE.fullmatch(content_type) else "application/octet-stream",
        size=len(upload.content),
        sha256=hashlib.sha256(upload.content).hexdigest(),
        content=upload.content,
    )
