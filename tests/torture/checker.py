"""The checker: holds the history, the table, the rollups, Redis and the watchers against each other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec

from coffeert.domain.orders import Order
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import Cells
from coffeert.postgres.rollups import load_snapshot
from coffeert.redis_bus.bus import Bus
from coffeert.wire.orders import OrderBody
from tests.end_to_end.ledger import ledger
from tests.order_book import stored_orders
from tests.torture.feed_readers import FeedFindings, FeedReader, check_feed
from tests.torture.history import History, Sent
from tests.torture.stage import Stage
from tests.torture.watchers import Findings, Watcher

_SETTLE = 20.0
_TOLD = 5  # faults of one kind


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a run. `faults` holds a sentence for each broken invariant."""

    sent: int
    acknowledged: int
    lost: int
    duplicated: int
    exact: bool
    faults: tuple[str, ...]
    feed: FeedFindings | None = None

    @property
    def good(self) -> bool:
        """Whether nothing was lost, doubled, inexact or otherwise wrong."""
        return self.exact and not (self.lost or self.duplicated or self.faults)


async def check(
    stage: Stage,
    history: History,
    watchers: list[Watcher],
    findings: Findings,
    readers: list[FeedReader],
) -> Verdict:
    """Check every invariant of a run whose clients have ended and whose parts are well."""
    async with ledger(stage.database_url) as books:
        counts = await books.ids()
        faults = await _shown_faults(watchers, books.cells)
    connection = await asyncpg.connect(stage.database_url)
    try:
        stored = {order.order_id: order for order in await stored_orders(connection)}
        faults += await _redis_faults(connection, stage.valkey.url)
    finally:
        await connection.close()
    feed = await check_feed(stage.direct_url, [*readers, *stage.other_readers], stored)
    faults += feed.faults
    faults += _table_faults(history, stored, stage)
    faults += findings.faults[:_TOLD]
    if not findings.compared:
        faults.append("no two views were of the same version, so none were compared")
    verified = await stage.shell.run("verify", "--json")
    if verified.code:
        faults.append(f"verify: {verified.out} {verified.err}")
    faults += [f"a traceback: {line}" for line in _tracebacks(stage)]
    known = counts.keys() | stage.restored_away
    return Verdict(
        sent=len(history.sent),
        acknowledged=history.acknowledged,
        lost=sum(
            sent.acknowledged and sent.order_id not in known for sent in history.sent.values()
        ),
        duplicated=sum(count > 1 for count in counts.values()),
        exact=verified.code == 0,
        faults=tuple(faults),
        feed=feed,
    )


def _table_faults(history: History, stored: Mapping[UUID, Order], stage: Stage) -> list[str]:
    """Invariants 1, 2 and 10: answers against rows."""
    strangers = {UUID(text) for text in stage.strangers}
    known = history.sent.keys() | strangers | {UUID(text) for text in stage.maybe}
    faults = [f"nobody sent {order_id}" for order_id in stored.keys() - known]
    faults += [f"the stranger's {order_id} is gone" for order_id in strangers - stored.keys()]
    for sent in history.sent.values():
        if sent.order_id in stage.restored_away:
            continue
        row = stored.get(sent.order_id)
        if fault := _fault_of(sent, row, received_again=stage.received_again):
            faults.append(f"{sent.way} {sent.order_id}: {fault} ({sent.attempts} attempts)")
    return faults[:_TOLD]


def _fault_of(sent: Sent, row: Order | None, *, received_again: bool) -> str | None:
    if row is None:
        return "acknowledged and not stored" if sent.acknowledged else None
    if not sent.acknowledged and not sent.unknown:
        return f"stored, and every answer said that it was not: {dict(sent.refusals)}"
    asked = sent.body
    if (row.store, row.drink, row.quantity) != (asked["store"], asked["drink"], asked["quantity"]):
        return "stored as another order"
    body = msgspec.to_builtins(OrderBody.of(row))
    free = {"received_at": body["received_at"]} if received_again else {}
    if any(answer | free != body for answer in sent.bodies):
        return f"answered {sent.bodies} and stored {body}"
    return None


async def _shown_faults(
    watchers: list[Watcher], cells: Callable[[], Awaitable[Cells]]
) -> list[str]:
    """Every watcher ends with the sums of the table."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _SETTLE
    while True:
        truth = await cells()
        behind = [w for w in watchers if w.cells != _shown_part(truth, w)]
        if not behind:
            return []
        if loop.time() > deadline:
            return [f"{len(behind)} of {len(watchers)} watchers do not show the table's sums"]
        await asyncio.sleep(0.05)


def _shown_part(truth: Cells, watcher: Watcher) -> Cells:
    if watcher.view is None:
        return {}
    retention = watcher.view.cube.retention
    return {k: tally for k, tally in truth.items() if retention.contains(k)}


async def _redis_faults(connection: asyncpg.Connection[asyncpg.Record], url: str) -> list[str]:
    """Invariant 8: Redis holds the projection of PostgreSQL."""
    bus = Bus(url)
    try:
        async with asyncio.timeout(_SETTLE):
            while True:
                now = datetime.now(UTC)
                held = await bus.load_snapshot()
                kept = await load_snapshot(connection, now)
                assert kept.calendars is not None
                retention = RetentionWindow.at(now, kept.calendars)
                if held is not None and _kept(held[0].cells, retention) == _kept(
                    kept.cells, retention
                ):
                    return []
                await asyncio.sleep(0.05)
    except TimeoutError:
        return ["Redis does not hold the projection of PostgreSQL"]
    finally:
        await bus.close()


def _kept(cells: Cells, retention: RetentionWindow) -> Cells:
    return {key: tally for key, tally in cells.items() if retention.contains(key) and any(tally)}


def _tracebacks(stage: Stage) -> list[str]:
    found = []
    for log in stage.shell.directory.glob("*.err"):
        lines = log.read_text(errors="replace").splitlines()
        found += [
            f"{log.name}: {line} ... {lines[min(i + 30, len(lines) - 1)]}"
            for i, line in enumerate(lines)
            if line.startswith("Traceback")
        ]
    return found[:_TOLD]
