"""accounts.yaml: names, roles and Argon2 hashes; a change counts at once."""

from pathlib import Path

import pytest
from argon2 import PasswordHasher
from ruamel.yaml import YAML

from casefile.errors import ConfigError
from gateway.accounts import Accounts, Role, add_account

PASSWORD = "correct horse battery"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "accounts.yaml"
    add_account(file, "wang.fang", PASSWORD, "auditor")
    return file


def test_name_and_password_must_both_be_right(path: Path) -> None:
    accounts = Accounts(path)
    known = accounts.verify("wang.fang", PASSWORD)
    assert known
    assert (known.name, known.role) == ("wang.fang", Role.AUDITOR)
    for name, password in (("wang.fang", ""), ("wang.fang", PASSWORD + "x"), ("nobody", PASSWORD), ("", "")):
        assert accounts.verify(name, password) is None


def test_an_unknown_name_costs_the_same_work(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[str] = []
    accounts = Accounts(path)
    verify = PasswordHasher.verify

    def counted(hasher: PasswordHasher, hashed: str, password: str) -> bool:
        worked.append(hashed.rsplit("$", 2)[0])
        return verify(hasher, hashed, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    accounts.verify("wang.fang", "wrong")
    accounts.verify("nobody", "wrong")
    assert len(worked) == 2
    assert worked[0] == worked[1], "the same parameters"


def test_only_the_hash_is_kept_and_only_for_the_owner(path: Path) -> None:
    assert PASSWORD not in path.read_text("utf-8")
    assert "$argon2id$" in path.read_text("utf-8")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_new_password_changes_the_mark_and_leaves_the_others(path: Path) -> None:
    add_account(path, "admin", PASSWORD, "admin")
    accounts = Accounts(path)
    before = {name: accounts.get(name) for name in ("admin", "wang.fang")}
    add_account(path, "wang.fang", "another good password", "admin")
    assert accounts.get("admin") == before["admin"]
    changed, old = accounts.get("wang.fang"), before["wang.fang"]
    assert changed
    assert old
    assert changed.mark != old.mark
    assert changed.role is Role.ADMIN
    assert accounts.verify("wang.fang", PASSWORD) is None


def test_a_hash_with_yesterdays_parameters_is_renewed_at_login(path: Path) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)
    entries = {"wang.fang": {"password": weak, "role": "auditor"}}
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(entries, file)
    accounts = Accounts(path)
    known = accounts.verify("wang.fang", PASSWORD)
    assert weak not in path.read_text("utf-8")
    assert known == accounts.get("wang.fang"), "the session begins with the new mark"
    assert accounts.verify("wang.fang", PASSWORD)


@pytest.mark.parametrize(
    ("name", "password", "role", "said"),
    [
        ("wang.fang", "short", "auditor", "at least 12"),
        ("Wang Fang", PASSWORD, "auditor", "lower-case"),
        ("../x", PASSWORD, "auditor", "lower-case"),
        ("wang.fang", PASSWORD, "root", "auditor, admin"),
    ],
)
def test_what_cannot_be_an_account_is_refused_with_a_mend(
    tmp_path: Path, name: str, password: str, role: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        add_account(tmp_path / "accounts.yaml", name, password, role)
    assert not (tmp_path / "accounts.yaml").exists()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("wang.fang: {password: secret, role: auditor}", "wang.fang.password"),
        ("wang.fang: {password: $argon2id$v=19$m=65536$nonsense, role: admin}", "Set that password anew"),
        ("wang.fang: {password: HASH, role: boss}", "wang.fang.role"),
        ("wang.fang: [", "accounts.yaml"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, where: str) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_text(text.replace("HASH", f"'{PasswordHasher().hash(PASSWORD)}'"), "utf-8")
    with pytest.raises(ConfigError, match=where):
        Accounts(path).get("wang.fang")
