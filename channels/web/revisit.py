"""The revisit page: the customer says whether the outcome satisfied them. Looking at it never answers."""

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from casefile.errors import NotFound
from casefile.text import clean_text
from channels.web.body import read_body
from channels.web.desk import RevisitView
from channels.web.door import Door
from channels.web.submission import read_urlencoded
from channels.web.words import pick_language

COMMENT_LIMIT = 2_000

_BODY_BYTES, _BODY_SECONDS = 65_536, 60
_ANSWERS: Mapping[str, bool] = {"yes": True, "no": False}


class Revisit:
    def __init__(self, door: Door) -> None:
        self._door = door

    def routes(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/revisit/{token}", self.ask, methods=["GET", "HEAD"])
        router.add_api_route("/revisit/{token}", self.answer, methods=["POST"])
        return router

    async def ask(self, request: Request, token: str) -> Response:
        return self._page(request, await self._view(token))

    async def answer(self, request: Request, token: str) -> Response:
        fields = dict(read_urlencoded(await read_body(request, _BODY_BYTES, _BODY_SECONDS)).fields)
        chosen = fields.get("satisfied", "")
        comment = clean_text(fields.get("comment", "")[: 3 * COMMENT_LIMIT]).strip()
        found = {} if chosen in _ANSWERS else {"satisfied": "problem.choice"}
        if len(comment) > COMMENT_LIMIT:
            found["comment"] = "problem.comment_too_long"
        if found:
            return self._page(request, await self._view(token), chosen, comment, found)
        return self._page(request, await self._door.desk.revisit_answer(token, _ANSWERS[chosen], comment))

    async def _view(self, token: str) -> RevisitView:
        view = await self._door.desk.revisit_view(token)
        if view is None:
            raise NotFound("There is no revisit link with this token. Use the link in the latest message")
        return view

    def _page(
        self,
        request: Request,
        view: RevisitView,
        chosen: str = "",
        comment: str = "",
        found: Mapping[str, str] | None = None,
    ) -> Response:
        language, words = pick_language(request), self._door.pages.words
        return self._door.pages.show(
            request,
            "revisit.html",
            status_code=422 if found else 200,
            view=view,
            action=request.url.path,
            chosen=chosen,
            comment=comment[:COMMENT_LIMIT],
            comment_limit=COMMENT_LIMIT,
            problems={name: words(language, key, limit=COMMENT_LIMIT) for name, key in (found or {}).items()},
        )
