"""What the intake's rate depends on: one setting changed at a time."""

from __future__ import annotations

from coffeert.lab.bench import Bench, subject
from coffeert.lab.results import Measurement
from coffeert.postgres.pool import close, connect

_CONNECTIONS = (1, 8, 256)
_SETTINGS: tuple[tuple[str, dict[str, object]], ...] = (
    ("batches of at most 64", {"max_batch_rows": 64}),
    ("batches of at most 2,000", {"max_batch_rows": 2_000}),
    ("one writer", {"max_concurrent_commits": 1}),
    ("four writers", {"max_concurrent_commits": 4}),
    ("a pool of 16", {"database_pool_size": 16}),
    ("live view off", {"live_updates": "off"}),
)
_DATABASE: tuple[tuple[str, str], ...] = (
    ("synchronous_commit off (not durable)", "ALTER DATABASE {name} SET synchronous_commit = off"),
    ("without the index on placed_at", "DROP INDEX orders_placed_at"),
    ("without the index on voids", "DROP INDEX orders_voids"),
    ("without the index on xid", "DROP INDEX orders_xid"),
)


async def vary(bench: Bench) -> list[Measurement]:
    """Measure the closed loop with each setting changed, one at a time."""
    return [
        *await _connections(bench),
        *[await _one(bench, label, settings, None) for label, settings in _SETTINGS],
        await _aggregator_elsewhere(bench),
        *[await _one(bench, label, {}, statement) for label, statement in _DATABASE],
    ]


async def _connections(bench: Bench) -> list[Measurement]:
    async with subject(bench) as server:
        return [
            (
                await server.measure(
                    f"{count} connections", connections=count, seconds=bench.effort.seconds / 2
                )
            ).measurement
            for count in _CONNECTIONS
        ]


async def _aggregator_elsewhere(bench: Bench) -> Measurement:
    async with (
        bench.stage.database() as database_url,
        bench.stage.server(
            database_url, live_updates="off"
        ),  # only aggregates: the load goes to the other
        subject(bench, database_url=database_url, run_aggregator="false") as server,
    ):
        run = await server.measure(
            "aggregator in another process", seconds=bench.effort.seconds / 2
        )
        return run.measurement


async def _one(
    bench: Bench, label: str, settings: dict[str, object], statement: str | None
) -> Measurement:
    async with bench.stage.database() as database_url:
        if statement is not None:
            connection = await connect(database_url, application_name="coffeert lab")
            try:
                name = await connection.fetchval("SELECT quote_ident(current_database())")
                await connection.execute(statement.format(name=name))
            finally:
                await close(connection)
        async with subject(bench, database_url=database_url, **settings) as server:
            return (await server.measure(label, seconds=bench.effort.seconds / 2)).measurement
