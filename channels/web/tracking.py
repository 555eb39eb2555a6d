"""The tracking page: status and dates for who holds a number and its secret, nothing else."""

import re
import unicodedata

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from casefile.text import clean_header
from channels.web.body import read_body
from channels.web.desk import TrackView
from channels.web.door import Door
from channels.web.submission import read_urlencoded

_BODY_BYTES, _BODY_SECONDS, _INPUT_CHARS = 8_192, 30, 60
_NOT_BASE32 = re.compile(r"[^a-z2-7]")
_MISREAD = str.maketrans("01", "ol")  # digits that no secret has, for letters that look like them


class Tracking:
    def __init__(self, door: Door) -> None:
        self._door = door

    def routes(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/track", self.ask, methods=["GET", "HEAD"])
        router.add_api_route("/track", self.look_up, methods=["POST"])
        return router

    async def ask(self, request: Request) -> Response:
        return self._page(request, clean_header(request.query_params.get("number", ""), _INPUT_CHARS))

    async def look_up(self, request: Request) -> Response:
        fields = dict(read_urlencoded(await read_body(request, _BODY_BYTES, _BODY_SECONDS)).fields)
        number = _plain(fields.get("number", "")).upper()
        view = await self._door.desk.track(number, as_secret(fields.get("secret", "")))
        return self._page(request, number, view, missed=view is None)

    def _page(self, request: Request, number: str, view: TrackView | None = None, missed: bool = False) -> Response:
        status_code = 404 if missed else 200
        return self._door.pages.show(
            request, "track.html", status_code=status_code, number=number, view=view, missed=missed
        )


def as_secret(typed: str) -> str:
    """The secret as it was given out, from what a person copied by hand: four groups of five, base32."""
    bare = _NOT_BASE32.sub("", _plain(typed).lower().translate(_MISREAD))
    return "-".join(bare[i : i + 5] for i in range(0, len(bare), 5))


def _plain(typed: str) -> str:
    return clean_header(unicodedata.normalize("NFKC", typed[:_INPUT_CHARS]), _INPUT_CHARS)
