"""One round over one mailbox: every message goes through intake, and only then is it flagged and moved away.

What the cursor cannot vouch for is taken again; intake knows copies. A message that cannot be read is noted as
missed and tried in later rounds, after the new ones, so that it never holds up the others.
"""

import asyncio
import logging
import random
from collections.abc import Iterator, Sequence
from enum import Enum

from casefile.envelope import Channel, Envelope
from casefile.errors import StorageUnavailable
from casefile.failpoint import failpoint
from casefile.inbound import Accept, Raw
from channels.email.imap import BATCH, CHUNK, Connection, Listed, connect, uid_set
from channels.email.ledger import Cursor, MailboxError, MailboxLedger, MailboxSettings, RoundResult
from channels.email.parse import message_id, parse

logger = logging.getLogger(__name__)


async def fetch_round(
    settings: MailboxSettings, accept: Accept, ledger: MailboxLedger, stop: asyncio.Event
) -> RoundResult:
    """Ends early, between two messages, once `stop` is set.

    Raises MailboxError (server) or StorageUnavailable (intake); what was not accepted by then is untouched.
    """
    async with connect(settings) as connection:
        await connection.select()
        return await _Round(settings, accept, ledger, connection, stop).run()


class _Why(Enum):
    """Why a message is taken up, which decides how the ledger hears of it."""

    NEW = "new"
    MISSED = "missed"  # an earlier round could not read it
    LEFT = "left"  # a crash came between commit and move


