"""`GET /api/report` of a running server, asked by the client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coffeert.client import OrderClient
from coffeert.domain.orders import Order
from coffeert.errors import Invalid
from coffeert.postgres.pool import connect
from tests.integration.postgres.passing import run_pass
from tests.integration.server.conftest import RunServer
from tests.order_book import insert, order


def some(count: int, days_ago: float, store: str = "uptown", drink: str = "latte") -> list[Order]:
    moment = datetime.now(UTC) - timedelta(days=days_ago)
    return [order(moment, store, drink) for _ in range(count)]


async def test_yesterday_by_store_beside_the_same_weekday_of_last_week(
    run_server: RunServer, database_url: str
) -> None:
    connection = await connect(database_url, application_name="test")
    await insert(connection, *some(30, 1), *some(5, 1, "central", "tea"), *some(25, 8))
    await run_pass(connection)
    connection.terminate()
    async with run_server() as url, OrderClient(url) as client:
        report = await client.report("yesterday", by=("store",))
    assert report.total.figures.orders == 35
    assert (report.stores_compared, report.stores) == (1, 2)
    uptown, central = report.rows[:2]
    assert (uptown.names, uptown.figures.takings) == (("Uptown",), "144.00")
    assert uptown.compared is not None
    assert uptown.compared.orders == 25
    assert uptown.orders_change is not None
    assert uptown.orders_change.percent == 20
    assert central.compared is None


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"period": "tomorrow"}, "period"),
        ({"period": "2026-02-30"}, "period"),
        ({"period": "2099-01-01"}, "period"),
        ({"period": "month", "compare": "usual"}, "compare"),
        ({"period": "2024-01-01..2026-01-01", "compare": "usual"}, "compare"),
        ({"stores": ("nowhere",)}, "store"),
        ({"sources": ("\0",)}, "source"),
        ({"sources": ("-\0",)}, "source"),
        ({"by": ("hour", "hour")}, "by"),
        ({"min_price": "cheap"}, "min_price"),
    ],
)
async def test_what_cannot_be_read_is_refused_with_the_field_at_fault(
    server_url: str, asked: dict[str, str], field: str
) -> None:
    async with OrderClient(server_url) as client:
        with pytest.raises(Invalid) as refused:
            await client.report(**asked)  # type: ignore[arg-type]  # wrong on purpose
    assert [error.field for error in refused.value.errors] == [field]
