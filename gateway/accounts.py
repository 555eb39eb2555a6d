"""Who may look into the console: `accounts.yaml` in the site's folder, read anew at every use."""

import logging
import os
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import AfterValidator, Field, RootModel
from ruamel.yaml import YAML

from casefile.errors import ConfigError
from casefile.model import Record
from casefile.token import digest
from policy.yaml import Document, Misfit

log = logging.getLogger(__name__)

MIN_PASSWORD = 12
_HEADER = "# 控制台账号 / console accounts. password: argon2id hash; role: admin | auditor\n"
_Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")]


class Role(StrEnum):
    AUDITOR = "auditor"  # sees everything, changes nothing
    ADMIN = "admin"


def _hash(text: str) -> str:
    try:
        extract_parameters(text)
    except InvalidHashError as error:
        raise Misfit("not a password hash (Argon2)", "Set that password anew") from error
    return text


class _Entry(Record):
    password: Annotated[str, AfterValidator(_hash)]
    role: Role


class _File(RootModel[dict[_Name, _Entry]]):
    pass


class Account(Record):
    """`mark` changes with the password."""

    name: str
    role: Role
    mark: str


class Accounts:
    """The accounts of one file. All methods read it, so that a change counts at once in every process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hasher = PasswordHasher()
        self._decoy = self._hasher.hash(secrets.token_hex(16))

    def get(self, name: str) -> Account | None:
        entry = _read(self._path).get(name)
        return _account(name, entry) if entry else None

    def verify(self, name: str, password: str) -> Account | None:
        """None when name or password is wrong, after the same work in both cases. Takes tens of milliseconds."""
        entry = _read(self._path).get(name)
        right = self._matches(entry.password if entry else self._decoy, password)
        if entry is None or not right:
            return None
        if self._hasher.check_needs_rehash(entry.password):
            entry = self._rehash(name, entry, password)
        return _account(name, entry)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except VerificationError:
            return False

    def _rehash(self, name: str, old: _Entry, password: str) -> _Entry:
        """To today's parameters, unless the password was changed meanwhile or the file may not be written."""
        new = _Entry(password=self._hasher.hash(password), role=old.role)
        entries = _read(self._path)
        if entries.get(name) != old:
            return old
        try:
            _write(self._path, {**entries, name: new})
        except OSError as error:
            log.warning("the password hash stays as it was", extra={"reason": error.strerror})
            return old
        return new


def add_account(path: Path, name: str, password: str, role: str) -> None:
    """Add an account, or give an existing one a new password and role. Raises ConfigError."""
    if len(password) < MIN_PASSWORD:
        mend = f"Choose at least {MIN_PASSWORD} characters"
        raise ConfigError(f"password of {name}", f"has only {len(password)} characters", mend)
    entry = {"password": PasswordHasher().hash(password), "role": role}
    entries = _read(path) if path.exists() else {}
    try:
        added = _File.model_validate({**entries, name: entry})
    except ValueError as error:
        mend = f"Use lower-case letters, digits, '.', '_' or '-', and one of the roles {', '.join(Role)}"
        raise ConfigError(f"account '{name}' with role '{role}'", "cannot be added", mend) from error
    _write(path, added.root)


def _account(name: str, entry: _Entry) -> Account:
    return Account(name=name, role=entry.role, mark=digest(entry.password)[:16])


def _read(path: Path) -> dict[str, _Entry]:
    return Document.read(path).build(_File).root


def _write(path: Path, entries: dict[str, _Entry]) -> None:
    """Whole or not at all, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(_HEADER)
        YAML().dump({name: entry.model_dump(mode="json") for name, entry in entries.items()}, file)
    temporary.replace(path)
