"""A bench for tiny experiments, on the servers of the test run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coffeert.lab.bench import Bench
from coffeert.lab.effort import TINY
from coffeert.lab.stage import open_stage
from tests.servers import TestServers


@pytest.fixture
def bench(servers: TestServers) -> Iterator[Bench]:
    """A bench whose databases lie beside those of other tests."""
    with open_stage(servers.postgres.url, servers.clean_valkey()) as stage:
        yield Bench(stage, TINY, 1, lambda _: None)
