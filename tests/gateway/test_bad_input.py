"""What people and programs send that cannot be taken, what they are told, and that it leaves no trace."""

import base64
from collections.abc import AsyncIterator

import httpx2
import pytest
import sqlalchemy as sa

from casefile.store.tables import complaint, inbound, notice
from tests.channels.web_stage import BOUNDARY, form_body
from tests.gateway.world import World, hidden
from tests.servers.postgres import Postgres

MB = 2**20
API = "/api/v1/complaints"
WORDS = "ATM 吞卡，未出钞"
FIELDS = ("text", "name", "email", "phone", "product", "branch", "region", "subject", "form_id", "language")
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
NOTHING_SENT = "您的投诉还没有提交"


async def send(world: World, fields: dict[str, str], files: dict[str, bytes] | None = None) -> httpx2.Response:
    return await world.http.post("/complaints", content=form_body(fields, files=files), headers=MULTIPART)


async def stored(world: World) -> list[int]:
    """How many messages, cases and notices there are."""
    queries = [sa.select(sa.func.count()).select_from(table) for table in (inbound, complaint, notice)]
    return await world.site.store.read(lambda tx: [tx.execute(query).scalar_one() for query in queries])


def problem(answer: httpx2.Response, status: int) -> dict[str, object]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return dict(body)


def pointers(body: dict[str, object]) -> set[str]:
    errors = body["errors"]
    assert isinstance(errors, list)
    return {error["pointer"] for error in errors}


@pytest.fixture(autouse=True)
async def _a_good_one_is_taken_afterwards(world: World) -> AsyncIterator[None]:
    """Whatever came before, the next complaint gets the first number."""
    yield
    before = await stored(world)
    receipt = await send(world, {"text": WORDS, "branch": "南湖支行", "email": "li.wei@customer.example"})
    assert receipt.status_code == 201
    assert before == [0, 0, 0]
    assert "-000001" in receipt.text


async def test_an_empty_form_comes_back_with_what_is_missing(world: World) -> None:
    answer = await send(world, {"text": " \n ", "name": "李伟"})
    assert answer.status_code == 422
    assert "请说明发生了什么" in answer.text
    assert 'value="李伟"' in answer.text


async def test_a_form_in_which_every_field_has_a_megabyte(world: World) -> None:
    answer = await send(world, {name: f"{name}-" + "字" * (MB // 3) for name in FIELDS})
    assert answer.status_code == 422
    assert {f'id="{name}-problem"' in answer.text for name in ("text", "name", "email", "phone", "branch")} == {True}
    assert len(answer.text) < MB // 4


async def test_an_attachment_over_the_limit_is_named_and_the_words_are_kept(world: World) -> None:
    limit = world.site.settings.web.max_file_bytes
    answer = await send(world, {"text": WORDS}, {"slip.pdf": bytes(limit + 1)})
    assert answer.status_code == 422
    assert f"{limit // MB} MB" in answer.text
    assert WORDS in answer.text


async def test_more_attachments_than_the_limit(world: World) -> None:
    files = {f"{n}.txt": b"x" for n in range(world.site.settings.web.max_files + 1)}
    answer = await send(world, {"text": WORDS}, files)
    assert answer.status_code == 422
    assert WORDS in answer.text


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in chunks"])
async def test_a_request_over_the_limit(world: World, announced: bool) -> None:
    limit = world.site.settings.web.max_request_bytes

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(limit // MB + 1):
            yield bytes(MB)

    content = bytes(limit + 1) if announced else chunks()
    page = await world.http.post("/complaints", content=content, headers=MULTIPART)
    assert page.status_code == 413
    assert f"{limit // MB} MB" in page.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"\xff\xfe\x00" * 1000, "application/octet-stream"),
        (b"%%%=%zz&&&=", "application/x-www-form-urlencoded"),
        (b"{" * 100_000, "application/json"),
    ],
)
async def test_what_is_no_form_at_all(world: World, body: bytes, kind: str) -> None:
    answer = await world.http.post("/complaints", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"{}", {"/text"}),
        (b'{"text": ""}', {"/text"}),
        (b'{"text": null}', {"/text"}),
        (b'{"text": ["a"]}', {"/text"}),
        (b'{"text": "x", "email": "li.wei"}', {"/email"}),
        (b'{"text": "x", "phone": "call me"}', {"/phone"}),
        (b'{"text": "x", "attachments": [{"name": "a"}]}', {"/attachments/0/content_base64"}),
        (b'{"text": "x", "attachments": [{"content_base64": "?"}]}', {"/attachments/0/content_base64"}),
        (b"[]", {""}),
        (b"{", {""}),
        (b"\xff\xfe", {""}),
    ],
)
async def test_json_that_cannot_be_taken_says_where(world: World, body: bytes, wrong: set[str]) -> None:
    answer = await world.http.post(API, content=body, headers={"Content-Type": "application/json"})
    assert pointers(problem(answer, 422)) == wrong


