"""Secrets and tokens: what proves that somebody may answer, look or act without an account."""

import base64
import hashlib
import hmac
import re
import secrets
from uuid import UUID

_PART = 26  # characters that 128 bits take in base32
REPLY_TOKEN = re.compile(rf"(?<![a-z2-7])[a-z2-7]{{{_PART}}}\.[a-z2-7]{{{_PART}}}(?![a-z2-7])", re.IGNORECASE)


def reply_token(key: bytes, notice_id: str) -> str:
    """Goes into the reply address of a notice: the notice's id and a 128-bit MAC, fit for a local part (RFC 5321)."""
    return f"{_base32(UUID(notice_id).bytes)}.{_base32(_mac(key, 'reply', notice_id)[:16])}"


def read_reply_token(key: bytes, token: str) -> str | None:
    """The id of the notice that is being answered, or None when the token is not ours."""
    if not REPLY_TOKEN.fullmatch(token):
        return None
    head, _, _ = token.lower().partition(".")
    notice_id = UUID(bytes=base64.b32decode(head.upper() + "======")).hex
    return notice_id if hmac.compare_digest(token.lower(), reply_token(key, notice_id)) else None


def tracking_secret(key: bytes, complaint_id: str) -> str:
    """100 bits in four groups of five; derived, so that a repeated request shows the same receipt again."""
    text = _base32(_mac(key, "track", complaint_id))[:20]
    return "-".join(text[i : i + 5] for i in range(0, 20, 5))


def link_token() -> str:
    """256 random bits for a link that lets its holder act."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is stored in place of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _mac(key: bytes, purpose: str, message: str) -> bytes:
    return hmac.digest(key, f"{purpose}\0{message}".encode(), "sha256")


def _base32(value: bytes) -> str:
    return base64.b32encode(value).decode().rstrip("=").lower()
