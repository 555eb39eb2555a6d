"""The life of a complaint, from raw bytes to the doorbell: start reading here.

raw bytes kept and committed → parsed → matched → complaint → routed, with reasons → duties and notices planned, all in
one transaction → doorbell. A message that cannot be parsed still becomes a case, from its raw bytes.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from casefile.audit import Tag
from casefile.blobs import Blobs
from casefile.complaint import Complaint
from casefile.envelope import Channel, Envelope, RawRef
from casefile.errors import StorageUnavailable
from casefile.failpoint import failpoint
from casefile.inbound import Accepted, Outcome, Raw
from casefile.store import inbound
from casefile.store.engine import Store
from casefile.store.inbound import Kept
from gateway.matching import match
from gateway.registry import Registry
from notifier.doorbell import Doorbell

log = logging.getLogger(__name__)
Parse = Callable[[bytes, datetime | None], Envelope]


@dataclass(frozen=True)
class Intake:
    """`accept` is what every channel is given."""

    store: Store
    blobs: Blobs
    parsers: Mapping[Channel, Parse]
    registry: Registry
    doorbell: Doorbell

    async def accept(self, raw: Raw, envelope: Envelope | None = None) -> Accepted:
        """Keep, commit, process. Raises StorageUnavailable when nothing was accepted."""
        sha256 = await asyncio.to_thread(self.blobs.put, raw.body)
        kept = await self.store.write(inbound.keep, raw, sha256)
        failpoint("intake.raw_committed")
        return await self.process(kept, envelope)

    async def process(self, kept: Kept, envelope: Envelope | None = None) -> Accepted:
        """Make a case of what was kept. Safe to repeat: the second time it returns the first result."""
        if kept.state != "stored":
            return await self.store.read(self.registry.again, kept)
        try:
            envelope = envelope or await self._parse(kept)
            await self._save_attachments(envelope)
            failpoint("parse.done")
            accepted = await self.store.write(self._settle, kept, envelope)
        except StorageUnavailable:
            raise
        except Exception as error:  # whatever it is, it must not stop the next message, nor lose this one
            log.exception("shunted", extra={"inbound": kept.id})
            await self.store.write(inbound.stumbled, kept.id, f"{type(error).__name__}: {error}")
            accepted = await self.store.write(self._settle, kept, _unread(kept, error), shunted=True)
        failpoint("plan.committed")
        await self.doorbell.ring(accepted.inbound_id)
        return accepted

    async def process_waiting(self, before: datetime) -> int:
        """Take up what was kept but not processed, as after a crash."""
        waiting = await self.store.read(inbound.waiting, before)
        return sum([await self._take_up(kept) for kept in waiting])

    async def _take_up(self, kept: Kept) -> bool:
        try:
            await self.process(kept)
        except Exception:  # its bytes may be damaged: those behind it must not wait for their repair
            log.exception("still waiting", extra={"inbound": kept.id})
            return False
        return True

    def _settle(self, tx: Connection, kept: Kept, envelope: Envelope, *, shunted: bool = False) -> Accepted:
        """One transaction: from here on everything is on record, or nothing."""
        kept = inbound.lock(tx, kept)
        if kept.state != "stored":
            return self.registry.again(tx, kept)
        found = match(tx, kept, envelope, self.registry.key)
        if found.outcome is Outcome.OPENED:
            case: Complaint | None = self.registry.open(tx, kept, envelope)
        else:
            case = self.registry.join(tx, kept, envelope, found)
        if shunted:
            self.registry.note(tx, Tag.MESSAGE_SHUNTED, kept, case.id if case else None)
        inbound.finish(tx, kept.id, envelope, found.outcome, case.id if case else None, shunted=shunted)
        failpoint("plan.before_commit")
        return self.registry.receipt(kept, found.outcome, case)

    async def _parse(self, kept: Kept) -> Envelope:
        body = await asyncio.to_thread(self.blobs.get, kept.raw_sha256)
        return await asyncio.to_thread(self.parsers[Channel(kept.channel)], body, kept.received_at)

    async def _save_attachments(self, envelope: Envelope) -> None:
        for file in envelope.attachments:
            if file.content is not None:
                await asyncio.to_thread(self.blobs.put, file.content)


def _unread(kept: Kept, error: Exception) -> Envelope:
    """The least that makes a case: a person must read the original."""
    return Envelope(
        channel=Channel(kept.channel),
        external_id=kept.external_id or None,
        received_at=kept.received_at,
        text="（来件无法自动读取，请查看原件。 This message could not be read automatically; see the original.）",
        defects=(f"shunted: {type(error).__name__}",),
        raw=RawRef(sha256=kept.raw_sha256, size=kept.raw_size),
    )
