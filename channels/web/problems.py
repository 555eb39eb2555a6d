"""Errors as answers: a kind page for people, RFC 9457 problem details under /api."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from casefile.errors import (
    ForbiddenMove,
    HuiyinError,
    InputError,
    KeyReused,
    LinkExpired,
    NotFound,
    StorageUnavailable,
    TooLarge,
)
from channels.web.body import RequestTooLarge, RequestTooSlow
from channels.web.pages import SECURITY_HEADERS, Pages
from channels.web.words import pick_language

RETRY_AFTER_S = 30
API_PREFIX = "/api/"
PROBLEM_TYPE = "application/problem+json"

STATUS: Mapping[type[Exception], int] = {
    RequestTooSlow: 408,
    TooLarge: 413,
    KeyReused: 422,
    InputError: 422,
    LinkExpired: 410,
    NotFound: 404,
    ForbiddenMove: 409,
    StorageUnavailable: 503,
    RequestValidationError: 422,
}

_LOG = logging.getLogger(__name__)


class FieldProblem(BaseModel):
    """`pointer` is a JSON Pointer into the request body (RFC 6901), `code` does not depend on the language."""

    pointer: str
    code: str
    detail: str


class Problem(BaseModel):
    """RFC 9457 section 3.1."""

    type: str = Field(description="where this kind of error is explained, below the public address")
    title: str = Field(description="the kind of error")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what to do about it, in the language asked for")
    instance: str | None = Field(default=None, description="names this one occurrence, for asking about it")
    errors: list[FieldProblem] = Field(default=[], description="by field: {pointer, code, detail}")


def whole_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of `model` in one piece: what stands outside FastAPI's components cannot refer to them."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})
    for field in schema["properties"].values():
        if "items" in field:
            field["items"] = parts[field["items"]["$ref"].rpartition("/")[2]]
    return schema


def problem(status: int, detail: str, errors: Sequence[FieldProblem] = (), instance: str | None = None) -> Response:
    body = Problem(
        type=f"/docs#problem-{status}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=instance,
        errors=list(errors),
    )
    return JSONResponse(body.model_dump(exclude_none=True), status, headers=_headers(status), media_type=PROBLEM_TYPE)


def install_error_pages(app: FastAPI, pages: Pages) -> None:
    """Every error that leaves a route of `app` becomes a page or a problem in the reader's language."""
    answers = _Answers(pages)
    app.add_exception_handler(HuiyinError, answers.expected)
    app.add_exception_handler(RequestValidationError, answers.expected)
    app.add_exception_handler(HTTPException, answers.http)
    app.add_exception_handler(ClientDisconnect, answers.gone)
    app.add_exception_handler(Exception, answers.unexpected)


class _Answers:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def expected(self, request: Request, error: Exception) -> Response:
        status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
        if status >= 500:
            return self._logged(request, error, status)
        return self._answer(request, error, status)

    async def http(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        response = self._answer(request, error, status)
        response.headers.update(getattr(error, "headers", None) or {})
        return response

    async def gone(self, request: Request, error: Exception) -> Response:
        return Response(status_code=400)  # nobody is left to read it

    async def unexpected(self, request: Request, error: Exception) -> Response:
        return self._logged(request, error, 500)

    def _logged(self, request: Request, error: Exception, status: int) -> Response:
        error_id = _short_id()
        # The route's pattern, not its address: that may hold a token.
        path = getattr(request.scope.get("route"), "path", "an unknown address")
        _LOG.error("%s: %s %s failed", error_id, request.method, path, exc_info=error)
        return self._answer(request, error, status, error_id)

    def _answer(self, request: Request, error: Exception, status: int, error_id: str = "") -> Response:
        error_id = error_id or _short_id()
        if request.url.path.startswith(API_PREFIX):
            language = pick_language(request, "en")
            instance = f"urn:huiyin:error:{error_id}"
            return problem(status, self._detail(language, error, status), _field_problems(error), instance)
        language = pick_language(request)
        response = self._pages.show(
            request,
            "error.html",
            status_code=status,
            status=status,
            title=self._text(language, status, "title"),
            text=self._detail(language, error, status),
            error_id=error_id,
        )
        response.headers.update(_headers(status))
        return response

    def _detail(self, language: str, error: Exception, status: int) -> str:
        if isinstance(error, RequestTooLarge):
            return self._pages.words(language, "error.413.limit", limit=_readable(error.limit))
        if isinstance(error, KeyReused):
            return self._pages.words(language, "error.422.key")
        return self._text(language, status, "text")

    def _text(self, language: str, status: int, part: str) -> str:
        words = self._pages.words
        known = status if f"error.{status}.{part}" in words else 500 if status >= 500 else 400
        return words(language, f"error.{known}.{part}")


def _field_problems(error: Exception) -> list[FieldProblem]:
    if not isinstance(error, InputError):
        return []
    return [FieldProblem(pointer=f"/{name}", code="invalid", detail=text) for name, text in error.fields.items()]


def _headers(status: int) -> dict[str, str]:
    retry = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
    return {**SECURITY_HEADERS, **retry}


def _readable(size: int) -> str:
    return f"{size // 2**20} MB" if size >= 2**20 else f"{size // 2**10} KB"


def _short_id() -> str:
    return secrets.token_hex(4)
