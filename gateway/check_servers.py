"""The doctor's look at what the site depends on: database, Redis, mail servers, its own address."""

import asyncio
import http.client
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from arq.connections import create_pool
from redis.exceptions import RedisError
from sqlalchemy.engine import make_url

from casefile.errors import ConfigError
from casefile.store import durability, mailboxes, schema
from casefile.store.engine import Store
from casefile.store.mailboxes import Health
from channels.email import mailbox as imap
from channels.email.send import EmailTransport
from gateway.check_files import is_made_up
from gateway.finding import Finding, fail, ok, warn
from gateway.mail_settings import mailbox_settings, smtp_settings
from gateway.redis_server import RedisServer
from gateway.settings import Mailbox, Settings
from notifier.doorbell import settings as redis_settings

ANSWER_S = 10.0
_OVERDUE = timedelta(hours=1)  # a mailbox not read for so long
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


async def database(settings: Settings, now: datetime) -> Finding:
    store = _open(settings)
    try:
        if not await store.read(schema.is_current):
            mend = f"Run: huiyin migrate --data {settings.data}"
            return fail("结构与本版本不符 the schema is not that of this version", mend)
        weak = await store.write(durability.weaknesses)
    finally:
        await store.close()
    if weak:
        mend = "Mend the settings of the database server 请修正数据库设置"
        return fail(f"断电可能丢失记录 what was acknowledged may be lost: {', '.join(weak)}", mend)
    return ok(f"{store.dialect}: 结构正确，提交即落盘 schema is current, commits are durable")


async def redis(settings: Settings, now: datetime) -> Finding:
    if settings.redis:
        await _answer(settings.redis)
        return ok("有应答 answers")
    if RedisServer(settings.data).answers():
        return ok("随附的服务正在运行 the bundled server is running")
    await asyncio.to_thread(_try_redis)
    return ok("随附的服务可以启动 the bundled server starts")


async def smtp(settings: Settings, now: datetime) -> Finding:
    given, mend = settings.smtp, "Set host in [smtp] of huiyin.toml 请配置发信服务器"
    if not given.host and settings.embedded:
        return warn("未配置，信件只存入 outgoing not set up: mail only lands in the folder outgoing", mend)
    if not given.host:
        return fail("未配置，邮件通知不会寄出 not set up: mail is withheld", mend)
    await EmailTransport(replace(smtp_settings(settings), command_timeout=ANSWER_S)).check()
    if is_made_up(given.sender):
        mend = "Set sender and reply_to in [smtp] of huiyin.toml 请填写真实发件地址"
        return warn(f"发件地址是示例 the sender is made up: {given.sender}", mend)
    if given.tls == "none" and given.host not in _LOOPBACK:
        return warn("明文发信 mail leaves unencrypted", "Set tls to implicit or starttls 请启用加密")
    return ok(f"{given.host}:{given.port} 可登录 lets us in")


async def mailbox(settings: Settings, now: datetime, box: Mailbox) -> Finding:
    await imap.check(replace(mailbox_settings(box), timeout_seconds=ANSWER_S))
    return ok(f"{box.host}:{box.port} 可登录 lets us in")


async def fetching(settings: Settings, now: datetime) -> Finding:
    """When each mailbox was last read with success."""
    if not settings.mailbox:
        return ok("未配置收信邮箱 no mailbox is set up")
    store = _open(settings)
    try:
        known = {each.name: each for each in await store.read(mailboxes.health)}
    finally:
        await store.close()
    health = [known.get(box.name) or Health(box.name, None, None, None) for box in settings.mailbox]
    what = "; ".join(f"{each.name} {_last(each)}" for each in health)
    if all(each.last_success_at and now - each.last_success_at < _OVERDUE for each in health):
        return ok(f"最近收信 last read: {what}")
    return warn(f"近期未收信 not read lately: {what}", "Start huiyin up or huiyin poll, and see its log 请启动收信进程")


async def twilio(settings: Settings, now: datetime) -> Finding:
    if settings.embedded:
        return ok("未配置，短信存入 outgoing not set up: texts land in the folder outgoing")
    mend = "Those who can only be reached by phone need a person's call 请人工联系仅留电话的客户"
    return warn("未配置，短信通知不发送并记录 not set up: text messages are withheld, and on record", mend)


async def public_url(settings: Settings, now: datetime) -> Finding:
    url = urlsplit(settings.public_url)
    if settings.embedded:
        return ok(settings.public_url)
    if url.scheme != "https" or url.hostname in _LOOPBACK:
        mend = "Set public_url in huiyin.toml to the https address that customers use 请设为客户访问的 https 网址"
        return fail(f"客户无法安全打开 customers cannot open it safely: {settings.public_url}", mend)
    try:
        status = await asyncio.to_thread(_get_health, url)
    except (OSError, http.client.HTTPException) as error:
        mend = "Check name, certificate and proxy, and whether huiyin serve runs 请检查域名、证书、代理和服务"
        return warn(f"此处无法打开 cannot be opened from here: {error or type(error).__name__}", mend)
    if status != http.HTTPStatus.OK:
        return warn(f"/healthz: HTTP {status}", "Pass every path on to huiyin serve 请将所有路径转发到本服务")
    return ok(f"{settings.public_url} 可访问 can be opened")


def _open(settings: Settings) -> Store:
    """Opening SQLite makes the file when it is missing: that is not for the doctor to do."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        mend = f"Restore it from a backup; for a new site run: huiyin migrate --data {settings.data}"
        raise ConfigError(str(url.database), "there is no database", mend)
    return Store(settings.database_url)


async def _answer(url: str) -> None:
    try:
        pool = await create_pool(redis_settings(url))
    except (RedisError, OSError) as error:
        mend = "Start it, or correct `redis` in huiyin.toml 请启动服务或修正配置"
        raise ConfigError("redis", f"does not answer ({type(error).__name__})", mend) from error
    await pool.aclose()


def _try_redis() -> None:
    """In a folder of its own: the site's may belong to another user, or be about to be used."""
    with tempfile.TemporaryDirectory(prefix="huiyin-doctor-") as folder:
        server = RedisServer(Path(folder))
        try:
            server.start()
        finally:
            server.stop()


def _last(health: Health) -> str:
    at = health.last_success_at
    if health.last_failure and (at is None or (health.last_failure_at and health.last_failure_at > at)):
        return f"{at:%Y-%m-%d %H:%M}Z, {health.last_failure}" if at else health.last_failure
    return f"{at:%Y-%m-%d %H:%M}Z" if at else "从未 never"


def _get_health(url: SplitResult) -> int:
    connection = http.client.HTTPSConnection(url.hostname or "", url.port, timeout=ANSWER_S / 2)
    try:
        connection.request("GET", f"{url.path}/healthz")
        return connection.getresponse().status
    finally:
        connection.close()
