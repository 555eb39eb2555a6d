"""rules.yaml: the routing table, an ordered list of named rules of which the last leaves the decision to a person."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from casefile.envelope import Channel
from casefile.model import Record
from policy.yaml import Document, Finding, Loc, Misfit, did_you_mean
from router.office_file import DESK
from router.offices import Offices

LAST = "a-person-decides"
_LAST_RULE = f"End the list with: - {{id: {LAST}, when: always, office: {DESK}}}"


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_Words = Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]
_Channels = Annotated[tuple[Channel, ...], BeforeValidator(_as_list), Field(min_length=1)]


class When(Record):
    """All conditions that are given must hold; each holds when one of its words does. None at all is `always`."""

    channel: _Channels | None = None
    product: _Words | None = None
    region: _Words | None = None
    branch: _Words | None = None
    keywords: _Words | None = None

    @model_validator(mode="before")
    @classmethod
    def _always(cls, value: Any) -> Any:
        if value == "always":
            return {}
        if not isinstance(value, dict) or not value:
            raise Misfit("states no condition", "Write when: always, or when: {keywords: [...]}")
        return value

    @property
    def always(self) -> bool:
        return not self.model_fields_set


class Target(Record):
    """An office by its id, or the way to find it: exactly one of these."""

    id: str | None = None
    branch_named: Literal[True] | None = None
    by_region: Literal[True] | None = None
    by_product: Literal[True] | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain_id(cls, value: Any) -> Any:
        return {"id": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise Misfit("an office is found in one way", "Write an office id, or {branch_named: true}")
        return self


class Recuse(Record):
    """Who steps aside. `people`: an office whose people are named; `branch`: the office complained about."""

    people: bool = True
    branch: bool = False


class Rule(Record):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    when: When
    office: Target
    recuse: Recuse = Recuse()

    @property
    def takes_everything(self) -> bool:
        return self.when.always and self.office.id is not None


class Table(Record):
    """First match wins. The last rule takes everything that is left."""

    rules: tuple[Rule, ...]

    @classmethod
    def load(cls, path: Path, offices: Offices) -> "Table":
        """Raises ConfigError."""
        return cls.read(Document.read(path), offices)

    @classmethod
    def read(cls, document: Document, offices: Offices) -> "Table":
        """Raises ConfigError."""
        table = document.build(cls)
        document.check(_findings(table.rules, offices))
        return table


def _findings(rules: Sequence[Rule], offices: Offices) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        at: Loc = ("rules", index)
        if rule.id in seen:
            yield Finding((*at, "id"), f"two rules are called {rule.id!r}", "Rename one of them")
        seen.add(rule.id)
        if index and rules[index - 1].takes_everything:
            above = rules[index - 1].id
            what = f"rule {rule.id!r} is never reached: {above!r} above it takes everything"
            yield Finding(at, what, f"Give {above!r} a condition, or remove it and let the desk take the rest")
        yield from _office(rule, at, offices)
    yield from _last(rules)


def _office(rule: Rule, at: Loc, offices: Offices) -> Iterator[Finding]:
    if rule.office.id is None:
        return
    office = offices.get(rule.office.id)
    if office is None:
        known = (DESK, *(o.id for o in offices))
        yield Finding((*at, "office"), f"unknown office {rule.office.id!r}", did_you_mean(rule.office.id, known))
    elif office.email is None:
        yield Finding((*at, "office"), f"office {office.id!r} has no email", "Add one in offices.yaml")


def _last(rules: Sequence[Rule]) -> Iterator[Finding]:
    last = rules[-1] if rules else None
    if last is None or last.id != LAST or not last.when.always or last.office.id != DESK:
        loc: Loc = ("rules", len(rules) - 1) if rules else ("rules",)
        yield Finding(loc, f"the last rule is not {LAST!r}", _LAST_RULE)
