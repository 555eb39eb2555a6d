"""How words are compared: full-width and half-width forms and upper and lower case are the same.

A word is found wherever it stands, since Chinese has no spaces; but where it begins with a Latin letter or a digit it
must begin a word, so that `atm` is not found in "treatment" while `loan` is found in "loans".
"""

import re
import unicodedata
from typing import NewType

Folded = NewType("Folded", str)


def fold(text: str) -> Folded:
    return Folded(unicodedata.normalize("NFKC", text).casefold())


def same(left: str, right: str) -> bool:
    return fold(left).strip() == fold(right).strip()


def found_in(word: str, text: Folded) -> bool:
    folded = fold(word).strip()
    return folded in text and bool(_pattern(folded).search(text))


def without(word: str, text: Folded) -> Folded:
    """`text` with a gap in place of every `word`."""
    return Folded(_pattern(fold(word).strip()).sub(" ", text))


def _pattern(folded: str) -> re.Pattern[str]:
    starts_a_word = r"(?<![a-z0-9])" if re.match(r"[a-z0-9]", folded) else ""
    return re.compile(starts_a_word + re.escape(folded))
