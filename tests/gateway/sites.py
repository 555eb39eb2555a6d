"""A site as `huiyin init` makes it."""

import asyncio
from pathlib import Path

from gateway import new_site


def make(data: Path, toml: str = "") -> Path:
    """Its folder, with a current database. `toml` are settings in place of the commented template's."""
    new_site.make_site(data, "http://127.0.0.1:8000")
    if toml:
        (data / "huiyin.toml").write_text(toml, encoding="utf-8")
    return data


async def migrated(data: Path, toml: str = "") -> Path:
    """With its tables, for a test that runs a loop of its own."""
    make(data, toml)
    await new_site.migrate(data)
    return data


def ready(data: Path, toml: str = "") -> Path:
    return asyncio.run(migrated(data, toml))
