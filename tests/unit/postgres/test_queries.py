"""The named queries: each has a name of its own, says why it is there, and is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coffeert.postgres import queries
from coffeert.postgres.migrations import read_migrations
from coffeert.postgres.queries import read_queries, sql

SOURCES = "".join(
    path.read_text() for path in Path(__file__, "../../../../coffeert").resolve().rglob("*.py")
)


@pytest.mark.parametrize("name", read_queries())
def test_a_query_says_why_and_what_its_parameters_are(name: str) -> None:
    text = sql(name)
    comment = "\n".join(line for line in text.splitlines() if line.startswith("--"))
    statement = text.removeprefix(comment)
    assert comment
    assert statement.strip()
    assert set(re.findall(r"\$\d+", statement)) == set(re.findall(r"\$\d+", comment))


@pytest.mark.parametrize("name", read_queries())
def test_a_query_is_used(name: str) -> None:
    assert f'sql("{name}")' in SOURCES


def test_queries_are_found_by_name_in_sections_and_in_files() -> None:
    assert sql("read_ledger").startswith("-- Which migrations")
    assert "SELECT name, sha256" in sql("read_ledger")
    assert "-- name" not in sql("read_ledger")
    assert sql("pass").startswith("-- ")
    with pytest.raises(KeyError):
        sql("nothing")


def test_two_queries_of_one_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "sql_directory", lambda: tmp_path)
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "one.sql").write_text("-- Long.\nSELECT 1")
    (tmp_path / "short.sql").write_text("-- About.\n\n-- name: two\n-- Short.\nSELECT 2\n")
    assert read_queries.__wrapped__() == {
        "one": "-- Long.\nSELECT 1",
        "two": "-- Short.\nSELECT 2",
    }
    (tmp_path / "other.sql").write_text("-- name: one\n-- Again.\nSELECT 1\n")
    with pytest.raises(ValueError, match="same name"):
        read_queries.__wrapped__()


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [int(migration.name[:4]) for migration in read_migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
