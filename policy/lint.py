"""What a pack can get wrong although every field has the right form."""

import re
from collections.abc import Iterator

from casefile.envelope import Channel
from casefile.errors import ConfigError
from policy.calendar import calendar_named
from policy.condition import Check
from policy.vocabulary import CaseEvent, DutyRule, Pack
from policy.yaml import Finding, Loc, did_you_mean

RESOLVABLE = {
    "complainant": "case_party",
    "handling_unit": "unit",
    "desk": "unit",
}  # whom the hub can find an address for
VALUES = {"channel": frozenset(Channel)}  # what a condition may compare, and with what


def lint(pack: Pack) -> Iterator[Finding]:
    yield from _calendar(pack)
    yield from _roles(pack)
    yield from _ids(pack)
    for index, duty in enumerate(pack.duties):
        at = ("duties", index)
        yield from _parties(pack, duty, at)
        yield from _article(pack, duty, at)
        yield from _condition(pack, duty, at)
        yield from _ending(duty, at)


def _calendar(pack: Pack) -> Iterator[Finding]:
    try:
        calendar_named(pack.calendars.wd)
    except ConfigError as error:
        yield Finding(("calendars", "wd"), f"{pack.calendars.wd!r}: {error.what}", error.mend)


def _roles(pack: Pack) -> Iterator[Finding]:
    for name, role in pack.roles.items():
        if name not in RESOLVABLE:
            yield Finding(("roles", name), "a role that resolves to nobody", did_you_mean(name, RESOLVABLE))
        elif role.kind != RESOLVABLE[name]:
            yield Finding(("roles", name, "kind"), f"{name} is not a {role.kind}", f"Write {RESOLVABLE[name]}")
    for name, flag in pack.classify.flags.items():
        if flag.set_by not in pack.roles:
            loc = ("classify", "flags", name, "set_by")
            yield Finding(loc, f"unknown role {flag.set_by!r}", did_you_mean(flag.set_by, pack.roles))


def _ids(pack: Pack) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, duty in enumerate(pack.duties):
        if duty.id in seen:
            yield Finding(("duties", index, "id"), f"two duties are called {duty.id!r}", "Rename one of them")
        seen.add(duty.id)


def _parties(pack: Pack, duty: DutyRule, at: Loc) -> Iterator[Finding]:
    for key, names in (("by", (duty.by,)), ("to", duty.to)):
        for name in names:
            if name not in pack.roles:
                yield Finding((*at, key), f"unknown role {name!r}", did_you_mean(name, pack.roles))


def _article(pack: Pack, duty: DutyRule, at: Loc) -> Iterator[Finding]:
    """`18(1),13` cites articles 18 and 13. A pack without `articles` may cite anything but nothing."""
    for part in duty.cite.split(","):
        article = re.sub(r"\(.*", "", part).strip()
        if not article:
            yield Finding((*at, "cite"), f"duty {duty.id!r} cites no article", "Write the number of the article")
        elif pack.articles and article not in pack.articles:
            yield Finding((*at, "cite"), f"no article {article!r} in this pack", did_you_mean(article, pack.articles))


def _condition(pack: Pack, duty: DutyRule, at: Loc) -> Iterator[Finding]:
    for check in duty.if_.tests if duty.if_ else ():
        known = _words(pack, check)
        for word in check.values or (check.name,):
            if word not in known:
                yield Finding((*at, "if"), f"unknown word {word!r}", did_you_mean(word, known))


def _words(pack: Pack, check: Check) -> frozenset[str]:
    if check.values:
        return VALUES.get(check.name, frozenset())
    return frozenset(CaseEvent) | pack.classify.flags.keys()


def _ending(duty: DutyRule, at: Loc) -> Iterator[Finding]:
    if duty.send is None and duty.done_on is None:
        what = f"nothing would ever end duty {duty.id!r}"
        yield Finding(at, what, "Add done_on: EVENT, or send: at_once or when_due if the hub sends it")
