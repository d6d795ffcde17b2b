"""`coffeert feed --to`: killed at any moment, each target has every event once, in the feed's order."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import asyncpg
import duckdb
import pytest
from aiohttp import web
from yarl import URL

from coffeert.errors import ConfigError, SinkUnavailable
from coffeert.sinks.duckdb import DuckDBSink
from coffeert.sinks.nats import NatsSink
from coffeert.sinks.ndjson import LineFileSink
from coffeert.sinks.target import sink_for
from tests.end_to_end.processes import Command, Shell
from tests.integration.client.peer import serving
from tests.integration.feed.targets import Target, nats_server, new_targets
from tests.integration.server.conftest import RunServer
from tests.integration.server.http.test_feed import place_many, ticked
from tests.waiting import eventually

NOTICING = ("ndjson", "duckdb", "parquet", "postgresql", "nats")
KINDS = (*NOTICING, "kafka")
KILLS = 3  # test_sink_crashes stops each target at each of its steps


@pytest.fixture
async def target(
    request: pytest.FixtureRequest, tmp_path: Path, empty_database_url: str
) -> AsyncIterator[Target]:
    async with new_targets(request.param, tmp_path, empty_database_url) as new:
        yield new(0)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    directory = tmp_path / "commands"
    directory.mkdir()
    shell = Shell(directory, {"webhook_secret": f"whsec_{'a' * 32}"})
    yield shell
    shell.close()


def start(shell: Shell, url: str, target: str, *arguments: str) -> Command:
    return shell.start("feed", "--url", url, "--to", target, *arguments)


async def finish(command: Command) -> tuple[int, str]:
    ended = await command.ended()
    assert "Traceback" not in ended.err, ended.err
    return ended.code, ended.err


async def ids_of(http: aiohttp.ClientSession, count: int) -> list[str]:
    """The ids of the feed, once it has so many events: what is not ticked yet, no command writes."""
    return [event["id"] for event in await ticked(http, count)]


@pytest.mark.long
@pytest.mark.parametrize("target", KINDS, indirect=True)
async def test_killed_at_any_moment_each_event_is_there_once(
    shell: Shell, target: Target, run_server: RunServer, database_url: str
) -> None:
    chance = random.Random(target.name)
    async with run_server() as url, aiohttp.ClientSession(url) as http:
        for _ in range(KILLS):
            before = await target.size()
            writer = start(shell, url, target.name, "--follow")
            await place_many(http, 400)
            async with asyncio.timeout(60):
                while await target.size() == before:
                    assert writer.running, await finish(writer)
                    await asyncio.sleep(0.01)
            placing = asyncio.create_task(place_many(http, 200))
            await asyncio.sleep(chance.random() / 3)
            await writer.killed()
            await placing
        ids = await ids_of(http, 600 * KILLS)
        assert await finish(start(shell, url, target.name)) == (0, "")
    rows = await target.rows()
    assert [row[0] for row in rows] == ids
    assert len(ids) == 600 * KILLS
    db = await asyncpg.connect(database_url)
    truth = await db.fetchrow(
        "SELECT sum(quantity), sum(coalesce(amount, quantity * price_cents)) FROM orders"
    )
    await db.close()
    assert truth is not None
    assert sum(row[1] for row in rows) == truth[0]
    assert sum(round(float(row[2]) * 100) for row in rows) == truth[1]


@pytest.mark.long
@pytest.mark.parametrize("target", KINDS, indirect=True)
async def test_a_second_run_goes_on_and_after_is_for_the_first(
    shell: Shell, target: Target, http: aiohttp.ClientSession, server_url: str
) -> None:
    await place_many(http, 20)
    first = await ids_of(http, 20)
    assert await finish(start(shell, server_url, target.name, "--after", first[4])) == (0, "")
    assert [row[0] for row in await target.rows()] == first[5:]
    code, error = await finish(start(shell, server_url, target.name, "--after", "beginning"))
    assert (code, error) == (
        2,
        "coffeert: The target has a cursor already, and goes on there: leave --after out.\n",
    )
    await place_many(http, 10)
    whole = await ids_of(http, 30)
    assert await finish(start(shell, server_url, target.name)) == (0, "")
    assert [row[0] for row in await target.rows()] == whole[5:]


@pytest.mark.long
@pytest.mark.parametrize("target", NOTICING, indirect=True)
async def test_of_two_writers_one_ends_and_says_so(
    shell: Shell, target: Target, run_server: RunServer
) -> None:
    async with run_server() as url, aiohttp.ClientSession(url) as http:
        await place_many(http, placed := 10)
        writers = [start(shell, url, target.name, "--follow") for _ in range(2)]
        ends = [asyncio.create_task(finish(writer)) for writer in writers]
        while True:
            await place_many(http, 10)
            placed += 10
            done, _ = await asyncio.wait(ends, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
            if done:
                break
        code, error = done.pop().result()
        assert code == 9
        assert error.startswith("coffeert: Another process ")
        for writer in writers:
            writer.signal(signal.SIGTERM)
        await asyncio.gather(*ends)
        ids = await ids_of(http, placed)
        assert await finish(start(shell, url, target.name)) == (0, "")
        assert [row[0] for row in await target.rows()] == ids


@pytest.mark.long
async def test_a_webhook_gets_each_event_in_order_however_often_its_sender_is_killed(
    shell: Shell, run_server: RunServer, tmp_path: Path
) -> None:
    chance, got = random.Random(7), list[str]()

    async def take(request: web.Request) -> web.Response:
        got.append(request.headers["webhook-id"])
        return web.Response()

    async with (
        serving(web.post("/hook", take)) as receiver,
        run_server() as url,
        aiohttp.ClientSession(url) as http,
    ):
        to = (f"{receiver}/hook", "--state", str(tmp_path / "hook.cursor"))
        for _ in range(2 * KILLS):
            before = len(got)
            await place_many(http, 200)
            sender = start(shell, url, *to, "--follow")
            await eventually(lambda before=before: len(got) > before)  # type: ignore[misc]
            await asyncio.sleep(chance.random() / 10)
            await sender.killed()
        ids = await ids_of(http, 200 * 2 * KILLS)
        assert await finish(start(shell, url, *to)) == (0, "")
    assert len(ids) == 200 * 2 * KILLS
    assert list(dict.fromkeys(got)) == ids
    assert len(ids) <= len(got) <= len(ids) + 2 * KILLS


@pytest.mark.long
async def test_a_file_that_is_not_the_feeds_is_left_alone(
    shell: Shell, server_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.ndjson"
    path.write_text("mine\n")
    code, error = await finish(start(shell, server_url, str(path)))
    assert code == 2
    assert "has content" in error
    assert path.read_text() == "mine\n"


@pytest.mark.long
async def test_tables_of_somebody_else_are_left_alone(
    shell: Shell,
    http: aiohttp.ClientSession,
    server_url: str,
    tmp_path: Path,
    empty_database_url: str,
) -> None:
    await place_many(http, 1)
    await ticked(http, 1)
    path = tmp_path / "theirs.duckdb"
    for table in ("event (a INT)", "cursor (a INT)", "cursor (cursor DATE)"):
        path.unlink(missing_ok=True)
        with duckdb.connect(path) as file:
            file.execute(f"CREATE TABLE {table}")
        code, error = await finish(start(shell, server_url, str(path), "--follow"))
        assert (code, error.count("\n")) == (2, 1), error
        assert "has other tables" in error
    database = await asyncpg.connect(empty_database_url)
    integers = (
        "type text, order_id uuid, store text, drink text, quantity int, price int, total int"
    )
    rest = "placed_at timestamptz, received_at timestamptz, voids uuid, source text, receipt text"
    for table in (
        "coffeert_event (a int)",
        f"coffeert_event (id int, {integers}, {rest})",
        "coffeert_cursor (a int)",
    ):
        await database.execute("DROP TABLE IF EXISTS coffeert_event, coffeert_cursor")
        await database.execute(f"CREATE TABLE {table}")
        code, error = await finish(start(shell, server_url, empty_database_url, "--follow"))
        assert (code, error.count("\n")) == (2, 1), error
        assert error.startswith("coffeert: PostgreSQL refuses what would be written")
    await database.close()


@pytest.mark.parametrize("content", ['{"cursor":null,"length":-5}', '{"cursor":5}', "x"])
async def test_a_file_that_holds_no_state_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.ndjson.cursor").write_text(content)
    with pytest.raises(ConfigError, match="holds no cursor of a feed"):
        await LineFileSink(tmp_path / "a.ndjson").open()


async def test_only_a_locked_file_is_another_process(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        await DuckDBSink(tmp_path / "blocks" / "clock.duckdb").open()


@pytest.mark.parametrize("removal", ["delete", "purge"])
async def test_a_cursor_that_was_deleted_at_nats_begins_again(tmp_path: Path, removal: str) -> None:
    async with nats_server(tmp_path) as url:
        sink = NatsSink(URL(f"{url}/orders"))
        await sink.open()
        for cursor in ("one", "two"):
            assert await sink.cursor() is None
            await sink.write((), cursor)
            assert await sink.cursor() == cursor
            await getattr(sink._bucket, removal)(sink._key)
        await sink.close()


async def test_a_nats_server_that_is_away_is_told_at_once() -> None:
    sink = sink_for("nats://127.0.0.1:9/orders", None)
    async with asyncio.timeout(8):
        with pytest.raises(
            SinkUnavailable, match=r"127\.0\.0\.1 did not store .*Connect call failed"
        ):
            await sink.open()
        await sink.close()


@pytest.mark.parametrize(
    "target",
    [
        "orders.csv", "nats://127.0.0.1", "nats://127.0.0.1/orders.*", "ftp://x/y", "kafka://127.0.0.1",
        "kafka:///orders", "kafka://h/a/b", "kafka://h/orders?enable.idempotence=false",
        "kafka://h/orders?no.such.property=1", "kafka://[h/orders", "kafka://h/orders?on_commit=1", "kafka+ssl://h/orders?ssl.ca.location=/no/such/file",
    ],
)  # fmt: skip
async def test_a_target_that_cannot_be_used_is_told(shell: Shell, target: str) -> None:
    code, error = await finish(start(shell, "http://127.0.0.1:9", target))
    assert code == 2
    assert error.startswith("coffeert: ")
    assert error.count("\n") == 1
