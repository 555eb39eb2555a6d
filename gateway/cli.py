"""The command `huiyin`. Every command exits 0 only on success, and one that fails says what to do next."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from casefile.envelope import Channel
from casefile.errors import HuiyinError

if TYPE_CHECKING:
    from gateway.settings import Settings

DATA_HELP = "the folder of the site / 站点文件夹"
Data = Annotated[Path, typer.Option("--data", envvar="HUIYIN_DATA", help=DATA_HELP)]
Port = Annotated[int, typer.Option(min=1, max=65535, help="where the pages are / 网页端口")]
Host = Annotated[str, typer.Option(help="the address to listen on / 监听地址")]
DEFAULT_DATA = Path("huiyin-data")

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Huiyin 回音: complaints in, to the office that answers for them, and every notice on time and on record.",
)


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    app()


@app.command()
def up(
    data: Data = DEFAULT_DATA,
    port: Port = 8000,
    demo: Annotated[bool, typer.Option("--demo", help="feed sample complaints / 送入示例投诉")] = False,
) -> None:
    """Everything in one process, on SQLite and a Redis that comes along. 一条命令启动全部功能。"""
    from gateway import demo as samples
    from gateway import new_site, processes

    with _told():
        if not new_site.exists(data):
            made = new_site.make_site(data, f"http://127.0.0.1:{port}")
            _say(f"站点已建立 new site: {data}")
            _say(_account(new_site.ADMIN, made.password))
        settings = _start(data)
        url = f"http://127.0.0.1:{port}"
        if settings.public_url.startswith("http://127.0.0.1"):
            settings = settings.model_copy(update={"public_url": url})  # links in letters lead to this port
        asyncio.run(new_site.migrate(data))
        parts = [processes.serving("127.0.0.1", port), processes.working, processes.polling]
        _say(_where_to_click(url, really_sends=bool(settings.smtp.host)))
        processes.run(settings, *parts, *([samples.feeding] if demo else []))


@app.command()
def serve(data: Data = DEFAULT_DATA, port: Port = 8000, host: Host = "127.0.0.1") -> None:
    """The HTTP gateway: form, API, desk, console. 网页与接口。"""
    from gateway import processes

    with _told():
        processes.run(_start(data), processes.serving(host, port))


@app.command()
def work(data: Data = DEFAULT_DATA) -> None:
    """The worker: sends what is due. 发送到期通知。"""
    from gateway import processes

    with _told():
        processes.run(_start(data), processes.working)


@app.command()
def poll(data: Data = DEFAULT_DATA) -> None:
    """The pollers: fetch mail. 收取邮件。"""
    from gateway import processes

    with _told():
        processes.run(_start(data), processes.polling)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help=DATA_HELP)],
    public_url: Annotated[str, typer.Option(help="the site's address for others / 对外网址")] = "http://127.0.0.1:8000",
) -> None:
    """Make the folder of a new site, all commented. 建立站点文件夹。"""
    from gateway import new_site

    with _told():
        made = new_site.make_site(folder, public_url)
        asyncio.run(new_site.migrate(folder))
        _say(_account(new_site.ADMIN, made.password))
        _say(f"下一步 next: edit {folder}/huiyin.toml, then huiyin doctor --data {folder}")


@app.command()
def migrate(data: Data = DEFAULT_DATA) -> None:
    """Bring the database to the schema of this version. 升级数据库。"""
    from gateway import new_site

    with _told():
        asyncio.run(new_site.migrate(data))
        _say("数据库已是最新 the database is up to date")


@app.command()
def account(
    name: Annotated[str, typer.Argument(help="who logs in to the console / 账号名")],
    role: Annotated[str, typer.Option(help="auditor | admin")] = "auditor",
    data: Data = DEFAULT_DATA,
) -> None:
    """Add a console account, or give one a new password and role; prints the password. 增加控制台账号或重设密码。"""
    import secrets

    from gateway import accounts, settings

    with _told():
        folder = settings.load(data).data
        password = secrets.token_urlsafe(12)
        accounts.add_account(folder / "accounts.yaml", name, password, role)
        _say(_account(name, password))


@app.command()
def doctor(
    data: Data = DEFAULT_DATA,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON / 输出 JSON")] = False,
) -> None:
    """Is this site fit for work, and what to do where it is not: exit 1 when a check fails. 检查站点并说明如何修正。"""
    from gateway import doctor as examination
    from gateway.finding import State

    findings = asyncio.run(examination.examine(data, datetime.now(UTC)))
    if as_json:
        found = [finding.model_dump(mode="json") for finding in findings]
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{examination.line(finding)}\n" for finding in findings)
    if any(finding.state is State.FAIL for finding in findings):
        raise typer.Exit(1)


@app.command()
def normalize(
    files: Annotated[list[Path], typer.Argument(help="raw messages as they came / 原始消息文件")],
    channel: Annotated[Channel, typer.Option(help="the medium they came by / 渠道")],
) -> None:
    """One JSON line per file, in order, without a database; exit 1 when one could not be opened. 转换为统一格式。"""
    from gateway.normalize import normalized

    with _told():
        complete = True
        for envelope in normalized(channel, files):
            sys.stdout.write(envelope.model_dump_json() + "\n")
            complete = complete and bool(envelope.raw.sha256)
    if not complete:
        raise typer.Exit(1)


@app.command()
def route(
    file: Annotated[str, typer.Argument(help="complaints or envelopes as JSON lines, or - / 投诉 JSON 文件")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Which office answers, by which rule, and why: one JSON line per complaint. 由哪个机构办理及理由。"""
    from gateway.routing import read, routed

    with _told():
        for assignment in routed(read(file), data):
            sys.stdout.write(json.dumps(assignment, ensure_ascii=False) + "\n")


def _start(data: Path) -> "Settings":
    from gateway import logs, settings

    loaded = settings.load(data)
    logs.configure(loaded.log_level)
    return loaded


def _account(name: str, password: str) -> str:
    return f"控制台账号 console account: {name} / {password}（只显示一次 shown once）"


def _where_to_click(url: str, *, really_sends: bool) -> str:
    lines = [f"表单 form:       {url}/", f"查询 tracking:   {url}/track", f"控制台 console:  {url}/console"]
    if not really_sends:
        lines.append(f"寄出的信 outbox:  {url}/outbox   (演示模式，未真正寄出 nothing is really sent)")
    return "\n".join(lines)


def _say(text: str) -> None:
    typer.echo(text, err=True)


@contextmanager
def _told() -> Iterator[None]:
    """A failure that we foresaw is one line that says what to do, not a traceback."""
    try:
        yield
    except (HuiyinError, OSError, UnicodeDecodeError) as error:
        typer.secho(f"错误 error: {error}", fg=typer.colors.RED, err=True)
        raise typer.Exit(1) from error
