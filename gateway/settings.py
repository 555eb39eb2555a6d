"""All settings of a site: `huiyin.toml` in its data folder, every key overridable by `HUIYIN_…`, checked at start."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from casefile.errors import ConfigError
from policy.yaml import did_you_mean

FILE = "huiyin.toml"
PREFIX = "HUIYIN_"
_NOT_SETTINGS = {"HUIYIN_DATA", "HUIYIN_FAILPOINTS", "HUIYIN_LOCK", "HUIYIN_TEST_STRICT"}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Institution(_Table):
    """The name that customers read."""

    zh: str = "示例银行"
    en: str = "Example Bank"


class Smtp(_Table):
    """Where outgoing mail is handed over. Without `host`, mail lands in the site's `outgoing` folder."""

    host: str = ""
    port: int = Field(465, ge=1, le=65535)
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    user: str = ""
    password: SecretStr = SecretStr("")
    sender: str = "complaints@bank.example"
    reply_to: str = "complaints+{token}@bank.example"
    data_timeout_s: float = Field(600, gt=0)


class Mailbox(_Table):
    """One mailbox that is read for complaints."""

    name: str
    host: str
    port: int = Field(993, ge=1, le=65535)
    tls: Literal["implicit", "none"] = "implicit"
    user: str
    password: SecretStr
    folder: str = "INBOX"
    done_folder: str = "Huiyin/Done"
    poll_seconds: float = Field(30, gt=0)


class Web(_Table):
    """Limits of what one form or API request may carry."""

    max_request_bytes: int = Field(32 * 2**20, gt=0)
    max_text: int = Field(20_000, gt=0)
    max_files: int = Field(10, ge=0)
    max_file_bytes: int = Field(20 * 2**20, gt=0)


class Worker(_Table):
    """`lease_s`: how long a notice stays claimed by a worker that went silent."""

    lease_s: float = Field(60, gt=0)


class Settings(BaseSettings):
    """`data` is the site's folder; relative paths in it are meant from there."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    data: Path
    environment: Literal["embedded", "production", "test"] = "embedded"
    institution: Institution = Institution()
    public_url: str = "http://127.0.0.1:8000"
    database: str = "sqlite:///huiyin.db"
    redis: str = ""
    timezone: str = "Asia/Shanghai"
    country: str = "CN"
    policy: str = "default"
    case_number: str = "HY-{year}-{seq:06d}"
    metrics_token: SecretStr = SecretStr("")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    smtp: Smtp = Smtp()
    mailbox: tuple[Mailbox, ...] = ()
    web: Web = Web()
    worker: Worker = Worker()

    @property
    def embedded(self) -> bool:
        return self.environment != "production"

    @property
    def database_url(self) -> str:
        """A relative SQLite path is made absolute within the data folder."""
        scheme, _, path = self.database.partition(":///")
        return f"sqlite:///{self.data / path}" if scheme == "sqlite" and not path.startswith("/") else self.database

    def folder(self, name: str) -> Path:
        return self.data / name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (_Environment(settings_cls), init_settings)


class _Environment(EnvSettingsSource):
    """`HUIYIN_SMTP__PASSWORD_FILE=/run/secrets/smtp` reads HUIYIN_SMTP__PASSWORD from that file."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        variables = super()._load_env_vars()
        ours = {name: value for name, value in variables.items() if name.startswith(PREFIX.lower())}
        return {name.removesuffix("_file"): _value(name, value) for name, value in ours.items()}


def _value(name: str, value: str | None) -> str | None:
    return _secret(name.upper(), value) if value and name.endswith("_file") else value


def _secret(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(variable, f"cannot read {path} ({error.strerror})", "Name a readable file") from error


def load(data: Path) -> Settings:
    """The settings of the site in folder `data`. Raises ConfigError naming file, key, reason and remedy."""
    file = data / FILE
    if not file.is_file():
        raise ConfigError(str(file), "there is no such file", f"Make a site with: huiyin init {data}")
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(file), f"is not TOML: {error}", "Mend that line") from error
    _check_variables()
    try:
        return Settings(**{**values, "data": data.resolve()})
    except ValidationError as error:
        raise _explain(file, error) from error


def _check_variables() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for variable in os.environ:
        top = variable.partition("__")[0].removesuffix("_FILE")
        if variable.startswith(PREFIX) and variable not in _NOT_SETTINGS and top not in known:
            raise ConfigError(f"environment {variable}", "is not a setting", did_you_mean(top, known))


def _explain(file: Path, error: ValidationError) -> ConfigError:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    where = f"{file}: {'.'.join(path)}"
    if first["type"] == "extra_forbidden":
        return ConfigError(where, "is not a setting", did_you_mean(path[-1], _keys(path[:-1])))
    given = "" if isinstance(first["input"], dict) else f" (given: {first['input']!r})"
    return ConfigError(where, f"{first['msg']}{given}", f"Correct it in {file.name} or by {_variable(path)}")


def _keys(path: list[str]) -> set[str]:
    model: Any = Settings
    for part in path:
        if not part.isdigit():
            annotation = model.model_fields[part].annotation
            model = annotation.__args__[0] if hasattr(annotation, "__args__") else annotation
    return set(model.model_fields)


def _variable(path: list[str]) -> str:
    return PREFIX + "__".join(path).upper()
