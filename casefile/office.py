"""Office: a unit of the institution that can answer for a complaint."""

from collections.abc import Mapping

from casefile.model import Record


class Office(Record):
    """`products`, `regions` and `aliases` are what the routing rules may ask about."""

    id: str
    names: Mapping[str, str]  # language -> name
    level: str = "branch"
    parent: str | None = None
    email: str | None = None
    phone: str | None = None
    language: str = "zh"
    regions: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    substitutes: tuple[str, ...] = ()

    def name(self, language: str) -> str:
        return self.names.get(language) or next(iter(self.names.values()))
