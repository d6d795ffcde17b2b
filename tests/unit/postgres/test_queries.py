"""The named queries: each says why it is there, numbers its parameters, and is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coffeert.postgres.migrations import read_migrations
from coffeert.postgres.queries import sql, sql_directory

QUERIES = sorted((sql_directory() / "queries").glob("*.sql"))
SOURCES = "".join(
    path.read_text() for path in Path(__file__, "../../../../coffeert").resolve().rglob("*.py")
)


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_says_why_and_what_its_parameters_are(path: Path) -> None:
    text = path.read_text()
    said = "\n".join(line for line in text.splitlines() if line.startswith("--"))
    statement = text.removeprefix(said)
    assert said
    assert set(re.findall(r"\$\d+", statement)) == set(re.findall(r"\$\d+", said))


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_is_used(path: Path) -> None:
    assert f'sql("{path.stem}")' in SOURCES


def test_queries_are_read_by_name() -> None:
    assert sql("read_ledger").startswith("-- Which migrations")
    with pytest.raises(FileNotFoundError):
        sql("nothing")


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [int(migration.name[:4]) for migration in read_migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
