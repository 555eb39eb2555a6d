"""Commands that end by themselves. Those that run are in test_processes.py."""

import json
import os
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from tests.gateway import sites
from tests.gateway.running import huiyin

DEMO = Path(__file__).parents[2] / "gateway" / "examples" / "demo"
CHANNELS = ["email", "sms", "hotline", "web"]
ENVELOPE_KEYS = {
    *("channel", "external_id", "received_at", "nature", "sender", "recipients", "subject", "text", "quoted"),
    *("full_text", "language", "attachments", "thread", "bounce", "call", "fields", "defects", "raw"),
}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HUIYIN_")]:
        monkeypatch.delenv(name)


def run(*words: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], stdin)


def told(result: Result) -> str:
    """The one line that a failure is."""
    (line,) = result.stderr.splitlines()
    assert line.startswith("错误 error: ")
    assert result.exit_code == 1
    return str(line)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sample(channel: str) -> Path:
    return next(DEMO.glob(f"{channel}.*"))


def test_init_makes_a_site_once(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "site"
    made = run("init", data, "--public-url", "https://complaints.bank.example/")
    assert made.exit_code == 0
    assert re.search(r"admin / \S{12,}", made.stderr)
    assert (data / "huiyin.toml").read_text("utf-8").count('"https://complaints.bank.example"') == 1
    assert data.stat().st_mode & 0o077 == 0
    before = files(data)
    assert f"{data}: is a site already. Choose another folder" in told(run("init", data))
    assert files(data) == before


def test_init_keeps_the_key_of_a_site_that_it_completes(tmp_path: Path) -> None:
    data = sites.make(tmp_path / "site")
    key = (data / "keys" / "site.key").read_bytes()
    (data / "huiyin.toml").unlink()
    assert run("init", data).exit_code == 0
    assert (data / "keys" / "site.key").read_bytes() == key


@pytest.mark.parametrize("where", ["file", "file/site"])
def test_init_where_nothing_can_be_written(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("taken")
    assert "cannot be written" in told(run("init", tmp_path / where))


def test_init_with_a_wrong_address_leaves_nothing_behind(tmp_path: Path) -> None:
    done = run("init", tmp_path / "site", "--public-url", 'bank"example')
    assert "public_url: is not the address of a site" in told(done)
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize("command", ["up", "serve", "work", "poll", "migrate"])
@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("colour = 1", "huiyin.toml: colour: is not a setting. "),
        ("country CN", "huiyin.toml: is not TOML"),
        ("[smtp]\nport = 0", "huiyin.toml: smtp.port:"),
    ],
)
def test_a_wrong_setting_stops_with_one_line(tmp_path: Path, command: str, toml: str, says: str) -> None:
    assert says in told(run(command, "--data", sites.make(tmp_path / "site", toml)))


def test_a_variable_that_sets_nothing_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = sites.make(tmp_path / "site")
    monkeypatch.setenv("HUIYIN_SMPT__HOST", "x")
    line = told(run("migrate", "--data", data))
    assert "environment HUIYIN_SMPT__HOST: is not a setting. Did you mean 'HUIYIN_SMTP'?" in line


@pytest.mark.parametrize("command", ["serve", "work", "poll", "migrate", "route -"])
def test_a_folder_that_is_no_site_stops_with_one_line(tmp_path: Path, command: str) -> None:
    assert str(tmp_path / "nothing") in told(run(*command.split(), "--data", tmp_path / "nothing", stdin=b"{}"))


def test_the_folder_can_be_given_by_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYIN_DATA", str(sites.make(tmp_path / "site")))
    assert run("migrate").exit_code == 0
    assert (tmp_path / "site" / "huiyin.db").is_file()


