"""A short part of `make torture`, for every run of CI: one seed, few orders."""

from __future__ import annotations

import pytest

from tests.torture.faults import Fault
from tests.torture.faults.aggregator import LeaderFrozen
from tests.torture.faults.clients import ClientsBehindBadNetwork
from tests.torture.faults.postgres import PostgresCrashed
from tests.torture.faults.server import ServerKilled
from tests.torture.run import run


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(ServerKilled, id="ServerKilled"),
        pytest.param(PostgresCrashed, id="PostgresCrashed", marks=pytest.mark.long),
        pytest.param(LeaderFrozen, id="LeaderFrozen", marks=pytest.mark.long),
        pytest.param(ClientsBehindBadNetwork, id="ClientsBehindBadNetwork", marks=pytest.mark.long),
    ],
)
@pytest.mark.long
async def test_nothing_is_lost_doubled_or_miscounted(fault: type[Fault]) -> None:
    done = await run(fault(), seed=20_260_101, orders=400, clients=4)
    verdict = done.verdict
    assert not verdict.faults
    assert (verdict.lost, verdict.duplicated, verdict.exact) == (0, 0, True)
    assert verdict.acknowledged >= 400
    assert done.frames > 0
