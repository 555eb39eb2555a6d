"""Which of the product's languages a text is in."""

import re

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]")
_LETTERS_PER_HAN = 3  # a Chinese character says about as much as three Latin letters


def guess_language(text: str) -> str | None:
    """`zh`, `en`, or None when the text has no words (digits, emoji)."""
    han, latin = len(_HAN.findall(text)), len(_LATIN.findall(text))
    if not han and not latin:
        return None
    return "zh" if han * _LETTERS_PER_HAN >= latin else "en"
