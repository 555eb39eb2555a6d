"""The web channel on a stage: real routes and pages, a recording intake and a desk with one case in the drawer."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI
from starlette.testclient import TestClient

from casefile.envelope import Envelope
from casefile.errors import LinkExpired, StorageUnavailable
from casefile.inbound import Accepted, Outcome, Raw
from casefile.status import CaseState
from channels.web.desk import Choice, RevisitView, TrackView, WebSettings
from channels.web.pages import Pages
from channels.web.problems import install_error_pages
from channels.web.routes import routes
from channels.web.validate import WebLimits

NUMBER, SECRET = "HY-2026-000123", "abcde-fghij-klmno-pqrst"
DUE = datetime(2026, 3, 16, 16, 0, tzinfo=UTC)  # 24:00 of the 16th in Shanghai
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
FORM_ID = "A" * 22
BOUNDARY = "----browser1"
LIMITS = WebLimits(max_request=200_000, max_text=500, max_field=50, max_files=2, max_file=1_000)


@dataclass
class RecordingIntake:
    """Takes everything, once: the same key with the same content is a repetition, with other content an addition."""

    raws: list[Raw] = field(default_factory=list)
    envelopes: list[Envelope | None] = field(default_factory=list)
    failure: Exception | None = None

    async def accept(self, raw: Raw, envelope: Envelope | None = None) -> Accepted:
        if self.failure:
            raise self.failure
        earlier = [kept for kept in self.raws if (kept.source, kept.external_id) == (raw.source, raw.external_id)]
        self.raws.append(raw)
        self.envelopes.append(envelope)
        if not earlier:
            return Accepted("in-1", Outcome.OPENED, "c-1", NUMBER, SECRET)
        if any(kept.content_hash == raw.content_hash for kept in earlier):
            return Accepted("in-1", Outcome.REPEATED, "c-1", NUMBER, SECRET)
        return Accepted("in-2", Outcome.ADDED, "c-1", NUMBER)


@dataclass
class OneCaseDesk:
    """`answers` are what came through the revisit page; the link `good` works, `old` did once."""

    intake: RecordingIntake
    answers: list[tuple[bool, str]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def track(self, number: str, secret: str) -> TrackView | None:
        self.asked.append((number, secret))
        if (number, secret) != (NUMBER, SECRET):
            return None
        steps = (
            (CaseState.RECEIVED, NOON),
            (CaseState.ASSIGNED, NOON + timedelta(minutes=2)),
            (CaseState.RESOLVED, None),
        )
        return TrackView(NUMBER, CaseState.ASSIGNED, NOON, steps, DUE)

    async def revisit_view(self, token: str) -> RevisitView | None:
        if token == "old":
            raise LinkExpired("used up")
        return self._view() if token == "good" else None

    async def revisit_answer(self, token: str, satisfied: bool, comment: str) -> RevisitView:
        self.answers.append((satisfied, comment))
        return self._view()

    async def key_known(self, source: str, external_id: str, content_hash: str) -> bool:
        kept = [raw for raw in self.intake.raws if (raw.source, raw.external_id) == (source, external_id)]
        return any(raw.content_hash != content_hash for raw in kept)

    def _view(self) -> RevisitView:
        answered = NOON + timedelta(days=12) if self.answers else None
        satisfied = self.answers[-1][0] if self.answers else None
        return RevisitView(NUMBER, NOON, NOON + timedelta(days=10), satisfied, answered)


class Stage:
    def __init__(self, limits: WebLimits = LIMITS) -> None:
        self.intake = RecordingIntake()
        self.desk = OneCaseDesk(self.intake)
        self.now = NOON
        settings = WebSettings(
            institution={"zh": "示例银行", "en": "Example Bank"},
            products=(Choice("银行卡", "Cards", "card"), Choice("贷款", "Loans", "loan")),
            branches=(Choice("南湖支行", "Nanhu Branch"),),
            limits=limits,
            public_url="https://bank.example",
        )
        pages = Pages(settings.institution)
        self.app = FastAPI(docs_url=None, redoc_url=None)
        self.app.include_router(routes(self.intake.accept, self.desk, pages, settings, lambda: self.now))
        install_error_pages(self.app, pages)
        self.client = TestClient(self.app, raise_server_exceptions=False)

    def disk_full(self) -> None:
        self.intake.failure = StorageUnavailable("disk full")


def form_body(fields: dict[str, str], boundary: str = BOUNDARY, files: dict[str, bytes] | None = None) -> bytes:
    """What a browser posts for the form."""
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    for name, content in (files or {}).items():
        head = f'Content-Disposition: form-data; name="attachments"; filename="{name}"\r\n'
        parts.append(f"{head}Content-Type: text/plain\r\n\r\n".encode() + content)
    line = f"--{boundary}".encode()
    return b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"
