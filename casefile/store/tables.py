"""The tables. Instants are UTC; JSON is canonical text, so that both engines store the same bytes."""

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = sa.MetaData()


class Instant(TypeDecorator[datetime]):
    """A UTC instant: `timestamptz` on PostgreSQL, sortable ISO 8601 text with microseconds on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(sa.String(27) if dialect.name == "sqlite" else sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return datetime.fromisoformat(value) if isinstance(value, str) else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """Canonical JSON (sorted keys, no spaces) as text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else canonical(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


def canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(32), primary_key=True)


def _case(nullable: bool = False) -> sa.Column[str]:
    return sa.Column("complaint_id", sa.ForeignKey("complaint.id"), nullable=nullable, index=True)


counter = sa.Table(
    "counter",
    metadata,
    sa.Column("name", sa.String(60), primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
)

complaint = sa.Table(
    "complaint",
    metadata,
    _id(),
    sa.Column("number", sa.String(40), nullable=False, unique=True),
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("state", sa.String(12), nullable=False, index=True),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("name", sa.Text),
    sa.Column("email", sa.Text, index=True),
    sa.Column("phone", sa.Text, index=True),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("product", sa.Text),
    sa.Column("branch", sa.Text),
    sa.Column("region", sa.Text),
    sa.Column("attachments", Json, nullable=False),
    sa.Column("thread_id", sa.Text),
    sa.Column("office_id", sa.String(60), index=True),
    sa.Column("route", Json),
    sa.Column("policy", sa.String(80), nullable=False),
    sa.Column("satisfied", sa.Boolean),
    sa.Column("secret_hash", sa.String(64), nullable=False),
)

inbound = sa.Table(
    "inbound",
    metadata,
    _id(),
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("source", sa.String(120), nullable=False),
    sa.Column("external_id", sa.Text, nullable=False),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("raw_sha256", sa.String(64), nullable=False),
    sa.Column("raw_size", sa.Integer, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),  # stored | processed | shunted
    sa.Column("tries", sa.Integer, nullable=False, default=0),
    sa.Column("error", sa.Text),
    sa.Column("outcome", sa.String(12)),
    sa.Column("envelope", Json),
    _case(nullable=True),
    sa.UniqueConstraint("channel", "source", "external_id", "content_hash"),
    sa.Index("ix_inbound_external", "external_id"),
    sa.Index("ix_inbound_state", "state"),
)

remark = sa.Table(
    "remark",
    metadata,
    _id(),
    _case(),
    sa.Column("kind", sa.String(12), nullable=False),  # progress | decision | referral | revisit
    sa.Column("author", sa.String(60), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
)

duty = sa.Table(
    "duty",
    metadata,
    _id(),
    _case(),
    sa.Column("rule_id", sa.String(80), nullable=False),
    sa.Column("occurrence", sa.Integer, nullable=False),
    sa.Column("does", sa.String(20), nullable=False),
    sa.Column("what", sa.String(40), nullable=False),
    sa.Column("by", sa.String(60), nullable=False),
    sa.Column("to", sa.String(60), nullable=False),
    sa.Column("cite", sa.Text, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("explain", sa.Text, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("ended_at", Instant),
    sa.UniqueConstraint("complaint_id", "rule_id", "occurrence"),
    sa.Index(
        "ix_duty_open", "due_at", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")
    ),
)

_CLAIMABLE = sa.text("state IN ('scheduled', 'retry_wait', 'in_doubt')")
_LEASED = sa.text("state = 'sending'")

notice = sa.Table(
    "notice",
    metadata,
    _id(),
    _case(),
    sa.Column("duty_id", sa.ForeignKey("duty.id"), index=True),
    sa.Column("rule_id", sa.String(80), nullable=False),
    sa.Column("recipient_id", sa.String(60), nullable=False),
    sa.Column("occurrence", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("urgency", sa.Integer, nullable=False),  # rank: 0 is claimed first
    sa.Column("channel", sa.String(10), nullable=False),
    sa.Column("to", sa.Text, nullable=False),
    sa.Column("message_id", sa.Text, nullable=False, unique=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("payload_sha256", sa.String(64), nullable=False),
    sa.Column("due_at", Instant, nullable=False, index=True),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("next_at", Instant),  # NULL: never by itself again
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("possible_duplicate", sa.Boolean, nullable=False, default=False),
    sa.Column("lease_token", sa.String(32)),
    sa.Column("lease_until", Instant),
    sa.Column("provider_id", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("complaint_id", "rule_id", "recipient_id", "channel", "occurrence"),
    sa.Index("ix_notice_claimable", "urgency", "next_at", sqlite_where=_CLAIMABLE, postgresql_where=_CLAIMABLE),
    sa.Index("ix_notice_leased", "lease_until", sqlite_where=_LEASED, postgresql_where=_LEASED),
    sa.Index("ix_notice_state", "state", "due_at"),
)

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("notice_id", sa.ForeignKey("notice.id"), primary_key=True),
    sa.Column("no", sa.Integer, primary_key=True),
    sa.Column("worker", sa.String(80), nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("stage", sa.String(10), nullable=False),
    sa.Column("outcome", sa.String(12)),
    sa.Column("reply", sa.Text),
    sa.Column("finished_at", Instant),
)

link = sa.Table(
    "link",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    _case(),
    sa.Column("purpose", sa.String(10), nullable=False),  # desk | revisit
    sa.Column("office_id", sa.String(60)),
    sa.Column("notice_id", sa.String(32), nullable=False),
    sa.Column("issued_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("revoked_at", Instant),
    sa.Column("revoked_why", sa.Text),
)

mailbox = sa.Table(
    "mailbox",
    metadata,
    sa.Column("name", sa.String(120), primary_key=True),
    sa.Column("last_success_at", Instant),
    sa.Column("last_failure_at", Instant),
    sa.Column("last_failure", sa.Text),
    sa.Column("lease_owner", sa.String(80)),
    sa.Column("lease_until", Instant),
)

mailbox_cursor = sa.Table(
    "mailbox_cursor",
    metadata,
    sa.Column("name", sa.String(120), primary_key=True),
    sa.Column("folder", sa.String(200), primary_key=True),
    sa.Column("uidvalidity", sa.BigInteger, primary_key=True),
    sa.Column("last_uid", sa.BigInteger, nullable=False),
)

mailbox_missed = sa.Table(
    "mailbox_missed",
    metadata,
    sa.Column("name", sa.String(120), primary_key=True),
    sa.Column("folder", sa.String(200), primary_key=True),
    sa.Column("uidvalidity", sa.BigInteger, primary_key=True),
    sa.Column("uid", sa.BigInteger, primary_key=True),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)

chain = sa.Table(
    "chain",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),  # a case, or `site`
    sa.Column("head_seq", sa.Integer, nullable=False),
    sa.Column("head_hash", sa.String(64)),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("chain_id", sa.ForeignKey("chain.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("tag", sa.String(30), nullable=False),
    sa.Column("actor", sa.String(80), nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # canonical JSON of the event: the bytes that are hashed
    sa.Column("prev_hash", sa.String(64)),
    sa.Column("hash", sa.String(64)),
    sa.Index("ix_audit_tag", "tag", "at"),
)

# The conditions of the partial indexes above, for queries: bound values would keep the planner from using them.
CLAIMABLE = sa.text("notice.state IN ('scheduled', 'retry_wait', 'in_doubt')")
LEASED = sa.text("notice.state = 'sending'")
OWED = sa.text("duty.state = 'open'")
