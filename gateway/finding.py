"""What a check of the doctor says."""

from enum import StrEnum

from casefile.model import Record


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


class Finding(Record):
    """`mend` is empty when nothing needs mending."""

    state: State
    what: str
    mend: str = ""


class Named(Finding):
    """A finding, and which check made it."""

    name: str


def ok(what: str) -> Finding:
    return Finding(state=State.OK, what=what)


def warn(what: str, mend: str) -> Finding:
    return Finding(state=State.WARN, what=what, mend=mend)


def fail(what: str, mend: str) -> Finding:
    return Finding(state=State.FAIL, what=what, mend=mend)
