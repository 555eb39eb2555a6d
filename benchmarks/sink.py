"""An SMTP server that takes everything: python -m benchmarks.sink PORT [JOURNAL]

With JOURNAL each message is appended to that file and fsynced before the 250, as a relay does.
"""

import asyncio
import os
import sys

from aiosmtpd.smtp import SMTP, Envelope, Session


class Sink:
    def __init__(self, journal: str) -> None:
        self._journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if journal else None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        if self._journal is not None:
            os.write(self._journal, envelope.original_content or b"")
            os.fsync(self._journal)
        return "250 2.0.0 taken"


async def main(port: int, journal: str) -> None:
    sink = Sink(journal)
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(sink, enable_SMTPUTF8=True), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), "".join(sys.argv[2:])))
