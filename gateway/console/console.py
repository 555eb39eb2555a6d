"""What the pages of the console share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from casefile.audit import SITE, Tag
from casefile.store import ledger
from casefile.store.engine import Store
from casefile.store.ledger import Detail, Entry
from channels.web.pages import Pages
from channels.web.words import pick_language
from gateway.accounts import Accounts
from gateway.console.mask import mask
from gateway.console.session import Sessions, Visitor
from notifier.write import COMPLAINANT
from router.offices import Offices


@dataclass(frozen=True)
class Console:
    store: Store
    offices: Offices
    accounts: Accounts
    sessions: Sessions
    pages: Pages
    zone: ZoneInfo
    key: bytes = field(repr=False)
    now: Callable[[], datetime]

    async def note(self, tag: Tag, actor: str, detail: Detail) -> None:
        """Who looked and who tried to: on record before the answer goes out."""
        await self.store.write(ledger.append, SITE, self.now(), actor, [Entry(tag, detail)])

    def page(
        self, request: Request, visitor: Visitor, template: str, *, status_code: int = 200, **context: object
    ) -> Response:
        language = pick_language(request)
        return self.pages.show(
            request,
            f"console/{template}",
            status_code=status_code,
            visitor=visitor,
            here=request.url.path,
            now=self.now(),
            recipient=partial(self.recipient, language=language),
            address=address,
            said=partial(self.said, language=language),
            why=partial(self.why, language=language),
            **context,
        )

    def refused(self, request: Request, visitor: Visitor, why: str) -> Response:
        """`why` is a text key below `refused`."""
        return self.page(request, visitor, "refused.html", status_code=403, refusal=f"refused.{why}")

    def recipient(self, recipient_id: str, language: str) -> str:
        office = self.offices.get(recipient_id)
        if office:
            return office.name(language)
        return self.said("actor", recipient_id, language=language)

    def said(self, prefix: str, code: str | None, language: str) -> str:
        """Our words for a code such as a reason or a role; what we have no words for stays as it is."""
        key = f"{prefix}.{code}"
        return self.pages.words(language, key) if key in self.pages.words else code or ""

    def why(self, reason: str | None, language: str) -> str:
        """Why a notice was not sent, as the notifier put it on record, in the reader's language where we know it."""
        actor, instead, _ = (reason or "").partition(" wrote instead")
        if instead:
            return self.pages.words(language, "reason.wrote_instead", who=self._actor(actor, language))
        return self.said("reason", reason, language)

    def _actor(self, actor: str, language: str) -> str:
        return self.recipient(actor.removeprefix("office:"), language)


def address(recipient_id: str, to: str) -> str:
    """That of an office in full, that of a customer only as far as it takes to tell two apart."""
    return mask(to) if recipient_id == COMPLAINANT else to
