"""What somebody wrote now, apart from what their mail program repeated below or between it.

Line by line and linear in the size of the text. When in doubt a line counts as new: `full_text` keeps everything,
but a complaint must not vanish behind a guess.
"""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from channels.email import wording

_GAPS = re.compile(r"\n{3,}")
_LONGEST = 500  # no attribution or header line is longer


class Reply(NamedTuple):
    text: str
    quoted: str


def split_reply(lines: Sequence[str], quoted: Collection[int] = (), earlier: int | None = None) -> Reply:
    """`quoted` and `earlier` are what the HTML said already: quoted lines, and where an earlier mail begins."""
    end = len(lines) if earlier is None else earlier
    new = [True] * end + [False] * (len(lines) - end)
    for number in quoted:
        new[number] = False
    _walk(lines, new, end)
    _drop_signature(lines, new)
    text = _join(lines, new, wanted=True)
    if not text:
        return Reply(_join(lines, [True] * len(lines), wanted=True), "")
    return Reply(text, _join(lines, new, wanted=False))


def _walk(lines: Sequence[str], new: list[bool], end: int) -> None:
    at = 0
    while at < end:
        if lines[at].lstrip().startswith(">"):
            new[at] = False
        elif new[at] and _opens_earlier_mail(lines, at):
            _hide(new, _with_rule_above(lines, at), len(lines))
            return
        elif new[at] and (length := _attribution(lines, at)):
            if not _quoted_next(lines, new, at + length):
                _hide(new, at, len(lines))
                return
            _hide(new, at, at + length)
            at += length - 1
        at += 1


def _hide(new: list[bool], start: int, stop: int) -> None:
    new[start:stop] = [False] * (stop - start)


def _opens_earlier_mail(lines: Sequence[str], at: int) -> bool:
    line = lines[at]
    if len(line) > _LONGEST:
        return False
    if wording.RULE.match(line) or line.strip() == "__":
        return at + 1 < len(lines) and bool(wording.LIST_FOOTER.search(lines[at + 1][:_LONGEST]))
    return bool(wording.SEPARATOR.match(line)) or _header_block(lines, at)


def _header_block(lines: Sequence[str], at: int) -> bool:
    """A From line with at least two of Sent, To, Subject ... close below (or a label and From below it)."""
    following = [line for line in lines[at + 1 : at + 12] if line.strip()][:6]
    if wording.FROM_LABEL.match(lines[at]):
        return sum(bool(wording.OTHER_LABEL.match(line)) for line in following) >= 2
    if wording.OTHER_LABEL.match(lines[at]) and following:
        labels = [bool(wording.FROM_LABEL.match(line)) for line in following[:3]]
        return any(labels) and bool(wording.OTHER_LABEL.match(following[1 if labels[0] and len(following) > 1 else 0]))
    return False


def _attribution(lines: Sequence[str], at: int) -> int:
    """How many lines from `at` say who wrote what follows, and when; 0 when they do not."""
    joined = ""
    longest = 4 if wording.ATTRIBUTION_STARTS.match(lines[at][:_LONGEST]) else 1
    for number, line in enumerate(lines[at : at + longest], 1):
        joined = f"{joined} {line.strip()}".strip()
        if not line.strip() or len(joined) > _LONGEST:
            return 0
        if joined.endswith(wording.ATTRIBUTION_ENDS) and _is_attribution(joined):
            return number
    return 0


def _is_attribution(line: str) -> bool:
    if wording.WROTE.search(line):
        return bool(wording.DATED.search(line) or wording.SOMEBODY_WROTE.match(line))
    return bool(wording.DATE_AND_ADDRESS.match(line))


def _quoted_next(lines: Sequence[str], new: Sequence[bool], at: int) -> bool:
    """Whether the next line with anything on it is marked as a quotation."""
    for number in range(at, len(lines)):
        if lines[number].strip():
            return not new[number] or lines[number].lstrip().startswith(">")
    return False


def _with_rule_above(lines: Sequence[str], at: int) -> int:
    above = at - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    return above if above >= 0 and wording.RULE.match(lines[above]) else at


def _drop_signature(lines: Sequence[str], new: list[bool]) -> None:
    """The signature below `-- ` (RFC 3676 section 4.3), and what a telephone adds about itself."""
    last = _last(lines, new)
    for at in range(max(0, last - 15), last + 1):
        if new[at] and lines[at].rstrip() == "--" and any(new[i] and lines[i].strip() for i in range(at)):
            _hide(new, at, last + 1)
            break
    last = _last(lines, new)
    if last > 0 and len(lines[last]) <= 120 and wording.SENT_FROM.match(lines[last]):
        new[last] = False


def _last(lines: Sequence[str], new: Sequence[bool]) -> int:
    return next((at for at in reversed(range(len(lines))) if new[at] and lines[at].strip()), -1)


def _join(lines: Sequence[str], new: Sequence[bool], *, wanted: bool) -> str:
    chosen = [line.rstrip() for line, is_new in zip(lines, new, strict=True) if is_new is wanted]
    return _GAPS.sub("\n\n", "\n".join(chosen)).strip("\n")
