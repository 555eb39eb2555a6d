"""`huiyin up --demo`: one sample complaint through each channel, so that a newcomer sees the whole life of a case."""

import asyncio
import logging
from importlib.resources import files

from casefile.envelope import Channel
from casefile.inbound import Raw
from gateway.site import Site

log = logging.getLogger(__name__)
SAMPLES = {
    Channel.EMAIL: "email.eml",
    Channel.SMS: "sms.txt",
    Channel.HOTLINE: "hotline.txt",
    Channel.WEB: "web.json",
}


async def feeding(site: Site, stop: asyncio.Event) -> None:
    """The samples are the same each time, so a second start adds no second copy."""
    folder = files("gateway") / "examples" / "demo"
    for channel, name in SAMPLES.items():
        raw = Raw(channel, "demo", f"demo-{name}", (folder / name).read_bytes(), site.now())
        accepted = await site.intake.accept(raw)
        log.info("demo complaint", extra={"channel": channel, "number": accepted.number})
    await stop.wait()
