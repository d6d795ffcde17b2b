"""What the page should show: sums of the table of orders in plain SQL, past all of our own code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

import asyncpg

Sums = tuple[int, int]
"""Orders, or pieces of a drink; and cents."""

# A refund is no order, and a void takes away what its order counted for.
_SUMS = """
    WITH at AS (SELECT $1::timestamptz AS minute),
    zones AS (SELECT * FROM unnest($2::text[], $3::text[]) AS zone(store, name)),
    lines AS (
        SELECT o.store, o.drink, o.quantity,
               CASE WHEN o.voids IS NULL THEN (o.quantity > 0)::integer ELSE -(v.quantity > 0)::integer END
                   AS orders,
               coalesce(o.amount, o.quantity::bigint * o.price_cents) AS cents,
               o.placed_at, o.placed_at AT TIME ZONE zones.name AS local, at.minute,
               (at.minute AT TIME ZONE zones.name)::date AS today, zones.name AS zone
        FROM orders o JOIN zones USING (store) CROSS JOIN at LEFT JOIN orders v ON v.order_id = o.voids
    )
    SELECT store, drink, sum(orders)::bigint, sum(quantity)::bigint, sum(cents)::bigint
    FROM lines
    WHERE CASE $4
        WHEN 'today' THEN local::date = today
        WHEN '60m' THEN date_trunc('minute', placed_at) > minute - interval '1 hour'
        WHEN '24h' THEN date_trunc('hour', local) AT TIME ZONE zone > minute - interval '24 hours'
        WHEN '7d' THEN local::date > today - 7
        ELSE local::date > today - 30
    END
    GROUP BY store, drink
"""


class Expected(NamedTuple):
    """The figures of a period: all that is chosen, stores under the filter of drinks, and the reverse."""

    total: Sums
    stores: dict[str, Sums]
    drinks: dict[str, Sums]


class Truth:
    """Sums orders by the zone of each store; `names` are the displayed names by code."""

    def __init__(
        self,
        connection: asyncpg.Connection[asyncpg.Record],
        zones: Mapping[str, str],
        names: Mapping[str, str],
    ) -> None:
        self._connection = connection
        self._zones = zones
        self._names = names

    async def of(
        self, as_of: int, period: str, stores: tuple[str, ...] = (), drinks: tuple[str, ...] = ()
    ) -> Expected:
        """Sum a period as of a minute, in Unix seconds."""
        minute = await self._connection.fetchval("SELECT to_timestamp($1)", as_of)
        rows = await self._connection.fetch(
            _SUMS, minute, list(self._zones), list(self._zones.values()), period
        )
        total = (0, 0)
        by_store: dict[str, Sums] = {}
        by_drink: dict[str, Sums] = {}
        for store, drink, orders, pieces, cents in rows:
            store_chosen = not stores or store in stores
            drink_chosen = not drinks or drink in drinks
            if store_chosen and drink_chosen:
                total = total[0] + orders, total[1] + cents
            if drink_chosen:
                _add(by_store, self._names[store], (orders, cents))
            if store_chosen:
                _add(by_drink, self._names[drink], (pieces, cents))
        return Expected(total, _not_zero(by_store), _not_zero(by_drink))

    async def count(self) -> int:
        return int(await self._connection.fetchval("SELECT count(*) FROM orders"))


def _add(sums: dict[str, Sums], name: str, more: Sums) -> None:
    orders, cents = sums.get(name, (0, 0))
    sums[name] = orders + more[0], cents + more[1]


def _not_zero(sums: dict[str, Sums]) -> dict[str, Sums]:
    return {name: figures for name, figures in sums.items() if figures != (0, 0)}


@asynccontextmanager
async def truth(
    database_url: str, zones: Mapping[str, str], names: Mapping[str, str]
) -> AsyncIterator[Truth]:
    """Connect to the database."""
    connection = await asyncpg.connect(database_url)
    try:
        yield Truth(connection, zones, names)
    finally:
        await connection.close()
