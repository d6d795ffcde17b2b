"""What was stored before the menu changed is acknowledged only if the standby has it."""

from __future__ import annotations

import pytest

from coffeert.domain.menu import Menu
from coffeert.domain.orders import Draft
from coffeert.errors import DatabaseUnavailable, Invalid, Unavailable
from coffeert.server.ingest.admission import Admission
from coffeert.server.ingest.batch_writer import BatchWriter
from coffeert.server.ingest.order_service import OrderService
from tests.unit.server.ingest.scripted_table import ScriptedTable, entry


class StandbyAway(ScriptedTable):
    """A table whose synchronous standby is away."""

    async def wait_for_standbys(self) -> None:
        raise DatabaseUnavailable("The standby is away.")


@pytest.mark.parametrize("kind", [ScriptedTable, StandbyAway])
async def test_an_order_of_a_retired_drink_waits_for_the_standby(kind: type[ScriptedTable]) -> None:
    table, stored = kind(), entry()
    table.rows[stored.order.order_id] = stored.order
    writer = BatchWriter(
        table,
        Admission(wait_limit=1, batch_rows=1, writers=1),
        batch_rows=1,
        writers=1,
        on_commit=lambda xid, orders: None,
    )
    service = OrderService(writer, table, lambda: Menu((), ()))
    assert stored.draft is not None
    if kind is StandbyAway:
        with pytest.raises(Unavailable):
            await service.place(stored.draft)
    else:
        replayed = await service.place(stored.draft)
        assert replayed.replayed
        assert replayed.order == stored.order
    with pytest.raises(Invalid):  # nothing is there to wait for
        await service.place(Draft("uptown", "latte", order_id=entry().order.order_id))
