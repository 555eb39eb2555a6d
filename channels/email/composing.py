"""A draft as a finished mail. The same draft always gives the same bytes, and no text can become a header."""

import hashlib
import html
import re
from email.charset import BASE64, QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import Compat32
from email.utils import format_datetime, formataddr

from casefile.errors import InputError
from casefile.notice import Draft, NoticeKind
from casefile.text import clean_header, clean_text

_ADDRESS = re.compile(r"([^\s@<>(),;:\"\\\[\]\x00-\x20\x7f]{1,64})@([^\s@<>(),;:\"\\\[\]_\x00-\x20\x7f]{1,255})")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")
_LINK = re.compile(r"https?://[^\s<>\"'，。；、）】》]+", re.IGNORECASE)
_LINK_END = ".,;:!?)]"
_PARAGRAPHS = re.compile(r"\n{2,}")


_LINE_END = "\r\n"
_LINE = 78  # characters (RFC 5322 section 2.1.1)
_AS_THEY_ARE = frozenset({"From", "To", "Reply-To", "Message-ID", "In-Reply-To", "References"})


class _Wire(Compat32):
    """Addresses and ids go out whole, however long, and in UTF-8 where they must (RFC 6532).

    Not EmailPolicy: it parses each header again when it is set, and takes four times as long.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        short = value.isascii() and len(name) + len(value) <= _LINE - 2 and value.isprintable()
        if short or name in _AS_THEY_ARE:
            return f"{name}: {value}{_LINE_END}".encode()
        return super().fold_binary(name, value)


_WIRE = _Wire(linesep=_LINE_END)


def compose(draft: Draft, sender_name: str, sender_address: str, reply_pattern: str) -> bytes:
    """Raises InputError when an address cannot be written into a header."""
    boundary = f"=_{hashlib.sha256(draft.notice_id.encode()).hexdigest()[:32]}"
    message = MIMEMultipart("alternative", boundary, policy=_WIRE)
    message["From"] = formataddr((_words("From", sender_name), wire_address(sender_address)))
    message["To"] = wire_address(draft.to)
    message["Reply-To"] = wire_address(reply_pattern.replace("{token}", draft.reply_token))
    message["Subject"] = _words("Subject", draft.subject)
    message["Date"] = format_datetime(draft.date)
    _add_ids(message, draft)
    _add_origin(message, draft)
    text = clean_text(draft.text)
    message.attach(_part(text, "plain"))
    message.attach(_part(_as_html(text, draft.language), "html"))
    return message.as_bytes(policy=_WIRE)


def wire_address(address: str) -> str:
    """The address as a mail server takes it, its domain in ASCII (RFC 5890). Raises InputError."""
    parts = _ADDRESS.fullmatch(address)
    if parts is None or address != clean_header(address, 320):
        why = "not an e-mail address. Correct it, or use another channel"
        raise InputError(f"{clean_header(address) or '(empty)'}: {why}")
    return f"{parts[1]}@{_idna(parts[2])}"


def _idna(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise InputError(f"{clean_header(domain)}: not a domain name. Correct the address") from error


def _plain(text: str) -> str:
    """Text for a header. What only looks encoded must not be decoded by its reader (RFC 2047), line ends included."""
    return clean_header(text).replace("=?", "= ?")


def _words(header: str, text: str) -> str:
    """Encoded where it has to be (RFC 2047), and folded."""
    plain = _plain(text)
    charset = "us-ascii" if plain.isascii() else "utf-8"
    return Header(plain, charset, header_name=header).encode(linesep=_LINE_END)


def _add_ids(message: MIMEMultipart, draft: Draft) -> None:
    """Ids of other people's mails are kept out when they would not survive in a header."""
    message["Message-ID"] = draft.message_id
    if draft.in_reply_to and _survives(draft.in_reply_to):
        message["In-Reply-To"] = draft.in_reply_to
    references = [reference for reference in draft.references if _survives(reference)]
    if references:
        message["References"] = f"{_LINE_END} ".join(references)


def _survives(message_id: str) -> bool:
    return bool(_MESSAGE_ID.fullmatch(message_id)) and "=?" not in message_id


def _add_origin(message: MIMEMultipart, draft: Draft) -> None:
    message["X-Huiyin-Notice"] = _plain(draft.notice_id)
    message["Content-Language"] = _plain(draft.language)
    if draft.automatic:  # RFC 3834 section 5; the second is what Exchange listens to
        message["Auto-Submitted"] = "auto-replied" if draft.kind is NoticeKind.RECEIPT else "auto-generated"
        message["X-Auto-Response-Suppress"] = "OOF, AutoReply"


def _part(text: str, subtype: str) -> MIMEText:
    charset = Charset("utf-8")
    charset.body_encoding = QP if text.isascii() else BASE64
    # A Charset is allowed here since Python 3.5, which its type does not say.
    return MIMEText(text.replace("\n", _LINE_END), subtype, charset, policy=_WIRE)  # type: ignore[arg-type]


def _as_html(text: str, language: str) -> str:
    paragraphs = (part.strip("\n") for part in _PARAGRAPHS.split(text))
    body = "\n".join(f"<p>{_with_links(part)}</p>" for part in paragraphs if part)
    lang = html.escape(clean_header(language), quote=True)
    return f'<!DOCTYPE html>\n<html lang="{lang}"><head><meta charset="utf-8"></head><body>\n{body}\n</body></html>\n'


def _with_links(paragraph: str) -> str:
    pieces, end = [], 0
    for match in _LINK.finditer(paragraph):
        link = match[0].rstrip(_LINK_END)
        pieces.append(html.escape(paragraph[end : match.start()]))
        pieces.append(f'<a href="{html.escape(link, quote=True)}">{html.escape(link)}</a>')
        end = match.start() + len(link)
    pieces.append(html.escape(paragraph[end:]))
    return "".join(pieces).replace("\n", "<br>\n")
