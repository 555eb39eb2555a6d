"""The policy packs of a site: those that come along and its own, every version that a case may be bound to."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from casefile.errors import ConfigError
from policy.calendar import WorkCalendar, calendar_named, read_overrides
from policy.pack import Pack, builtin_packs, load_pack


def load_packs(folder: Path) -> dict[str, Pack]:
    """By `id@version`. Several versions of one pack may stand side by side. Raises ConfigError."""
    builtin = builtin_packs()
    packs = {pack.ref: pack for pack in builtin.values()}
    for path in sorted(folder.glob("*.yaml")):
        pack = load_pack(path)
        if pack.id in builtin:
            raise ConfigError(str(path), f"'{pack.id}' is the id of a pack that comes along", "Choose another id")
        if pack.ref in packs:
            raise ConfigError(str(path), f"there is a pack '{pack.ref}' already", "Give this one another version")
        packs[pack.ref] = pack
    return packs


def pack_in_force(packs: Mapping[str, Pack], name: str) -> Pack:
    """`name` is `id@version`, or the id alone while there is one version of it. Raises ConfigError."""
    found = [pack for ref, pack in packs.items() if name in (ref, pack.id)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(sorted(packs))
    what = f"there are several versions of '{name}'" if found else f"there is no pack '{name}'"
    raise ConfigError("policy", what, f"Name one of: {known}")


def load_calendars(packs: Iterable[Pack], own: Path) -> dict[str, WorkCalendar]:
    """The calendars that the packs name, with the days off and make-up days of the site's own file."""
    overrides = read_overrides(own) if own.is_file() else None
    return {name: calendar_named(name, overrides) for name in {pack.calendars.wd for pack in packs}}
