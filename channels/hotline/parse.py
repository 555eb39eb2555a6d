"""A call transcript becomes an envelope, with the call as evidence."""

import hashlib
from datetime import datetime, timedelta, timezone, tzinfo

from casefile.envelope import Call, Channel, Envelope, RawRef, Sender, Turn
from casefile.language import guess_language
from casefile.phone import e164
from casefile.text import clean_id, clean_text
from channels.hotline.decode import decode
from channels.hotline.dialogue import read_dialogue
from channels.hotline.transcript import Transcript

CHINA_TIME = timezone(timedelta(hours=8))


def parse(
    raw: bytes, received_at: datetime | None = None, *, region: str = "CN", zone: tzinfo = CHINA_TIME
) -> Envelope:
    """Never raises: what is odd about the transcript is in `defects`.

    `received_at` is when it was handed over; the institution had the complaint when the call began.
    `region` and `zone` are those of numbers and times that name none.
    """
    decoded, unreadable = decode(raw)
    full_text = clean_text(decoded).strip()
    transcript = read_dialogue(full_text, zone)
    text = _account(transcript.turns)
    phone = e164(transcript.caller, region) if transcript.caller else None
    return Envelope(
        channel=Channel.HOTLINE,
        external_id=clean_id(transcript.call_id or "") or None,
        received_at=_earlier(transcript.started_at, received_at),
        sender=Sender(name=transcript.caller_name, phone=phone),
        recipients=_recipients(transcript.called, region),
        text=text,
        full_text=full_text,
        language=guess_language(text),
        call=_call(transcript),
        fields=dict(transcript.fields),
        defects=(*unreadable, *transcript.defects, *_defects(transcript, phone)),
        raw=RawRef(sha256=hashlib.sha256(raw).hexdigest(), size=len(raw)),
    )


def _account(turns: tuple[Turn, ...]) -> str:
    """What the customer said; when nobody is known to be the customer, what everybody said."""
    customer = [turn.text for turn in turns if turn.speaker == "customer" and turn.text]
    return "\n".join(customer or [turn.text for turn in turns if turn.text])


def _earlier(began: datetime | None, handed_over: datetime | None) -> datetime | None:
    """A call that seems to begin after it was handed over has a wrong clock."""
    return min((moment for moment in (began, handed_over) if moment), default=None)


def _recipients(called: str | None, region: str) -> tuple[str, ...]:
    """Ours may be a short number such as 12345, which has no E.164 form."""
    return (e164(called, region) or called,) if called else ()


def _call(transcript: Transcript) -> Call:
    return Call(
        id=transcript.call_id,
        started_at=transcript.started_at,
        duration_s=transcript.duration_s,
        agent=transcript.agent,
        turns=transcript.turns,
    )


def _defects(transcript: Transcript, phone: str | None) -> list[str]:
    found = []
    if transcript.caller and phone is None:
        found.append(f"caller: {transcript.caller!r} is not a number that can be called back")
    if transcript.turns and not any(turn.speaker == "customer" for turn in transcript.turns):
        found.append("speakers: nobody is marked as the customer, the text is everybody's")
    return found
