"""The JSON API for programs that pass complaints on."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from casefile.envelope import Envelope
from casefile.errors import KeyReused
from casefile.inbound import Outcome
from channels.web.desk import SOURCE_API
from channels.web.door import Door, fresh_id
from channels.web.pages import SECURITY_HEADERS
from channels.web.problems import PROBLEM_TYPE, FieldProblem, Problem, problem, whole_schema
from channels.web.submission import decode_base64
from channels.web.validate import problems
from channels.web.words import pick_language

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def _is_base64(value: str) -> str:
    decode_base64(value)
    return value


class AttachmentIn(BaseModel):
    name: str = Field(default="", description="file name")
    content_type: str = Field(default="", description="media type, such as application/pdf")
    content_base64: Annotated[str, AfterValidator(_is_base64)] = Field(description="the content (RFC 4648 section 4)")


class ComplaintIn(BaseModel):
    """Other members are kept with the complaint as well."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "text": "The machine kept my card and paid out nothing.",
                "name": "Li Wei",
                "email": "li.wei@customer.example",
                "product": "card",
                "branch": "南湖支行",
                "language": "en",
            }
        },
    )

    text: str = Field(description="what happened")
    subject: str = Field(default="", description="in one line")
    name: str = Field(default="", description="who complains; may be left out")
    email: str = Field(default="", description="exactly one address")
    phone: str = Field(default="", description="one telephone number, E.164 or national")
    contact: str = Field(default="", description="an address or a number, when it is not known which")
    product: str = Field(default="", description="product or service that it is about")
    branch: str = Field(default="", description="branch or place")
    region: str = Field(default="", description="region")
    language: str = Field(default="", description="zh or en: the language to answer in")
    attachments: list[AttachmentIn] = Field(default=[], description="files: {name, content_type, content_base64}")


class ComplaintOut(BaseModel):
    number: str | None = Field(description="case number; null while a person has yet to register it")
    secret: str | None = Field(description="with the number it shows the status; the same key and body bring it again")
    received_at: datetime
    outcome: Outcome = Field(description="opened, or repeated when this key and content were here before")


_PROBLEMS: Mapping[int, str] = {
    408: "The request took too long to arrive",
    413: "The request is too large",
    415: "The request is not application/json",
    422: "The content is not acceptable, or the key was used with other content",
    503: "Nothing was accepted; try again with the same key",
}


class ComplaintApi:
    def __init__(self, door: Door) -> None:
        self._door = door

    def routes(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route(
            "/api/v1/complaints",
            self.submit,
            methods=["POST"],
            status_code=201,
            summary="Make a complaint",
            response_description="Stored and registered",
            response_model=ComplaintOut,
            responses={status: _problem_answer(text) for status, text in _PROBLEMS.items()},
            openapi_extra={"requestBody": _request_body()},
            tags=["complaints"],
        )
        return router

    async def submit(
        self,
        request: Request,
        idempotency_key: Annotated[
            str | None,
            Header(
                alias="Idempotency-Key",
                description="1 to 255 visible ASCII characters. Sent again with the same body: the same answer.",
            ),
        ] = None,
    ) -> Response:
        """Stores the complaint, registers it and gives its number; only then answers 201."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return self._problem(request, 415, "error.415.text")
        if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
            return self._problem(request, 422, "error.422.bad_key")
        body = await self._door.read(request)
        envelope = await self._door.parse(body)
        errors = _schema_errors(body) or self._content_errors(request, envelope)
        if errors:
            return self._problem(request, 422, "error.422.text", errors)
        return await self._accept(idempotency_key or envelope.external_id or fresh_id(), body, envelope)

    async def _accept(self, key: str, body: bytes, envelope: Envelope) -> Response:
        raw = self._door.raw(SOURCE_API, key, body, envelope)
        if await self._door.desk.key_known(raw.source, raw.external_id, raw.content_hash):
            raise KeyReused("This Idempotency-Key has been used with other content. Use a new one")
        accepted = await self._door.accept(raw, envelope.model_copy(update={"external_id": key}))
        answer = ComplaintOut(
            number=accepted.number,
            secret=accepted.secret,
            received_at=await self._door.first_received(accepted, raw.received_at),
            outcome=accepted.outcome,
        )
        return JSONResponse(answer.model_dump(mode="json"), 201, headers=dict(SECURITY_HEADERS))

    def _content_errors(self, request: Request, envelope: Envelope) -> list[FieldProblem]:
        limits = self._door.settings.limits
        language, words = pick_language(request, "en"), self._door.pages.words
        return [
            FieldProblem(
                pointer=f"/{name}", code=key.removeprefix("problem."), detail=words(language, key, **limits.words())
            )
            for name, key in problems(envelope, limits).items()
        ]

    def _problem(self, request: Request, status: int, key: str, errors: list[FieldProblem] | None = None) -> Response:
        return problem(status, self._door.pages.words(pick_language(request, "en"), key), errors or [])


def _schema_errors(body: bytes) -> list[FieldProblem]:
    try:
        ComplaintIn.model_validate_json(body)
    except ValidationError as error:
        return [
            FieldProblem(pointer="".join(f"/{step}" for step in item["loc"]), code=item["type"], detail=item["msg"])
            for item in error.errors(include_url=False, include_context=False, include_input=False)[:20]
        ]
    return []


def _request_body() -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": whole_schema(ComplaintIn)}}}


def _problem_answer(text: str) -> dict[str, Any]:
    return {"description": text, "content": {PROBLEM_TYPE: {"schema": whole_schema(Problem)}}}
