"""A replay shows what dashboards showed: what was known at each moment, order by order."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import asyncpg
import msgspec
import pytest

from coffeert.client import OrderClient
from coffeert.client.events import Connected, Disconnected, ViewChanged, ViewReset
from coffeert.domain.calendar import Calendars
from coffeert.domain.feed import FeedPosition
from coffeert.domain.orders import Order
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import ZERO, Cells, at_all_grains, tally_orders
from coffeert.domain.view import View
from coffeert.postgres.feed import FeedTable, make_tick
from coffeert.postgres.known_view import load_known_view
from coffeert.postgres.pool import connect, open_pool
from coffeert.tui.history.recorder import RecordingError
from coffeert.tui.history.replayer import Replayer
from coffeert.tui.history.server_recording import write_recording
from tests.integration.feed.play import read_all
from tests.integration.postgres.passing import run_pass
from tests.integration.server.http.test_feed import place, ticked
from tests.order_book import insert, order, void

NOW = datetime(2026, 3, 28, 12, 7, 30, tzinfo=UTC)
PLACED = [timedelta(days=-40), timedelta(days=-3), timedelta(hours=-2), timedelta(minutes=-9)]
PLACED += [timedelta(seconds=-31), timedelta(0), timedelta(microseconds=1), timedelta(minutes=4)]


def cells_of(orders: list[Order], calendars: Calendars, retention: RetentionWindow) -> Cells:
    cells = at_all_grains(tally_orders(orders), calendars)
    return {
        key: totals for key, totals in cells.items() if totals != ZERO and retention.contains(key)
    }


@pytest.mark.parametrize("passes", ["before", "after", "both", "never"])
async def test_the_view_as_it_was_known(
    database_url: str, opened: AsyncExitStack, passes: str
) -> None:
    """Whatever the rollups have counted, and whenever what came later was placed."""
    connection = await connect(database_url, application_name="test")
    opened.callback(connection.terminate)
    held = await asyncpg.connect(database_url)
    opened.callback(held.terminate)
    pool = await open_pool(database_url, size=2, application_name="test")
    opened.push_async_callback(pool.close)
    table = FeedTable(pool)
    early = [order(NOW + placed) for placed in PLACED]
    await insert(connection, *early)
    transaction = held.transaction()
    await transaction.start()
    await insert(held, *(order(NOW + placed, "central") for placed in PLACED))
    await insert(connection, *map(void, early[::3]))
    if passes in ("before", "both"):
        await run_pass(connection)
    await make_tick(connection)
    position = await table.now()
    await insert(connection, *(order(NOW + placed, "downtown") for placed in PLACED))
    await insert(connection, *map(void, early[1::3]))
    await transaction.commit()
    if passes in ("after", "both"):
        await run_pass(connection)
    await make_tick(connection)
    whole = await read_all(table, FeedPosition())
    later = len(await read_all(table, position))
    for standing, known in ((position, whole[:-later]), (FeedPosition(), [])):
        found = await load_known_view(pool, standing, NOW)
        change = found.change
        cells = {key: totals for key, totals in change.cells.items() if totals != ZERO}
        assert cells == cells_of(known, found.calendars, change.retention)
        assert {one.order_id for one in change.recent} == {one.order_id for one in known}


@pytest.mark.long
async def test_a_time_is_replayed_event_by_event(
    http: aiohttp.ClientSession, server_url: str, tmp_path: Path
) -> None:
    await place(http, "before")
    await ticked(http, 1)
    first = await now(http)
    for key in ("a", "b", "c"):
        await place(http, key)
        await asyncio.sleep(0.05)  # more than a frame
    async with http.post("/api/orders/b/void"):
        pass
    await ticked(http, 5)
    last = await now(http)
    await place(http, "after")
    await ticked(http, 6)
    recording = tmp_path / "replay.ndjson"
    async with OrderClient(server_url) as client:
        assert await write_recording(recording, server_url, client.replay(first, last)) >= 4
    replayer = Replayer(recording, speed=1_000)
    view, counts = None, []
    async for event in replayer.events():
        match event:
            case Connected():
                assert view is None
            case ViewReset():
                view = View(event.change)
                counts.append(event.totals.day.orders)
            case ViewChanged():
                assert view is not None
                view.apply(event.change)
                assert view.cube.totals() == event.totals
                if counts[-1] != event.totals.day.orders:
                    counts.append(event.totals.day.orders)
            case Disconnected():
                break
    assert counts == [1, 2, 3, 4, 3]


async def now(http: aiohttp.ClientSession) -> datetime:
    """A moment between what was received and what will be; the server's clock is right within that."""
    await asyncio.sleep(0.3)
    moment = datetime.now(UTC)
    await asyncio.sleep(0.3)
    return moment


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-01-01T10:00Z", "to"),
        ("from=2026-01-01T10:00Z&to=2026-01-01T10:00Z", "to"),
        ("from=2026-01-01T10:00Z&to=2026-01-02T10:00:01Z", "to"),
        ("from=2026-01-01&to=2026-01-02", "from"),
        ("from=0001-01-05T10:00Z&to=0001-01-05T11:00Z", "from"),
        ("from=9999-12-31T10:00Z&to=9999-12-31T11:00Z", "to"),
        ("from=2026-01-01T10:00Z&to=2026-01-01T11:00Z&speed=1", "speed"),
    ],
)
async def test_what_cannot_be_replayed_is_named(
    http: aiohttp.ClientSession, query: str, field: str
) -> None:
    async with http.get(f"/api/replay?{query}") as response:
        assert response.status == 422
        problem = await response.json()
    assert [fault["field"] for fault in problem["errors"]] == [field]


