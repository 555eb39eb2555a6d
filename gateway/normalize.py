"""`huiyin normalize`: foreign files into envelopes, without a site."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from casefile.envelope import Channel, Envelope, RawRef
from gateway.intake import Parse
from gateway.settings import check
from gateway.site import parsers


def normalized(channel: Channel, files: Iterable[Path]) -> Iterator[Envelope]:
    """One per file, in order. A file that cannot be read still gives one: with `defects`, and without `raw.sha256`.

    Raises ConfigError when the environment holds a wrong setting.
    """
    parse = parsers(check(Path(), {}))[channel]
    return (_envelope(channel, parse, file) for file in files)


def _envelope(channel: Channel, parse: Parse, file: Path) -> Envelope:
    try:
        body = file.read_bytes()
    except OSError as error:
        defect = f"cannot read {file}: {error.strerror}"
        return Envelope(channel=channel, defects=(defect,), raw=RawRef(sha256="", size=0))
    try:
        return parse(body, None)
    except Exception as error:  # as in intake: whatever it is, the files after this one must still be read
        raw = RawRef(sha256=hashlib.sha256(body).hexdigest(), size=len(body))
        return Envelope(channel=channel, defects=(f"unreadable: {type(error).__name__}",), raw=raw)
