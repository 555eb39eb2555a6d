"""The OpenAPI description as a plain page: no scripts, nothing from another host."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from channels.web.pages import Pages
from channels.web.problems import STATUS, Problem, whole_schema

_Schema = Mapping[str, Any]


@dataclass(frozen=True)
class FieldDoc:
    name: str
    type: str
    meaning: str
    required: bool


@dataclass(frozen=True)
class AnswerDoc:
    status: str
    meaning: str
    fields: list[FieldDoc]

    @property
    def is_error(self) -> bool:
        return self.status >= "4"


@dataclass(frozen=True)
class OperationDoc:
    method: str
    path: str
    summary: str
    description: str
    parameters: list[FieldDoc]
    body: list[FieldDoc]
    example: str
    answers: list[AnswerDoc]


class ApiDocs:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def show(self, request: Request) -> Response:
        app: FastAPI = request.app
        return self._pages.show(
            request,
            "docs.html",
            operations=list(operations(app.openapi())),
            source=app.openapi_url,
            problem=_Reader({}).fields(whole_schema(Problem)),
            errors=sorted({*STATUS.values(), 415, 500}),
        )


def operations(description: _Schema) -> Iterable[OperationDoc]:
    reader = _Reader(description)
    for path, methods in description.get("paths", {}).items():
        for method, operation in methods.items():
            yield reader.operation(method.upper(), path, operation)


class _Reader:
    """Reads one OpenAPI 3.1 document, following its references."""

    def __init__(self, description: _Schema) -> None:
        self._description = description

    def operation(self, method: str, path: str, operation: _Schema) -> OperationDoc:
        body = self._content(operation.get("requestBody", {}))
        example = body.get("example")
        return OperationDoc(
            method=method,
            path=path,
            summary=operation.get("summary", ""),
            description=operation.get("description", ""),
            parameters=[self._parameter(self._resolved(item)) for item in operation.get("parameters", [])],
            body=self.fields(body),
            example=json.dumps(example, ensure_ascii=False, indent=2) if example else "",
            answers=[
                AnswerDoc(status, answer.get("description", ""), self.fields(self._content(answer)))
                for status, answer in sorted(operation.get("responses", {}).items())
            ],
        )

    def _content(self, part: _Schema) -> _Schema:
        return next((self._resolved(media.get("schema", {})) for media in part.get("content", {}).values()), {})

    def _parameter(self, parameter: _Schema) -> FieldDoc:
        kind = self._type(parameter.get("schema", {}))
        meaning = parameter.get("description", "")
        return FieldDoc(parameter["name"], f"{kind} ({parameter['in']})", meaning, parameter.get("required", False))

    def fields(self, schema: _Schema) -> list[FieldDoc]:
        required = schema.get("required", [])
        return [
            FieldDoc(name, self._type(field), field.get("description", ""), name in required)
            for name, field in schema.get("properties", {}).items()
        ]

    def _type(self, schema: _Schema) -> str:
        if "anyOf" in schema:
            return " | ".join(self._type(choice) for choice in schema["anyOf"])
        schema = self._resolved(schema)
        if "enum" in schema:
            return " | ".join(str(value) for value in schema["enum"])
        if schema.get("type") == "array":
            return f"[{self._type(schema.get('items', {}))}]"
        return str(schema.get("format") or schema.get("type", "any"))

    def _resolved(self, schema: _Schema) -> _Schema:
        if "$ref" not in schema:
            return schema
        return reduce(getitem, schema["$ref"].removeprefix("#/").split("/"), self._description)
