"""The desk: an office works on one case behind the link in its mail. Looking never acts; acting takes a choice."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from casefile.blobs import Blobs
from casefile.errors import ForbiddenMove, InputError, LinkExpired, NotFound
from casefile.token import digest
from channels.web.body import read_body
from channels.web.pages import Pages
from channels.web.submission import read_urlencoded
from channels.web.words import pick_language
from gateway import styles
from gateway.casework import MAX_WORDS, Act, Action, Casework, DeskView
from gateway.desk_page import allowed, decision_due, delivery, done_already, files, original, story
from gateway.download import download
from gateway.seal import Seal

_PAGE_LIFE = timedelta(hours=12)
_BODY_BYTES, _BODY_SECONDS = 2**18, 60


def routes(casework: Casework, blobs: Blobs, pages: Pages, key: bytes, now: Callable[[], datetime]) -> APIRouter:
    desk = _Desk(casework, blobs, pages, Seal(key, "desk", _PAGE_LIFE, now), now)
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/desk/{token}", desk.show, methods=["GET", "HEAD"])
    router.add_api_route("/desk/{token}", desk.act, methods=["POST"])
    router.add_api_route("/desk/{token}/files/{sha256}", desk.file, methods=["GET", "HEAD"])
    styles.add_to(router)
    return router


@dataclass(frozen=True)
class _Typed:
    """The form as it came back. `seen` is None unless it was made from a page of this link, not too long ago."""

    action: str = ""
    words: str = ""
    to_office: str = ""
    seen: int | None = None

    def act(self) -> Act:
        """Raises InputError."""
        if self.action not in list(Action):
            raise InputError("choose what to do", {"action": "action.missing"})
        if self.action == Action.ACCEPT and self.words.strip():
            raise InputError("accepting sends no words", {"words": "words.not_sent"})
        if self.seen is None:
            raise InputError("the page is too old", {"action": "page.old"})
        return Act(Action(self.action), self.words, self.to_office, self.seen)


@dataclass(frozen=True)
class _Shown:
    """How the page is shown: with what was typed, what is wrong with it, and whether the case has moved on."""

    typed: _Typed = _Typed()
    problems: Mapping[str, str] = field(default_factory=dict)
    moved_on: bool = False
    status_code: int = 200


@dataclass(frozen=True)
class _Desk:
    casework: Casework
    blobs: Blobs
    pages: Pages
    seal: Seal
    now: Callable[[], datetime]

    async def show(self, request: Request, token: str) -> Response:
        try:
            return self._page(request, token, await self.casework.desk(token), _Shown())
        except LinkExpired as over:
            return self._over(request, over)

    async def act(self, request: Request, token: str) -> Response:
        typed = self._typed(token, await read_body(request, _BODY_BYTES, _BODY_SECONDS))
        try:
            return await self._act(request, token, typed)
        except LinkExpired as over:
            return self._over(request, over, typed.words)

    async def file(self, token: str, sha256: str) -> Response:
        file = files(await self.casework.desk(token)).get(sha256)
        if file is None:
            raise NotFound("this case has no such file")
        return download(await asyncio.to_thread(self.blobs.get, sha256), file.name, file.content_type)

    async def _act(self, request: Request, token: str, typed: _Typed) -> Response:
        view = await self.casework.desk(token)
        try:
            act = typed.act()
            if act.seen == view.revision and act.action not in allowed(view.case.state):
                raise ForbiddenMove(f"{act.action} is not possible while {view.case.state}")
            after = await self.casework.act(token, act)
        except InputError as error:
            return self._page(request, token, view, _Shown(typed, error.fields, status_code=422))
        except ForbiddenMove:
            view = await self.casework.desk(token)
            if done_already(view, act):
                return self._done(request, act.action)
            return self._page(request, token, view, _Shown(typed, moved_on=True, status_code=409))
        if act.action is Action.REFER:
            return self.pages.show(request, "desk_referred.html", number=after.case.number, to=self._new_office(after))
        return self._done(request, act.action)

    def _done(self, request: Request, action: Action) -> Response:
        query = f"done={action}&lang={pick_language(request)}"
        return RedirectResponse(f"{request.url.path}?{query}", 303)

    def _typed(self, token: str, body: bytes) -> _Typed:
        fields = dict(read_urlencoded(body).fields)
        sealed = self.seal.open(fields.get("nonce", "")) or ()
        seen = sealed[1] if len(sealed) == 2 and sealed[0] == digest(token) else None
        typed = {name: fields.get(name, "") for name in ("action", "words", "to_office")}
        return _Typed(**typed, seen=seen if isinstance(seen, int) else None)

    def _page(self, request: Request, token: str, view: DeskView, shown: _Shown) -> Response:
        language = pick_language(request)
        done = request.query_params.get("done", "") if request.method == "GET" else ""
        return self.pages.show(
            request,
            "desk.html",
            status_code=shown.status_code,
            view=view,
            story=story(view),
            original=original(view.messages[0], view.case.number) if view.messages else None,
            allowed=allowed(view.case.state),
            due=decision_due(view),
            now=self.now(),
            name_of=lambda actor: self._name(actor, language),
            action=request.url.path,
            nonce=self.seal.close(digest(token), view.revision),
            typed=shown.typed,
            problems=self._messages(language, shown.problems),
            moved_on=shown.moved_on,
            done=done if done in list(Action) else "",
            delivery=delivery(view, Action(done)) if done in list(Action) else None,
            limit=MAX_WORDS,
            known=self.pages.words,
        )

    def _messages(self, language: str, problems: Mapping[str, str]) -> dict[str, str]:
        words = self.pages.words
        return {name: words(language, f"desk.problem.{key}", limit=MAX_WORDS) for name, key in problems.items()}

    def _over(self, request: Request, over: LinkExpired, words: str = "") -> Response:
        why = f"desk.over.{over}" if f"desk.over.{over}" in self.pages.words else "desk.over"
        return self.pages.show(request, "desk_over.html", status_code=410, why=why, words=words)

    def _new_office(self, view: DeskView) -> object:
        return self.casework.offices.get(view.case.office_id or "") or self.casework.offices.desk

    def _name(self, actor: str, language: str) -> str:
        """An office by its name, anyone else by a word of ours."""
        kind, _, office_id = actor.partition(":")
        office = self.casework.offices.get(office_id) if kind == "office" else None
        if office:
            return office.name(language)
        return self.pages.words(language, f"actor.{actor}") if f"actor.{actor}" in self.pages.words else actor
