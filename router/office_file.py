"""offices.yaml: how it is written, and what it can get wrong although every field has the right form."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from casefile.model import Record
from casefile.office import Office
from policy.yaml import Finding, Loc, did_you_mean
from router.words import fold

DESK = "desk"  # what rules call the desk, whatever its id

_Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
_Text = Annotated[str, Field(min_length=1, pattern=r"\S")]


class OfficeNames(Record):
    zh: _Text
    en: _Text


class OfficeEntry(Record):
    """One office as the file writes it. Without an address it only groups others and is never chosen."""

    id: _Id
    names: OfficeNames
    level: str = "branch"
    parent: str | None = None
    desk: bool = False
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    phone: str | None = None
    language: str = "zh"
    regions: tuple[_Text, ...] = ()
    products: tuple[_Text, ...] = ()
    aliases: tuple[_Text, ...] = ()
    people: tuple[_Text, ...] = ()
    substitutes: tuple[_Text, ...] = ()

    @property
    def called(self) -> tuple[str, ...]:
        return (self.names.zh, self.names.en, *self.aliases)

    def office(self) -> Office:
        return Office.model_validate(self.model_dump(exclude={"desk"}))


class OfficesFile(Record):
    offices: Annotated[tuple[OfficeEntry, ...], Field(min_length=1)]


def findings(entries: Sequence[OfficeEntry]) -> Iterator[Finding]:
    parents = {entry.id: entry.parent for entry in entries}
    yield from _twice(entries)
    for index, entry in enumerate(entries):
        at: Loc = ("offices", index)
        if entry.parent is not None and entry.parent not in parents:
            what = f"unknown parent {entry.parent!r} of office {entry.id!r}"
            yield Finding((*at, "parent"), what, did_you_mean(entry.parent, parents))
        if _above_itself(entry.id, parents):
            yield Finding((*at, "parent"), f"office {entry.id!r} stands above itself", "Break the circle of parents")
        yield from _address(entry, at)
    yield from _one_desk(entries)


def _twice(entries: Sequence[OfficeEntry]) -> Iterator[Finding]:
    ids: set[str] = set()
    names: dict[str, str] = {}
    for index, entry in enumerate(entries):
        if entry.id in ids:
            yield Finding(
                ("offices", index, "id"), f"two offices have the id {entry.id!r}", "Give one of them another id"
            )
        ids.add(entry.id)
        for name in entry.called:
            owner = names.setdefault(fold(name), entry.id)
            if owner != entry.id:
                what = f"{name!r} names both {owner!r} and {entry.id!r}"
                yield Finding(("offices", index, "names"), what, "Give each office a name of its own")


def _above_itself(office_id: str, parents: dict[str, str | None]) -> bool:
    seen: set[str] = set()
    above = parents[office_id]
    while above in parents and above not in seen:
        seen.add(above)
        above = parents[above]
    return office_id in seen


def _address(entry: OfficeEntry, at: Loc) -> Iterator[Finding]:
    reached_by = [key for key in ("regions", "products", "aliases") if getattr(entry, key)]
    if entry.email is None and (entry.desk or reached_by):
        why = "is the desk" if entry.desk else f"has {', '.join(reached_by)}"
        yield Finding(at, f"office {entry.id!r} {why}, so complaints go there, but it has no email", "Add email: ...")


def _one_desk(entries: Sequence[OfficeEntry]) -> Iterator[Finding]:
    desks = [index for index, entry in enumerate(entries) if entry.desk]
    if not desks:
        yield Finding(("offices",), "no office is the desk", "Add desk: true to the office where a person decides")
    for index in desks[1:]:
        what = f"{entries[desks[0]].id!r} is the desk already"
        yield Finding(("offices", index, "desk"), what, "Keep desk: true on one office only")
    for index, entry in enumerate(entries):
        if entry.id == DESK and not entry.desk:
            yield Finding(
                ("offices", index, "id"), "the id 'desk' belongs to the desk", "Add desk: true, or rename this office"
            )
