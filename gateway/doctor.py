"""`huiyin doctor`: is this site fit for work, and what to do where it is not."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from casefile.errors import ConfigError
from gateway import check_files, check_servers
from gateway.finding import Finding, Named, fail, ok
from gateway.settings import FILE, Settings, load

LIMIT_S = 15.0


class Check(NamedTuple):
    """`word` is its Chinese name."""

    name: str
    word: str
    look: Callable[[Settings, datetime], Awaitable[Finding]]


CHECKS = (
    Check("failpoints", "故障点", check_files.failpoints),
    Check("offices", "机构与规则", check_files.offices),
    Check("addresses", "机构邮箱", check_files.addresses),
    Check("policies", "投诉处理办法", check_files.policies),
    Check("calendar", "工作日历", check_files.calendar),
    Check("keys", "密钥", check_files.keys),
    Check("accounts", "账号", check_files.accounts),
    Check("disk", "磁盘", check_files.disk),
    Check("folder", "文件夹", check_files.writable),
    Check("database", "数据库", check_servers.database),
    Check("redis", "消息队列", check_servers.redis),
    Check("smtp", "发信", check_servers.smtp),
    Check("fetching", "收信", check_servers.fetching),
    Check("twilio", "短信", check_servers.twilio),
    Check("public_url", "对外网址", check_servers.public_url),
)


async def examine(data: Path, now: datetime, limit_s: float = LIMIT_S) -> list[Named]:
    """Every finding, in order. Each check has `limit_s` seconds; one that fails never stops the others."""
    try:
        settings = load(data)
    except ConfigError as error:
        return [_named("config", _failed(error))]
    boxes = [Check(f"mailbox {box.name}", "邮箱", partial(check_servers.mailbox, box=box)) for box in settings.mailbox]
    looks = [_look(check, settings, now, limit_s) for check in (*CHECKS, *boxes)]
    return [_named("config", ok(str(data / FILE))), *await asyncio.gather(*looks)]


def line(found: Named) -> str:
    words = {check.name: check.word for check in CHECKS} | {"config": "设置", "mailbox": "邮箱"}
    head = f"{found.state:<4}  {words[found.name.split()[0]]} {found.name}: {found.what}"
    return f"{head}\n      → {found.mend}" if found.mend else head


async def _look(check: Check, settings: Settings, now: datetime, limit_s: float) -> Named:
    try:
        async with asyncio.timeout(limit_s):
            return _named(check.name, await check.look(settings, now))
    except TimeoutError:
        return _named(check.name, fail(f"超时 no answer within {limit_s:g} s", "Check that it runs and is reachable"))
    except Exception as error:  # whatever it is, the other checks must still be shown
        return _named(check.name, _failed(error))


def _failed(error: Exception) -> Finding:
    if isinstance(error, ConfigError):
        return fail(f"{error.where}: {error.what}", error.mend)
    reason = str(error) or type(error).__name__
    return fail(reason, "Mend what it names, then run huiyin doctor again 请按提示修正后重试")


def _named(name: str, found: Finding) -> Named:
    return Named(name=name, **found.model_dump())
