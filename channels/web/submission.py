"""An HTTP body as fields and files, whichever of the three forms it came in."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

_URLENCODED_BYTES = 2 * 2**20
_FIELDS = 200
_JSON_VALUES = 200_000


@dataclass(frozen=True)
class Upload:
    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass
class Submission:
    """What a body held, in its order and not yet cleaned; `defects` says what was odd about it."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)

    def decode(self, value: bytes, what: str) -> str:
        """UTF-8, or GB18030 as older Chinese clients send it, or UTF-8 with marks where bytes are broken."""
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            pass
        try:
            text = value.decode("gb18030")
        except UnicodeDecodeError:
            self.defects.append(f"{what[:60]}: broken UTF-8")
            return value.decode("utf-8", "replace")
        self.defects.append(f"{what[:60]}: not UTF-8, decoded as gb18030")
        return text


def read_urlencoded(raw: bytes) -> Submission:
    found = Submission()
    if len(raw) > _URLENCODED_BYTES:
        found.defects.append(f"body: only the first {_URLENCODED_BYTES} bytes of a urlencoded form are read")
    pairs = raw[:_URLENCODED_BYTES].strip().split(b"&", _FIELDS)
    if len(pairs) > _FIELDS:
        found.defects.append(f"body: only the first {_FIELDS} fields are read")
    for pair in pairs[:_FIELDS]:
        name_bytes, _, value = pair.partition(b"=")
        name = _unquoted(found, name_bytes, "field name")
        if name:
            found.fields.append((name, _unquoted(found, value, name)))
    return found


def _unquoted(found: Submission, value: bytes, what: str) -> str:
    return found.decode(unquote_to_bytes(value.replace(b"+", b" ")), what)


def read_json(raw: bytes) -> Submission:
    found = Submission()
    text = found.decode(raw.removeprefix(b"\xef\xbb\xbf"), "body")
    if sum(text.count(mark) for mark in ",[{") > _JSON_VALUES:
        found.defects.append(f"json: more than {_JSON_VALUES} values")
        return found
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        found.defects.append(f"json: {type(error).__name__} {str(error)[:100]}".strip())
        return found
    if not isinstance(document, dict):
        found.defects.append("json: not an object")
        return found
    _add_json_fields(found, document)
    return found


def _add_json_fields(found: Submission, document: Mapping[str, object]) -> None:
    if len(document) > _FIELDS:
        found.defects.append(f"body: only the first {_FIELDS} fields are read")
    for name, value in list(document.items())[:_FIELDS]:
        if name == "attachments":
            _add_json_files(found, value)
        elif isinstance(value, str):
            found.fields.append((name, value))
        elif value is not None:
            found.defects.append(f"{name[:60]}: not a string")
            found.fields.append((name, json.dumps(value, ensure_ascii=False)))


def _add_json_files(found: Submission, value: object) -> None:
    if not isinstance(value, list):
        if value is not None:
            found.defects.append("attachments: not a list")
        return
    for position, item in enumerate(value[:_FIELDS]):
        upload = _json_file(item)
        if upload:
            found.uploads.append(upload)
        else:
            found.defects.append(f"attachments/{position}: no readable content_base64")


def _json_file(item: object) -> Upload | None:
    if not isinstance(item, dict):
        return None
    try:
        content = decode_base64(item.get("content_base64"))
    except ValueError:
        return None
    return Upload(str(item.get("name") or ""), str(item.get("content_type") or ""), content)


def decode_base64(value: object) -> bytes:
    """RFC 4648 section 4, line breaks allowed. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("not a string")
    return base64.b64decode("".join(value.split()), validate=True)
