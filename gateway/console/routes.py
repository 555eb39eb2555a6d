"""Every address of the console, with who may use it."""

from zoneinfo import ZoneInfo

from fastapi import APIRouter

from channels.web.pages import Pages
from gateway.accounts import Accounts, Role
from gateway.console.case_page import CasePage
from gateway.console.console import Console
from gateway.console.guard import Guard
from gateway.console.lists import Lists
from gateway.console.log_page import LogPage
from gateway.console.login import Login
from gateway.console.notice_page import NoticePage
from gateway.console.session import COOKIE_PATH, Sessions
from gateway.site import Site


def routes(site: Site, pages: Pages) -> APIRouter:
    """The style sheet of these pages is among the routes of the desk."""
    console = _console(site, pages)
    log, notice, lists, login = LogPage(console), NoticePage(console), Lists(console), Login(console)
    router = APIRouter(prefix=COOKIE_PATH, include_in_schema=False)
    login.add_to(router)
    guard = Guard(console, router)
    guard.get("", log.show)
    guard.get("/export.csv", log.export)
    guard.get("/owed", lists.owed)
    guard.get("/inbox", lists.inbox)
    guard.get("/cases/{number}", CasePage(console).show)
    guard.get("/notices/{notice_id}", notice.show)
    guard.get("/notices/{notice_id}/bytes", notice.letter)
    guard.get("/notices/{notice_id}/bytes/exact", notice.exact)
    guard.post("/notices/{notice_id}/release", notice.release, Role.ADMIN)
    guard.post("/logout", login.leave, Role.AUDITOR)
    return router


def _console(site: Site, pages: Pages) -> Console:
    settings = site.settings
    accounts = Accounts(settings.folder("accounts.yaml"))
    secure = settings.public_url.startswith("https:")
    return Console(
        store=site.store,
        offices=site.offices,
        accounts=accounts,
        sessions=Sessions(site.house.key, accounts, secure, site.now),
        pages=pages,
        zone=ZoneInfo(settings.timezone),
        key=site.house.key,
        now=site.now,
    )
