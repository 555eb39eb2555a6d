"""A real SMTP server in its own process. Its journal is the judge of what was lost or doubled."""

import base64
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.servers.server import Server, free_port, listens


@dataclass(frozen=True)
class Rule:
    """What to do instead of the usual, at one stage of a conversation.

    `stage`: connect, ehlo, mail, rcpt, data, dot (before the message is accepted) or reply (after it is accepted,
    before the 250). `drop` closes the connection without a word. Applies each `every`-th time, at most `times` times.
    """

    stage: str
    reply: str = ""
    delay_s: float = 0.0
    drop: bool = False
    recipient: str = ""
    every: int = 1
    times: int = 1_000_000


@dataclass(frozen=True)
class Received:
    """A message that was accepted; `at` in seconds since the epoch."""

    at: float
    sender: str
    recipients: list[str]
    message_id: str
    raw: bytes


class SmtpSink(Server):
    """`lmtp_port`: where each message also goes before it is accepted, so that its recipients really get it."""

    name = "smtp"
    host = "127.0.0.1"

    def __init__(self, lmtp_port: int = 0) -> None:
        super().__init__()
        self.port = free_port()
        self._lmtp_port = lmtp_port
        self._edition = 0
        self._journal = self.folder / "journal.jsonl"
        self.clear()

    def command(self) -> list[str]:
        program = ["-P", str(Path(__file__).with_name("smtp_sink.py"))]
        return [sys.executable, *program, str(self.folder), str(self.port), str(self._lmtp_port)]

    def ready(self) -> bool:
        return listens(self.port)

    def script(self, *rules: Rule) -> None:
        """From now on; no rules: everything is accepted."""
        changed = self.folder / "rules.new"
        self._edition += 1
        changed.write_text(json.dumps({"edition": self._edition, "rules": [asdict(rule) for rule in rules]}), "utf-8")
        changed.replace(self.folder / "rules.json")

    def messages(self) -> list[Received]:
        """In the order in which they were accepted."""
        complete, _, _ = self._journal.read_text("ascii").rpartition("\n")
        entries = [json.loads(line) for line in complete.splitlines()]
        return [Received(**{**entry, "raw": base64.b64decode(entry["raw"])}) for entry in entries]

    def clear(self) -> None:
        """Forgets the messages and the rules."""
        self._journal.write_text("", "ascii")
        self.script()
