"""A sink stopped before and after each of its steps in turn: the next one leaves nothing out."""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import duckdb
import pytest
from aiohttp import web
from yarl import URL

from coffeert.client.webhook import post_once
from coffeert.sinks.cursor import CursorFile
from coffeert.sinks.sink import Sink
from coffeert.sinks.target import sink_for
from coffeert.sinks.webhook import WebhookSink
from coffeert.wire.feed import OrderEvent
from tests.integration.client.peer import serving
from tests.integration.feed.targets import ParquetDirectory, Target, new_targets
from tests.order_book import order

pytestmark = pytest.mark.long

EVENTS = [OrderEvent.of(order(quantity=n + 1), f"a.{n}.b", "a", 2) for n in range(6)]
EXACT = ("ndjson", "parquet", "duckdb", "postgresql")  # the others may have sent what comes again
BATCHES = [EVENTS[0:2], EVENTS[2:3], EVENTS[3:6]]


class Crash(BaseException):
    """What a kill is: nothing catches it."""


class Fuse:
    """Lets `steps` steps pass and stops at the next one; `blown` says that it has."""

    def __init__(self, steps: int) -> None:
        self._left = steps
        self.blown = False

    def step(self) -> None:
        self._left -= 1
        if self._left < 0:
            self.blown = True
            raise Crash

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Make a function two steps: before it has done anything, and when it has done all."""

        async def awaited(*arguments: Any, **named: Any) -> Any:
            self.step()
            result = await function(*arguments, **named)
            self.step()
            return result

        def called(*arguments: Any, **named: Any) -> Any:
            self.step()
            result = function(*arguments, **named)
            self.step()
            return result

        return awaited if inspect.iscoroutinefunction(function) else called


class Fused:
    """An object some of whose methods are steps."""

    def __init__(self, real: Any, fuse: Fuse, *methods: str) -> None:
        self._real, self._fuse, self._methods = real, fuse, methods

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        return self._fuse.around(found) if name in self._methods else found

    def __enter__(self) -> Fused:
        self._real.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._real.__exit__(*raised)


class Disk:
    """Knows what is on disk for good. Of a file's other bytes a power failure may leave any: here, half."""

    def __init__(self) -> None:
        self._kept: dict[int, int] = {}

    def fsync(self, file: int) -> None:
        found = os.fstat(file)
        self._kept[found.st_ino] = found.st_size

    def fail(self, directory: Path) -> None:
        for path in directory.rglob("*"):
            if path.is_file():
                found = path.stat()
                kept = self._kept.get(found.st_ino, 0)
                os.truncate(path, kept + max(0, found.st_size - kept) // 2)


_FUSED: Mapping[str, Sequence[tuple[str, Sequence[str]]]] = {
    "postgresql": [("_connection", ("fetchval", "copy_records_to_table"))],
    "nats": [("_stream", ("publish_async",)), ("_bucket", ("update",))],
    "kafka": [("_producer", ("begin_transaction", "produce", "flush", "commit_transaction"))],
}


@pytest.fixture
async def place(
    request: pytest.FixtureRequest, tmp_path: Path, empty_database_url: str
) -> AsyncIterator[Callable[[int], Target]]:
    """Makes the targets of a kind, an empty one for each number."""
    async with new_targets(request.param, tmp_path, empty_database_url) as new:
        yield new


def fuse_calls(monkeypatch: pytest.MonkeyPatch, kind: str, fuse: Fuse, disk: Disk) -> None:
    """Make steps of what the file sinks call."""
    if kind == "ndjson":
        write = os.pwrite

        def half(file: int, content: bytes, at: int) -> int:
            fuse.step()
            if len(content) > 1:
                content = content[: len(content) // 2]
            written = write(file, content, at)
            fuse.step()
            return written

        monkeypatch.setattr(os, "pwrite", half)
    if kind in ("ndjson", "parquet"):
        monkeypatch.setattr(os, "fsync", fuse.around(disk.fsync))
        for name in ("rename", "replace"):
            method = getattr(Path, name)
            monkeypatch.setattr(
                Path, name, lambda path, new, method=method: fuse.around(method)(path, new)
            )
    if kind in ("duckdb", "parquet"):
        connect = duckdb.connect
        monkeypatch.setattr(
            duckdb,
            "connect",
            lambda *place: Fused(connect(*place), fuse, "execute", "begin", "commit"),
        )


async def fill(sink: Sink, fuse: Fuse | None = None, kind: str = "") -> None:
    """Write what is not written yet."""
    try:
        await sink.open()
        cursor = await sink.cursor()
        done = 0 if cursor is None else 1 + [batch[-1].id for batch in BATCHES].index(cursor)
        if fuse is not None:
            for name, methods in _FUSED.get(kind, ()):
                setattr(sink, name, Fused(getattr(sink, name), fuse, *methods))
        for batch in BATCHES[done:]:
            await sink.write(batch, batch[-1].id)
    finally:
        await sink.close()


@pytest.mark.parametrize(
    ("place", "least"),
    [("ndjson", 40), ("parquet", 20), ("duckdb", 25), ("postgresql", 10), ("nats", 15), ("kafka", 25)],
    indirect=["place"],
)  # fmt: skip
async def test_stopped_at_any_step_each_event_is_there_once(
    request: pytest.FixtureRequest,
    place: Callable[[int], Target],
    least: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = request.node.callspec.params["place"]
    steps = 0
    while True:
        target, fuse, disk = place(steps), Fuse(steps), Disk()
        with monkeypatch.context() as patch, suppress(Crash):
            fuse_calls(patch, kind, fuse, disk)
            await fill(sink_for(target.name, None), fuse, kind)
        if kind in ("ndjson", "parquet"):
            disk.fail(tmp_path)
        if kind in EXACT:
            await _equals_its_cursor(target, steps)
        await fill(sink_for(target.name, None))
        rows = await target.rows()
        assert [row[0] for row in rows] == [event.id for event in EVENTS], steps
        assert sum(row[1] for row in rows) == 21, steps
        if not fuse.blown:
            break
        steps += 1
        if kind == "postgresql":
            await _drop(target.name)
    assert steps >= least, "these are not all the steps"


async def _equals_its_cursor(target: Target, steps: int) -> None:
    """Once it is opened, a target has what its cursor says, and nothing half written."""
    sink = sink_for(target.name, None)
    await sink.open()
    cursor = await sink.cursor()
    await sink.close()
    ids = [event.id for event in EVENTS]
    has = ids[: 0 if cursor is None else ids.index(cursor) + 1]
    if cursor is not None or not isinstance(target, ParquetDirectory):  # which has no file yet
        assert [row[0] for row in await target.rows()] == has, steps
    if isinstance(target, ParquetDirectory):
        assert {file.suffix for file in target.path.iterdir()} <= {".parquet"}, steps


async def _drop(url: str) -> None:
    db = await asyncpg.connect(url)
    await db.execute("DROP TABLE coffeert_event, coffeert_cursor")
    await db.close()


async def test_a_webhook_stopped_at_any_step_repeats_one_event_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[str] = []

    async def take(request: web.Request) -> web.Response:
        got.append(request.headers["webhook-id"])
        return web.Response()

    expected = [event.id for event in EVENTS]
    async with serving(web.post("/hook", take)) as url:
        steps = 0
        while True:
            got.clear()
            fuse = Fuse(steps)
            new_sink = partial(
                WebhookSink, URL(url) / "hook", b"k" * 32, CursorFile(tmp_path / f"{steps}")
            )
            with monkeypatch.context() as patch, suppress(Crash):
                patch.setattr("coffeert.sinks.webhook.post_once", fuse.around(post_once))
                patch.setattr(os, "fsync", fuse.around(os.fsync))
                await _post_from_the_cursor(new_sink())
            await _post_from_the_cursor(new_sink())
            assert list(dict.fromkeys(got)) == expected, steps
            assert len(got) <= len(expected) + 1, steps
            if not fuse.blown:
                break
            steps += 1
    assert steps >= 30


async def _post_from_the_cursor(sink: WebhookSink) -> None:
    try:
        await sink.open()
        cursor = await sink.cursor()
        ids = [event.id for event in EVENTS]
        rest = EVENTS[0 if cursor is None else ids.index(cursor) + 1 :]
        await sink.write(rest, ids[-1])
    finally:
        await sink.close()
