"""The cost of finding work grows with what is due, not with what is stored: each look is served by its index."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from casefile.store import gauges, inbound, outbox
from casefile.store.engine import Store
from tests.samples import MONDAY, notice, open_case


def plans(tx: Connection) -> str:
    """What SQLite says of every statement that looks for work."""
    told: list[str] = []

    def explain(
        _connection: object, cursor: object, statement: str, parameters: object, _context: object, _many: bool
    ) -> None:
        if not statement.startswith(("EXPLAIN", "SAVEPOINT", "RELEASE")):
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[attr-defined]
            told.extend(row[3] for row in rows)

    sa.event.listen(tx, "before_cursor_execute", explain)
    outbox.claim(tx, now=MONDAY - timedelta(days=1), worker="w", lease=timedelta(seconds=60))
    outbox.expire_leases(tx, now=MONDAY, actor="w", most=9)
    inbound.waiting(tx, MONDAY)
    gauges.read(tx, MONDAY)
    sa.event.remove(tx, "before_cursor_execute", explain)
    return "\n".join(told)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # whose planner tells the same plan each time
async def test_looking_for_work_reads_no_whole_table(store: Store) -> None:
    await store.write(lambda tx: open_case(tx, notices=[notice(n) for n in range(1, 50)]))
    told = await store.write(plans)
    assert "SCAN" not in told
    assert "ix_notice_claimable" in told
    assert "ix_inbound_state" in told
    assert "ix_duty_open" in told
