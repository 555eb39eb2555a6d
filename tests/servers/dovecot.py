"""A Dovecot of our own: IMAP and LMTP on loopback ports, Maildir, any user name with one password."""

import grp
import imaplib
import os
import pwd
import secrets
import shutil
import signal
import smtplib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers.server import Server, ServerFailed, free_port, greets, unprivileged

COMMON = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
auth_failure_delay = 0
first_valid_uid = 1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
namespace inbox {{
  inbox = yes
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
"""

SYNTAX_2_3 = """
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u allow_all_users=yes
}}
"""

SYNTAX_2_4 = """
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = {folder}/mail/%{{user}}
passdb static {{
  password = {password}
}}
userdb static {{
  allow_all_users = yes
  fields {{
    uid = {user}
    gid = {group}
    home = {folder}/mail/%{{user}}
  }}
}}
"""


class Dovecot(Server):
    """`user` is the mailbox that the calls below mean unless they name another."""

    name = "imap"
    account = unprivileged()
    end = signal.SIGKILL  # SIGTERM takes it one to six seconds
    host = "127.0.0.1"
    user = "complaints@bank.example"

    def __init__(self, dovecot: Path) -> None:
        super().__init__()
        self._dovecot = dovecot
        self.password = secrets.token_hex(8)
        self.port, self.lmtp_port = free_port(), free_port()

    def command(self) -> list[str]:
        config = self.folder / "dovecot.conf"
        config.write_text(self._config(), "utf-8")
        return [str(self._dovecot), "-F", "-c", str(config)]

    def ready(self) -> bool:
        return greets(self.port) and greets(self.lmtp_port)

    def make_mailbox(self, name: str) -> tuple[str, str]:
        """A fresh mailbox `name@bank.example`: its user and password."""
        user = f"{name}@bank.example"
        shutil.rmtree(self._maildir(user), ignore_errors=True)
        return user, self.password

    def append(self, raw: bytes, folder: str = "INBOX", user: str = "") -> None:
        with self.session(user) as imap:
            _check(imap.append(_quoted(folder), "", imaplib.Time2Internaldate(time.time()), raw))

    def deliver(self, raw: bytes, to: str, sender: str = "li.wei@customer.example") -> None:
        """As a mail server does it: over LMTP (RFC 2033)."""
        with smtplib.LMTP(self.host, self.lmtp_port) as lmtp:
            lmtp.sendmail(sender, [to], raw)

    def messages(self, folder: str = "INBOX", user: str = "") -> list[bytes]:
        with self.session(user) as imap:
            _check(imap.select(_quoted(folder), readonly=True))
            parts = _check(imap.fetch("1:*", "(BODY.PEEK[])")) if _number(imap, "EXISTS") else []
            return [part[1] for part in parts if isinstance(part, tuple)]

    def flags(self, folder: str = "INBOX", user: str = "") -> list[set[str]]:
        """Of each message, in the order of `messages`."""
        with self.session(user) as imap:
            _check(imap.select(_quoted(folder), readonly=True))
            lines = _check(imap.fetch("1:*", "(FLAGS)")) if _number(imap, "EXISTS") else []
            return [{flag.decode() for flag in imaplib.ParseFlags(line)} for line in lines]

    def folders(self, user: str = "") -> list[str]:
        with self.session(user) as imap:
            return sorted(line.decode().rsplit('"." ', 1)[-1].strip('"') for line in _check(imap.list()) if line)

    def create_folder(self, folder: str, user: str = "") -> None:
        with self.session(user) as imap:
            _check(imap.create(_quoted(folder)))

    def uidvalidity(self, folder: str = "INBOX", user: str = "") -> int:
        with self.session(user) as imap:
            _check(imap.select(_quoted(folder), readonly=True))
            return _number(imap, "UIDVALIDITY")

    def renumber(self, user: str = "") -> None:
        """A server restored from a backup: the inbox keeps its messages; UIDVALIDITY and all UIDs are new."""
        following = self.uidvalidity(user=user) + 1
        self.stop()
        for pattern in ("dovecot-uid*", "dovecot.index*"):
            for file in self._maildir(user).glob(pattern):
                file.unlink()
        uidlist = self._maildir(user) / "dovecot-uidlist"
        uidlist.write_text(f"3 V{following} N1\n", "ascii")
        if self.account:
            shutil.chown(uidlist, self.account)
        self.start()

    def recreate(self, user: str = "") -> None:
        """The inbox is emptied as well."""
        for part in ("new", "cur"):
            for message in (self._maildir(user) / part).iterdir():
                message.unlink()
        self.renumber(user)

    @contextmanager
    def session(self, user: str = "") -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4(self.host, self.port, timeout=10) as imap:
            imap.login(user or self.user, self.password)
            yield imap

    def _maildir(self, user: str) -> Path:
        return self.folder / "mail" / (user or self.user)

    def _config(self) -> str:
        said = subprocess.run([self._dovecot, "--version"], capture_output=True, text=True, check=True).stdout
        older = tuple(map(int, said.split(".")[:2])) < (2, 4)
        account = pwd.getpwnam(self.account) if self.account else pwd.getpwuid(os.geteuid())
        return ((SYNTAX_2_3 if older else SYNTAX_2_4) + COMMON).format(
            folder=self.folder,
            user=account.pw_name,
            group=grp.getgrgid(account.pw_gid).gr_name,
            port=self.port,
            lmtp_port=self.lmtp_port,
            password=self.password,
        )


def _check(answer: tuple[str, list[Any]]) -> list[Any]:
    if answer[0] != "OK":
        raise ServerFailed(f"IMAP: {answer}")
    return answer[1]


def _number(imap: imaplib.IMAP4, name: str) -> int:
    """What the server said about the folder when it was selected."""
    [value] = imap.response(name)[1]
    assert isinstance(value, bytes)
    return int(value)


def _quoted(folder: str) -> str:
    return f'"{folder}"'
