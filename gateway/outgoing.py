"""Embedded mode: what would be sent lands in a folder instead, and on the /outbox page. Nothing leaves the machine."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path

from casefile.envelope import Channel
from casefile.errors import NotFound, TransportError
from casefile.notice import Draft, Notice, Receipt

_SUFFIX = {Channel.EMAIL: ".eml", Channel.SMS: ".txt"}


@dataclass(frozen=True)
class Letter:
    """One message that was not really sent. `name` is its file."""

    name: str
    at: datetime
    channel: Channel
    to: str
    subject: str


class Outgoing:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, notice: Notice, at: datetime) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{at:%Y%m%dT%H%M%S%f}-{notice.channel}-{notice.id}{_SUFFIX[notice.channel]}"
        head = b"" if notice.channel is Channel.EMAIL else f"To: {notice.to}\n\n".encode()
        temporary = self._folder / f".{name}"
        temporary.write_bytes(head + notice.payload)
        temporary.replace(self._folder / name)
        return name

    def list(self) -> list[Letter]:
        """Newest first."""
        if not self._folder.is_dir():
            return []
        names = sorted((p.name for p in self._folder.iterdir() if not p.name.startswith(".")), reverse=True)
        return [self._letter(name) for name in names]

    def read(self, name: str) -> bytes:
        """Raises NotFound, also for a name that leads out of the folder."""
        path = self._folder / name
        if Path(name).name != name or name.startswith(".") or not path.is_file():
            raise NotFound(f"no letter {name}")
        return path.read_bytes()

    def _letter(self, name: str) -> Letter:
        stamp, channel, _ = name.split("-", 2)
        headers = message_from_bytes(self.read(name), policy=policy.default)
        at = datetime.strptime(f"{stamp}+0000", "%Y%m%dT%H%M%S%f%z")
        return Letter(name, at, Channel(channel), str(headers["To"] or ""), str(headers["Subject"] or "").strip())


class FolderTransport:
    """Composes as the real channel does and keeps the result in the folder."""

    def __init__(self, compose: Callable[[Draft], bytes], outgoing: Outgoing, now: Callable[[], datetime]) -> None:
        self._compose, self._outgoing, self._now = compose, outgoing, now

    def compose(self, draft: Draft) -> bytes:
        return self._compose(draft)

    async def send(self, notice: Notice) -> Receipt:
        try:
            name = self._outgoing.put(notice, self._now())
        except OSError as error:
            raise TransportError(f"cannot write to the outgoing folder: {error.strerror}") from error
        return Receipt(reply=f"embedded mode: kept as {name}, not sent")

    async def close(self) -> None:
        """Nothing is held open."""
