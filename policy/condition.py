"""The `if` of a duty: a closed little language, parsed and never evaluated as code.

    condition = test { "and" test }
    test      = [ "not" ] ( name | name "==" word | name "in" "[" word { "," word } "]" )

A bare name is true when the event has happened or the flag is set.
"""

import re
from collections.abc import Iterator, Mapping, Set
from typing import Annotated

from pydantic import BeforeValidator

from casefile.model import Record
from policy.yaml import Misfit

_TOKEN = re.compile(r"\s*(==|[\[\],]|[A-Za-z_][A-Za-z0-9_.-]*)")
_KEYWORDS = frozenset({"and", "not", "in"})
_GRAMMAR = "Write for example: not replied, channel == web, channel in [web, email] and major"


class Check(Record):
    """`values` empty: is `name` true? Otherwise: is its value one of them?"""

    name: str
    values: tuple[str, ...] = ()
    negated: bool = False


class Condition(Record):
    """All tests must hold."""

    tests: tuple[Check, ...]

    def holds(self, true: Set[str], values: Mapping[str, str]) -> bool:
        return all(_holds(test, true, values) for test in self.tests)


def parse_condition(value: object) -> Condition:
    """Raises Misfit that quotes the place where the text stops making sense."""
    if isinstance(value, Condition):
        return value
    if not isinstance(value, str):
        raise Misfit(f"{value!r} is not a condition", _GRAMMAR)
    tokens = _Tokens(value)
    tests = [_test(tokens)]
    while tokens.take("and"):
        tests.append(_test(tokens))
    tokens.expect_end()
    return Condition(tests=tuple(tests))


ConditionField = Annotated[Condition, BeforeValidator(parse_condition)]


def _holds(test: Check, true: Set[str], values: Mapping[str, str]) -> bool:
    met = values.get(test.name) in test.values if test.values else test.name in true
    return met is not test.negated


def _test(tokens: "_Tokens") -> Check:
    negated = tokens.take("not")
    name = tokens.word()
    if tokens.take("=="):
        return Check(name=name, values=(tokens.word(),), negated=negated)
    if tokens.take("in"):
        return Check(name=name, values=tuple(_list(tokens)), negated=negated)
    return Check(name=name, negated=negated)


def _list(tokens: "_Tokens") -> Iterator[str]:
    tokens.expect("[")
    yield tokens.word()
    while tokens.take(","):
        yield tokens.word()
    tokens.expect("]")


class _Tokens:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def take(self, wanted: str) -> bool:
        match = _TOKEN.match(self._text, self._at)
        if match and match[1] == wanted:
            self._at = match.end()
            return True
        return False

    def word(self) -> str:
        match = _TOKEN.match(self._text, self._at)
        if not match or not match[1][0].isidentifier() or match[1] in _KEYWORDS:
            raise self._stuck("a name")
        self._at = match.end()
        return match[1]

    def expect(self, wanted: str) -> None:
        if not self.take(wanted):
            raise self._stuck(repr(wanted))

    def expect_end(self) -> None:
        if self._text[self._at :].strip():
            raise self._stuck("the end or 'and'")

    def _stuck(self, wanted: str) -> Misfit:
        rest = self._text[self._at :].strip() or "the end"
        return Misfit(f"condition {self._text!r}: expected {wanted} before {rest!r}", _GRAMMAR)
