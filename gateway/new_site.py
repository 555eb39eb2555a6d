"""Making a site: a folder with configuration, keys, an account and an empty database, all commented."""

import secrets
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from casefile.errors import ConfigError
from casefile.store import schema
from casefile.store.engine import Store
from gateway.accounts import add_account
from gateway.keys import make_key
from gateway.settings import FILE, check, load

ADMIN = "admin"
_ROUTER_FILES = ("offices.yaml", "rules.yaml")


@dataclass(frozen=True)
class NewSite:
    """`password` is shown once and kept only as an Argon2 hash."""

    data: Path
    password: str


def exists(data: Path) -> bool:
    return (data / FILE).is_file()


def make_site(data: Path, public_url: str) -> NewSite:
    """Raises ConfigError when the address is none, the folder already holds a site, or cannot be written."""
    if exists(data):
        raise ConfigError(str(data), "is a site already", "Choose another folder, or edit its huiyin.toml")
    settings = check(data, {"public_url": public_url})
    try:
        (data / "policies").mkdir(mode=0o700, parents=True, exist_ok=True)
        data.chmod(0o700)
        for name in _ROUTER_FILES:
            _copy(files("router") / "examples" / name, data / name)
        make_key(data / "keys")
        password = secrets.token_urlsafe(12)
        add_account(data / "accounts.yaml", ADMIN, password, "admin")
        template = (files("gateway") / "examples" / FILE).read_text(encoding="utf-8")
        (data / FILE).write_text(template.format(public_url=settings.public_url), encoding="utf-8")
    except OSError as error:
        raise ConfigError(str(data), f"cannot be written ({error.strerror})", "Choose a folder of your own") from error
    return NewSite(data, password)


async def migrate(data: Path) -> None:
    """Bring the database of a site to the schema of this version."""
    store = Store(load(data).database_url)
    try:
        await store.write(schema.upgrade)
    finally:
        await store.close()


def _copy(source: Traversable, target: Path) -> None:
    if not target.exists():
        target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
