import pytest

from casefile.language import guess_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("南湖支行排队两小时", "zh"),
        ("My card was swallowed", "en"),
        ("我的VISA卡被吞了", "zh"),
        ("My card was swallowed by the machine. 李伟", "en"),
        ("１２３４ 😡 42", None),
        ("", None),
    ],
)
def test_the_language_that_says_most(text: str, language: str | None) -> None:
    assert guess_language(text) == language
