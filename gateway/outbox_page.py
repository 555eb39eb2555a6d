"""Embedded mode: the letters that were not really sent, for clicking through the whole life of a complaint."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from channels.web.pages import Pages
from gateway.download import download
from gateway.outgoing import Outgoing
from gateway.readable import pieces, readable


def routes(outgoing: Outgoing, pages: Pages) -> APIRouter:
    outbox = _Outbox(outgoing, pages)
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/outbox", outbox.show, methods=["GET", "HEAD"])
    router.add_api_route("/outbox/{name}", outbox.letter, methods=["GET", "HEAD"])
    router.add_api_route("/outbox/{name}/raw", outbox.raw, methods=["GET", "HEAD"])
    return router


@dataclass(frozen=True)
class _Outbox:
    outgoing: Outgoing
    pages: Pages

    def show(self, request: Request) -> Response:
        return self.pages.show(request, "outbox.html", letters=self.outgoing.list())

    def letter(self, request: Request, name: str) -> Response:
        letter = readable(self.outgoing.read(name))
        return self.pages.show(
            request, "outbox_letter.html", name=name, headers=letter.headers, pieces=pieces(letter.text)
        )

    def raw(self, name: str) -> Response:
        return download(self.outgoing.read(name), name)