@pytest.mark.parametrize("channel", CHANNELS)
def test_normalize_gives_one_line_per_file_in_order(tmp_path: Path, channel: str) -> None:
    garbage, empty, missing = tmp_path / "garbage", tmp_path / "empty", tmp_path / "missing"
    garbage.write_bytes(bytes(range(256)) * 40)
    empty.write_bytes(b"")
    samples = sorted(DEMO.iterdir())
    done = run("normalize", "--channel", channel, garbage, missing, *samples, empty, tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["raw"]["size"] for line in lines] == [10240, 0, *(s.stat().st_size for s in samples), 0, 0]
    assert all(set(line) >= ENVELOPE_KEYS and line["channel"] == channel for line in lines)
    assert lines[1]["defects"] == [f"cannot read {missing}: No such file or directory"]
    assert lines[-1]["defects"] == [f"cannot read {tmp_path}: Is a directory"]
    assert (done.exit_code, done.stderr) == (1, "")


@pytest.mark.parametrize("channel", CHANNELS)
def test_normalize_of_good_files_succeeds_without_a_site(channel: str) -> None:
    done = run("normalize", "--channel", channel, sample(channel), sample(channel))
    one, two = done.stdout.splitlines()
    assert (done.exit_code, one) == (0, two)
    assert json.loads(one)["text"]


def test_normalize_prints_utf_8_whatever_the_locale() -> None:
    latin = {"LC_ALL": "en_US.ISO-8859-1", "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    done = huiyin("normalize", "--channel", "email", sample("email"), settings=latin)
    assert done.returncode == 0, done.stderr
    assert "支行" in json.loads(done.stdout.decode("utf-8"))["text"]


def test_normalize_with_a_wrong_variable_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYIN_COUNTRY", "China")
    line = told(run("normalize", "--channel", "sms", sample("sms")))
    assert "environment HUIYIN_COUNTRY: is not a country" in line


def test_route_takes_what_normalize_prints(tmp_path: Path) -> None:
    data = sites.make(tmp_path / "site")
    envelopes = run("normalize", "--channel", "email", sample("email"), tmp_path / "missing").stdout
    done = run("route", "-", "--data", data, stdin=envelopes.encode())
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert [line["office"] for line in lines] == ["nanhu", "desk"]
    assert all(set(line) == {"office", "rule", "reasons", "misses", "recused", "ladder"} for line in lines)
    (tmp_path / "envelopes.jsonl").write_text(envelopes, encoding="utf-8")
    assert run("route", tmp_path / "envelopes.jsonl", "--data", data).stdout == done.stdout


def test_route_takes_a_document_over_several_lines(tmp_path: Path) -> None:
    pretty = json.dumps({"channel": "web", "text": "信用卡被盗刷"}, ensure_ascii=False, indent=2)
    done = run("route", "-", "--data", sites.make(tmp_path / "site"), stdin=pretty.encode())
    assert [json.loads(line)["office"] for line in done.stdout.splitlines()] == ["cards"]


@pytest.mark.parametrize(
    ("stdin", "says"),
    [
        (b'{"channel": "web", "text": "x"}\n{oops', "line 2: not JSON"),
        (b"[1]", "a complaint is a JSON object"),
        (b'{"colour": 1}', "neither a complaint nor an envelope"),
        ("投诉".encode("gb18030"), "is not UTF-8"),
    ],
)
def test_route_of_something_else_is_one_line(tmp_path: Path, stdin: bytes, says: str) -> None:
    assert says in told(run("route", "-", "--data", sites.make(tmp_path / "site"), stdin=stdin))


def test_route_of_a_missing_file(tmp_path: Path) -> None:
    line = told(run("route", tmp_path / "missing", "--data", sites.make(tmp_path / "site")))
    assert "missing: cannot be read (No such file or directory)" in line


def test_route_names_what_is_wrong_in_the_files_of_the_site(tmp_path: Path) -> None:
    data = sites.make(tmp_path / "site")
    (data / "rules.yaml").write_text("rules:\n  - id: x\n    when: always\n    office: nowhere\n")
    assert f"{data}/rules.yaml:4 rules[0].office: unknown office 'nowhere'" in told(
        run("route", "-", "--data", data, stdin=b"{}")
    )


@pytest.mark.parametrize("command", [command.callback.__name__ for command in app.registered_commands])
def test_every_command_explains_itself_in_both_languages(command: str) -> None:
    done = run(command, "--help")
    assert done.exit_code == 0
    assert re.search(r"[\u4e00-\u9fff]", done.stdout)
