"""A site in a folder of its own, with the offices and rules of a new one, on the servers that a test gives it."""

from pathlib import Path

from gateway.new_site import make_site
from gateway.settings import FILE
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import SmtpSink

NO_REDIS = "unix:///nonexistent/redis.sock"

SITE = """
environment = "test"
database = "{database}"
redis = "{redis}"

[worker]
lease_s = {lease_s}
"""

RELAY = """
[smtp]
host = "{host}"
port = {port}
tls = "none"
"""

MAILBOX = """
[[mailbox]]
name = "complaints"
host = "{host}"
port = {port}
tls = "none"
user = "{user}"
password = "{password}"
poll_seconds = 0.05
"""


def make(
    data: Path,
    database_url: str,
    *,
    redis_url: str = NO_REDIS,
    relay: SmtpSink | None = None,
    inbox: Dovecot | None = None,
    lease_s: float = 60,
) -> Path:
    """Without `relay`, mail lands in the site's `outgoing` folder."""
    make_site(data, "https://complaints.bank.example")
    parts = [SITE.format(database=database_url, redis=redis_url, lease_s=lease_s)]
    if relay:
        parts.append(RELAY.format(host=relay.host, port=relay.port))
    if inbox:
        parts.append(MAILBOX.format(host=inbox.host, port=inbox.port, user=inbox.user, password=inbox.password))
    (data / FILE).write_text("".join(parts), "utf-8")
    return data
