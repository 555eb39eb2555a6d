"""The log as CSV (RFC 4180) that a spreadsheet shows and never runs."""

import csv
import io
from dataclasses import dataclass
from datetime import datetime

from casefile.store.log import Line
from casefile.text import clean_header
from gateway.console.console import Console, address

BOM = "\ufeff".encode()  # without it Excel takes UTF-8 for the local code page
_COLUMNS = (
    "number",
    "kind",
    "cite",
    "rule",
    "due",
    "recipient",
    "address",
    "channel",
    "attempts",
    "possible_duplicate",
    "state",
    "reason",
    "sent",
    "late",
    "id",
)
_FORMULA = tuple("=+-@|%＝＋－＠")
_BEFORE_A_FORMULA = " '\"`´‘’“”＇＂\u3000\xa0"
_CELL_CHARS = 2_000


def harmless(value: str) -> str:
    """One line, and with a leading `'` when a spreadsheet would take it for a formula (ASVS 1.2.10)."""
    flat = clean_header(value, _CELL_CHARS)
    return f"'{flat}" if flat.lstrip(_BEFORE_A_FORMULA).startswith(_FORMULA) else flat


@dataclass(frozen=True)
class Sheet:
    """Rows as bytes, in one language, with times in the site's zone."""

    console: Console
    language: str
    now: datetime

    def head(self) -> bytes:
        words, zone = self.console.pages.words, self.console.zone.key
        return _encode([words(self.language, f"csv.{name}", zone=zone) for name in _COLUMNS])

    def row(self, line: Line) -> bytes:
        return _encode([harmless(value) for value in self._values(line)])

    def _values(self, line: Line) -> list[str]:
        late = line.late(self.now)
        return [
            line.number,
            self._said("kind", line.kind),
            line.cite or "",
            line.rule_id,
            self._moment(line.due_at),
            self.console.recipient(line.recipient_id, self.language),
            address(line.recipient_id, line.to),
            self._said("channel", line.channel),
            str(line.attempts),
            self._said("yes", "yes" if line.possible_duplicate else ""),
            self._said("notice", line.state),
            self.console.why(line.reason, self.language),
            self._moment(line.sent_at),
            "" if late is None else self._said("late", str(late).lower()),
            line.id,
        ]

    def _said(self, prefix: str, code: str | None) -> str:
        return self.console.said(prefix, code, language=self.language)

    def _moment(self, at: datetime | None) -> str:
        return f"{at.astimezone(self.console.zone):%Y-%m-%d %H:%M:%S}" if at else ""


def _encode(cells: list[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(cells)
    return line.getvalue().encode()
