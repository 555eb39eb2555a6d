"""A draft as a finished mail. The same draft always gives the same bytes, and no text can become a header."""

import hashlib
import html
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy

from casefile.errors import InputError
from casefile.notice import Draft, NoticeKind
from casefile.text import clean_header, clean_text

_ADDRESS = re.compile(r"([^\s@<>(),;:\"\\\[\]\x00-\x20\x7f]{1,64})@([^\s@<>(),;:\"\\\[\]_\x00-\x20\x7f]{1,255})")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")
_LINK = re.compile(r"https?://[^\s<>\"'，。；、）】》]+", re.IGNORECASE)
_LINK_END = ".,;:!?)]"
_PARAGRAPHS = re.compile(r"\n{2,}")


class _WirePolicy(EmailPolicy):
    """As `email.policy.SMTP`, but never cuts or encodes a message id, however long: replies must find their thread."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if name in ("Message-ID", "In-Reply-To", "References"):
            return f"{name}: {self.linesep.join(_folded_ids(str(value)))}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


def _folded_ids(value: str) -> list[str]:
    first, *others = value.split()
    return [first, *(f" {other}" for other in others)]


_WIRE = _WirePolicy(linesep="\r\n")
_WIRE_UTF8 = _WirePolicy(linesep="\r\n", utf8=True)  # RFC 6532, only where an address demands it


def compose(draft: Draft, sender_name: str, sender_address: str, reply_pattern: str) -> bytes:
    """Raises InputError when an address cannot be written into a header."""
    sender, to = _address(sender_address, sender_name), _address(draft.to)
    reply_to = _address(reply_pattern.replace("{token}", draft.reply_token))
    everywhere = f"{sender.addr_spec}{to.addr_spec}{reply_to.addr_spec}"
    message = EmailMessage(policy=_WIRE if everywhere.isascii() else _WIRE_UTF8)
    message["From"], message["To"], message["Reply-To"] = sender, to, reply_to
    message["Subject"] = _plain(draft.subject)
    message["Date"] = draft.date
    _add_ids(message, draft)
    _add_origin(message, draft)
    _add_text(message, draft)
    return message.as_bytes()


def wire_address(address: str) -> str:
    """The address as a mail server takes it, its domain in ASCII (RFC 5890). Raises InputError."""
    return _address(address).addr_spec


def _address(address: str, name: str = "") -> Address:
    parts = _ADDRESS.fullmatch(address)
    if parts is None or address != clean_header(address, 320):
        why = "not an e-mail address. Correct it, or use another channel"
        raise InputError(f"{clean_header(address) or '(empty)'}: {why}")
    return Address(display_name=_plain(name), username=parts[1], domain=_idna(parts[2]))


def _idna(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise InputError(f"{clean_header(domain)}: not a domain name. Correct the address") from error


def _plain(text: str) -> str:
    """Text for a header. The standard library decodes what looks encoded (RFC 2047), line ends included."""
    return clean_header(text).replace("=?", "= ?")


def _add_ids(message: EmailMessage, draft: Draft) -> None:
    """Ids of other people's mails are kept out when they would not survive in a header."""
    message["Message-ID"] = draft.message_id
    if draft.in_reply_to and _survives(draft.in_reply_to):
        message["In-Reply-To"] = draft.in_reply_to
    references = [reference for reference in draft.references if _survives(reference)]
    if references:
        message["References"] = " ".join(references)


def _survives(message_id: str) -> bool:
    return bool(_MESSAGE_ID.fullmatch(message_id)) and "=?" not in message_id


def _add_origin(message: EmailMessage, draft: Draft) -> None:
    message["X-Huiyin-Notice"] = _plain(draft.notice_id)
    message["Content-Language"] = _plain(draft.language)
    if draft.automatic:  # RFC 3834 section 5; the second is what Exchange listens to
        message["Auto-Submitted"] = "auto-replied" if draft.kind is NoticeKind.RECEIPT else "auto-generated"
        message["X-Auto-Response-Suppress"] = "OOF, AutoReply"


def _add_text(message: EmailMessage, draft: Draft) -> None:
    text = clean_text(draft.text)
    encoding = "quoted-printable" if text.isascii() else "base64"
    message.set_content(text, cte=encoding)
    message.add_alternative(_as_html(text, draft.language), subtype="html", cte=encoding)
    message.set_boundary(f"=_{hashlib.sha256(draft.notice_id.encode()).hexdigest()[:32]}")


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
