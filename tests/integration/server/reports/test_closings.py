"""Closings of business days: through the API, marked when a day changes, and corrected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coffeert.client import OrderClient
from coffeert.domain.orders import Draft
from coffeert.errors import Forbidden, Invalid, NotFound
from coffeert.wire.closings import Closing
from tests.integration.server.conftest import RunServer

NOW = datetime.now(UTC)
YESTERDAY = NOW.replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)


async def sell(
    client: OrderClient, key: str, store: str = "uptown", quantity: int = 1, **more: object
) -> None:
    draft = Draft(store, "latte", quantity, 480, YESTERDAY, key=key, **more)  # type: ignore[arg-type]  # fields by name
    await client.place(draft)


async def test_a_closing_keeps_its_figures_and_says_what_changed_the_day(server_url: str) -> None:
    async with OrderClient(server_url) as client:
        await sell(client, "1", receipt="17")
        await sell(client, "2", receipt="17")
        await sell(client, "3", "central")
        closing, new = await client.close_day(YESTERDAY.date())
        assert (closing.number, new, closing.changed, closing.late) == (1, True, None, ())
        assert (closing.figures.orders, closing.figures.takings) == (3, "14.40")
        assert (closing.figures.receipts, closing.figures.orders_with_receipt) == (1, 2)
        assert [(store.store, store.figures.takings) for store in closing.stores] == [
            ("central", "4.80"),
            ("uptown", "9.60"),
        ]
        assert await client.close_day(YESTERDAY.date()) == (closing, False)  # nothing has changed

        await client.void("2")
        await sell(client, "4", quantity=-1)
        await sell(client, "5", "downtown", receipt="3")
        changed = await client.closing(1)
        assert changed.figures == closing.figures
        assert changed.changed is not None
        difference = changed.changed.difference
        assert (changed.changed.late_orders, difference.orders, difference.takings) == (
            3,
            0,
            "-4.80",
        )
        assert (difference.voids, difference.voided, difference.refunded) == (1, "4.80", "4.80")
        assert (difference.receipts, changed.changed.now.receipts) == (1, 2)
        assert changed.changed.now.takings == "9.60"
        assert [(late.kind, late.amount) for late in changed.late] == [
            ("void", "-4.80"),
            ("refund", "-4.80"),
            ("sale", "4.80"),
        ]
        of_store = {store.store: store.difference for store in changed.stores}
        assert of_store["central"] is None
        assert of_store["downtown"] is not None
        assert of_store["downtown"].takings == "4.80"

        corrected, new = await client.close_day(YESTERDAY.date())
        assert (corrected.number, new, corrected.corrects, corrected.changed) == (2, True, 1, None)
        assert corrected.figures == changed.changed.now
        page = await client.closings()
        assert [(one.number, one.corrected_by) for one in page.closings] == [(2, None), (1, 2)]
        assert page.closings[1] == as_summary(await client.closing(1))


def as_summary(closing: Closing) -> object:
    from coffeert.wire.closings import ClosingSummary

    return ClosingSummary(
        **{name: getattr(closing, name) for name in ClosingSummary.__struct_fields__}
    )
