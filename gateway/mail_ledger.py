"""The memory of the mailbox poller, in SQL: implements `channels.email.ledger.MailboxLedger`."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from casefile.store import mailboxes
from casefile.store.engine import Store
from casefile.store.mailboxes import Place
from channels.email.ledger import Cursor


@dataclass(frozen=True)
class SqlMailboxLedger:
    store: Store

    async def cursor(self, mailbox: str, folder: str, uidvalidity: int) -> Cursor:
        place = Place(mailbox, folder, uidvalidity)
        last = await self.store.read(mailboxes.last_uid, place)
        return Cursor(last, tuple(await self.store.read(mailboxes.missed_uids, place)))

    async def advance(self, mailbox: str, folder: str, uidvalidity: int, uid: int) -> None:
        await self.store.write(mailboxes.advance, Place(mailbox, folder, uidvalidity), uid)

    async def missed(self, mailbox: str, folder: str, uidvalidity: int, uid: int, why: str) -> None:
        await self.store.write(mailboxes.miss, Place(mailbox, folder, uidvalidity), uid, why)

    async def recovered(self, mailbox: str, folder: str, uidvalidity: int, uid: int) -> None:
        await self.store.write(mailboxes.recover, Place(mailbox, folder, uidvalidity), uid)

    async def succeeded(self, mailbox: str, at: datetime) -> None:
        await self.store.write(mailboxes.succeeded, mailbox, at)

    async def failed(self, mailbox: str, at: datetime, why: str) -> None:
        await self.store.write(mailboxes.failed, mailbox, at, why)

    async def lease(self, mailbox: str, owner: str, at: datetime, seconds: float) -> bool:
        return await self.store.write(mailboxes.lease, mailbox, owner, at, timedelta(seconds=seconds))
