"""What a complaint that comes over the web must fulfil before it is accepted. Contact is optional."""

from collections.abc import Mapping
from dataclasses import dataclass

from casefile.envelope import Envelope

_MB = 2**20


@dataclass(frozen=True)
class WebLimits:
    """`max_request` and `max_file` in bytes, `max_text` and `max_field` in characters, `max_seconds` to send it all."""

    max_request: int = 32 * _MB
    max_text: int = 20_000
    max_field: int = 200
    max_files: int = 10
    max_file: int = 20 * _MB
    max_seconds: float = 300

    def words(self) -> dict[str, int]:
        """The limits as messages to people name them."""
        return {
            "request_mb": self.max_request // _MB,
            "text_chars": self.max_text,
            "field_chars": self.max_field,
            "files": self.max_files,
            "file_mb": self.max_file // _MB,
        }


def problems(envelope: Envelope, limits: WebLimits) -> dict[str, str]:
    """Field -> message key; empty when the complaint can be accepted."""
    found = {name: "problem.too_long" for name, value in typed(envelope).items() if len(value) > limits.max_field}
    found |= {name: f"problem.{name}" for name in ("email", "phone", "contact") if name in envelope.fields}
    text = _text_problem(envelope.text, limits)
    files = _files_problem(envelope, limits)
    return ({"text": text} if text else {}) | found | ({"attachments": files} if files else {})


def typed(envelope: Envelope) -> Mapping[str, str]:
    """The small fields as the sender gave them."""
    sender = envelope.sender
    own = {"name": sender.name, "email": sender.email, "phone": sender.phone, "subject": envelope.subject}
    return {name: value for name, value in own.items() if value} | envelope.fields


def _text_problem(text: str, limits: WebLimits) -> str | None:
    if not text:
        return "problem.text_empty"
    return "problem.text_too_long" if len(text) > limits.max_text else None


def _files_problem(envelope: Envelope, limits: WebLimits) -> str | None:
    if len(envelope.attachments) > limits.max_files:
        return "problem.too_many_files"
    if any(attachment.size > limits.max_file for attachment in envelope.attachments):
        return "problem.file_too_big"
    return None
