"""Bringing a database to the schema of this version (Alembic), and telling whether it is there."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from casefile.audit import SITE
from casefile.store.engine import insert_new
from casefile.store.tables import chain

_MIGRATIONS = Path(__file__).parent.parent / "migrations"
_LOCK = 4846_1990  # any number, the same in every process


def upgrade(tx: Connection) -> None:
    """Run all missing migrations in this transaction; processes that start together wait for the first."""
    if tx.dialect.name == "postgresql":
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    command.upgrade(_config(tx), "head")
    insert_new(tx, chain, id=SITE, head_seq=0)


def is_current(tx: Connection) -> bool:
    return MigrationContext.configure(tx).get_current_revision() == _head()


def _head() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config(tx: Connection | None = None) -> Config:
    config = Config(attributes={"connection": tx})
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
