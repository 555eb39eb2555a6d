"""The only way to put a page into the console: it names the least role that may see it."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from channels.web.body import read_body
from channels.web.submission import read_urlencoded
from gateway.accounts import Role
from gateway.console.console import Console
from gateway.console.session import Visitor

Handler = Callable[[Request, Visitor], Awaitable[Response]]
LOGIN = "/console/login"
_RANK = {Role.AUDITOR: 0, Role.ADMIN: 1}
_BODY_BYTES, _BODY_SECONDS = 65_536, 30


class Guard:
    def __init__(self, console: Console, router: APIRouter) -> None:
        self._console, self._router = console, router

    def get(self, path: str, handler: Handler, least: Role = Role.AUDITOR) -> None:
        """Anyone else is sent to the login page, and back here afterwards."""

        async def shown(request: Request) -> Response:
            visitor = self._console.sessions.visitor(request)
            if visitor is None:
                return RedirectResponse(f"{LOGIN}?{urlencode({'next': _here(request)})}", 303)
            return await self._answer(request, visitor, handler, least)

        self._router.add_api_route(path, shown, methods=["GET", "HEAD"])

    def post(self, path: str, handler: Handler, least: Role) -> None:
        """Also refuses a form that does not come from one of this visitor's own pages."""

        async def done(request: Request) -> Response:
            visitor = self._console.sessions.visitor(request)
            if visitor is None:
                return RedirectResponse(LOGIN, 303)
            if not self._console.sessions.genuine(visitor.session, (await read_form(request)).get("form_token", "")):
                return self._console.refused(request, visitor, "form")
            return await self._answer(request, visitor, handler, least)

        self._router.add_api_route(path, done, methods=["POST"])

    async def _answer(self, request: Request, visitor: Visitor, handler: Handler, least: Role) -> Response:
        if _RANK[visitor.account.role] < _RANK[least]:
            return self._console.refused(request, visitor, "role")
        response = await handler(request, visitor)
        if "set-cookie" not in response.headers:  # a handler that set one has ended the session
            self._console.sessions.keep(response, visitor.session)
        return response


async def read_form(request: Request) -> dict[str, str]:
    return dict(read_urlencoded(await read_body(request, _BODY_BYTES, _BODY_SECONDS)).fields)


def _here(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
