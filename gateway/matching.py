"""What an inbound message belongs to: a new case, a case that we have, or one of our own notices coming back."""

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from casefile.envelope import Channel, Envelope, Nature
from casefile.errors import NotFound
from casefile.inbound import Outcome
from casefile.notice import Notice
from casefile.store import complaints, inbound, outbox
from casefile.store.inbound import Kept
from casefile.token import read_reply_token


@dataclass(frozen=True)
class Match:
    """`by` says how the case was found; `known_sender` whether the address is one that the case already has."""

    outcome: Outcome
    complaint_id: str | None = None
    notice: Notice | None = None
    by: str = ""
    known_sender: bool = True


NEW = Match(Outcome.OPENED)


def match(tx: Connection, kept: Kept, envelope: Envelope, key: bytes) -> Match:
    answered = _answered_notice(tx, envelope, key)
    case_id = answered.complaint_id if answered else None
    match envelope.nature:
        case Nature.BOUNCE:
            returned = _returned_notice(tx, envelope) or answered
            return Match(Outcome.RETURNED, returned.complaint_id if returned else None, returned)
        case Nature.MESSAGE:
            return _message(tx, kept, envelope, answered)
        case _:
            return Match(Outcome.AUTOMATIC, case_id)


def _message(tx: Connection, kept: Kept, envelope: Envelope, answered: Notice | None) -> Match:
    same_id = inbound.siblings(tx, kept) if kept.external_id else []
    for case_id, earlier in same_id:
        if _same_content(earlier, envelope):
            return Match(Outcome.REPEATED, case_id, by="the same message")
    if answered:
        return _into(tx, answered.complaint_id, envelope, "an answer to our notice", known=[answered.to])
    if envelope.channel is Channel.WEB and same_id:
        return Match(Outcome.ADDED, same_id[0][0], by="the same form")
    return _earlier_mail(tx, envelope) or NEW


def _answered_notice(tx: Connection, envelope: Envelope, key: bytes) -> Notice | None:
    """By the token in the address, else by the ids that it refers to: both hold 128 bits that only we gave out."""
    notice_id = read_reply_token(key, envelope.thread.token) if envelope.thread.token else None
    if notice_id:
        try:
            return outbox.get(tx, notice_id)
        except NotFound:
            return None
    referred = _referred(envelope)
    found = outbox.by_message_ids(tx, referred)
    return min(found, key=lambda notice: referred.index(notice.message_id), default=None)


def _returned_notice(tx: Connection, envelope: Envelope) -> Notice | None:
    original = envelope.bounce.message_id if envelope.bounce else None
    found = outbox.by_message_ids(tx, [original]) if original else []
    return found[0] if found else None


def _earlier_mail(tx: Connection, envelope: Envelope) -> Match | None:
    """A mail that refers to the sender's own earlier one; anybody else's reference opens a case of its own."""
    for case_id in inbound.case_of_message(tx, _referred(envelope)):
        found = _into(tx, case_id, envelope, "an answer to an earlier message")
        if found.known_sender:
            return found
    return None


def _into(tx: Connection, case_id: str, envelope: Envelope, by: str, known: list[str] | None = None) -> Match:
    case = complaints.get(tx, case_id)
    addresses = _folded(case.complainant.email, case.complainant.phone, *(known or []))
    sender = _folded(envelope.sender.email, envelope.sender.phone)
    return Match(Outcome.ADDED, case_id, by=by, known_sender=bool(addresses & sender))


def _folded(*addresses: str | None) -> set[str]:
    """In practice no mail server tells capitals apart, and programs write them as they like."""
    return {address.casefold() for address in addresses if address}


def _referred(envelope: Envelope) -> list[str]:
    """What is answered first, then the nearest of what went before."""
    thread = envelope.thread
    return list(dict.fromkeys([*([thread.in_reply_to] if thread.in_reply_to else []), *reversed(thread.references)]))


def _same_content(one: Envelope, other: Envelope) -> bool:
    """A copy by another way (a second mailbox) differs in its transfer headers only."""
    files = [sorted(file.sha256 for file in envelope.attachments) for envelope in (one, other)]
    return one.full_text == other.full_text and one.sender == other.sender and files[0] == files[1]
