"""Every address of the web channel."""

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from casefile.inbound import Accept
from channels.web.api import ComplaintApi
from channels.web.api_docs import ApiDocs
from channels.web.desk import WebDesk, WebSettings
from channels.web.door import Door
from channels.web.form import ComplaintForm
from channels.web.pages import Pages
from channels.web.revisit import Revisit
from channels.web.tracking import Tracking

_CSS_HEADERS = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}


def routes(
    accept: Accept, desk: WebDesk, pages: Pages, settings: WebSettings, now: Callable[[], datetime]
) -> APIRouter:
    """`now` gives an aware instant. The app that includes this turns FastAPI's own /docs off."""
    door = Door(accept, desk, pages, settings, now)
    router = APIRouter()
    for part in (ComplaintForm(door), ComplaintApi(door), Tracking(door), Revisit(door)):
        router.include_router(part.routes())
    router.add_api_route("/docs", ApiDocs(pages).show, methods=["GET"], include_in_schema=False)

    @router.get("/static/huiyin.css", include_in_schema=False)
    async def css() -> Response:
        return Response(pages.css, media_type="text/css", headers=_CSS_HEADERS)

    return router
