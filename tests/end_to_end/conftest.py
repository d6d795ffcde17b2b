"""Commands in processes of their own, on the suite's servers, and the books beside them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.ledger import Ledger, ledger
from tests.end_to_end.processes import Shell


@pytest.fixture
def directory() -> Iterator[Path]:
    """A new directory, reachable by the account that embedded servers run as."""
    path = Path(tempfile.mkdtemp(prefix="coffeert-e2e-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def shell(directory: Path, database_url: str, redis_url: str) -> Iterator[Shell]:
    """Runs commands on a database of the test's own and an empty Valkey."""
    shell = Shell(directory, {"database_url": database_url, "redis_url": redis_url})
    yield shell
    shell.close()


@pytest.fixture
def bare_shell(directory: Path) -> Iterator[Shell]:
    """Runs commands without any settings but a data directory, which is empty.

    Each is executed, so that `nothing_left` finds it by its environment.
    """
    shell = Shell(directory, {"data_dir": str(directory / "data")}, forks=False)
    yield shell
    shell.close()


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Ledger]:
    """The table of orders, in plain SQL."""
    async with ledger(database_url) as opened:
        yield opened
