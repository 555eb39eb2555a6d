"""The doctor's look into the site's folder. Nothing is changed, and what raises ConfigError has failed."""

import asyncio
import shutil
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

from gateway.accounts import Accounts
from gateway.environment import refuse_failpoints
from gateway.finding import Finding, fail, ok, warn
from gateway.keys import site_key
from gateway.new_site import ADMIN
from gateway.packs import load_calendars, load_packs, pack_in_force
from gateway.settings import Settings
from router.offices import Offices
from router.table import Table

CALENDAR_NOTICE = timedelta(days=60)
LEAST_FREE = 200 * 2**20  # bytes
LITTLE_FREE = 0.2  # of the disk
_MADE_UP = (".example", ".invalid", ".test", "example.com", "example.net", "example.org")


async def failpoints(settings: Settings, now: datetime) -> Finding:
    refuse_failpoints(settings.environment)
    return ok("未启用 none is armed")


async def offices(settings: Settings, now: datetime) -> Finding:
    tree = Offices.load(settings.folder("offices.yaml"))
    table = Table.load(settings.folder("rules.yaml"), tree)
    return ok(f"{len(list(tree))} 个机构 offices, {len(table.rules)} 条规则 rules")


async def addresses(settings: Settings, now: datetime) -> Finding:
    """That every office which can be chosen has an address is a rule of the file itself."""
    found = {office.id: office.email for office in Offices.load(settings.folder("offices.yaml")) if office.email}
    unreal = [office for office, address in found.items() if is_made_up(address)]
    if unreal:
        mend = "Write the real addresses into offices.yaml 请在 offices.yaml 填写真实邮箱"
        return warn(f"示例邮箱 made-up addresses: {', '.join(unreal)}", mend)
    return ok(f"{len(found)} 个机构邮箱 addresses of offices")


async def policies(settings: Settings, now: datetime) -> Finding:
    packs = load_packs(settings.folder("policies"))
    return ok(f"施行 in force: {pack_in_force(packs, settings.policy).ref} ({len(packs)} packs)")


async def calendar(settings: Settings, now: datetime) -> Finding:
    pack = pack_in_force(load_packs(settings.folder("policies")), settings.policy)
    known = load_calendars([pack], settings.folder("calendar.yaml"))
    until = min(each.published_until for each in known.values())
    left = date(until, 12, 31) - now.date()
    mend = f"Upgrade Huiyin, or write the days of {until + 1} into calendar.yaml 请升级或在 calendar.yaml 补充"
    if left < timedelta(0):
        return fail(f"工作日历只到 {until} 年 working days are known only until {until}", mend)
    if left <= CALENDAR_NOTICE:
        return warn(f"尚无 {until + 1} 年工作日历 the working days of {until + 1} are not known", mend)
    return ok(f"工作日历至 {until} 年 working days are known until {until}")


async def keys(settings: Settings, now: datetime) -> Finding:
    site_key(settings.folder("keys"))
    if settings.data.stat().st_mode & 0o007:
        return warn(f"其他用户可进入 others may enter {settings.data}", f"Run: chmod 700 {settings.data}")
    return ok("仅属主可读 readable by their owner only")


async def accounts(settings: Settings, now: datetime) -> Finding:
    file = settings.folder("accounts.yaml")
    await asyncio.to_thread(lambda: Accounts(file).get(ADMIN))
    if file.stat().st_mode & 0o077:
        return fail(f"其他用户可读 others may read {file}", f"Run: chmod 600 {file}")
    return ok("控制台账号文件正常 the file of console accounts is sound")


async def disk(settings: Settings, now: datetime) -> Finding:
    usage = shutil.disk_usage(settings.data)
    return space(usage.free, usage.total)


async def writable(settings: Settings, now: datetime) -> Finding:
    """Where messages are kept, and in embedded mode where letters go."""
    names = ["blobs", "outgoing"] if settings.embedded else ["blobs"]
    for folder in [settings.data, *(settings.folder(name) for name in names)]:
        if folder.exists():
            await asyncio.to_thread(_try_writing, folder)
    return ok(f"可写入 can be written: {settings.data}")


def space(free: int, total: int) -> Finding:
    """Of a disk, in bytes."""
    what = f"剩余 {free // 2**20} MB free ({free / total:.0%})"
    mend = "Free space, or move the folder to a larger disk 请清理磁盘"
    if free < LEAST_FREE:
        return fail(what, mend)
    return warn(what, mend) if free / total < LITTLE_FREE else ok(what)


def is_made_up(address: str) -> bool:
    """Of a domain that nobody can have (RFC 2606)."""
    return address.lower().endswith(_MADE_UP)


def _try_writing(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"huiyin")
