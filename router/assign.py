"""The decision: which office answers for a complaint, by which rule, why, and who had to step aside."""

from casefile.model import Record
from casefile.office import Office
from router.facts import Facts
from router.match import Match, branch_complained_about, match
from router.offices import Offices
from router.table import Rule, Table
from router.words import found_in

__all__ = ["Assignment", "Facts", "Miss", "Recused", "assign"]


class Miss(Record):
    rule: str
    why: str


class Recused(Record):
    office: str
    why: str


class Assignment(Record):
    """`office` and `recused` hold office ids; `ladder` those of the superiors of `office`, nearest first."""

    office: str
    rule: str
    reasons: tuple[str, ...]
    misses: tuple[Miss, ...] = ()
    recused: tuple[Recused, ...] = ()
    ladder: tuple[str, ...] = ()


def assign(facts: Facts, table: Table, offices: Offices) -> Assignment:
    misses: list[Miss] = []
    for rule in table.rules[:-1]:
        found = match(rule, facts, offices)
        if found.office:
            return _settle(rule, found, misses, facts, offices)
        misses.append(Miss(rule=rule.id, why="; ".join(found.reasons)))
    return _settle(table.rules[-1], match(table.rules[-1], facts, offices), misses, facts, offices)


def _settle(rule: Rule, found: Match, misses: list[Miss], facts: Facts, offices: Offices) -> Assignment:
    chosen, recused = _step_aside(found.office or offices.desk, rule, facts, offices)
    return Assignment(
        office=chosen.id,
        rule=rule.id,
        reasons=(*found.reasons, *_taken_over(chosen, recused)),
        misses=tuple(misses),
        recused=tuple(recused),
        ladder=tuple(office.id for office in offices.ladder(chosen)),
    )


def _step_aside(office: Office, rule: Rule, facts: Facts, offices: Offices) -> tuple[Office, list[Recused]]:
    """The first of the office, its superiors and the desk that need not step aside; if all must, the highest."""
    recused: list[Recused] = []
    line = [o for o in (office, *offices.ladder(office)) if o.email]
    for candidate in line if offices.desk in line else [*line, offices.desk]:
        why = _conflict(candidate, rule, facts, offices)
        if why is None:
            return candidate, recused
        recused.append(Recused(office=candidate.id, why=why))
    return line[-1], recused


def _taken_over(chosen: Office, recused: list[Recused]) -> tuple[str, ...]:
    if not recused:
        return ()
    if chosen.id in [r.office for r in recused]:
        return (
            f"上级均须回避,只能由最高一级“{chosen.id}”处理 / all must step aside, the highest, '{chosen.id}', is left",
        )
    return (f"由“{chosen.id}”接替回避的机构 / '{chosen.id}' takes over from those who step aside",)


def _conflict(office: Office, rule: Rule, facts: Facts, offices: Offices) -> str | None:
    person = next((name for name in office.people if found_in(name, facts.words)), None)
    if rule.recuse.people and person:
        return f"文中提到其人员“{person}” / the text names its '{person}'"
    if rule.recuse.branch and office in [named.office for named in branch_complained_about(facts, offices)]:
        return "投诉针对该机构 / the complaint is about this office"
    return None
