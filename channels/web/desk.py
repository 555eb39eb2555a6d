"""What this channel asks of the house behind it, and how the public pages are set up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from casefile.status import CaseState
from channels.web.validate import WebLimits

SOURCE_FORM, SOURCE_API = "form", "api"


@dataclass(frozen=True)
class Choice:
    """One entry of a list on the form. `id` is what is stored; without one it is the Chinese name."""

    zh: str
    en: str
    id: str = ""

    @property
    def value(self) -> str:
        return self.id or self.zh

    def label(self, language: str) -> str:
        return self.en if language == "en" else self.zh


@dataclass(frozen=True)
class WebSettings:
    """`institution` maps language to name; a list that is empty leaves its field off the form."""

    institution: Mapping[str, str]
    products: tuple[Choice, ...] = ()
    branches: tuple[Choice, ...] = ()
    regions: tuple[Choice, ...] = ()
    limits: WebLimits = field(default_factory=WebLimits)
    public_url: str = ""
    default_region: str = "CN"


@dataclass(frozen=True)
class TrackView:
    """Status and dates only: nothing that anybody wrote may be shown to who holds a number and a secret.

    `steps` are the stations of the case in order; one that is still ahead has no time.
    """

    number: str
    state: CaseState
    received_at: datetime
    steps: tuple[tuple[CaseState, datetime | None], ...]
    due_at: datetime | None = None


@dataclass(frozen=True)
class RevisitView:
    """`satisfied` and `answered_at` are None until the customer has answered."""

    number: str
    received_at: datetime
    resolved_at: datetime | None = None
    satisfied: bool | None = None
    answered_at: datetime | None = None

    @property
    def answered(self) -> bool:
        """Whether the answer is to this decision and not to an earlier one, after which the case was taken up again."""
        if self.satisfied is None or self.answered_at is None:
            return self.satisfied is not None
        return self.resolved_at is None or self.answered_at >= self.resolved_at


class WebDesk(Protocol):
    """The gateway implements it."""

    async def track(self, number: str, secret: str) -> TrackView | None:
        """None for a wrong number and for a wrong secret, after the same work."""

    async def revisit_view(self, token: str) -> RevisitView | None:
        """None when there is no such link. Raises LinkExpired. Changes nothing."""

    async def revisit_answer(self, token: str, satisfied: bool, comment: str) -> RevisitView:
        """Raises NotFound, LinkExpired. The same answer again changes nothing."""

    async def key_known(self, source: str, external_id: str, content_hash: str) -> bool:
        """Whether `external_id` came from `source` before with another content."""
