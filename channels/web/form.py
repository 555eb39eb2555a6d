"""The public complaint form and its receipt."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from casefile.envelope import Envelope
from casefile.errors import StorageUnavailable
from casefile.inbound import Accepted, Outcome
from channels.web.desk import SOURCE_FORM
from channels.web.door import Door, fresh_id
from channels.web.parse import HONEYPOT
from channels.web.problems import RETRY_AFTER_S
from channels.web.validate import problems, typed
from channels.web.words import pick_language

FIELDS = ("text", "product", "region", "branch", "attachments", "name", "email", "phone")

_FORM_ID = re.compile(r"[A-Za-z0-9_-]{22,64}")  # a shorter one could be guessed, and its case written into
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Filled:
    """A form as it is shown: what was typed, and what is wrong with it."""

    form_id: str
    values: Mapping[str, str]
    problems: Mapping[str, str]
    had_files: bool = False
    unavailable: bool = False


class ComplaintForm:
    def __init__(self, door: Door) -> None:
        self._door = door

    def routes(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/", self.blank, methods=["GET", "HEAD"])
        router.add_api_route("/complaints", self.submit, methods=["POST"])
        return router

    async def blank(self, request: Request) -> Response:
        response = self._page(request, _Filled(fresh_id(), {}, {}), 200)
        # Unlike every other page this one may be kept, or the Back button would lose what was typed.
        response.headers["Cache-Control"] = "private, no-cache"
        return response

    async def submit(self, request: Request) -> Response:
        body = await self._door.read(request)
        envelope = await self._door.parse(body)
        form_id = envelope.external_id or ""
        if not _FORM_ID.fullmatch(form_id):
            form_id = fresh_id()
        found = problems(envelope, self._door.settings.limits)
        if found:
            return self._page(request, self._filled(form_id, envelope, self._messages(request, found)), 422)
        raw = self._door.raw(SOURCE_FORM, form_id, body, envelope)
        try:
            accepted = await self._door.accept(raw, envelope.model_copy(update={"external_id": form_id}))
        except StorageUnavailable:
            _LOG.exception("a complaint could not be stored; its sender was asked to try again")
            return self._unavailable(request, self._filled(form_id, envelope, {}))
        return await self._receipt(request, accepted, envelope)

    def _messages(self, request: Request, found: Mapping[str, str]) -> dict[str, str]:
        language, limits = pick_language(request), self._door.settings.limits.words()
        return {name: self._door.pages.words(language, key, **limits) for name, key in found.items()}

    def _filled(self, form_id: str, envelope: Envelope, found: Mapping[str, str]) -> _Filled:
        limits = self._door.settings.limits
        values = {name: value[: limits.max_field] for name, value in typed(envelope).items()}
        values["text"] = envelope.text[: limits.max_text]
        return _Filled(form_id, values, found, had_files=bool(envelope.attachments))

    def _unavailable(self, request: Request, filled: _Filled) -> Response:
        shown = _Filled(filled.form_id, filled.values, {}, filled.had_files, unavailable=True)
        response = self._page(request, shown, 503)
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response

    def _page(self, request: Request, filled: _Filled, status_code: int) -> Response:
        return self._door.pages.show(
            request,
            "form.html",
            status_code=status_code,
            form_id=filled.form_id,
            values=filled.values,
            problems=filled.problems,
            had_files=filled.had_files,
            unavailable=filled.unavailable,
            labelled=FIELDS,
            honeypot=HONEYPOT,
            settings=self._door.settings,
            limits=self._door.settings.limits.words(),
        )

    async def _receipt(self, request: Request, accepted: Accepted, envelope: Envelope) -> Response:
        title, lead = _receipt_words(accepted)
        return self._door.pages.show(
            request,
            "receipt.html",
            status_code=201,
            title=title,
            lead=lead,
            number=accepted.number,
            secret=accepted.secret,
            reference=accepted.inbound_id,
            received_at=await self._door.first_received(accepted, envelope.received_at or self._door.now()),
            anonymous=not (envelope.sender.email or envelope.sender.phone),
            track_url=f"{self._door.settings.public_url}/track",
        )


def _receipt_words(accepted: Accepted) -> tuple[str, str]:
    if accepted.outcome is Outcome.ADDED:
        return "receipt.added_title", "receipt.added_lead"
    if accepted.number is None:
        return "receipt.stored_title", "receipt.stored_lead"
    if accepted.outcome is Outcome.REPEATED:
        return "receipt.title_repeated", "receipt.lead_repeated"
    return "receipt.title", "receipt.lead"
