"""One notice: the chain of evidence from what was owed to what became of it, and the exact bytes that were sent."""

import hashlib

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from casefile.audit import Tag
from casefile.envelope import Channel
from casefile.notice import Attempt
from casefile.status import NoticeState
from casefile.store import log, outbox
from casefile.store.log import Dossier
from gateway.accounts import Role
from gateway.console.console import Console
from gateway.console.session import Visitor
from gateway.download import download
from gateway.readable import readable

_SUFFIX = {Channel.EMAIL: ".eml", Channel.SMS: ".txt"}


class NoticePage:
    def __init__(self, console: Console) -> None:
        self._console = console

    async def show(self, request: Request, visitor: Visitor) -> Response:
        found = await self._dossier(request)
        return self._console.page(
            request,
            visitor,
            "notice.html",
            dossier=found,
            unfinished=[a.no for a in found.attempts if _unfinished(found, a)],
            may_release=visitor.account.role is Role.ADMIN and found.notice.state is NoticeState.DEAD,
        )

    async def letter(self, request: Request, visitor: Visitor) -> Response:
        """The letter as a person reads it. Links that would still let their holder act are masked, for everyone."""
        found = await self._dossier(request)
        await self._note(found, visitor, exact=False)
        letter = readable(found.notice.payload)
        return self._console.page(
            request,
            visitor,
            "letter.html",
            dossier=found,
            letter=letter.masked() if found.live_links else letter,
            intact=hashlib.sha256(found.notice.payload).hexdigest() == found.notice.payload_sha256,
            may_download=_may_download(found, visitor),
        )

    async def exact(self, request: Request, visitor: Visitor) -> Response:
        """Byte for byte. With live links in it only for an admin, for whoever holds them can act as the office."""
        found = await self._dossier(request)
        if not _may_download(found, visitor):
            return self._console.refused(request, visitor, "live_links")
        await self._note(found, visitor, exact=True)
        sent = found.notice
        return download(sent.payload, f"{found.line.number}-{sent.kind}-{sent.id}{_SUFFIX.get(sent.channel, '.bin')}")

    async def release(self, request: Request, visitor: Visitor) -> Response:
        """Send a dead notice again. Raises ForbiddenMove when it is not dead."""
        notice_id = request.path_params["notice_id"]
        await self._console.store.write(outbox.release, notice_id, self._console.now(), visitor.actor)
        return RedirectResponse(f"/console/notices/{notice_id}", 303)

    async def _dossier(self, request: Request) -> Dossier:
        return await self._console.store.read(log.dossier, request.path_params["notice_id"], self._console.now())

    async def _note(self, found: Dossier, visitor: Visitor, *, exact: bool) -> None:
        detail = {"notice": found.notice.id, "sha256": found.notice.payload_sha256}
        await self._console.note(
            Tag.CONSOLE_BYTES, visitor.actor, {**detail, "exact": exact, "live_links": found.live_links}
        )


def _may_download(found: Dossier, visitor: Visitor) -> bool:
    return not found.live_links or visitor.account.role is Role.ADMIN


def _unfinished(found: Dossier, attempt: Attempt) -> bool:
    """Begun and never finished, although nobody is at it any more."""
    at_it = found.notice.state is NoticeState.SENDING and attempt.no == found.notice.attempts
    return attempt.finished_at is None and not at_it
