"""A leader seals the days that have ended, beside its passes."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from coffeert.aggregator import sealing
from coffeert.postgres.pool import Connection
from coffeert.postgres.verification import verify
from tests.integration.aggregator.conftest import StartAggregator
from tests.integration.aggregator.recorder import Recorder
from tests.integration.postgres.passing import run_pass
from tests.order_book import insert, order

LONG_AGO = datetime.now(UTC) - timedelta(days=20)


async def test_it_seals_and_seals_again(
    start: StartAggregator,
    recorder: Recorder,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sealing, "SEAL_SECONDS", 0.05)
    await insert(connection, order(LONG_AGO), order(datetime.now(UTC)))
    await run_pass(connection)
    start()

    async def unread_orders() -> int:
        result = await verify(connection, unread_before=date.max)
        assert result.exact
        return result.unread_orders

    async with asyncio.timeout(10):
        while await unread_orders() != 1:
            await asyncio.sleep(0.01)
        await insert(connection, order(LONG_AGO))
        while await unread_orders() != 2:
            await asyncio.sleep(0.01)
    assert len(recorder.messages) > 1
