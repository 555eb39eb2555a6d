import pytest

from tests.channels.web_stage import NUMBER, SECRET, Stage

TRACK_ANSWER = {"number": NUMBER, "secret": SECRET}


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_number_and_secret_show_status_and_dates(stage: Stage) -> None:
    answer = stage.client.post("/track", data=TRACK_ANSWER)
    assert answer.status_code == 200
    assert "已转承办部门" in answer.text
    assert "2026年3月2日 12:00" in answer.text
    assert "2026年3月16日" in answer.text


def test_a_limit_that_ends_at_midnight_is_told_as_the_day_before(stage: Stage) -> None:
    shown = stage.client.post("/track", data=TRACK_ANSWER).text
    assert "2026年3月16日" in shown
    assert "2026年3月17日" not in shown


def test_the_secret_never_comes_back(stage: Stage) -> None:
    assert SECRET not in stage.client.post("/track", data=TRACK_ANSWER).text
    assert "guess" not in stage.client.post("/track", data={"number": NUMBER, "secret": "guess"}).text


@pytest.mark.parametrize(
    ("number", "secret"),
    [
        (" hy-2026-000123 ", "ABCDE FGHIJ KLMNO PQRST"),
        ("ＨＹ－2026－000123", "abcdefghijklmnopqrst"),
        ("HY-2026-000123", "abcde–fghij–k1mn0–pqrst"),
    ],
)
def test_what_was_copied_by_hand_is_understood(stage: Stage, number: str, secret: str) -> None:
    stage.client.post("/track", data={"number": number, "secret": secret})
    assert stage.desk.asked == [(NUMBER, SECRET)]


def test_a_wrong_secret_a_wrong_number_and_nothing_look_the_same(stage: Stage) -> None:
    pages = []
    for number, secret in ((NUMBER, "x" * 20), ("HY-2026-999999", SECRET), ("HY-2026-999999", "x" * 20)):
        answer = stage.client.post("/track", data={"number": number, "secret": secret})
        assert answer.status_code == 404
        pages.append(answer.text.replace(number, ""))
    assert len(set(pages)) == 1
    assert len(stage.desk.asked) == 3
    assert stage.client.post("/track").status_code == 404


def test_a_huge_tracking_request_is_refused(stage: Stage) -> None:
    assert stage.client.post("/track", data={"number": "x" * 20_000}).status_code == 413


def test_looking_at_the_revisit_page_answers_nothing(stage: Stage) -> None:
    page = stage.client.get("/revisit/good")
    assert page.status_code == 200
    assert "checked" not in page.text
    stage.client.head("/revisit/good")
    assert stage.desk.answers == []


@pytest.mark.parametrize("data", [{}, {"satisfied": ""}, {"satisfied": "on"}, {"comment": "没有回音"}])
def test_a_post_without_a_choice_does_nothing_but_show_the_page(stage: Stage, data: dict[str, str]) -> None:
    answer = stage.client.post("/revisit/good", data=data)
    assert answer.status_code == 422
    assert "请选择" in answer.text
    assert data.get("comment", "") in answer.text
    assert stage.desk.answers == []


@pytest.mark.parametrize(("choice", "satisfied"), [("yes", True), ("no", False)])
def test_a_choice_is_an_answer(stage: Stage, choice: str, satisfied: bool) -> None:
    answer = stage.client.post("/revisit/good", data={"satisfied": choice, "comment": " 谢谢\r\n"})
    assert answer.status_code == 200
    assert "评价已记录" in answer.text
    assert stage.desk.answers == [(satisfied, "谢谢")]


def test_who_has_answered_sees_the_answer_and_no_form(stage: Stage) -> None:
    stage.client.post("/revisit/good", data={"satisfied": "no"})
    page = stage.client.get("/revisit/good").text
    assert "不满意" in page
    assert "<form" not in page


def test_a_comment_over_the_limit_is_refused_and_kept_on_the_page(stage: Stage) -> None:
    answer = stage.client.post("/revisit/good", data={"satisfied": "yes", "comment": "字" * 2001})
    assert answer.status_code == 422
    assert "字" * 2000 in answer.text
    assert 'value="yes" required checked' in answer.text
    assert stage.desk.answers == []
    assert stage.client.post("/revisit/good", data={"satisfied": "yes", "comment": "字" * 2000}).status_code == 200


@pytest.mark.parametrize(("token", "status"), [("none", 404), ("old", 410)])
def test_a_link_that_does_not_work_says_why(stage: Stage, token: str, status: int) -> None:
    assert stage.client.get(f"/revisit/{token}").status_code == status
    assert stage.client.post(f"/revisit/{token}", data={}).status_code == status
