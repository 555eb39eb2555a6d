"""Coming in and going out. Whoever guesses is stopped after a few tries, by name and by address."""

import asyncio
import hmac
from dataclasses import dataclass, field
from datetime import timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from casefile.audit import Tag
from casefile.store import log
from casefile.text import clean_header
from gateway.accounts import Account
from gateway.console.console import Console
from gateway.console.guard import LOGIN, read_form
from gateway.console.session import COOKIE_PATH, Session, Visitor, fresh

MAX_REFUSED = 5
WINDOW = timedelta(minutes=15)
_NAME_CHARS, _PASSWORD_CHARS = 60, 200


@dataclass(frozen=True)
class Login:
    """One login is checked at a time: many at once would get past the count, and take much memory (Argon2)."""

    console: Console
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add_to(self, router: APIRouter) -> None:
        router.add_api_route("/login", self.ask, methods=["GET", "HEAD"])
        router.add_api_route("/login", self.enter, methods=["POST"])

    async def ask(self, request: Request) -> Response:
        if self.console.sessions.visitor(request):
            return RedirectResponse(_inside(request.query_params.get("next", "")), 303)
        return self._page(request, next_=request.query_params.get("next", ""))

    async def enter(self, request: Request) -> Response:
        fields, session = await read_form(request), self.console.sessions.read(request)
        name = clean_header(fields.get("name", ""), _NAME_CHARS).lower()
        next_ = fields.get("next", "")
        if session is None or not self.console.sessions.genuine(session, fields.get("form_token", "")):
            return self._page(request, 403, "login.stale", name, next_)
        async with self.turn:
            if await self._too_many(request, name):
                return self._page(request, 429, "login.too_many", name, next_)
            account = await self._checked(request, name, fields.get("password", ""))
        if account is None:
            return self._page(request, 403, "login.wrong", name, next_)
        response = RedirectResponse(_inside(next_), 303)
        self.console.sessions.keep(response, fresh(account))
        return response

    async def leave(self, _request: Request, _visitor: Visitor) -> Response:
        response = RedirectResponse(LOGIN, 303)
        self.console.sessions.end(response)
        return response

    async def _checked(self, request: Request, name: str, password: str) -> Account | None:
        account = await asyncio.to_thread(self.console.accounts.verify, name, password[:_PASSWORD_CHARS])
        tag = Tag.CONSOLE_LOGIN if account else Tag.CONSOLE_REFUSED
        detail = {"name": self._mark("name", name), "address": self._mark("address", _address(request))}
        await self.console.note(tag, f"console:{account.name}" if account else "console", dict(detail))
        return account

    async def _too_many(self, request: Request, name: str) -> bool:
        refused = await self.console.store.read(log.refusals, self.console.now() - WINDOW)
        tried = {"name": self._mark("name", name), "address": self._mark("address", _address(request))}
        counts = [sum(event.detail.get(key) == mark for event in refused) for key, mark in tried.items()]
        return max(counts) >= MAX_REFUSED

    def _mark(self, kind: str, value: str) -> str:
        """What is put on record instead: an address is personal data, and a wrong name may be a mistyped password."""
        return hmac.digest(self.console.key, f"login-{kind}\0{value}".encode(), "sha256").hex()[:16]

    def _page(
        self, request: Request, status_code: int = 200, problem: str = "", name: str = "", next_: str = ""
    ) -> Response:
        session = self.console.sessions.read(request) or Session("")
        session = session if session.id and not session.name else fresh()
        response = self.console.pages.show(
            request,
            "console/login.html",
            status_code=status_code,
            problem=problem,
            name=name,
            next=next_,
            minutes=int(WINDOW.total_seconds() // 60),
            form_token=self.console.sessions.form_token(session),
        )
        if status_code == 429:
            response.headers["Retry-After"] = str(int(WINDOW.total_seconds()))
        self.console.sessions.keep(response, session)
        return response


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _inside(next_: str) -> str:
    """Only back into the console, never to another site."""
    safe = next_ == COOKIE_PATH or next_.startswith((f"{COOKIE_PATH}/", f"{COOKIE_PATH}?"))
    return next_ if safe and not any(c in next_ for c in "\\\r\n\t") else COOKIE_PATH
