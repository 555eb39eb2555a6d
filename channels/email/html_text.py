"""HTML bodies as plain text. Nothing is ever rendered or fetched: scripts, styles and images are dropped."""

import html
import re
from typing import NamedTuple

import nh3
from inscriptis import get_text
from inscriptis.model.config import ParserConfig

MAX_HTML = 1024 * 1024
MAX_DEPTH = 150

_TAGS = {
    *("a", "b", "blockquote", "br", "center", "code", "dd", "div", "dl", "dt", "em", "font", "h1", "h2", "h3", "h4"),
    *("h5", "h6", "hr", "i", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "th"),
    *("thead", "tr", "u", "ul"),
}
_DROPPED = {"script", "style", "title", "head", "noscript", "template", "svg", "math"}
_CLOSED_BY_OTHERS = frozenset(
    {"br", "hr", "img", "input", "meta", "link", "p", "li", "td", "th", "tr", "dt", "dd", "col"}
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^>]*>?")
_BREAKS = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6])\b[^>]*>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^>]*>")
_UNSEEN = re.compile(r"<(script|style|head|title)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
_DATA_URI = re.compile(r"\bdata:[^\s\"'>]{100,}")
_QUOTE_OPENS = re.compile(r"<blockquote\b(?![^>]*border:\s*(?:none|0))[^>]*>", re.IGNORECASE)
_QUOTE_CLOSES = re.compile(r"</blockquote\s*>", re.IGNORECASE)
_EARLIER_MAIL = re.compile(
    r"<(?:div|blockquote|span)\b[^>]*\b(?:id|class|name)=[\"']?"
    r"(?:divRplyFwdMsg|appendonsend|mail-editor-reference-message-container|isReplyContent|yahoo_quoted|origbody)",
    re.IGNORECASE,
)
_OPEN, _CLOSE, _CUT = "\ue000", "\ue001", "\ue002"
_MARKS = re.compile(f"[{_OPEN}{_CLOSE}{_CUT}]")


class HtmlText(NamedTuple):
    """`quoted` are the numbers of lines inside quotations; from line `earlier` on, all is an earlier mail."""

    text: str
    quoted: frozenset[int] = frozenset()
    earlier: int | None = None


def to_text(source: str, defects: list[str]) -> HtmlText:
    source = _DATA_URI.sub("", source)
    if len(source) > MAX_HTML:
        defects.append(f"html: cut at {MAX_HTML} characters")
    marked = _mark_quotations(_MARKS.sub("", source[:MAX_HTML]))
    if _depth(marked) > MAX_DEPTH:
        defects.append(f"html: nested deeper than {MAX_DEPTH}, only tags removed")
        return _unmark(_strip_tags(marked))
    safe = nh3.clean(marked, tags=_TAGS, clean_content_tags=_DROPPED, attributes={}, link_rel=None)
    text = get_text(f"<html><body>{safe}</body></html>", ParserConfig(display_links=False))
    return _unmark(text if _MARKS.sub("", text).strip() else _strip_tags(marked))


def _mark_quotations(source: str) -> str:
    source = _EARLIER_MAIL.sub(lambda match: f"<p>{_CUT}</p>{match[0]}", source, count=1)
    source = _QUOTE_OPENS.sub(lambda match: f"{match[0]}<p>{_OPEN}</p>", source)
    return _QUOTE_CLOSES.sub(lambda match: f"<p>{_CLOSE}</p>{match[0]}", source)


def _depth(source: str) -> int:
    """How deep elements nest, not counting those that a parser closes by itself."""
    depth = deepest = 0
    for slash, name in _TAG.findall(source):
        if name.lower() not in _CLOSED_BY_OTHERS:
            depth = max(depth - 1, 0) if slash else depth + 1
            deepest = max(deepest, depth)
    return deepest


def _strip_tags(source: str) -> str:
    visible = _BREAKS.sub("\n", _UNSEEN.sub("", source))
    return html.unescape(_ANY_TAG.sub("", visible))


def _unmark(text: str) -> HtmlText:
    lines: list[str] = []
    quoted: set[int] = set()
    depth, earlier = 0, None
    for line in text.replace("\xa0", " ").splitlines():
        depth += line.count(_OPEN)
        if _CUT in line and earlier is None:
            earlier = len(lines)
        bare = _MARKS.sub("", line).strip()
        if bare or not _MARKS.search(line):
            if depth > 0:
                quoted.add(len(lines))
            lines.append(bare)
        depth = max(depth - line.count(_CLOSE), 0)
    return HtmlText("\n".join(lines), frozenset(quoted), earlier)
