"""Rivals that are installed here, measured for some seconds."""

from __future__ import annotations

import pytest

from coffeert.lab.rivals.measure import TINY, measure_rival
from coffeert.lab.rivals.runner import RIVALS


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["nats", "kafka", "flink"])
async def test_a_rival_counts_every_order_once_also_when_it_is_killed(name: str) -> None:
    rival = RIVALS[name]()
    if reason := rival.missing():
        pytest.skip(reason)
    found = await measure_rival(rival, TINY, 1, lambda _: None)
    assert not found.skipped
    assert found.maximum
    assert found.memory_mib > 0
    assert [kill.killed for kill in found.kills] == list(rival.parts)
    assert all(kill.counted >= kill.acknowledged > 0 for kill in found.kills)
    assert str(found.late) == "exact"
