"""The schema's migrations, and the ledger of those that were applied to a database."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from coffeert.errors import ConfigError, SchemaMismatch
from coffeert.postgres.connecting import has_session
from coffeert.postgres.errors import no_time_zone, translate_errors
from coffeert.postgres.leadership import forbid_leading, lock_leadership, wait_for_end_of_term
from coffeert.postgres.pool import Connection, close, connect
from coffeert.postgres.queries import sql, sql_directory

_LOCK = 0x636F6666_6D696772  # "coffmigr": one migrator of a database at a time


@dataclass(frozen=True, slots=True)
class Migration:
    """A numbered file of `sql/migrations`; names sort in the order of application."""

    name: str
    script: str

    @property
    def sha256(self) -> str:
        """The hash that the ledger keeps, by which an edited file is noticed."""
        return hashlib.sha256(self.script.encode()).hexdigest()


def read_migrations(directory: Path | None = None) -> tuple[Migration, ...]:
    """Read the migrations of a directory, those of this version by default."""
    folder = sql_directory() / "migrations" if directory is None else directory
    return tuple(
        Migration(path.stem, path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.sql"))
    )


async def migrate(
    url: str, migrations: tuple[Migration, ...] | None = None, *, timezone: str = "UTC"
) -> list[str]:
    """Bring a database's schema up to date and return the names of the migrations applied.

    Migrators that run at once wait for each other, and no aggregator takes the lead meanwhile. `timezone`
    is the zone of the default calendar, if the database has none yet. Raises `ConfigError` for one that
    PostgreSQL does not know, before anything is applied; `SchemaMismatch` if the database has had other
    migrations than this version's, if one cannot be applied (that one is rolled back), or if an
    aggregator of the version before leads.
    """
    wanted = read_migrations() if migrations is None else migrations
    connection = await connect(url, application_name="coffeert migrate")
    applied: list[str] = []
    try:
        with translate_errors():
            if has_session(connection):  # then all of them are applied by one migrator
                await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            while (migration := await _apply_next(connection, wanted, timezone)) is not None:
                applied.append(migration.name)
    finally:
        await close(connection)
    return applied


async def _apply_next(
    connection: Connection, wanted: tuple[Migration, ...], timezone: str
) -> Migration | None:
    """Apply the first migration that is missing, and return it; `None` if none is."""
    for attempt in range(2):
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await connection.execute(sql("create_ledger"))
            applied = await _ledger(connection)
            _check_history(applied, wanted)
            missing = [migration for migration in wanted if migration.name not in applied]
            if not missing:
                return None
            if not applied or await _forbid_leading(connection):
                await _set_timezone(connection, timezone)
                await _apply(connection, missing[0])
                return missing[0]
        if attempt == 0:
            await wait_for_end_of_term(connection)
    raise SchemaMismatch(
        "An older version of coffeert runs on this database: stop every server and aggregator, then "
        "migrate."
    )


async def _forbid_leading(connection: Connection) -> bool:
    # The lock of the session as well, so that nobody leads between two migrations.
    if has_session(connection) and not await lock_leadership(connection):
        return False
    return await forbid_leading(connection)


async def check_schema(connection: Connection) -> None:
    """Raise `SchemaMismatch` unless the database's schema is exactly this version's."""
    wanted = read_migrations()
    with translate_errors():
        applied = await _ledger(connection)
    _check_history(applied, wanted)
    missing = [migration.name for migration in wanted if migration.name not in applied]
    if missing:
        raise SchemaMismatch(
            f"The database lacks the migration {missing[0]}; run `coffeert migrate`."
        )


async def _set_timezone(connection: Connection, timezone: str) -> None:
    # As a setting of the transaction: the script of a migration takes no parameters.
    if await connection.fetchval(sql("find_timezone"), timezone) is None:
        raise ConfigError(no_time_zone(timezone))
    await connection.execute(sql("set_migration_timezone"), timezone)


async def _ledger(connection: Connection) -> dict[str, str]:
    try:
        rows = await connection.fetch(sql("read_ledger"))
    except asyncpg.UndefinedTableError:
        return {}
    return {row["name"]: row["sha256"] for row in rows}


def _check_history(applied: dict[str, str], wanted: tuple[Migration, ...]) -> None:
    known = {migration.name: migration for migration in wanted}
    for name, sha256 in applied.items():
        if name not in known:
            raise SchemaMismatch(
                f"The database has had the migration {name}, which this version does not know; "
                "it belongs to a newer coffeert."
            )
        if known[name].sha256 != sha256:
            raise SchemaMismatch(f"The migration {name} has changed since it was applied.")
    last = max(applied, default="")
    for migration in wanted:
        if migration.name not in applied and migration.name < last:
            raise SchemaMismatch(f"The migration {migration.name} was left out before {last}.")


async def _apply(connection: Connection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.script)
            await connection.execute(sql("enter_ledger"), migration.name, migration.sha256)
    except (
        asyncpg.SyntaxOrAccessError,
        asyncpg.FeatureNotSupportedError,
        asyncpg.IntegrityConstraintViolationError,
        asyncpg.DataError,
    ) as error:
        raise SchemaMismatch(
            f"The migration {migration.name} cannot be applied: {error.args[0]}."
        ) from error
