"""A saved Twilio messaging webhook becomes an envelope."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

from casefile.envelope import Channel, Envelope, RawRef, Sender
from casefile.language import guess_language
from casefile.phone import e164
from casefile.text import clean_header, clean_id
from channels.sms.form import read_form
from channels.sms.keywords import nature_of

_PLACED = frozenset({"MessageSid", "To", "Body"})  # have a place of their own in the envelope
_MEDIA = re.compile(r"MediaUrl\d+")
_FIELD_LIMIT = 500  # characters of a value
_FIELDS_LIMIT = 60


def parse(raw: bytes, received_at: datetime | None = None, *, region: str = "CN") -> Envelope:
    """Never raises: what is odd about the message is in `defects`. `region` is that of numbers without country code."""
    values, defects = read_form(raw)
    text = values.get("Body", "").strip()
    phone = e164(values.get("From", ""), region)
    others = {key: value for key, value in values.items() if key not in _PLACED and not (phone and key == "From")}
    fields = _small(others)
    return Envelope(
        channel=Channel.SMS,
        external_id=_message_sid(values),
        received_at=received_at,
        nature=nature_of(values),
        sender=Sender(phone=phone),
        recipients=_recipients(values.get("To", ""), region),
        text=text,
        full_text=text,
        language=guess_language(text),
        fields=fields,
        defects=(*defects, *_defects(values, phone), *_left_out(len(others) - len(fields))),
        raw=RawRef(sha256=hashlib.sha256(raw).hexdigest(), size=len(raw)),
    )


def _message_sid(values: Mapping[str, str]) -> str | None:
    """SmsSid is its older name; both hold the same."""
    return clean_id(values.get("MessageSid") or values.get("SmsSid", "")) or None


def _recipients(to: str, region: str) -> tuple[str, ...]:
    """Ours may be a short code, which has no E.164 form."""
    address = e164(to, region) or clean_header(to)
    return (address,) if address else ()


def _small(values: Mapping[str, str]) -> dict[str, str]:
    small = [(key, value) for key, value in values.items() if key and len(value) <= _FIELD_LIMIT]
    return dict(small[:_FIELDS_LIMIT])


def _defects(values: Mapping[str, str], phone: str | None) -> list[str]:
    found = []
    if _message_sid(values) is None:
        found.append("MessageSid: missing, a second copy cannot be told from a second message")
    if phone is None:
        sender = clean_header(values.get("From", ""), 40)
        found.append(f"From: {sender!r} is not a number that can be answered" if sender else "From: missing")
    if "Body" not in values:
        found.append("Body: missing")
    if media := sum(1 for key in values if _MEDIA.fullmatch(key)):
        found.append(f"media: {media} left at the provider, see MediaUrl0 and on")
    return found


def _left_out(count: int) -> list[str]:
    return [f"fields: {count} too long or too many, kept in the raw message only"] if count else []
