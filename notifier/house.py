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
    calendar: WorkCalendar
    transports: Mapping[Channel, Transport]
    renderer: Renderer

    def name(self, language: str) -> str:
        return self.names.get(language) or next(iter(self.names.values()))

    def url(self, path: str) -> str:
        return f"{self.public_url.rstrip('/')}/{path}"
