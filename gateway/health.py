"""For machines that watch: alive, ready, and the figures that page somebody."""

import hmac
from collections.abc import Iterable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from casefile.errors import StorageUnavailable
from casefile.store import gauges, mailboxes, schema
from casefile.store.gauges import Gauges
from casefile.store.mailboxes import Health
from gateway.site import Site


def routes(site: Site) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def alive() -> PlainTextResponse:
        """The process answers."""
        return PlainTextResponse("ok\n")

    @router.get("/readyz")
    async def ready() -> JSONResponse:
        """It can take complaints: the database answers and has the right schema."""
        try:
            current = await site.store.read(schema.is_current)
        except StorageUnavailable as error:
            return JSONResponse({"ready": False, "reason": str(error)}, 503)
        return JSONResponse({"ready": current}, 200 if current else 503)

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        token = site.settings.metrics_token.get_secret_value()
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token or not hmac.compare_digest(given.encode(), token.encode()):
            return PlainTextResponse("set metrics_token in huiyin.toml and send it as a bearer token\n", 401)
        now = site.now()
        figures = await site.store.read(gauges.read, now)
        boxes = await site.store.read(mailboxes.health)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Figures(figures, boxes))
        return PlainTextResponse(generate_latest(registry))

    return router


class _Figures(Collector):
    def __init__(self, figures: Gauges, boxes: list[Health]) -> None:
        self._figures, self._boxes = figures, boxes

    def collect(self) -> Iterable[Metric]:
        figures = self._figures
        yield _labelled("huiyin_notices", "Notices that are not at their end, by state", "state", figures.notices)
        yield GaugeMetricFamily("huiyin_oldest_due_seconds", "Age of the longest overdue notice", figures.oldest_due_s)
        yield GaugeMetricFamily("huiyin_duties_overdue", "Duties past due and not met", figures.duties_overdue)
        yield GaugeMetricFamily("huiyin_inbound_waiting", "Messages kept, not processed", figures.inbound_waiting)
        yield GaugeMetricFamily("huiyin_inbound_shunted", "Messages only kept raw", figures.inbound_shunted)
        seen = {box.name: box.last_success_at.timestamp() if box.last_success_at else 0 for box in self._boxes}
        yield _labelled("huiyin_mailbox_last_success_timestamp_seconds", "Last good round", "mailbox", seen)


def _labelled(name: str, text: str, label: str, values: dict[str, float] | dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
