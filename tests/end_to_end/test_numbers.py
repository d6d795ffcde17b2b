"""One truth: the table, the rollups, the dashboard, a feed and the status tell the same numbers."""

from __future__ import annotations

import json

import pytest

from coffeert.client import OrderClient
from coffeert.domain.money import money_text
from tests.end_to_end.ledger import Ledger, feed_cells, shows_all
from tests.end_to_end.processes import Shell
from tests.end_to_end.watching import watching
from tests.waiting import eventually

WAYS = ("http", "ws", "batch")
COUNT = 120


@pytest.mark.long
async def test_what_goes_in_is_what_everyone_shows(shell: Shell, books: Ledger) -> None:
    _, url = await shell.serve()
    async with watching(url, growing=False) as feed:
        options = ("--url", url, "--count", str(COUNT), "--rate", "200", "--json")
        for injector in [shell.start("inject", "--via", way, *options) for way in WAYS]:
            injected = await injector.ended()
            assert injected.code == 0, injected.err
            report = json.loads(injected.out)
            assert report["accepted"] + report["replayed"] == COUNT
        await _void_some(url, 10)
        assert await books.count() == len(WAYS) * COUNT + 10
        total = await books.total()
        assert total.orders == len(WAYS) * COUNT - 10

        await shows_all(url, books)
        truth = await books.cells()
        await eventually(lambda: feed_cells(feed) == truth)

    verified = await shell.run("verify", "--json")
    assert verified.code == 0, verified.out + verified.err
    assert "exact" in (await shell.run("verify")).out
    status = await shell.run("status", "--url", url, "--json")
    shown = json.loads(status.out)["totals"]
    for window in ("last_60_minutes", "last_24_hours", "last_30_days"):
        assert _tally(shown[window]) == (total.orders, total.quantity, money_text(total.cents))
    plain = await shell.run("status", "--url", url)
    assert money_text(total.cents) in plain.out.replace(",", "")


async def _void_some(url: str, count: int) -> None:
    async with OrderClient(url) as client:
        recent = (await client.dashboard()).view.recent[:count]
        assert len(recent) == count
        for order in recent:
            assert not (await client.void(order.order_id)).replayed


def _tally(sums: dict[str, object]) -> tuple[object, object, object]:
    return sums["orders"], sums["quantity"], sums["revenue"]
