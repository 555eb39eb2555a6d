"""The organisation as a tree of offices, one of which is the desk where a person decides."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from casefile.office import Office
from policy.yaml import Document
from router.office_file import DESK, OfficesFile, findings
from router.words import Folded, found_in, same, without


class Named(NamedTuple):
    """An office, and the words that name it in a text."""

    office: Office
    words: str


class Offices:
    def __init__(self, offices: Iterable[Office], desk: str) -> None:
        self._by_id = {office.id: office for office in offices}
        self.desk = self._by_id[desk]

    @classmethod
    def load(cls, path: Path) -> "Offices":
        """Raises ConfigError."""
        return cls.read(Document.read(path))

    @classmethod
    def read(cls, document: Document) -> "Offices":
        """Raises ConfigError."""
        entries = document.build(OfficesFile).offices
        document.check(findings(entries))
        return cls((entry.office() for entry in entries), next(entry.id for entry in entries if entry.desk))

    def __iter__(self) -> Iterator[Office]:
        return iter(self._by_id.values())

    def get(self, office_id: str) -> Office | None:
        """The office of this id; `desk` is the desk."""
        return self.desk if office_id == DESK else self._by_id.get(office_id)

    def children(self, office: Office) -> tuple[Office, ...]:
        return tuple(o for o in self if o.parent == office.id)

    def ladder(self, office: Office) -> tuple[Office, ...]:
        """The superiors of `office`, nearest first."""
        above = self._by_id.get(office.parent or "")
        return (above, *self.ladder(above)) if above else ()

    def named_in(self, text: Folded) -> tuple[Named, ...]:
        """The offices that a text names, longest names first, without those that stand above another one named."""
        found: dict[str, Named] = {}
        for named in self._longest_names_first():
            if found_in(named.words, text):
                found.setdefault(named.office.id, named)
                text = without(named.words, text)
        lowest = {office.id for office in self._lowest([named.office for named in found.values()])}
        return tuple(named for named in found.values() if named.office.id in lowest)

    def serving_region(self, region: str) -> tuple[Office, ...]:
        return self._lowest([o for o in self._routable() if any(same(r, region) for r in o.regions)])

    def serving_product(self, product: str) -> tuple[Office, ...]:
        return self._lowest([o for o in self._routable() if any(same(p, product) for p in o.products)])

    def _routable(self) -> Iterator[Office]:
        return (office for office in self if office.email)

    def _lowest(self, offices: Sequence[Office]) -> tuple[Office, ...]:
        above = {superior.id for office in offices for superior in self.ladder(office)}
        return tuple(office for office in offices if office.id not in above)

    def _longest_names_first(self) -> list[Named]:
        named = [Named(o, words) for o in self._routable() for words in (*o.names.values(), *o.aliases)]
        return sorted(named, key=lambda n: len(n.words), reverse=True)
