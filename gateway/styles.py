"""The style sheet of the pages that staff sees, beside the one of the page kit."""

import hashlib
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

_SHEET = Path(__file__).parent / "gateway.css"


def add_to(router: APIRouter) -> None:
    content = _SHEET.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}

    @router.get("/static/gateway.css")
    async def sheet(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type="text/css", headers=headers)
