"""Migrations on a real database: from nothing, again, at once, and against a changed history."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from coffeert.errors import DatabaseUnavailable, SchemaMismatch
from coffeert.postgres.leadership import try_lead
from coffeert.postgres.migrations import Migration, check_schema, migrate, read_migrations
from coffeert.postgres.pool import Connection, connect

NAMES = [migration.name for migration in read_migrations()]
EXTRA = Migration("9999_extra", "CREATE TABLE extra (n int)")


async def test_builds_the_schema_from_nothing_and_does_nothing_again(
    empty_database_url: str,
) -> None:
    assert NAMES[0] == "0001_orders"
    assert await migrate(empty_database_url) == NAMES
    assert await migrate(empty_database_url) == []
    connection = await connect(empty_database_url, application_name="test")
    try:
        await check_schema(connection)
        assert await connection.fetchval("SELECT count(*) FROM menu_store") == 4
    finally:
        await connection.close()


async def test_migrators_at_once_apply_each_migration_once(empty_database_url: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database_url) for _ in range(6)))
    assert sorted(applied, key=len) == [[]] * 5 + [NAMES]


async def test_refuses_a_migration_that_was_edited(database_url: str) -> None:
    edited = replace(read_migrations()[0], script="SELECT 1")
    with pytest.raises(SchemaMismatch, match="0001_orders has changed"):
        await migrate(database_url, (edited,))


async def test_refuses_a_database_of_a_newer_version(database_url: str) -> None:
    await migrate(database_url, (*read_migrations(), EXTRA))
    with pytest.raises(SchemaMismatch, match="9999_extra"):
        await migrate(database_url)
    connection = await connect(database_url, application_name="test")
    try:
        with pytest.raises(SchemaMismatch, match="9999_extra"):
            await check_schema(connection)
    finally:
        await connection.close()


async def test_refuses_a_migration_that_was_left_out(database_url: str) -> None:
    early = Migration("0000_early", "SELECT 1")
    with pytest.raises(SchemaMismatch, match="0000_early was left out"):
        await migrate(database_url, (early, *read_migrations()))


async def test_a_failing_migration_leaves_no_trace(database_url: str) -> None:
    failing = Migration("9999_failing", "CREATE TABLE half (n int); SELECT * FROM nowhere")
    with pytest.raises(SchemaMismatch, match="9999_failing cannot be applied"):
        await migrate(database_url, (*read_migrations(), failing))
    assert await migrate(database_url, (*read_migrations(), EXTRA)) == ["9999_extra"]
    connection = await connect(database_url, application_name="test")
    try:
        assert await connection.fetchval("SELECT to_regclass('half')") is None
    finally:
        await connection.close()


async def test_refuses_while_an_older_version_leads(database_url: str) -> None:
    leader = await connect(database_url, application_name="test")
    try:
        assert await try_lead(leader, name="leader", interval=60) is not None
        with pytest.raises(SchemaMismatch, match="stop every server and aggregator"):
            await migrate(database_url, (*read_migrations(), EXTRA))
        assert await migrate(database_url) == [], "with nothing to apply it disturbs nobody"
    finally:
        await leader.close()
    # At once, however long the leader's term would have lasted.
    assert await migrate(database_url, (*read_migrations(), EXTRA)) == ["9999_extra"]


async def test_nobody_takes_the_lead_while_a_migration_is_applied(
    database_url: str, other: Connection
) -> None:
    slow = replace(EXTRA, script="LOCK TABLE menu_store; CREATE TABLE extra (n int)")
    async with other.transaction():
        await other.execute("LOCK TABLE menu_store")
        migrating = asyncio.create_task(migrate(database_url, (*read_migrations(), slow)))
        blocked = (
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'menu_store'::regclass"
        )
        async with asyncio.timeout(10):
            while not await other.fetchval(blocked):
                await asyncio.sleep(0.01)
        candidate = await connect(database_url, application_name="test")
        try:
            assert await try_lead(candidate, name="candidate", interval=1) is None
        finally:
            await candidate.close()
    assert await migrating == ["9999_extra"]


async def test_an_empty_database_is_not_the_schema(empty_database_url: str) -> None:
    connection = await connect(empty_database_url, application_name="test")
    try:
        with pytest.raises(SchemaMismatch, match="coffeert migrate"):
            await check_schema(connection)
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres:secret@127.0.0.1:1/coffeert",
        "postgresql://postgres:secret@/coffeert?host=/nowhere",
    ],
)
async def test_an_unreachable_server_is_reported_in_a_sentence_without_the_password(
    url: str,
) -> None:
    with pytest.raises(DatabaseUnavailable) as raised:
        await migrate(url)
    assert "secret" not in str(raised.value)
    assert str(raised.value).startswith("PostgreSQL ")


async def test_a_missing_database_is_reported(empty_database_url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="no such database"):
        await migrate(empty_database_url.replace("/test_", "/missing_"))
