"""`huiyin normalize`: foreign files into envelopes, without a site."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from casefile.envelope import Channel
from gateway.settings import check
from gateway.site import parsers


def normalized(channel: Channel, files: Iterable[Path]) -> Iterator[str]:
    """A JSON line per file, in order. A file that cannot be read still gives a line, with `defects`."""
    parse = parsers(check(Path(), {}))[channel]
    for file in files:
        try:
            yield parse(file.read_bytes(), None).model_dump_json()
        except OSError as error:
            defect = f"cannot read {file}: {error.strerror}"
            yield json.dumps({"channel": channel, "defects": [defect]}, ensure_ascii=False)
