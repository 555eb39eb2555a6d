"""Mail that came back: delivery status notifications (RFC 3464), and the prose of systems that do not send them."""

import re
from collections.abc import Iterable, Iterator
from email.parser import BytesHeaderParser

from casefile.envelope import Bounce, BouncedRecipient, Sender
from casefile.text import clean_header
from channels.email import wording
from channels.email.headers import Headers, message_ids
from channels.email.nature import from_mail_system, null_return_path
from channels.email.parts import Contents

MAX_RECIPIENTS = 200
_NOTICE = 20_000  # characters of prose in which a mail system names the recipient

_ADDRESS = re.compile(r"[A-Za-z0-9_.+=/~!#$%&'*?^{|}-]{1,128}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_FIELD = re.compile(r"^([A-Za-z-]{1,60})\s*:[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.])([45])\d\d(?=[ -])")


def read_bounce(headers: Headers, sender: Sender, subject: str, text: str, contents: Contents) -> Bounce | None:
    """None when nothing came back. Actions are those of RFC 3464 section 2.3.3; prose counts as failed or delayed."""
    recipients = list(_from_statuses(contents.statuses))
    if not recipients:
        if not (contents.statuses or _tells_of_failure(headers, sender, subject, text)):
            return None
        recipients = list(_from_prose(headers, sender, subject, text))
    return Bounce(
        recipients=tuple(recipients[:MAX_RECIPIENTS]),
        permanent=_permanent(recipients, f"{subject}\n{text}"),
        message_id=_returned_id(headers, text, contents),
    )


def is_success(bounce: Bounce) -> bool:
    """A status notification in which all is well."""
    actions = {recipient.action for recipient in bounce.recipients}
    return bool(actions) and actions <= {"delivered", "relayed", "expanded"}


def _from_statuses(statuses: Iterable[bytes]) -> Iterator[BouncedRecipient]:
    for status in statuses:
        for block in re.split(r"\n[ \t]*\n", status.decode("utf-8", "replace").replace("\r\n", "\n")):
            fields = {name.lower(): " ".join(value.split()) for name, value in _FIELD.findall(block)}
            address = next(_addresses_of(fields), None)
            if address:
                yield _recipient(address, fields)


def _addresses_of(fields: dict[str, str]) -> Iterator[str]:
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        match = _ADDRESS.search(fields.get(name, ""))
        if match:
            yield match[0]


def _recipient(address: str, fields: dict[str, str]) -> BouncedRecipient:
    status = _STATUS.search(fields.get("status", ""))
    return BouncedRecipient(
        address=clean_header(address, 320),
        action=clean_header(fields.get("action", "failed").split(" ")[0].lower(), 20) or "failed",
        status=status[1] if status else None,
        diagnostic=clean_header(fields.get("diagnostic-code", ""), 500) or None,
    )


def _tells_of_failure(headers: Headers, sender: Sender, subject: str, text: str) -> bool:
    if headers.first("x-failed-recipients"):
        return True
    signs = [from_mail_system(sender) or null_return_path(headers), bool(wording.BOUNCE_SUBJECT.search(subject))]
    return any(signs) and (all(signs) or bool(wording.FAILED.search(text[:_NOTICE]))) and not _answers_a_person(subject)


def _answers_a_person(subject: str) -> bool:
    return bool(
        re.match(r"(?:re|回复|答复|回覆)\s*[:：]", subject, re.IGNORECASE)
    ) and not wording.BOUNCE_SUBJECT.search(subject)


def _from_prose(headers: Headers, sender: Sender, subject: str, text: str) -> Iterator[BouncedRecipient]:
    original = wording.ORIGINAL_FOLLOWS.search(text[:_NOTICE])
    notice = text[: original.start()] if original and _ADDRESS.search(text[: original.start()]) else text[:_NOTICE]
    action = "delayed" if wording.DELAYED.search(f"{subject}\n{notice}") else "failed"
    status = _STATUS.search(notice)
    named = _ADDRESS.findall(" ".join(headers.all("x-failed-recipients"))) or _named(
        notice, _not_these(headers, sender)
    )
    for address in dict.fromkeys(named or _ADDRESS.findall(subject)):
        line = next((line for line in notice.splitlines() if address in line and _REPLY_CODE.search(line)), "")
        yield BouncedRecipient(
            address=address,
            action=action,
            status=status[1] if status else None,
            diagnostic=clean_header(line, 500) or None,
        )


def _not_these(headers: Headers, sender: Sender) -> set[str]:
    """The mail system itself, and the one who wrote the mail that came back."""
    own = _ADDRESS.findall(" ".join([*headers.all("to"), *headers.all("delivered-to"), *headers.all("x-original-to")]))
    return {address.lower() for address in [*own, sender.email or ""]}


def _named(notice: str, others: set[str]) -> list[str]:
    likely: list[str] = []
    possible: list[str] = []
    for line in notice.splitlines():
        found = [a.strip("'") for a in _ADDRESS.findall(line[:1000]) if a.strip("'").lower() not in others]
        found = [a.rpartition("=")[2] if "SMTP=" in a.upper() else a for a in found]
        if found and not wording.NAMES_OTHERS.search(line):
            (likely if wording.NAMES_RECIPIENT.search(line) else possible).extend(found)
    return likely or possible


def _permanent(recipients: list[BouncedRecipient], prose: str) -> bool:
    """Whether sending again cannot help: some recipient failed, and not only for now (RFC 3463 class 4)."""
    if recipients:
        return any(r.action == "failed" and not (r.status or "5").startswith("4") for r in recipients)
    return not wording.DELAYED.search(prose[:_NOTICE])


def _returned_id(headers: Headers, text: str, contents: Contents) -> str | None:
    """The Message-ID of the mail that came back: from itself, its quoted headers, or what the notice refers to."""
    for returned in contents.returned:
        inner = BytesHeaderParser().parsebytes(returned[: 64 * 1024].lstrip())
        ids = message_ids(Headers(inner, []).first("message-id"))
        if ids:
            return ids[0]
    quoted = re.search(r"^[\s>]*message-id:\s*(<[^<>\s]{1,998}>)", text[:200_000], re.IGNORECASE | re.MULTILINE)
    if quoted:
        return message_ids(quoted[1])[0]
    refers = headers.message_ids("in-reply-to") or headers.message_ids("references")[-1:]
    return refers[0] if refers else None
