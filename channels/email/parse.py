"""Raw mail to Envelope. Pure: bytes in, one envelope out, whatever the bytes are."""

import email
import hashlib
from datetime import datetime
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32

from casefile.envelope import Bounce, Channel, Envelope, Nature, RawRef, Sender, Thread
from casefile.language import guess_language
from casefile.text import clean_header, clean_text
from casefile.token import REPLY_TOKEN
from channels.email.addresses import Mailbox, read_addresses
from channels.email.bounce import is_success, read_bounce
from channels.email.charset import decode
from channels.email.headers import Headers, message_ids, newest_date
from channels.email.html_text import HtmlText, to_text
from channels.email.nature import automatic, judge
from channels.email.parts import Body, Contents, take_apart
from channels.email.quoting import split_reply

MAX_TEXT = 1024 * 1024
MAX_DEFECTS = 50

_ENVELOPE_TO = ("delivered-to", "x-original-to", "envelope-to")
_LEADING_NOISE = b"\xef\xbb\xbf \t\r\n"


def parse(raw: bytes, received_at: datetime | None = None) -> Envelope:
    """Never raises. What cannot be read is in `defects`; the worst case is the raw bytes as text."""
    failures: list[str] = []
    for read in (_whole, _headers_only):
        try:
            return _envelope(read(raw.lstrip(_LEADING_NOISE)), raw, received_at, failures)
        except Exception as error:  # no mail may stop the ones behind it: whatever it broke, a person will look at it
            failures = [f"parser: {type(error).__name__}, shown as it came"]
    return _unparsed(raw, received_at, failures)


def _whole(raw: bytes) -> Message:
    return email.message_from_bytes(raw, policy=compat32)


def _headers_only(raw: bytes) -> Message:
    return BytesHeaderParser(policy=compat32).parsebytes(raw)


def message_id(raw: bytes) -> str:
    """The Message-ID alone, empty when there is none."""
    headers = Headers(_headers_only(raw[: 256 * 1024].lstrip(_LEADING_NOISE)), [])
    ids = message_ids(headers.first("message-id"))
    return ids[0] if ids else ""


def _envelope(message: Message, raw: bytes, received_at: datetime | None, known: list[str]) -> Envelope:
    defects = list(known)
    headers = Headers(message, defects)
    contents = take_apart(message, defects)
    sender = _sender(headers, defects)
    subject = headers.text("subject")
    lines, quoted, earlier = _lines(contents.bodies, defects)
    full_text = "\n".join(lines).strip("\n")
    bounce = read_bounce(headers, sender, subject, full_text, contents)
    nature = _nature(headers, contents, sender, subject, bounce)
    reply = split_reply(lines, quoted, earlier)
    return Envelope(
        channel=Channel.EMAIL,
        external_id=next(iter(message_ids(headers.first("message-id"))), None),
        received_at=received_at or newest_date(headers),
        nature=nature,
        sender=sender,
        recipients=_recipients(headers, defects),
        subject=subject,
        text=reply.text,
        quoted=reply.quoted,
        full_text=full_text,
        language=guess_language(reply.text) or guess_language(subject),
        attachments=tuple(contents.attachments),
        thread=_thread(headers),
        bounce=bounce if nature is Nature.BOUNCE else None,
        defects=_listed(defects),
        raw=_reference(raw),
    )


def _nature(headers: Headers, contents: Contents, sender: Sender, subject: str, bounce: Bounce | None) -> Nature:
    plain = judge(headers, contents.types, is_automatic=automatic(headers, sender, subject))
    if bounce is None or plain is Nature.DELIVERY_RECEIPT or "message/feedback-report" in contents.types:
        return plain
    return Nature.DELIVERY_RECEIPT if is_success(bounce) else Nature.BOUNCE


def _unparsed(raw: bytes, received_at: datetime | None, defects: list[str]) -> Envelope:
    text = clean_text(decode(raw[:MAX_TEXT]).text)
    return Envelope(
        channel=Channel.EMAIL,
        received_at=received_at,
        text=text,
        full_text=text,
        defects=tuple(defects),
        raw=_reference(raw),
    )


def _reference(raw: bytes) -> RawRef:
    return RawRef(sha256=hashlib.sha256(raw).hexdigest(), size=len(raw))


def _sender(headers: Headers, defects: list[str]) -> Sender:
    """Who the mail says wrote it; that is a claim, not a proof."""
    found = read_addresses(headers.first("from"), defects)
    if len(headers.all("from")) > 1 or sum(bool(mailbox.address) for mailbox in found) > 1:
        defects.append("from: more than one address, the first is taken")
    named = [mailbox for mailbox in found if mailbox.address] or found
    if not named:
        defects.append("from: missing")
        named = read_addresses(headers.first("sender", "reply-to"), defects) or [Mailbox(None, None)]
    return Sender(name=named[0].name, email=named[0].address)


def _recipients(headers: Headers, defects: list[str]) -> tuple[str, ...]:
    visible = [value for name in ("to", "cc") for value in headers.all(name)]
    values = visible + [value for name in _ENVELOPE_TO for value in headers.all(name)]
    found = [mailbox.address for value in values for mailbox in read_addresses(value, defects)]
    return tuple(dict.fromkeys(address for address in found if address))


def _thread(headers: Headers) -> Thread:
    answered = headers.message_ids("in-reply-to")
    addressed = (value for name in ("to", "cc", *_ENVELOPE_TO) for value in headers.all(name))
    token = next((match[0].lower() for match in map(REPLY_TOKEN.search, addressed) if match), None)
    return Thread(
        in_reply_to=answered[0] if answered else None, references=headers.message_ids("references"), token=token
    )


def _lines(bodies: list[Body], defects: list[str]) -> tuple[list[str], set[int], int | None]:
    """All readable text, the numbers of quoted lines, and from where an earlier mail is repeated."""
    lines: list[str] = []
    quoted: set[int] = set()
    earlier: int | None = None
    for body in bodies:
        source = _readable(body, defects)
        if lines:
            lines.append("")
        if earlier is None and source.earlier is not None:
            earlier = len(lines) + source.earlier
        quoted.update(len(lines) + number for number in source.quoted)
        lines.extend(clean_text(line) for line in source.text.split("\n"))
    if sum(map(len, lines)) > MAX_TEXT:
        defects.append(f"text: cut at {MAX_TEXT} characters")
        lines = "\n".join(lines)[:MAX_TEXT].split("\n")
    return lines, {number for number in quoted if number < len(lines)}, earlier


def _readable(body: Body, defects: list[str]) -> HtmlText:
    if body.plain and body.plain.strip():
        return HtmlText(clean_text(body.plain))
    return to_text(clean_text(body.html), defects) if body.html else HtmlText("")


def _listed(defects: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(clean_header(defect) for defect in defects))[:MAX_DEFECTS]
