"""Getting notices out: claim one, make one attempt, record what came of it; never two at a time.

At most the one message in flight can go out twice when this process dies, and the attempt row says which.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from casefile.envelope import Channel
from casefile.errors import StorageUnavailable, TransportError
from casefile.failpoint import failpoint
from casefile.notice import Notice, Receipt, Stage, Transport
from casefile.status import NoticeState
from casefile.store import outbox
from casefile.store.engine import Store
from notifier import backoff

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
DOUBT = timedelta(seconds=60)  # before a message that may have arrived is sent again
_RECORD_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)


class Courier:
    """One sender, one message at a time."""

    def __init__(
        self,
        store: Store,
        transports: Mapping[Channel, Transport],
        *,
        now: Callable[[], datetime],
        name: str,
        lease: timedelta = LEASE,
        draw: random.Random | None = None,
    ) -> None:
        self._store, self._transports, self._now, self._name, self._lease = store, transports, now, name, lease
        self._draw = draw or random.Random()  # noqa: S311 - jitter
        self._stopping = False

    def stop(self) -> None:
        """Claim no more; the attempt in hand is finished."""
        self._stopping = True

    async def drain(self) -> int:
        """Send all that is due, most urgent first; how many attempts were made."""
        looked_at = await self._take_up_silent()
        held, made = None if self._stopping else await self._claim(), 0
        while held:
            failpoint("claim.committed")
            held, made = await self._record(held, await self._attempt(held)), made + 1
            if self._now() - looked_at > self._lease:  # a long backlog must not hide what another worker left behind
                looked_at = await self._take_up_silent()
        return made

    async def _take_up_silent(self) -> datetime:
        """Notices whose worker went silent become due again. When this was."""
        now = self._now()
        await self._store.write(outbox.expire_leases, now=now, actor=self._name, most=backoff.MAX_ATTEMPTS)
        return now

    async def _claim(self) -> outbox.Claim | None:
        return await self._store.write(outbox.claim, now=self._now(), worker=self._name, lease=self._lease)

    async def _attempt(self, held: outbox.Claim) -> outbox.Result:
        about = {"notice": held.notice.id, "attempt": held.attempt}
        try:
            async with self._kept_alive(held):
                receipt = await self._send(held.notice)
        except TransportError as error:
            log.info("attempt failed", extra={**about, "stage": error.stage, "permanent": error.permanent})
            return self._failure(held, error)
        except Exception as error:  # a fault of ours in a transport: nobody knows how far it came
            log.exception("transport broke", extra=about)
            return self._failure(held, TransportError(f"{type(error).__name__}: {error}", in_doubt=True, stage="dot"))
        return outbox.Result(NoticeState.ACCEPTED, Stage.REPLY, receipt.reply, provider_id=receipt.provider_id)

    async def _send(self, notice: Notice) -> Receipt:
        transport = self._transports.get(notice.channel)
        if transport is None:
            raise TransportError(f"no sender for {notice.channel} is configured", stage=Stage.CONNECT)
        return await transport.send(notice)

    def _failure(self, held: outbox.Claim, error: TransportError) -> outbox.Result:
        stage, reply, now = Stage(error.stage), str(error), self._now()
        if error.permanent or held.attempt >= backoff.MAX_ATTEMPTS:
            return outbox.Result(NoticeState.DEAD, stage, reply)
        if error.in_doubt:
            return outbox.Result(NoticeState.IN_DOUBT, stage, reply, next_at=now + DOUBT)
        return outbox.Result(NoticeState.RETRY_WAIT, stage, reply, now + backoff.delay(held.attempt, self._draw))

    async def _record(self, held: outbox.Claim, result: outbox.Result) -> outbox.Claim | None:
        """Record and claim the next. Outlasts a database restart: an unrecorded success would be sent again."""
        for pause in (*_RECORD_PAUSES_S, None):
            try:
                return await self._record_once(held, result)
            except StorageUnavailable:
                if pause is None:
                    raise
                log.warning("cannot record yet", extra={"notice": held.notice.id, "attempt": held.attempt})
                await asyncio.sleep(pause)
        return None

    async def _record_once(self, held: outbox.Claim, result: outbox.Result) -> outbox.Claim | None:
        now, following = self._now(), None
        if self._stopping:
            recorded = await self._store.write(outbox.record, held, result, now, self._name)
        else:
            recorded, following = await self._store.write(
                outbox.record_and_claim, held, result, now=now, worker=self._name, lease=self._lease
            )
        failpoint("record.committed")
        if not recorded:
            log.warning("fenced", extra={"notice": held.notice.id, "attempt": held.attempt})
        return following

    @asynccontextmanager
    async def _kept_alive(self, held: outbox.Claim) -> AsyncIterator[None]:
        beat = asyncio.create_task(self._heartbeat(held))
        try:
            yield
        finally:
            beat.cancel()

    async def _heartbeat(self, held: outbox.Claim) -> None:
        """Extend the lease each quarter of its length, for as long as a slow relay takes."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 4)
            try:
                if not await self._store.write(outbox.heartbeat, held, self._now() + self._lease):
                    return
            except StorageUnavailable:
                log.warning("cannot extend the lease", extra={"notice": held.notice.id})
