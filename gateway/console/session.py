"""Who is looking: a signed cookie, bound to the account's present password, and the token that forms must carry."""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from gateway.accounts import Account, Accounts
from gateway.seal import Seal

COOKIE, COOKIE_PATH = "huiyin_console", "/console"
IDLE = timedelta(hours=8)


@dataclass(frozen=True)
class Session:
    """Without a name: somebody at the login page. `mark` is that of the password at login."""

    id: str
    name: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Visitor:
    """Somebody who is logged in. `form_token` goes into every form that they post."""

    session: Session
    account: Account
    form_token: str

    @property
    def actor(self) -> str:
        return f"console:{self.account.name}"


class Sessions:
    """`secure`: the cookie travels over HTTPS only."""

    def __init__(self, key: bytes, accounts: Accounts, secure: bool, now: Callable[[], datetime]) -> None:
        self._key, self._accounts, self._secure = key, accounts, secure
        self._seal = Seal(key, "console", IDLE, now)

    def read(self, request: Request) -> Session | None:
        values = self._seal.open(request.cookies.get(COOKIE, ""))
        return Session(*map(str, values)) if values and len(values) == 3 else None

    def visitor(self, request: Request) -> Visitor | None:
        """None for nobody, and for one whose account or password is no longer what it was at login."""
        session = self.read(request)
        account = self._accounts.get(session.name) if session and session.name else None
        if session is None or account is None or account.mark != session.mark:
            return None
        return Visitor(session, account, self.form_token(session))

    def keep(self, response: Response, session: Session) -> None:
        """Give the cookie, good for another eight hours from now."""
        sealed = self._seal.close(session.id, session.name, session.mark)
        response.set_cookie(COOKIE, sealed, path=COOKIE_PATH, secure=self._secure, httponly=True, samesite="strict")

    def end(self, response: Response) -> None:
        response.delete_cookie(COOKIE, path=COOKIE_PATH, secure=self._secure, httponly=True, samesite="strict")

    def form_token(self, session: Session) -> str:
        return hmac.digest(self._key, f"console-form\0{session.id}".encode(), "sha256").hex()

    def genuine(self, session: Session, form_token: str) -> bool:
        return hmac.compare_digest(self.form_token(session).encode(), form_token.encode())


def fresh(account: Account | None = None) -> Session:
    """A new session: one that was there before a login is never taken over."""
    session_id = secrets.token_urlsafe(16)
    return Session(session_id, account.name, account.mark) if account else Session(session_id)
