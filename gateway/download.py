"""Files that strangers sent us, handed out so that no browser runs them on our pages."""

from urllib.parse import quote

from starlette.responses import Response

from casefile.text import clean_filename
from channels.web.pages import SECURITY_HEADERS

_SHOWN_AS_THEY_ARE = frozenset({"application/pdf", "image/gif", "image/jpeg", "image/png"})
_HEADERS = {**SECURITY_HEADERS, "Content-Security-Policy": "sandbox; default-src 'none'"}


def download(content: bytes, name: str, content_type: str = "application/octet-stream") -> Response:
    """Always to be saved, never shown: an active file (SVG, HTML) must not become a page of this site."""
    media_type = content_type if content_type in _SHOWN_AS_THEY_ARE else "application/octet-stream"
    headers = {**_HEADERS, "Content-Disposition": disposition(name)}
    return Response(content, headers=headers, media_type=media_type)


def disposition(name: str) -> str:
    """RFC 6266: a plain name for old browsers, the real one in UTF-8."""
    name = clean_filename(name)
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%;' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
