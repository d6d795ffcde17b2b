"""The two servers of a test's data directory, seen from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from coffeert.embedded import PostgresServer, ValkeyServer, embedded_services
from coffeert.embedded.services import DATABASE
from tests.servers import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pair:
    """Both servers of one data directory."""

    postgres: PostgresServer
    valkey: ValkeyServer

    @classmethod
    def of(cls, data_dir: Path) -> Pair:
        return cls(PostgresServer(data_dir), ValkeyServer(data_dir))

    @property
    def pids(self) -> tuple[int, int]:
        """The process ids of both, which must run."""
        postgres, valkey = self.postgres.pid, self.valkey.pid
        assert postgres is not None
        assert valkey is not None
        return postgres, valkey

    @property
    def running(self) -> tuple[bool, bool]:
        return self.postgres.is_running(), self.valkey.is_running()

    def query(self, sql: str) -> str:
        return self.postgres.execute(sql, database=DATABASE)

    def stop(self) -> None:
        self.valkey.stop()
        self.postgres.stop("immediate")


@pytest.fixture
def fresh_dir(server_directory: Path) -> Iterator[Path]:
    """A new data directory whose servers are gone after the test, whatever it did to them."""
    yield server_directory
    Pair.of(server_directory).stop()


@pytest.fixture(scope="session")
def used_dir() -> Iterator[Path]:
    with temporary_directory() as directory:
        yield directory


@pytest.fixture
def data_dir(used_dir: Path) -> Iterator[Path]:
    """A data directory with data of earlier tests, for those that leave them whole."""
    if not (used_dir / "postgres").exists():
        with embedded_services(used_dir):
            pass
    yield used_dir
    Pair.of(used_dir).stop()


@pytest.fixture
def pair(data_dir: Path) -> Pair:
    return Pair.of(data_dir)


@pytest.fixture
def fresh_pair(fresh_dir: Path) -> Pair:
    return Pair.of(fresh_dir)
