"""Settings from the environment: `HUIYIN_SMTP__PORT=465`, `HUIYIN_MAILBOX__0__PASSWORD_FILE=/run/secrets/imap`."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from casefile.errors import ConfigError
from casefile.failpoint import VARIABLE as FAILPOINTS
from policy.yaml import did_you_mean

PREFIX = "HUIYIN_"
_FROM_FILE = "_FILE"
_NOT_SETTINGS = {"HUIYIN_DATA", FAILPOINTS, "HUIYIN_TEST_STRICT"}


class Environment(EnvSettingsSource):
    """`HUIYIN_SMTP__PASSWORD_FILE=/run/secrets/smtp` reads HUIYIN_SMTP__PASSWORD from that file."""

    def __call__(self) -> dict[str, Any]:
        values = super().__call__()
        values.pop("data", None)  # HUIYIN_DATA is the command line's: --data has the last word
        return values

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError as error:
            name = variable([field_name])
            mend = f"Set its keys one by one, as in {name}__…"
            raise ConfigError(f"environment {name}", "is not JSON", mend) from error

    def _load_env_vars(self) -> Mapping[str, str | None]:
        variables = super()._load_env_vars()
        ours = {name: value for name, value in variables.items() if name.startswith(PREFIX.lower())}
        suffix = _FROM_FILE.lower()
        return {name.removesuffix(suffix): _value(name, value) for name, value in ours.items()}


def variable(path: Iterable[str]) -> str:
    """The environment variable of a setting."""
    return PREFIX + "__".join(path).upper()


def source(path: Sequence[str]) -> str | None:
    """The variable from which the setting at `path` came, if it did not come from the file."""
    names = [variable(path[:depth]) for depth in range(len(path), 0, -1)]
    return next((f"{name}{end}" for name in names for end in ("", _FROM_FILE) if f"{name}{end}" in os.environ), None)


def check_variables(settings: Collection[str]) -> None:
    """Raises ConfigError for a variable of ours that sets nothing."""
    known = {variable([name]) for name in settings} - _NOT_SETTINGS
    for name in os.environ:
        top = name.partition("__")[0].removesuffix(_FROM_FILE)
        if name.startswith(PREFIX) and name not in _NOT_SETTINGS and top not in known:
            raise ConfigError(f"environment {name}", "is not a setting", did_you_mean(top, known))


def refuse_failpoints(environment: str) -> None:
    """Raises ConfigError when the variable is set outside the test environment."""
    if os.environ.get(FAILPOINTS) and environment != "test":
        raise ConfigError(f"environment {FAILPOINTS}", "is for tests and breaks things on purpose", "Unset it")


def _value(name: str, value: str | None) -> str | None:
    return _secret(name.upper(), value) if value and name.endswith(_FROM_FILE.lower()) else value


def _secret(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"environment {name}", f"cannot read {path} ({reason})", "Name a readable file") from error
