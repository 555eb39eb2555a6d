import html
import re

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from casefile.errors import KeyReused
from channels.web.desk import Choice
from tests.channels.web_stage import FORM_ID, NUMBER, SECRET, Stage, form_body

ENGLISH = {"Accept-Language": "en-GB,en;q=0.9"}
HOSTILE = "\"'><script>alert(1)</script>{{7*7}}&amp;"


@pytest.fixture
def stage() -> Stage:
    return Stage()


def post(
    client: TestClient,
    fields: dict[str, str],
    boundary: str = "b1",
    files: dict[str, bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    typed = {"Content-Type": f"multipart/form-data; boundary={boundary}"} | (headers or {})
    return client.post("/complaints", content=form_body(fields, boundary, files), headers=typed)


def form_id(page: str) -> str:
    return re.search(r'name="form_id" value="([^"]+)"', page)[1]


def test_every_blank_form_has_its_own_id(stage: Stage) -> None:
    ids = {form_id(stage.client.get("/").text) for _ in range(20)}
    assert len(ids) == 20
    assert all(len(found) >= 22 for found in ids)


def test_the_form_offers_products_branches_and_files(stage: Stage) -> None:
    page = stage.client.get("/", headers=ENGLISH).text
    assert '<option value="card">Cards</option>' in page
    assert '<option value="Nanhu Branch">' in page
    assert 'type="file" multiple' in page
    assert Choice("贷款", "Loans").value == "贷款"


def test_a_complaint_gives_number_and_secret_once_it_is_accepted(stage: Stage) -> None:
    fields = {"form_id": FORM_ID, "text": "卡被吞了", "email": "li.wei@customer.example", "branch": "南湖支行"}
    answer = post(stage.client, fields, files={"slip.txt": b"2000"})
    assert answer.status_code == 201
    assert NUMBER in answer.text
    assert SECRET in answer.text
    raw, envelope = stage.intake.raws[0], stage.intake.envelopes[0]
    assert (raw.source, raw.external_id, raw.received_at) == ("form", FORM_ID, stage.now)
    assert raw.body == form_body(fields, "b1", {"slip.txt": b"2000"})
    assert (envelope.text, envelope.external_id, envelope.received_at) == ("卡被吞了", FORM_ID, stage.now)


def test_only_who_left_no_contact_is_warned(stage: Stage) -> None:
    assert "您没有留下联系方式" in post(stage.client, {"text": "卡被吞了"}).text
    assert "您没有留下联系方式" not in post(stage.client, {"text": "卡被吞了", "phone": "13800138000"}).text


def test_a_double_click_is_one_message_and_shows_the_same_receipt(stage: Stage) -> None:
    fields = {"form_id": FORM_ID, "text": "卡被吞了"}
    post(stage.client, fields, "b1")
    again = post(stage.client, fields, "b2")
    assert stage.intake.raws[0].content_hash == stage.intake.raws[1].content_hash
    assert again.status_code == 201
    assert NUMBER in again.text
    assert SECRET in again.text


def test_other_content_from_the_same_form_is_said_to_be_added(stage: Stage) -> None:
    post(stage.client, {"form_id": FORM_ID, "text": "卡被吞了"})
    added = post(stage.client, {"form_id": FORM_ID, "text": "还扣了手续费"})
    assert "已补充到您的投诉中" in added.text
    assert SECRET not in added.text


@pytest.mark.parametrize("given", ["", "1", "short", "x" * 65, "A" * 21 + "/"])
def test_a_form_id_that_could_be_guessed_is_replaced(stage: Stage, given: str) -> None:
    post(stage.client, {"form_id": given, "text": "卡被吞了"})
    post(stage.client, {"form_id": given, "text": "另一件事"})
    first, second = (raw.external_id for raw in stage.intake.raws)
    assert first != second
    assert len(first) >= 22


def test_an_empty_form_comes_back_with_the_message_at_the_field(stage: Stage) -> None:
    answer = post(stage.client, {"form_id": FORM_ID, "text": "", "email": "a,b", "name": "李伟"})
    assert answer.status_code == 422
    assert stage.intake.raws == []
    assert 'id="text-problem">请说明发生了什么' in answer.text
    assert 'id="email-problem"' in answer.text
    assert 'value="李伟"' in answer.text
    assert 'value="a,b"' in answer.text
    assert form_id(answer.text) == FORM_ID


def test_no_body_at_all_is_an_empty_form(stage: Stage) -> None:
    assert stage.client.post("/complaints").status_code == 422


def test_oversized_fields_are_refused_and_not_echoed_in_full(stage: Stage) -> None:
    limits = stage.client.get("/").text
    assert 'maxlength="500"' in limits
    answer = post(stage.client, dict.fromkeys(("text", "name", "email", "branch"), "字" * 10_000))
    assert answer.status_code == 422
    assert answer.text.count("字" * 50) <= 500 // 50 + 3
    assert "字" * 501 not in answer.text


def test_who_loses_their_chosen_files_is_told_so(stage: Stage) -> None:
    answer = post(stage.client, {"text": ""}, files={"slip.txt": b"1"})
    assert "请重新选择" in answer.text


def test_a_filled_honeypot_is_accepted_and_flagged(stage: Stage) -> None:
    assert post(stage.client, {"text": "hi", "website": "http://spam.example"}).status_code == 201
    assert stage.intake.envelopes[0].defects == ("honeypot: filled",)


def test_when_nothing_can_be_stored_the_text_is_kept_on_the_page(stage: Stage) -> None:
    stage.disk_full()
    answer = post(stage.client, {"form_id": FORM_ID, "text": "卡被吞了", "product": "loan"})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "您的投诉还没有提交" in answer.text
    assert "卡被吞了</textarea>" in answer.text
    assert '<option value="loan" selected>' in answer.text
    assert form_id(answer.text) == FORM_ID
    assert NUMBER not in answer.text


def test_a_body_over_the_limit_gets_a_page_that_names_the_limit(stage: Stage) -> None:
    answer = post(stage.client, {"text": "hi"}, files={"big.bin": b"x" * 300_000}, headers=ENGLISH)
    assert answer.status_code == 413
    assert "The limit is 195 KB" in answer.text
    assert stage.intake.raws == []


def test_an_unexpected_failure_shows_an_id_that_is_logged(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.intake.failure = RuntimeError("boom")
    answer = post(stage.client, {"text": "hi"}, headers=ENGLISH)
    assert answer.status_code == 500
    error_id = re.search(r"please mention ([0-9a-f]{8})", answer.text)[1]
    assert error_id in caplog.text
    assert "boom" not in answer.text


def test_an_error_of_ours_becomes_its_page(stage: Stage) -> None:
    stage.intake.failure = KeyReused("used")
    assert post(stage.client, {"text": "hi"}).status_code == 422


def test_markup_in_every_field_is_shown_as_text(stage: Stage) -> None:
    fields = dict.fromkeys(("text", "name", "email", "phone", "product", "branch", "region", "other"), HOSTILE)
    answer = post(stage.client, fields | {"form_id": HOSTILE, "text": HOSTILE + "x" * 500})
    assert answer.status_code == 422
    assert "<script" not in answer.text
    shown = [html.unescape(value) for value in re.findall(r'value="([^"]*)"', answer.text)]
    assert shown.count(HOSTILE) == 4  # name, email, phone, branch
    assert HOSTILE in html.unescape(answer.text[answer.text.index("<textarea") :])


def test_markup_in_the_query_and_path_is_shown_as_text(stage: Stage) -> None:
    for address in (f"/track?number={HOSTILE}", f"/?lang={HOSTILE}", "/%3Cscript%3E?x=%22%3E%3Cscript%3E"):
        assert "<script" not in stage.client.get(address).text


def test_a_textarea_keeps_a_leading_newline(stage: Stage) -> None:
    answer = post(stage.client, {"text": "first\n\nthird", "email": "broken"})
    assert ">\nfirst\n\nthird</textarea>" in answer.text
