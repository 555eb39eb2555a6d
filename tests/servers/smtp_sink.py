"""The process behind `SmtpSink`: a real SMTP server that writes down what it accepts before it says so.

Run as a module with its folder and port. Reads `rules.json` at every stage; appends to `journal.jsonl`.
"""

import asyncio
import base64
import json
import os
import smtplib
import sys
import time
from collections import Counter
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


class Script:
    """The rules of `rules.json` and how often each was met; new rules start from nothing."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._text = ""
        self._rules: list[dict[str, Any]] = []
        self._met: Counter[int] = Counter()

    def next(self, stage: str, recipients: list[str]) -> dict[str, Any] | None:
        """The first rule that applies now."""
        self._reload()
        for number, rule in enumerate(self._rules):
            if rule["stage"] == stage and (not rule["recipient"] or rule["recipient"] in recipients):
                self._met[number] += 1
                if self._met[number] % rule["every"] == 0 and self._met[number] <= rule["every"] * rule["times"]:
                    return rule
        return None

    def _reload(self) -> None:
        text = self._file.read_text("utf-8")
        if text != self._text:
            self._text, self._rules, self._met = text, json.loads(text)["rules"], Counter()


class Journal:
    """One line per accepted message, on disk before the sender hears of it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def add(self, sender: str, recipients: list[str], raw: bytes) -> None:
        message_id = BytesHeaderParser().parsebytes(raw)["Message-ID"]
        entry = {
            "at": time.time(),
            "sender": sender,
            "recipients": recipients,
            "message_id": str(message_id or "").strip(),
            "raw": base64.b64encode(raw).decode(),
        }
        with self._file.open("a", encoding="ascii") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())


class Handler:
    """What happens at the dot: on to the customers' mailboxes if there are any, into the journal, then 250."""

    def __init__(self, script: Script, journal: Journal, lmtp_port: int) -> None:
        self.script, self._journal, self._lmtp_port = script, journal, lmtp_port

    async def handle_DATA(self, server: "ScriptedSMTP", session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd calls it so
        sender, recipients, raw = envelope.mail_from or "", list(envelope.rcpt_tos), envelope.content
        assert isinstance(raw, bytes)
        if (reply := await server.act("dot", recipients)) is not None:
            return reply
        if self._lmtp_port:
            await asyncio.to_thread(self._forward, sender, recipients, raw)
        self._journal.add(sender, recipients, raw)
        reply = await server.act("reply", recipients)
        return reply if reply is not None else "250 2.0.0 OK"

    def _forward(self, sender: str, recipients: list[str], raw: bytes) -> None:
        with smtplib.LMTP("127.0.0.1", self._lmtp_port) as lmtp:
            lmtp.sendmail(sender, recipients, raw)


class ScriptedSMTP(SMTP):
    """Asks the script before each stage; `""` as a reply means that the connection is gone."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(handler, enable_SMTPUTF8=True, data_size_limit=50_000_000, hostname="sink.bank.example")
        self._script = handler.script

    async def act(self, stage: str, recipients: list[str]) -> str | None:
        """None: go on as usual."""
        rule = self._script.next(stage, recipients)
        if rule is None:
            return None
        await asyncio.sleep(rule["delay_s"])
        if rule["drop"]:
            self._writer.transport.abort()
            return ""
        reply: str | None = rule["reply"] or None
        return reply

    async def _handle_client(self) -> None:
        if not await self._interrupted("connect", []):
            await super()._handle_client()
        elif self.transport is not None:
            self.transport.close()

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd calls it so
        if not await self._interrupted("ehlo", []):
            await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd calls it so
        if not await self._interrupted("ehlo", []):
            await super().smtp_HELO(hostname)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd calls it so
        if not await self._interrupted("mail", []):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd calls it so
        address = (arg or "").partition(":")[2].strip().split(">")[0].lstrip("<")
        if not await self._interrupted("rcpt", [address]):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd calls it so
        if not await self._interrupted("data", list(self.envelope.rcpt_tos if self.envelope else [])):
            await super().smtp_DATA(arg)

    async def _interrupted(self, stage: str, recipients: list[str]) -> bool:
        reply = await self.act(stage, recipients)
        if reply:
            await self.push(reply)
        return reply is not None


async def serve(folder: Path, port: int, lmtp_port: int) -> None:
    handler = Handler(Script(folder / "rules.json"), Journal(folder / "journal.jsonl"), lmtp_port)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: ScriptedSMTP(handler), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
