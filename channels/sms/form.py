"""The native form: the fields of a messaging webhook, form-encoded or JSON, before anyone asks what they mean."""

import json
from typing import NamedTuple
from urllib.parse import parse_qsl

from casefile.text import clean_header, clean_text

_TELLING = frozenset({"MessageSid", "SmsSid", "From", "Body"})


class Form(NamedTuple):
    """`values` holds text that is safe to store, by the provider's own field names."""

    values: dict[str, str]
    defects: tuple[str, ...] = ()


def read_form(raw: bytes) -> Form:
    """Never raises. What is no webhook body becomes the `Body` of one, so that nothing is lost."""
    form = _read_json(raw) or _read_urlencoded(raw)
    if _TELLING & form.values.keys():
        return form
    text, defects = _decode(raw)
    return Form({"Body": clean_text(text)}, (*defects, "body: no webhook form, no JSON; taken whole as the text"))


def _read_json(raw: bytes) -> Form | None:
    try:
        parsed = json.loads(raw)
        pairs = parsed.items() if isinstance(parsed, dict) else ()
        values = {clean_header(key): clean_text(_flat(value)) for key, value in pairs if value is not None}
    except (ValueError, RecursionError):
        return None
    return Form(values) if values else None


def _flat(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read_urlencoded(raw: bytes) -> Form:
    values: dict[str, str] = {}
    defects: dict[str, None] = {}
    # Latin-1 maps bytes to characters one to one: each value's own bytes come out for `_decode` to look at.
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True, encoding="latin-1"):
        key = clean_header(name)
        text, found = _decode(value.encode("latin-1"))
        if values.setdefault(key, clean_text(text)) != clean_text(text):
            found = (*found, f"{key}: sent more than once, the first one used")
        defects.update(dict.fromkeys(found))
    return Form(values, tuple(defects))


def _decode(content: bytes) -> tuple[str, tuple[str, ...]]:
    try:
        return content.decode("utf-8"), ()
    except UnicodeDecodeError:
        return _decode_foreign(content)


def _decode_foreign(content: bytes) -> tuple[str, tuple[str, ...]]:
    try:
        return content.decode("gb18030"), ("charset: not UTF-8, decoded as gb18030",)
    except UnicodeDecodeError:
        return content.decode("utf-8", "replace"), ("charset: neither UTF-8 nor gb18030, unreadable bytes replaced",)
