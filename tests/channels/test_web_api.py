import base64
import json
from typing import Any

import pytest
from httpx2 import Response

from channels.web.api_docs import operations
from tests.channels.web_stage import NOON, NUMBER, SECRET, Stage, form_body

PATH = "/api/v1/complaints"
COMPLAINT = {"text": "The machine kept my card.", "email": "li.wei@customer.example", "product": "card"}


@pytest.fixture
def stage() -> Stage:
    return Stage()


def post(stage: Stage, document: object, key: str | None = None, **headers: str) -> Response:
    keyed = {"Idempotency-Key": key} if key is not None else {}
    return stage.client.post(PATH, json=document, headers=keyed | headers)


def problem(answer: Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"] == f"/docs#problem-{status}"
    assert body["title"]
    assert body["detail"]
    return body


def pointers(answer: Response) -> list[str]:
    return [error["pointer"] for error in problem(answer, 422)["errors"]]


def test_a_complaint_is_answered_with_its_number(stage: Stage) -> None:
    answer = post(stage, COMPLAINT, "k-1")
    assert answer.status_code == 201
    assert answer.json() == {
        "number": NUMBER,
        "secret": SECRET,
        "received_at": "2026-03-02T04:00:00Z",
        "outcome": "opened",
    }
    assert answer.headers["cache-control"] == "no-store"
    raw = stage.intake.raws[0]
    assert (raw.source, raw.external_id, json.loads(raw.body)) == ("api", "k-1", COMPLAINT)


def test_the_same_key_and_body_get_the_same_answer(stage: Stage) -> None:
    first = post(stage, COMPLAINT, "k-1").json()
    stage.now = NOON.replace(hour=9)
    second = post(stage, COMPLAINT, "k-1").json()
    assert second == first | {"outcome": "repeated"}


def test_the_same_key_with_another_body_is_refused(stage: Stage) -> None:
    post(stage, COMPLAINT, "k-1")
    answer = post(stage, COMPLAINT | {"text": "Something else."}, "k-1")
    assert "Idempotency-Key" in problem(answer, 422)["detail"]
    assert len(stage.intake.raws) == 1


def test_without_a_key_every_request_is_its_own(stage: Stage) -> None:
    post(stage, COMPLAINT)
    post(stage, COMPLAINT)
    first, second = (raw.external_id for raw in stage.intake.raws)
    assert first != second


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256])
def test_a_key_that_is_no_key_is_refused(stage: Stage, key: str) -> None:
    problem(post(stage, COMPLAINT, key), 422)
    assert stage.intake.raws == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"text": ""}, "/text"),
        ({"text": "x" * 501}, "/text"),
        ({"text": 5}, "/text"),
        ({"email": "[a@b.example,c@d.example]"}, "/email"),
        ({"email": ["a@b.example", "c@d.example"]}, "/email"),
        ({"phone": "12"}, "/phone"),
        ({"name": "x" * 51}, "/name"),
        ({"account": "x" * 51}, "/account"),
        ({"attachments": "none"}, "/attachments"),
        ({"attachments": [{"name": "a", "content_base64": "***"}]}, "/attachments/0/content_base64"),
        ({"attachments": [{"content_base64": base64.b64encode(b"x" * 1001).decode()}]}, "/attachments"),
    ],
)
def test_what_is_wrong_is_pointed_at(stage: Stage, change: dict[str, Any], pointer: str) -> None:
    assert pointers(post(stage, COMPLAINT | change)) == [pointer]
    assert stage.intake.raws == []


def test_a_missing_text_is_pointed_at(stage: Stage) -> None:
    assert pointers(post(stage, {})) == ["/text"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_a_json_object_is_refused(stage: Stage, body: bytes) -> None:
    problem(stage.client.post(PATH, content=body, headers={"Content-Type": "application/json"}), 422)


def test_attachments_arrive(stage: Stage) -> None:
    sent = COMPLAINT | {"attachments": [{"name": "slip.txt", "content_base64": "MjAw\nMA=="}]}
    assert post(stage, sent).status_code == 201
    assert stage.intake.envelopes[0].attachments[0].content == b"2000"


@pytest.mark.parametrize("content_type", ["text/plain", "", "multipart/form-data; boundary=b1"])
def test_only_json_is_taken(stage: Stage, content_type: str) -> None:
    answer = stage.client.post(PATH, content=form_body({"text": "hi"}), headers={"Content-Type": content_type})
    problem(answer, 415)


def test_a_body_over_the_limit_is_refused(stage: Stage) -> None:
    assert "195 KB" in problem(post(stage, COMPLAINT | {"note": "x" * 200_000}), 413)["detail"]


def test_nothing_accepted_says_try_again(stage: Stage) -> None:
    stage.disk_full()
    answer = post(stage, COMPLAINT)
    problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0


def test_an_unexpected_failure_is_a_problem_with_an_id(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.intake.failure = RuntimeError("boom")
    body = problem(post(stage, COMPLAINT), 500)
    assert body["instance"].removeprefix("urn:huiyin:error:") in caplog.text
    assert "boom" not in json.dumps(body)


def test_details_come_in_the_language_asked_for(stage: Stage) -> None:
    answer = post(stage, COMPLAINT | {"phone": "12"}, **{"Accept-Language": "zh-CN"})
    assert "无法识别" in problem(answer, 422)["errors"][0]["detail"]


def test_other_errors_below_api_are_problems_too(stage: Stage) -> None:
    problem(stage.client.get("/api/v1/nothing"), 404)
    problem(stage.client.get(PATH), 405)


def test_the_description_is_complete_and_shown_without_scripts(stage: Stage) -> None:
    (operation,) = operations(stage.app.openapi())
    assert (operation.method, operation.path) == ("POST", PATH)
    assert [field.name for field in operation.parameters] == ["Idempotency-Key"]
    assert {"text", "email", "attachments"} <= {field.name for field in operation.body}
    assert [answer.status for answer in operation.answers] == ["201", "408", "413", "415", "422", "503"]
    assert "$ref" not in json.dumps(stage.app.openapi()["paths"][PATH]["post"]["requestBody"])
    page = stage.client.get("/docs")
    assert page.status_code == 200
    assert "Idempotency-Key" in page.text
    assert "<script" not in page.text


def test_every_problem_type_has_its_place_in_the_documentation(stage: Stage) -> None:
    page = stage.client.get("/docs").text
    for status in (404, 408, 409, 410, 413, 415, 422, 500, 503):
        assert f'id="problem-{status}"' in page