class _Round:
    def __init__(
        self,
        settings: MailboxSettings,
        accept: Accept,
        ledger: MailboxLedger,
        connection: Connection,
        stop: asyncio.Event,
    ) -> None:
        self._settings, self._accept, self._ledger, self._imap = settings, accept, ledger, connection
        self._stop = stop
        self._key = (settings.name, settings.folder, connection.uidvalidity)
        self._result = RoundResult()

    async def run(self) -> RoundResult:
        cursor = await self._cursor()
        new = [uid for uid in await self._imap.search(f"UID {cursor.last_uid + 1}:*") if uid > cursor.last_uid]
        await self._take_all(new, _Why.NEW)
        # in random order, so that one that breaks the connection does not keep the others waiting for ever
        await self._take_all(random.sample(cursor.missed, len(cursor.missed)), _Why.MISSED)
        if cursor.last_uid:
            await self._tidy(cursor)
        return self._result

    async def _cursor(self) -> Cursor:
        """Without lasting UIDs there is no place to go on from: all is taken again, intake knows copies."""
        return await self._ledger.cursor(*self._key) if self._imap.uidvalidity else Cursor()

    async def _tidy(self, cursor: Cursor) -> None:
        """What a crash between commit and move left behind. What nobody flagged may not have been taken at all."""
        old = f"UID 1:{cursor.last_uid} NOT LARGER {self._settings.max_bytes}"
        left = [uid for uid in await self._imap.search(old, "UNSEEN") if uid not in cursor.missed]
        await self._take_all(left, _Why.LEFT)
        if self._settings.done_folder and self._imap.can_move():
            seen = [uid for uid in await self._imap.search(old, "SEEN") if uid not in cursor.missed]
            for batch in _batches(seen):
                await self._move(batch)
            self._result.tidied += len(seen)

    async def _take_all(self, uids: Sequence[int], why: _Why) -> None:
        for batch in _batches(uids):
            listed = await self._list(batch)
            for uid in batch:
                if self._stop.is_set():
                    return
                if uid in listed:
                    await self._take(listed[uid], why)
                else:
                    await self._skip(uid, why)

    async def _list(self, uids: Sequence[int]) -> dict[int, Listed]:
        try:
            return await self._imap.list_messages(uids)
        except MailboxError:  # a server may refuse a batch of which another client has just expunged a part
            await self._imap.refresh()
            return await self._imap.list_messages(uids)

    async def _take(self, message: Listed, why: _Why) -> None:
        try:
            body = await self._read(message, insist=why is _Why.MISSED)
        except MailboxError as error:
            await self._miss_or_skip(message.uid, error, why)
            return
        failpoint("intake.fetched")
        if not await self._hand_over(message, body, why):
            return
        failpoint("intake.committed")
        self._result.taken += 1
        await self._settle(message.uid, why)
        await self._put_away(message)

    async def _read(self, message: Listed, *, insist: bool) -> bytes:
        """The whole message, or the first part of one over the limit. `insist`: twice the same is the truth.

        Some servers announce a size that is not exact; without a second look their mail would never be taken.
        """
        too_large = message.size > self._settings.max_bytes
        limit = CHUNK if too_large else self._settings.max_bytes
        body = await self._imap.body(message.uid, limit)
        wanted = min(message.size, limit)
        if len(body) >= wanted or (insist and body and body == await self._imap.body(message.uid, limit)):
            return body
        raise MailboxError(f"truncated: {len(body)} of {wanted} bytes")

    async def _hand_over(self, message: Listed, body: bytes, why: _Why) -> bool:
        """To intake. A failure that concerns this message alone must not stop the mailbox."""
        raw = Raw(Channel.EMAIL, self._settings.name, message_id(body), body, message.arrived)
        try:
            await self._accept(raw, await self._partial(message, raw))
        except StorageUnavailable:
            raise
        except Exception as error:
            logger.exception("mailbox %s: intake failed for UID %d, it stays there", self._settings.name, message.uid)
            await self._miss(message.uid, f"intake: {type(error).__name__}", why)
            return False
        return True

    async def _partial(self, message: Listed, raw: Raw) -> Envelope | None:
        if message.size <= self._settings.max_bytes:
            return None
        envelope = await asyncio.to_thread(parse, raw.body, raw.received_at)
        note = f"size: {message.size} bytes, only the first {len(raw.body)} taken; the rest is in the mailbox"
        return envelope.model_copy(update={"defects": (note, *envelope.defects)})

    async def _put_away(self, message: Listed) -> None:
        try:
            await self._imap.mark_seen([message.uid])
        except MailboxError as error:  # it is stored; the next round finds it unseen and tidies up
            logger.warning("mailbox %s: UID %d not marked as seen: %s", self._settings.name, message.uid, error)
            return
        failpoint("intake.flagged")
        if message.size <= self._settings.max_bytes:
            await self._move([message.uid])

    async def _move(self, uids: Sequence[int]) -> None:
        if not self._settings.done_folder or not self._imap.can_move():
            return
        try:
            await self._imap.move(uids, self._settings.done_folder)
        except MailboxError as error:  # it is stored; the next round tries again to move it
            logger.warning("mailbox %s: UID %s not moved: %s", self._settings.name, uid_set(uids), error)

    async def _miss_or_skip(self, uid: int, error: MailboxError, why: _Why) -> None:
        """Another client may have expunged it meanwhile. On a dead connection, ends the round."""
        try:
            await self._imap.refresh()
            gone = uid not in await self._imap.search(f"UID {uid}")
        except MailboxError:
            await self._miss(uid, str(error), why)
            raise
        if gone:
            await self._skip(uid, why)
        else:
            await self._miss(uid, str(error), why)

    async def _skip(self, uid: int, why: _Why) -> None:
        self._result.gone += 1
        logger.warning("mailbox %s: UID %d is gone, another client removed it", self._settings.name, uid)
        await self._settle(uid, why)

    async def _miss(self, uid: int, reason: str, why: _Why) -> None:
        self._result.missed += 1
        await self._ledger.missed(*self._key, uid, reason)
        if why is _Why.NEW:
            await self._ledger.advance(*self._key, uid)

    async def _settle(self, uid: int, why: _Why) -> None:
        if why is _Why.NEW:
            await self._ledger.advance(*self._key, uid)
        elif why is _Why.MISSED:
            await self._ledger.recovered(*self._key, uid)
        else:
            self._result.tidied += 1


def _batches(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), BATCH):
        yield uids[start : start + BATCH]
