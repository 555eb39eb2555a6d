"""How to reach the person who complains: one e-mail address, one telephone number, both read strictly."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from casefile.phone import e164

_LOCAL = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf"({_LOCAL})@((?:{_LABEL}\.)+{_LABEL})", re.IGNORECASE)
_LOCAL_LIMIT, _ADDRESS_LIMIT = 64, 254  # octets, RFC 5321 section 4.5.3.1


@dataclass(frozen=True)
class Contact:
    """`unread` holds, by field, what was typed but is neither an address nor a number."""

    email: str | None = None
    phone: str | None = None
    unread: dict[str, str] = field(default_factory=dict)


def read_contact(values: Mapping[str, str], region: str) -> Contact:
    """From the fields `email`, `phone` and `contact`; the last may hold either and yields to the first two."""
    as_phone = partial(read_phone, region=region)
    free = values.get("contact", "")
    read_free: Callable[[str], str | None] = read_email if "@" in _plain(free) else as_phone
    found = {
        name: read(values[name])
        for name, read in (("email", read_email), ("phone", as_phone), ("contact", read_free))
        if values.get(name)
    }
    email, phone, other = found.get("email"), found.get("phone"), found.get("contact")
    if other and read_free is read_email:
        email = email or other
    elif other:
        phone = phone or other
    return Contact(email, phone, {name: values[name] for name, value in found.items() if value is None})


def read_email(typed: str) -> str | None:
    """Exactly one address, ASCII, with a dotted domain; a list, a name or brackets beside it make it unreadable."""
    match = _ADDRESS.fullmatch(_plain(typed))
    if not match or len(match[0]) > _ADDRESS_LIMIT or len(match[1]) > _LOCAL_LIMIT:
        return None
    return f"{match[1]}@{match[2].lower()}"


def read_phone(typed: str, region: str = "CN") -> str | None:
    """E.164. A number without country code belongs to `region`."""
    return e164(_plain(typed), region)


def _plain(typed: str) -> str:
    """Full-width digits, letters and @ as a Chinese keyboard writes them, made ASCII."""
    return unicodedata.normalize("NFKC", typed).strip()
