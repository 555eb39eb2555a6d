"""All settings of a site: `huiyin.toml` in its data folder, every key overridable by `HUIYIN_…`, checked at start."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from casefile.errors import ConfigError
from gateway.environment import PREFIX, Environment, check_variables, source, variable
from gateway.setting_types import (
    CaseNumberPattern,
    CountryCode,
    DatabaseUrl,
    MailAddress,
    PublicUrl,
    RedisUrl,
    ReplyPattern,
    TimezoneName,
)
from policy.yaml import Misfit, did_you_mean

FILE = "huiyin.toml"


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
    sender: MailAddress = "complaints@bank.example"
    reply_to: ReplyPattern = "complaints+{token}@bank.example"
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


def _in_order(boxes: Any) -> Any:
    numbered = isinstance(boxes, dict) and all(key.isdigit() for key in boxes)
    return [boxes[key] for key in sorted(boxes, key=int)] if numbered else boxes


def _named_once(boxes: tuple[Mailbox, ...]) -> tuple[Mailbox, ...]:
    """What was fetched is remembered by the mailbox's name."""
    if len({box.name for box in boxes}) < len(boxes):
        raise Misfit("holds two mailboxes of the same name", "Give each its own name")
    return boxes


class Settings(BaseSettings):
    """`data` is the site's folder; relative paths in it are meant from there."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    data: Path
    environment: Literal["embedded", "production", "test"] = "embedded"
    institution: Institution = Institution()
    public_url: PublicUrl = "http://127.0.0.1:8000"
    database: DatabaseUrl = "sqlite:///huiyin.db"
    redis: RedisUrl = ""
    timezone: TimezoneName = "Asia/Shanghai"
    country: CountryCode = "CN"
    policy: str = "default"
    case_number: CaseNumberPattern = "HY-{year}-{seq:06d}"
    metrics_token: SecretStr = SecretStr("")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    smtp: Smtp = Smtp()
    mailbox: Annotated[tuple[Mailbox, ...], BeforeValidator(_in_order), AfterValidator(_named_once)] = ()
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
        return (Environment(settings_cls), init_settings)


def load(data: Path) -> Settings:
    """The settings of the site in folder `data`. Raises ConfigError naming file, key, reason and remedy."""
    file = data / FILE
    if not file.is_file():
        raise ConfigError(str(file), "there is no such file", f"Make a site with: huiyin init {data}")
    return check(data, _read(file))


def check(data: Path, values: Mapping[str, Any]) -> Settings:
    """Settings from the values of a file and the environment. Raises ConfigError."""
    file = data / FILE
    if "data" in values:
        raise ConfigError(f"{file}: data", "is not a setting", "Give the folder by --data or HUIYIN_DATA")
    check_variables(Settings.model_fields)
    try:
        return Settings(**{**values, "mailbox": _by_number(values.get("mailbox", ())), "data": data.resolve()})
    except ValidationError as error:
        raise _explain(file, error) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(file), f"is not TOML: {error}", "Mend that line") from error
    except OSError as error:
        raise ConfigError(str(file), f"cannot be read ({error.strerror})", "Mend its permissions") from error


def _by_number(boxes: Any) -> Any:
    """A list as the environment can add to it: HUIYIN_MAILBOX__0__PASSWORD belongs to the first one."""
    return {str(number): box for number, box in enumerate(boxes)} if isinstance(boxes, list | tuple) else boxes


def _explain(file: Path, error: ValidationError) -> ConfigError:
    """A misspelt key is told first: what it was meant to set is then missing, and that is no news."""
    found = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")[0]
    path = [str(part) for part in found["loc"]]
    named = source(path)
    where = f"environment {named}" if named else f"{file}: {'.'.join(path)}"
    if found["type"] == "extra_forbidden":
        return ConfigError(where, "is not a setting", did_you_mean(path[-1], _model_at(path[:-1]).model_fields))
    return ConfigError(where, *_words(path, found))


def _words(path: list[str], found: ErrorDetails) -> tuple[str, str]:
    """What is wrong and how to mend it; never the value of a secret."""
    given = f" (given: {found['input']!r})" if _may_be_shown(path, found["input"]) else ""
    if found["type"] == "value_error" and isinstance(found["ctx"]["error"], Misfit):
        return found["ctx"]["error"].what + given, found["ctx"]["error"].mend
    if path == ["mailbox"]:
        return "is not a list of mailboxes", "Begin each mailbox with [[mailbox]]"
    return found["msg"] + given, f"Correct it in {FILE} or by {variable(path)}"


def _may_be_shown(path: list[str], value: object) -> bool:
    """Neither a secret, nor a URL, which may hold one, nor a whole table."""
    field = _model_at(path[:-1]).model_fields.get(path[-1])
    secret = field is not None and field.annotation is SecretStr
    return not secret and isinstance(value, str | int | float) and "://" not in str(value)


def _model_at(path: list[str]) -> type[BaseModel]:
    model: Any = Settings
    for part in path:
        if not part.isdigit():
            annotation = model.model_fields[part].annotation
            model = annotation.__args__[0] if hasattr(annotation, "__args__") else annotation
    return cast(type[BaseModel], model)
