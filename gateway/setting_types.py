"""Values of settings whose form matters: what is wrong with one is said at start, not when a complaint needs it."""

from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import phonenumbers
from pydantic import AfterValidator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from policy.yaml import Misfit

_DATABASES = ("sqlite", "postgresql+asyncpg")
_REDIS = ("redis", "rediss", "unix")
_NUMBER_LENGTH = 40  # characters that the column holds


def _database(url: str) -> str:
    mend = 'Write "sqlite:///huiyin.db" or "postgresql+asyncpg://user:password@host/name"'
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise Misfit("is not a database URL", mend) from error
    if parsed.drivername not in _DATABASES:
        raise Misfit(f"'{parsed.drivername}' is not supported", mend)
    if not parsed.database:
        raise Misfit("names no database", mend)
    return url


def _redis(url: str) -> str:
    if url and urlsplit(url).scheme not in _REDIS:
        raise Misfit("is not a Redis URL", 'Write "redis://host:6379/0" or "unix:///path", or leave it empty')
    return url


def _public_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise Misfit("is not the address of a site", 'Write it as in "https://complaints.bank.example"')
    return url.rstrip("/")


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise Misfit("is not a time zone", "Write an IANA name such as Asia/Shanghai") from error
    return name


def _country(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise Misfit("is not a country", "Write an ISO 3166 code in capitals, such as CN")
    return code


def _case_number(pattern: str) -> str:
    """Two cases must differ, in one year and in two: the count begins anew each year."""
    mend = 'Write it with {year} and {seq}, as in "HY-{year}-{seq:06d}"'
    try:
        first, second, next_year = (pattern.format(year=y, seq=s) for y, s in ((2026, 1), (2026, 2), (2027, 1)))
    except (KeyError, IndexError, ValueError) as error:
        raise Misfit("is not a pattern of case numbers", mend) from error
    if len({first, second, next_year}) < 3:
        raise Misfit("would give two cases the same number", mend)
    if first != first.upper().strip() or len(first) > _NUMBER_LENGTH:
        raise Misfit(f"is not in capitals, or gives more than {_NUMBER_LENGTH} characters", mend)
    return pattern


def _address(address: str) -> str:
    local, at, domain = address.rpartition("@")
    if not (local and at and domain) or any(character.isspace() for character in address):
        raise Misfit("is not a mail address", "Write it as in complaints@bank.example")
    return address


def _reply_to(pattern: str) -> str:
    if "{token}" not in _address(pattern).rpartition("@")[0]:
        raise Misfit("has no place for the token", "Write it as in complaints+{token}@bank.example")
    return pattern


DatabaseUrl = Annotated[str, AfterValidator(_database)]
RedisUrl = Annotated[str, AfterValidator(_redis)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
TimezoneName = Annotated[str, AfterValidator(_timezone)]
CountryCode = Annotated[str, AfterValidator(_country)]
CaseNumberPattern = Annotated[str, AfterValidator(_case_number)]
MailAddress = Annotated[str, AfterValidator(_address)]
ReplyPattern = Annotated[str, AfterValidator(_reply_to)]
