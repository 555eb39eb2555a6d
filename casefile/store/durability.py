"""Whether a commit survives a power cut, as promised to whoever is given a receipt."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

_SQLITE = {"journal_mode": ("wal",), "synchronous": ("2", "3")}  # FULL or EXTRA
_POSTGRESQL = {
    "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "transaction_read_only": ("off",),
}


def weaknesses(tx: Connection) -> list[str]:
    """The settings of the database that let an acknowledged commit be lost, or none be made; `name=value` each."""
    sqlite = tx.dialect.name == "sqlite"
    wanted, ask = (_SQLITE, "PRAGMA") if sqlite else (_POSTGRESQL, "SHOW")
    found = {name: str(tx.execute(sa.text(f"{ask} {name}")).scalar_one()).lower() for name in wanted}
    return [f"{name}={value}" for name, value in found.items() if value not in wanted[name]]
