"""The spine: cases, messages, duties, notices, attempts, links, mailboxes, events."""

import sqlalchemy as sa
from alembic import op

from casefile.store.tables import Instant, Json

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "chain",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("head_seq", sa.Integer(), nullable=False),
        sa.Column("head_hash", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "complaint",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("received_at", Instant(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("branch", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("attachments", Json(), nullable=False),
        sa.Column("thread_id", sa.Text(), nullable=True),
        sa.Column("office_id", sa.String(length=60), nullable=True),
        sa.Column("route", Json(), nullable=True),
        sa.Column("policy", sa.String(length=80), nullable=False),
        sa.Column("satisfied", sa.Boolean(), nullable=True),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index(op.f("ix_complaint_email"), "complaint", ["email"], unique=False)
    op.create_index(op.f("ix_complaint_office_id"), "complaint", ["office_id"], unique=False)
    op.create_index(op.f("ix_complaint_phone"), "complaint", ["phone"], unique=False)
    op.create_index(op.f("ix_complaint_state"), "complaint", ["state"], unique=False)
    op.create_table(
        "counter",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "mailbox",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("last_success_at", Instant(timezone=True), nullable=True),
        sa.Column("last_failure_at", Instant(timezone=True), nullable=True),
        sa.Column("last_failure", sa.Text(), nullable=True),
        sa.Column("lease_owner", sa.String(length=80), nullable=True),
        sa.Column("lease_until", Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "mailbox_cursor",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("folder", sa.String(length=200), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("last_uid", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "folder", "uidvalidity"),
    )
    op.create_table(
        "mailbox_missed",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("folder", sa.String(length=200), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "folder", "uidvalidity", "uid"),
    )
    op.create_table(
        "audit",
        sa.Column("chain_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.Column("tag", sa.String(length=30), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["chain_id"],
            ["chain.id"],
        ),
        sa.PrimaryKeyConstraint("chain_id", "seq"),
    )
    op.create_index("ix_audit_tag", "audit", ["tag", "at"], unique=False)
    op.create_table(
        "duty",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("complaint_id", sa.String(length=32), nullable=False),
        sa.Column("rule_id", sa.String(length=80), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("does", sa.String(length=20), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("by", sa.String(length=60), nullable=False),
        sa.Column("to", sa.String(length=60), nullable=False),
        sa.Column("cite", sa.Text(), nullable=False),
        sa.Column("started_at", Instant(timezone=True), nullable=False),
        sa.Column("due_at", Instant(timezone=True), nullable=False),
        sa.Column("explain", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("ended_at", Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaint.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("complaint_id", "rule_id", "occurrence"),
    )
    op.create_index(op.f("ix_duty_complaint_id"), "duty", ["complaint_id"], unique=False)
    op.create_index(
        "ix_duty_open",
        "duty",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "inbound",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("raw_sha256", sa.String(length=64), nullable=False),
        sa.Column("raw_size", sa.Integer(), nullable=False),
        sa.Column("received_at", Instant(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("envelope", Json(), nullable=True),
        sa.Column("complaint_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaint.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("channel", "source", "external_id", "content_hash"),
    )
    op.create_index(op.f("ix_inbound_complaint_id"), "inbound", ["complaint_id"], unique=False)
    op.create_index("ix_inbound_external", "inbound", ["external_id"], unique=False)
    op.create_index("ix_inbound_state", "inbound", ["state"], unique=False)
    op.create_table(
        "link",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("complaint_id", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("office_id", sa.String(length=60), nullable=True),
        sa.Column("notice_id", sa.String(length=32), nullable=False),
        sa.Column("issued_at", Instant(timezone=True), nullable=False),
        sa.Column("expires_at", Instant(timezone=True), nullable=False),
        sa.Column("revoked_at", Instant(timezone=True), nullable=True),
        sa.Column("revoked_why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaint.id"],
        ),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index(op.f("ix_link_complaint_id"), "link", ["complaint_id"], unique=False)
    op.create_table(
        "remark",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("complaint_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("author", sa.String(length=60), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaint.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_remark_complaint_id"), "remark", ["complaint_id"], unique=False)
    op.create_table(
        "notice",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("complaint_id", sa.String(length=32), nullable=False),
        sa.Column("duty_id", sa.String(length=32), nullable=True),
        sa.Column("rule_id", sa.String(length=80), nullable=False),
        sa.Column("recipient_id", sa.String(length=60), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("payload_sha256", sa.String(length=64), nullable=False),
        sa.Column("due_at", Instant(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("next_at", Instant(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("possible_duplicate", sa.Boolean(), nullable=False),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", Instant(timezone=True), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint_id"],
            ["complaint.id"],
        ),
        sa.ForeignKeyConstraint(
            ["duty_id"],
            ["duty.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("complaint_id", "rule_id", "recipient_id", "channel", "occurrence"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_index(
        "ix_notice_claimable",
        "notice",
        ["urgency", "next_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('scheduled', 'retry_wait', 'in_doubt')"),
        postgresql_where=sa.text("state IN ('scheduled', 'retry_wait', 'in_doubt')"),
    )
    op.create_index(op.f("ix_notice_complaint_id"), "notice", ["complaint_id"], unique=False)
    op.create_index(op.f("ix_notice_due_at"), "notice", ["due_at"], unique=False)
    op.create_index(op.f("ix_notice_duty_id"), "notice", ["duty_id"], unique=False)
    op.create_index(
        "ix_notice_leased",
        "notice",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index("ix_notice_state", "notice", ["state", "due_at"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("notice_id", sa.String(length=32), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=80), nullable=False),
        sa.Column("started_at", Instant(timezone=True), nullable=False),
        sa.Column("stage", sa.String(length=10), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("finished_at", Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["notice_id"],
            ["notice.id"],
        ),
        sa.PrimaryKeyConstraint("notice_id", "no"),
    )