async def test_json_in_which_every_field_has_a_megabyte(world: World) -> None:
    answer = await world.http.post(API, json=dict.fromkeys(FIELDS, "x" * MB))
    found = pointers(problem(answer, 422))
    assert found >= {"/text", "/name", "/email", "/phone", "/product", "/branch", "/region"}
    assert len(answer.content) < 10_000


async def test_a_json_attachment_over_the_limit(world: World) -> None:
    content = base64.b64encode(bytes(world.site.settings.web.max_file_bytes + 1)).decode()
    answer = await world.http.post(API, json={"text": WORDS, "attachments": [{"name": "a", "content_base64": content}]})
    assert pointers(problem(answer, 422)) == {"/attachments"}


async def test_a_json_request_over_the_limit(world: World) -> None:
    body = b'{"text": "' + b"x" * world.site.settings.web.max_request_bytes + b'"}'
    answer = await world.http.post(API, content=body, headers={"Content-Type": "application/json"})
    assert f"{world.site.settings.web.max_request_bytes // MB} MB" in str(problem(answer, 413)["detail"])


async def test_what_is_not_json_at_all(world: World) -> None:
    problem(await world.http.post(API, content=b"text=x", headers={"Content-Type": "text/plain"}), 415)


@pytest.mark.parametrize("key", ["", "x" * 256, "with space"])
async def test_an_idempotency_key_that_is_none(world: World, key: str) -> None:
    problem(await world.http.post(API, json={"text": WORDS}, headers={"Idempotency-Key": key}), 422)


async def test_a_folder_that_cannot_be_written(world: World) -> None:
    """A file in its place stops even root."""
    blobs = world.site.settings.folder("blobs")
    blobs.write_text("in the way")
    await _refused_form(world)
    problem(await world.http.post(API, json={"text": WORDS}), 503)
    assert await stored(world) == [0, 0, 0]
    blobs.unlink()


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_a_database_that_goes_away_during_a_post(world: World, postgres: Postgres) -> None:
    blank = await world.http.get("/")
    postgres.stop()
    try:
        await _refused_form(world, form_id=hidden(blank.text, "form_id"))
        answer = await world.http.post(API, json={"text": WORDS}, headers={"Idempotency-Key": "k-1"})
        assert "retry-after" in answer.headers
        problem(answer, 503)
        assert (await world.http.get("/readyz")).status_code == 503
        assert (await world.http.get("/")).status_code == 200
    finally:
        postgres.start()


async def _refused_form(world: World, **more: str) -> None:
    """The page says that nothing was accepted, and holds what was typed for another try."""
    answer = await send(world, {"text": WORDS, "name": "李伟", **more})
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert NOTHING_SENT in answer.text
    assert "HY-" not in answer.text
    assert WORDS in answer.text
    assert 'value="李伟"' in answer.text
