"""What the e-mail channel is told, from the site's settings."""

from urllib.parse import urlsplit

from channels.email.ledger import MailboxSettings
from channels.email.send import SmtpSettings
from gateway.settings import Mailbox, Settings


def smtp_settings(settings: Settings) -> SmtpSettings:
    smtp = settings.smtp
    return SmtpSettings(
        host=smtp.host,
        port=smtp.port,
        tls=smtp.tls,
        user=smtp.user or None,
        password=smtp.password.get_secret_value() or None,
        sender_name=settings.institution.zh,
        sender_address=smtp.sender,
        reply_pattern=smtp.reply_to,
        data_timeout=smtp.data_timeout_s,
    )


def mailbox_settings(box: Mailbox) -> MailboxSettings:
    return MailboxSettings(
        name=box.name,
        host=box.host,
        port=box.port,
        tls=box.tls,
        user=box.user,
        password=box.password.get_secret_value(),
        folder=box.folder,
        done_folder=box.done_folder or None,
        poll_seconds=box.poll_seconds,
    )


def mail_domain(settings: Settings) -> str:
    """What our Message-IDs end in."""
    _, _, domain = settings.smtp.sender.rpartition("@")
    return domain or urlsplit(settings.public_url).hostname or "localhost"
