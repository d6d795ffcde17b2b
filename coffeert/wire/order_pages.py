"""Pages of orders: what `GET /api/orders` is asked and answers."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import msgspec

from coffeert.domain.currency import DEFAULT_PLACES
from coffeert.domain.money import money_text
from coffeert.domain.order_query import OrderQuery
from coffeert.domain.orders import Order
from coffeert.wire.orders import OrderBody

DEFAULT_LIMIT = 50
MAX_LIMIT = 500


class ListedOrder(OrderBody, frozen=True, omit_defaults=True, gc=False):
    """An order in a list. If it was voided: the id of the correction, and when that was received."""

    voided_by: UUID | None = None
    voided_at: datetime | None = None

    @classmethod
    def listed(
        cls, order: Order, places: int, voided_by: UUID | None, voided_at: datetime | None
    ) -> ListedOrder:
        """Return the body of an order, and of its void if it has one."""
        body = msgspec.structs.asdict(OrderBody.of(order, places))
        return cls(**body, voided_by=voided_by, voided_at=voided_at)


class OrderList(msgspec.Struct, frozen=True):
    """A page of orders, newest first. Voids are not listed: what they void says so.

    `next` is the `before` of the next page, `None` after the last one. `total` is how many orders match;
    only the first page says it, and only if it was asked for and could be counted within half a second.
    """

    orders: tuple[ListedOrder, ...]
    next: str | None = None
    total: int | None = None


decode_order_list = msgspec.json.Decoder(OrderList).decode


def query_fields(wanted: OrderQuery, places: int = DEFAULT_PLACES) -> list[tuple[str, str]]:
    """Return a query as the fields of a URL; `places` are the decimal places of the currency."""
    fields = [
        *(("store", code) for code in wanted.stores),
        *(("drink", code) for code in wanted.drinks),
        *(("source", name) for name in wanted.sources),
        ("receipt", wanted.receipt),
        ("import", wanted.import_number),
        ("from", _moment_text(wanted.first)),
        ("to", _moment_text(wanted.last)),
        ("min_price", _price_text(wanted.min_price, places)),
        ("max_price", _price_text(wanted.max_price, places)),
    ]
    return [(name, str(value)) for name, value in fields if value is not None]


def _moment_text(moment: datetime | date | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _price_text(price: int | None, places: int) -> str | None:
    return None if price is None else money_text(price, places)
