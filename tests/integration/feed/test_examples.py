"""The examples of `docs/feed.md` do what it says: each order is counted once, however often they run."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import sys
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from tests.integration.server.http.test_feed import place_many, ticked

PAGE = Path(__file__).resolve().parents[3] / "docs" / "feed.md"
TRUTH = {"uptown": 150, "central": 150}


def example(name: str) -> str:
    """The code block behind a mark."""
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


async def run(directory: Path, *command: str, **environment: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output


async def run_twice(directory: Path, name: str, *arguments: str) -> None:
    (directory / "example.py").write_text(example(name))
    for _ in range(2):
        await run(directory, sys.executable, "example.py", *arguments, "--once")


@pytest.fixture
async def whole(http: aiohttp.ClientSession) -> list[str]:
    await place_many(http, 300)
    return [event["id"] for event in await ticked(http, 300)]


@pytest.mark.long
async def test_sqlite(whole: list[str], server_url: str, tmp_path: Path) -> None:
    await run_twice(tmp_path, "sqlite", server_url)
    db = sqlite3.connect(tmp_path / "totals.sqlite")
    assert dict(db.execute("SELECT store, pieces FROM total")) == TRUTH
    assert db.execute("SELECT cursor FROM place").fetchall() == [(whole[-1],)]
    db.close()


@pytest.mark.long
async def test_postgresql(
    whole: list[str], server_url: str, tmp_path: Path, empty_database_url: str
) -> None:
    await run_twice(tmp_path, "postgresql", server_url, empty_database_url)
    db = await asyncpg.connect(empty_database_url)
    rows = await db.fetch("SELECT store, pieces FROM total")
    assert {row["store"]: row["pieces"] for row in rows} == TRUTH
    assert await db.fetchval("SELECT cursor FROM place") == whole[-1]
    await db.close()


@pytest.mark.long
async def test_duckdb(whole: list[str], server_url: str, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    await run_twice(tmp_path, "duckdb", server_url)
    db = duckdb.connect(tmp_path / "orders.duckdb")
    assert dict(db.execute("SELECT store, sum(pieces) FROM orders GROUP BY 1").fetchall()) == TRUTH
    assert db.execute("SELECT cursor FROM place").fetchall() == [(whole[-1],)]
    db.close()


async def test_curl(whole: list[str], server_url: str, tmp_path: Path) -> None:
    output = await run(tmp_path, "sh", "-c", example("curl"), URL=server_url)
    assert re.findall(rb'"id":"([^"]+)"', output) == [cursor.encode() for cursor in whole]


async def test_sql(whole: list[str], database_url: str) -> None:
    db = await asyncpg.connect(database_url)
    rows = await db.fetch(example("sql"))
    assert len(rows) == 300
    assert sorted({row["number"] for row in rows}) == [
        *dict.fromkeys(int(cursor.split(".")[1]) for cursor in whole)
    ]
    await db.close()
