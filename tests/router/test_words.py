import pytest

from router.words import fold, found_in, same, without


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("盗刷", "信用卡被盗刷了", True),
        ("ATM", "ａｔｍ吞卡", True),
        ("atm", "bad treatment", False),
        ("atm", "在ATM机上", True),
        ("loan", "two Loans", True),
        ("loan", "my reloan", False),
        ("信用卡", "信用 卡", False),
        ("c++ (a)", "about C++ (A)", True),
        ("Straße", "STRASSE 5", True),
    ],
)
def test_where_a_word_is_found(word: str, text: str, found: bool) -> None:
    assert found_in(word, fold(text)) is found


def test_same_ignores_width_case_and_edges() -> None:
    assert same(" Ｃredit Card", "credit card ")
    assert not same("credit card", "credit cards")


def test_without_leaves_a_gap_so_that_no_new_word_arises() -> None:
    assert without("支行", fold("南支行湖")) == "南 湖"
