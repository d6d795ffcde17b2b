"""A harness for tiny experiments, on the servers of the test run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coffeert.lab.environment import open_environment
from coffeert.lab.harness import Harness
from coffeert.lab.presets import TINY
from tests.servers import TestServers


@pytest.fixture
def harness(servers: TestServers) -> Iterator[Harness]:
    """A harness whose databases lie beside those of other tests."""
    with open_environment(servers.postgres.url, servers.clean_valkey()) as environment:
        yield Harness(environment, TINY, 1, lambda _: None)
