"""The institution as its notices present it, and what planning needs to know about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from casefile.envelope import Channel
from casefile.notice import Transport
from casefile.office import Office
from notifier.render import Renderer
from policy.calendar import WorkCalendar
from policy.pack import Pack


@dataclass(frozen=True)
class House:
    """`key` signs reply addresses and tracking secrets; `domain` ends our Message-IDs."""

    names: Mapping[str, str]  # language -> name
    public_url: str
    domain: str
    key: bytes = field(repr=False)
    offices: Mapping[str, Office]
    packs: Mapping[str, Pack]  # by `id@version`
    calendars: Mapping[str, WorkCalendar]  # by the names that packs use
    transports: Mapping[Channel, Transport]
    renderer: Renderer

    def name(self, language: str) -> str:
        return self.names.get(language) or next(iter(self.names.values()))

    def calendar(self, policy: str) -> WorkCalendar:
        """The working days that a pack counts."""
        return self.calendars[self.packs[policy].calendars.wd]

    def article(self, policy: str, cite: str, language: str) -> str:
        """The article of the pack that a case is bound to, as a letter cites it."""
        title = self.packs[policy].title
        return f"《{title.zh}》第{cite}条" if language == "zh" else f"{title.en}, article {cite}"

    def url(self, path: str) -> str:
        return f"{self.public_url.rstrip('/')}/{path}"
