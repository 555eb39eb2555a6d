"""One rule against one complaint: the office it leads to, or why it does not apply."""

from collections.abc import Iterator
from typing import NamedTuple

from casefile.office import Office
from router.facts import Facts
from router.offices import Named, Offices
from router.table import LAST, Rule, When
from router.words import fold, found_in, same

_LABELS = {"channel": "渠道", "product": "产品", "region": "地区", "branch": "网点"}


class Match(NamedTuple):
    """`reasons` say why the rule leads to `office`, or, without one, why it does not apply."""

    office: Office | None
    reasons: tuple[str, ...]


class Verdict(NamedTuple):
    held: bool
    sentence: str


def match(rule: Rule, facts: Facts, offices: Offices) -> Match:
    verdicts = list(_conditions(rule.when, facts))
    failed = tuple(v.sentence for v in verdicts if not v.held)
    if failed:
        return Match(None, failed)
    found = _target(rule, facts, offices)
    return found if found.office is None else Match(found.office, (*(v.sentence for v in verdicts), *found.reasons))


def branch_complained_about(facts: Facts, offices: Offices) -> tuple[Named, ...]:
    """The branch field decides if it names an office, by its id or its name; otherwise the text does."""
    by_id = offices.get((facts.branch or "").strip())
    if by_id and by_id.email:
        return (Named(by_id, by_id.id),)
    return offices.named_in(fold(facts.branch or "")) or offices.named_in(facts.words)


def _conditions(when: When, facts: Facts) -> Iterator[Verdict]:
    for name, label in _LABELS.items():
        wanted: tuple[str, ...] | None = getattr(when, name)
        if wanted:
            yield _compare(name, label, wanted, getattr(facts, name))
    if when.keywords:
        yield _keywords(when.keywords, facts)


def _compare(name: str, label: str, wanted: tuple[str, ...], given: str | None) -> Verdict:
    if not given:
        return Verdict(False, f"未写明{label} / no {name} is given")
    if any(same(given, word) for word in wanted):
        return Verdict(True, f"{label}为“{given}” / the {name} is '{given}'")
    listed = ", ".join(wanted)
    return Verdict(False, f"{label}为“{given}”,不是“{listed}” / the {name} is '{given}', not '{listed}'")


def _keywords(wanted: tuple[str, ...], facts: Facts) -> Verdict:
    found = next((word for word in wanted if found_in(word, facts.words)), None)
    if found:
        return Verdict(True, f"文中有“{found}” / the text says '{found}'")
    listed = ", ".join(wanted)
    return Verdict(False, f"文中没有“{listed}” / the text has none of '{listed}'")


def _target(rule: Rule, facts: Facts, offices: Offices) -> Match:
    target = rule.office
    if target.branch_named:
        return _branch_named(facts, offices)
    if target.by_region:
        return _serving("region", facts.region, offices.serving_region(facts.region or ""))
    if target.by_product:
        return _serving("product", facts.product, offices.serving_product(facts.product or ""))
    if rule.id == LAST:
        return Match(offices.desk, ("没有其他规则适用,由人决定 / no other rule applies, a person decides",))
    return Match(offices.get(target.id or ""), (f"规则指定“{target.id}” / the rule names '{target.id}'",))


def _branch_named(facts: Facts, offices: Offices) -> Match:
    named = branch_complained_about(facts, offices)
    if not named:
        return Match(None, ("没有提到任何机构 / no office is named",))
    if len(named) > 1:
        listed = ", ".join(n.words for n in named)
        return Match(None, (f"提到不止一个机构:“{listed}” / more than one office is named: '{listed}'",))
    return Match(named[0].office, (f"提到机构“{named[0].words}” / the office '{named[0].words}' is named",))


def _serving(name: str, given: str | None, found: tuple[Office, ...]) -> Match:
    label = _LABELS[name]
    if not given:
        return Match(None, (f"未写明{label} / no {name} is given",))
    listed = ", ".join(office.id for office in found)
    if len(found) == 1:
        return Match(found[0], (f"{label}“{given}”由“{listed}”负责 / the {name} '{given}' belongs to '{listed}'",))
    if not found:
        return Match(None, (f"{label}“{given}”没有机构负责 / no office serves the {name} '{given}'",))
    return Match(
        None, (f"{label}“{given}”由多个机构负责:{listed} / several offices serve the {name} '{given}': {listed}",)
    )
