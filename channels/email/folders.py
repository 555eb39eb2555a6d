"""Folder names on the wire: modified UTF-7 (RFC 3501 section 5.1.3), the server's delimiter, quotes."""

import base64
import re

_PLAIN_RUN = re.compile(r"[\x20-\x7e]+|[^\x20-\x7e]+")


def wire_name(folder: str, prefix: str = "", delimiter: str = "/") -> str:
    """`Huiyin/Done` as the server writes it; `prefix` is its personal namespace (RFC 2342)."""
    name = folder.replace("/", delimiter) if delimiter else folder
    return quote(modified_utf7(name if name.upper() == "INBOX" or name.startswith(prefix) else prefix + name))


def modified_utf7(name: str) -> str:
    return "".join(_encode_run(run) for run in _PLAIN_RUN.findall(name))


def quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _encode_run(run: str) -> str:
    if run.isascii() and run.isprintable():
        return run.replace("&", "&-")
    encoded = base64.b64encode(run.encode("utf-16-be")).decode("ascii")
    return "&" + encoded.rstrip("=").replace("/", ",") + "-"