async def test_what_the_feed_has_forgotten_is_not_replayed(
    http: aiohttp.ClientSession, database_url: str
) -> None:
    await place(http, "a")
    await ticked(http, 1)
    await place(http, "b")
    await ticked(http, 2)
    database = await asyncpg.connect(database_url)
    await database.execute("DELETE FROM feed_tick WHERE number = 1")
    await database.close()
    async with http.get(
        "/api/replay", params={"from": "2026-01-01T10:00Z", "to": "2026-01-01T11:00Z"}
    ) as response:
        assert response.status == 422
        assert "feed_retention" in (await response.json())["detail"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ([], "sent no replay"),
        ([b"[]"], "is no replay"),
        ([b'{"type":"goodbye","reason":"restart","retry_after":1}'], "sent no replay"),
    ],
)
async def test_what_is_no_replay_leaves_no_file(
    tmp_path: Path, sent: list[bytes], said: str
) -> None:
    async def lines() -> AsyncIterator[bytes]:
        for line in sent:
            yield line

    file = tmp_path / "saved"
    with pytest.raises(RecordingError, match=said):
        await write_recording(file, "http://shop", lines())
    assert not file.exists()


@pytest.mark.long
async def test_the_command_prints_and_saves(
    http: aiohttp.ClientSession, server_url: str, tmp_path: Path
) -> None:
    first = await now(http)
    await place(http, "a", "b")
    await ticked(http, 2)
    last = await now(http)
    span = ["--from", first.isoformat(), "--to", last.isoformat(), "--speed", "100"]

    async def replay(*options: str) -> bytes:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "coffeert", "replay", "--url", server_url, *span, *options),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        return output

    lines = (await replay("--lines")).splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["coffeert.order.placed"] * 2
    recording = tmp_path / "saved"
    await replay("--save", str(recording))
    for begin, end, fault in (
        (last, first, b"--to must be later than --from"),
        (first, first + timedelta(days=2), b"--to must be later than --from"),
        (last + timedelta(days=9), last + timedelta(days=10), b"--from must not lie in the future"),
    ):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "coffeert", "replay", "--url", server_url, "--lines"),
            *("--from", begin.isoformat(), "--to", end.isoformat()),
            stderr=asyncio.subprocess.PIPE,
        )
        _, error = await process.communicate()
        assert process.returncode == 2
        assert error.startswith(b"coffeert: " + fault)
    kinds = [msgspec.json.decode(line)["coffeert"] for line in recording.read_bytes().splitlines()]
    assert kinds[:4] == ["recording", "hello", "menu", "reset"]
    assert "change" in kinds
