"""Plain dialogues: a speaker's label opens a turn, sometimes with a time. `[00:12] 坐席: 您好`, `Caller: My card …`."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from casefile.envelope import Turn
from channels.hotline.clock import instant, seconds
from channels.hotline.header import Header, is_known, read_header
from channels.hotline.transcript import Transcript

_CLOCK = r"\d{1,3}(?:[:：]\d{2}){1,2}(?:[.,]\d{1,3})?"
_GAP = r"\s{0,4}"  # bounded, so that a line of nothing but spaces takes no longer than any other
_TURN = re.compile(
    rf"""
    (?: [\[(（【]? {_GAP} (?P<start>{_CLOCK}) {_GAP} [\])）】]? {_GAP} )?
    (?: (?P<agent> 坐席员?|座席员?|客服(?:代表|人员)?|话务员|接线员|受理员|工作人员|agent|operator|representative )
      | (?P<customer> 客户|来电人|来电者|市民|用户|顾客|投诉人|customer|caller|client )
      | (?P<unknown> 说话人|发言人|未知|系统|speaker|unknown|system ) )
    (?: \s? [(（] (?! {_GAP} {_CLOCK} ) (?P<name>[^()（）]{{1,30}}) [)）] | [ #]? (?P<no>[A-Za-z]?\d{{1,8}}) )?
    (?: {_GAP} [\[(（【] {_GAP} (?P<start_after>{_CLOCK}) {_GAP} [\])）】] )?
    {_GAP} [:：] (?P<text>.*)""",
    re.IGNORECASE | re.VERBOSE,
)
_SPEAKERS = ("agent", "customer", "unknown")
_STAFF_NO = re.compile(r"工号\s*")


def read_dialogue(text: str, zone: tzinfo) -> Transcript:
    """Never raises. A text without labels is one turn of an unknown speaker."""
    lines = [line.strip() for line in text.split("\n")]
    first = next((no for no, line in enumerate(lines) if _TURN.match(line)), None)
    if first is None:
        return _unlabelled(lines, zone)
    spoken = _spoken(lines[first:])
    turns = tuple(_turn(label, words) for label, words in spoken)
    agents = (_STAFF_NO.sub("", label["no"] or label["name"] or "") for label, _ in spoken if label["agent"])
    return _transcript(turns, read_header(lines[:first]), zone, agent=next(filter(None, agents), None))


def _spoken(lines: Sequence[str]) -> list[tuple[re.Match[str], list[str]]]:
    """Each label with its words; a line without a label goes on with the turn above it."""
    spoken: list[tuple[re.Match[str], list[str]]] = []
    for line in lines:
        if label := _TURN.match(line):
            spoken.append((label, [label["text"].strip()]))
        else:
            spoken[-1][1].append(line)
    return spoken


def _turn(label: re.Match[str], words: list[str]) -> Turn:
    speaker = next(name for name in _SPEAKERS if label[name])
    start = label["start"] or label["start_after"]
    return Turn(speaker=speaker, start_s=seconds(start) if start else None, text="\n".join(filter(None, words)))


def _unlabelled(lines: Sequence[str], zone: tzinfo) -> Transcript:
    end = next((no for no, line in enumerate(lines) if line and not is_known(line)), len(lines))
    words = "\n".join(lines[end:]).strip()
    if not words:
        return _transcript((), read_header(lines), zone, defects=("transcript: no words",))
    turns = (Turn(text=words),)
    return _transcript(turns, read_header(lines[:end]), zone, defects=("speakers: no labels, kept as one turn",))


def _transcript(
    turns: tuple[Turn, ...], header: Header, zone: tzinfo, agent: str | None = None, defects: tuple[str, ...] = ()
) -> Transcript:
    known = header.known
    started_at = instant(known.get("started_at", ""), zone)
    ended_at = instant(known.get("ended_at", ""), zone)
    duration_s = seconds(known.get("duration", ""))
    unread = _unread(known, {"started_at": started_at, "ended_at": ended_at, "duration": duration_s})
    return Transcript(
        turns=turns,
        call_id=known.get("call_id"),
        caller=known.get("caller"),
        caller_name=known.get("caller_name"),
        called=known.get("called"),
        agent=known.get("agent", agent),
        started_at=started_at,
        duration_s=_between(started_at, ended_at) if duration_s is None else duration_s,
        fields=header.others | unread,
        defects=(*defects, *(f"{name}: {value!r} cannot be read" for name, value in unread.items())),
    )


def _unread(known: Mapping[str, str], read: Mapping[str, datetime | float | None]) -> dict[str, str]:
    return {name: known[name] for name, value in read.items() if value is None and name in known}


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end and end >= start else None
