"""Reads closings of business days, and says how each differs from what its day adds up to now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final, Literal

import msgspec

from coffeert.domain.currency import places
from coffeert.domain.menu import Menu
from coffeert.domain.money import money_text
from coffeert.domain.period_titles import span_title
from coffeert.domain.periods import DateSpan
from coffeert.errors import FieldError, NotFound
from coffeert.postgres.calendars import load_store_calendars
from coffeert.postgres.closings import (
    ClosedLine,
    ClosedStore,
    ClosingCounts,
    LateRow,
    StoredClosing,
    closing_numbers,
    load_closed_lines,
    load_closed_stores,
    load_closings,
    load_late_orders,
)
from coffeert.postgres.pool import Connection
from coffeert.wire.closings import (
    Closing,
    ClosingChange,
    ClosingFigures,
    ClosingLine,
    ClosingList,
    ClosingSummary,
    LateOrder,
    StoreClosing,
)

_LATE_ORDERS: Final = 100


async def list_closings(
    connection: Connection, *, before: int | None, day: date | None, limit: int
) -> ClosingList:
    """Return a page of closings, all as of one moment; raises `ClusterMismatch`."""
    numbers = await closing_numbers(connection, before, day, limit + 1)
    found = await load_closings(connection, numbers[:limit])
    return ClosingList(
        tuple(_summary(one) for one in found), numbers[limit - 1] if len(numbers) > limit else None
    )


async def closing_of(connection: Connection, day: date) -> ClosingSummary | None:
    """Return the last closing of a day; raises `ClusterMismatch`."""
    numbers = await closing_numbers(connection, None, day, 1)
    found = await load_closings(connection, numbers)
    return _summary(found[0]) if found else None


async def read_closing(connection: Connection, menu: Menu, number: int) -> Closing:
    """Return a closing in full; raises `NotFound` and `ClusterMismatch`."""
    found = await load_closings(connection, [number])
    if not found:
        fault = FieldError("number", "is that of no closing")
        raise NotFound(f"There is no closing {number}.", errors=(fault,))
    lines = await load_closed_lines(connection, number)
    stores = await load_closed_stores(connection, number)
    late = await load_late_orders(connection, number, _LATE_ORDERS)
    writer = _Writer(menu, places(found[0].currency))
    return Closing(
        **msgspec.structs.asdict(_summary(found[0])),
        timezone=(await load_store_calendars(connection))[None].zone,
        stores=writer.stores(stores, lines),
        lines=tuple(writer.line(line) for line in lines),
        late=tuple(writer.late(row) for row in late),
    )


def _summary(closing: StoredClosing) -> ClosingSummary:
    decimals = places(closing.currency)
    changed = None
    if closing.late:
        now = closing.counts.plus(closing.late_counts)
        changed = ClosingChange(
            late_orders=closing.late,
            difference=_figures(
                closing.late_counts, _less(closing.receipts_now, closing.receipts), decimals
            ),
            now=_figures(now, closing.receipts_now, decimals),
        )
    return ClosingSummary(
        number=closing.number,
        day=closing.date,
        title=span_title(DateSpan(closing.date, closing.date), "day", datetime.now(UTC).date()),
        closed_at=closing.closed_at,
        currency=closing.currency or "",
        corrects=closing.corrects,
        corrected_by=closing.corrected_by,
        figures=_figures(closing.counts, closing.receipts, decimals),
        changed=changed,
        recut=closing.recut,
    )


class _Writer:
    """Names the stores and drinks of a closing; amounts have so many decimal places."""

    def __init__(self, menu: Menu, decimals: int) -> None:
        self._store_names: Mapping[str, str] = {one.code: one.name for one in menu.stores}
        self._drink_names: Mapping[str, str] = {one.code: one.name for one in menu.drinks}
        self._decimals = decimals

    def stores(
        self, stores: list[ClosedStore], lines: list[ClosedLine]
    ) -> tuple[StoreClosing, ...]:
        counts: defaultdict[str, ClosingCounts] = defaultdict(ClosingCounts)
        late: defaultdict[str, ClosingCounts] = defaultdict(ClosingCounts)
        changed = {line.store for line in lines if line.late}
        for line in lines:
            counts[line.store] = counts[line.store].plus(line.counts)
            late[line.store] = late[line.store].plus(line.late_counts)
        return tuple(
            StoreClosing(
                store=one.store,
                name=self._store_names.get(one.store, one.store),
                begins=one.begins,
                ends=one.ends,
                first_sale=one.first_sale,
                last_sale=one.last_sale,
                figures=_figures(counts[one.store], one.receipts, self._decimals),
                difference=_figures(
                    late[one.store], _less(one.receipts_now, one.receipts), self._decimals
                )
                if one.store in changed
                else None,
            )
            for one in stores
        )

    def line(self, line: ClosedLine) -> ClosingLine:
        return ClosingLine(
            store=line.store,
            store_name=self._store_names.get(line.store, line.store),
            drink=line.drink,
            drink_name=self._drink_names.get(line.drink, line.drink),
            figures=_figures(line.counts, None, self._decimals),
            difference=_figures(line.late_counts, None, self._decimals) if line.late else None,
        )

    def late(self, row: LateRow) -> LateOrder:
        kind: Literal["sale", "refund", "void"] = "sale" if row.pieces > 0 else "refund"
        return LateOrder(
            kind="void" if row.voids is not None else kind,
            order_id=str(row.order_id),
            store=row.store,
            store_name=self._store_names.get(row.store, row.store),
            drink=row.drink,
            drink_name=self._drink_names.get(row.drink, row.drink),
            pieces=row.pieces,
            amount=money_text(row.amount, self._decimals),
            placed_at=row.placed_at,
            received_at=row.received_at,
            source=row.source,
            receipt=row.receipt,
            voids=None if row.voids is None else str(row.voids),
            import_number=row.import_id,
        )


def _figures(counts: ClosingCounts, receipts: int | None, decimals: int) -> ClosingFigures:
    return ClosingFigures(
        orders=counts.orders,
        pieces=counts.pieces,
        takings=money_text(counts.takings, decimals),
        sold=money_text(counts.sold, decimals),
        refunded=money_text(counts.sold - counts.takings, decimals),
        voids=counts.voids,
        voided=money_text(counts.voided, decimals),
        receipts=receipts,
        orders_with_receipt=counts.orders_with_receipt,
        takings_with_receipt=money_text(counts.takings_with_receipt, decimals),
    )


def _less(now: int | None, then: int | None) -> int | None:
    return None if now is None and then is None else (now or 0) - (then or 0)
