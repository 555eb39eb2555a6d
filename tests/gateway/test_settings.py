from pathlib import Path

import pytest

from casefile.errors import ConfigError
from gateway.settings import Settings, load

MAILBOX = '[[mailbox]]\nname = "{name}"\nhost = "imap.bank.example"\nuser = "complaints@bank.example"\n'
BOX = MAILBOX.format(name="complaints")
PASSWORD = "correct-horse-battery"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HUIYIN_DATA", "HUIYIN_TEST_STRICT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "site"


def settings(data: Path, toml: str = "") -> Settings:
    data.mkdir(exist_ok=True)
    (data / "huiyin.toml").write_text(toml, encoding="utf-8")
    return load(data)


def refused(data: Path, toml: str = "") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        settings(data, toml)
    return caught.value


def test_an_empty_file_is_a_site_that_works_on_this_machine(data: Path) -> None:
    loaded = settings(data)
    assert loaded.embedded
    assert loaded.database_url == f"sqlite:///{data / 'huiyin.db'}"
    assert loaded.folder("keys") == data / "keys"


def test_relative_folders_are_meant_from_where_the_command_ran(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings(data)
    monkeypatch.chdir(data.parent)
    assert load(Path("site")).data == data


@pytest.mark.parametrize(
    "url", ["sqlite:////var/lib/huiyin/h.db", "postgresql+asyncpg://huiyin@db.bank.example/huiyin"]
)
def test_another_database_is_left_as_it_is_written(data: Path, url: str) -> None:
    assert settings(data, f'database = "{url}"').database_url == url


def test_a_file_as_a_windows_editor_saves_it(data: Path) -> None:
    data.mkdir()
    (data / "huiyin.toml").write_bytes(b'\xef\xbb\xbfcountry = "CN"\r\n')
    assert load(data).country == "CN"


def test_a_missing_file_says_how_to_make_one(data: Path) -> None:
    with pytest.raises(ConfigError, match=f"{data}/huiyin.toml: there is no such file.*huiyin init {data}"):
        load(data)


@pytest.mark.parametrize(
    ("toml", "key", "reason", "mend"),
    [
        ("colour = 1", "colour", "is not a setting", "Known here: "),
        ('[smtp]\nhots = "x"', "smtp.hots", "is not a setting", "Did you mean 'host'?"),
        ('[[mailbox]]\nname = "a"\nhos = "x"', "mailbox.0.hos", "is not a setting", "Did you mean 'host'?"),
        ('data = "elsewhere"', "data", "is not a setting", "--data or HUIYIN_DATA"),
        ("[smtp]\nport = 70000", "smtp.port", "less than or equal to 65535 (given: 70000)", "HUIYIN_SMTP__PORT"),
        ('[smtp]\ntls = "ssl"', "smtp.tls", "'implicit', 'starttls' or 'none' (given: 'ssl')", "HUIYIN_SMTP__TLS"),
        ('log_level = "loud"', "log_level", "'debug', 'info', 'warning' or 'error'", "HUIYIN_LOG_LEVEL"),
        ("[web]\nmax_text = 0", "web.max_text", "greater than 0", "HUIYIN_WEB__MAX_TEXT"),
        ("smtp = 1", "smtp", "(given: 1)", "HUIYIN_SMTP"),
        (BOX, "mailbox.0.password", "Field required", "HUIYIN_MAILBOX__0__PASSWORD"),
        ('[mailbox]\nname = "a"', "mailbox", "is not a list of mailboxes", "[[mailbox]]"),
        (f'{BOX}password = "p"\n' * 2, "mailbox", "two mailboxes of the same name", "its own name"),
        ('database = "huiyin.db"', "database", "is not a database URL", "sqlite:///huiyin.db"),
        ('database = "mysql://db/huiyin"', "database", "'mysql' is not supported", "postgresql+asyncpg://"),
        ('database = "postgresql://db/huiyin"', "database", "is not supported", "postgresql+asyncpg://"),
        ('database = "sqlite://"', "database", "names no database", "sqlite:///huiyin.db"),
        ('redis = "localhost"', "redis", "is not a Redis URL", "redis://host:6379/0"),
        ('public_url = "bank.example"', "public_url", "is not the address of a site", "https://"),
        ('timezone = "Mars/Olympus"', "timezone", "is not a time zone", "Asia/Shanghai"),
        ('country = "China"', "country", "is not a country", "such as CN"),
        ('case_number = "HY-{seq}"', "case_number", "two cases the same number", "{year}"),
        ('case_number = "HY-{year}"', "case_number", "two cases the same number", "{seq}"),
        ('case_number = "HY-{year}-{number}"', "case_number", "is not a pattern", "{seq"),
        ('case_number = "hy-{year}-{seq}"', "case_number", "is not in capitals", "HY-"),
        ('[smtp]\nsender = "complaints"', "smtp.sender", "is not a mail address", "complaints@bank.example"),
        ('[smtp]\nreply_to = "complaints@bank.example"', "smtp.reply_to", "no place for the token", "{token}"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_file_key_reason_and_mend(
    data: Path, toml: str, key: str, reason: str, mend: str
) -> None:
    error = refused(data, toml)
    assert error.where == f"{data / 'huiyin.toml'}: {key}"
    assert reason in error.what
    assert mend in error.mend


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"country CN", "line 1, column 9"),
        (b'[smtp]\nhost = "x"\n[smtp]\n', "line 3"),
        (b"[smtp\n", "line 1"),
        ('timezone = "北京"'.encode("gb18030"), "utf-8"),
    ],
)
def test_what_is_not_toml_is_refused_with_its_place(data: Path, content: bytes, where: str) -> None:
    data.mkdir()
    (data / "huiyin.toml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(data)
    assert caught.value.where == str(data / "huiyin.toml")
    assert "is not TOML" in caught.value.what
    assert where in caught.value.what


def test_the_environment_has_the_last_word(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYIN_SMTP__HOST", "relay.bank.example")
    monkeypatch.setenv("HUIYIN_WEB__MAX_FILES", "3")
    loaded = settings(data, '[smtp]\nhost = "smtp.bank.example"\nport = 25\n')
    assert (loaded.smtp.host, loaded.smtp.port, loaded.web.max_files) == ("relay.bank.example", 25, 3)


def test_the_folder_that_the_command_names_wins_over_huiyin_data(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYIN_DATA", str(data.parent / "another"))
    assert settings(data).data == data


def test_a_secret_can_stand_in_a_file(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = data.parent / "secret"
    secret.write_text(f"{PASSWORD}\n")
    monkeypatch.setenv("HUIYIN_SMTP__PASSWORD_FILE", str(secret))
    monkeypatch.setenv("HUIYIN_MAILBOX__1__PASSWORD_FILE", str(secret))
    loaded = settings(data, f'{BOX}password = "first"\n{MAILBOX.format(name="cards")}')
    assert loaded.smtp.password.get_secret_value() == PASSWORD
    assert [box.password.get_secret_value() for box in loaded.mailbox] == ["first", PASSWORD]
    assert PASSWORD not in repr(loaded)


def test_a_secret_file_that_cannot_be_read_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYIN_SMTP__PASSWORD_FILE", str(data.parent / "nothing"))
    error = refused(data)
    assert error.where == "environment HUIYIN_SMTP__PASSWORD_FILE"
    assert "No such file" in error.what


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("HUIYIN_COLOUR", "red", "is not a setting"),
        ("HUIYIN_SMTP__HOTS", "x", "is not a setting"),
        ("HUIYIN_SMTP__PORT", "many", "given: 'many'"),
        ("HUIYIN_SMTP", "smtp.bank.example", "is not JSON"),
        ("HUIYIN_MAILBOX", "[{", "is not JSON"),
        ("HUIYIN_TIMEZONE", "Mars/Olympus", "is not a time zone"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named_as_such(
    data: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    error = refused(data)
    assert error.where == f"environment {name}"
    assert reason in error.what


@pytest.mark.parametrize(
    "toml",
    [
        '[smtp]\npassword = ["correct-horse-battery"]',
        'database = "mysql://huiyin:correct-horse-battery@db/huiyin"',
        'redis = "http://:correct-horse-battery@cache/0"',
        'mailbox = [["correct-horse-battery"]]',
    ],
)
def test_no_error_shows_a_secret(data: Path, toml: str) -> None:
    assert PASSWORD not in str(refused(data, toml))


def test_no_error_shows_a_secret_of_the_wrong_type(data: Path) -> None:
    assert "4711" not in str(refused(data, "metrics_token = 4711"))
