"""The limit of bulk intake: `COPY` of the same rows into the same table with all its indexes."""

from __future__ import annotations

import io
import random
import time
from datetime import UTC, datetime

from coffeert.domain.orders import new_order_id
from coffeert.lab.orders import DRINKS, STORES
from coffeert.postgres.pool import close, connect

_COLUMNS = ("order_id", "placed_at", "received_at", "quantity", "price_cents", "store", "drink")


async def copy_rate(database_url: str, rows: int, transaction_rows: int, seed: int) -> float:
    """Copy rows, so many in each transaction; return how many a second."""
    chance = random.Random(seed)
    pieces = [
        _piece(min(transaction_rows, rows - start), chance)
        for start in range(0, rows, transaction_rows)
    ]
    connection = await connect(database_url, application_name="coffeert lab")
    try:
        began = time.monotonic()
        for piece in pieces:
            await connection.copy_to_table(
                "orders", source=io.BytesIO(piece), columns=list(_COLUMNS), format="text"
            )
        return rows / (time.monotonic() - began)
    finally:
        await close(connection)


def _piece(rows: int, chance: random.Random) -> bytes:
    lines = []
    for _ in range(rows):
        now = datetime.now(UTC).isoformat()
        quantity, store, drink = chance.randint(1, 3), chance.choice(STORES), chance.choice(DRINKS)
        lines.append(f"{new_order_id()}\t{now}\t{now}\t{quantity}\t450\t{store}\t{drink}\n")
    return "".join(lines).encode()
