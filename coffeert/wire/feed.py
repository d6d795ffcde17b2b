"""The change feed on the wire: orders as CloudEvents (https://github.com/cloudevents/spec, version 1.0)."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from coffeert.domain.orders import Order
from coffeert.wire.orders import OrderBody

BATCH_TYPE: Final = "application/cloudevents-batch+json"
LINES_TYPE: Final = "application/x-ndjson"
STREAM_TYPE: Final = "text/event-stream"

CURSOR_FIELD: Final = "Coffeert-Cursor"
"""The header field with the cursor behind an answer, also where no event of it matched."""
END_FIELD: Final = "Coffeert-Feed-End"
"""The header field that says that there is nothing behind an answer yet."""

DEFAULT_LIMIT: Final = 1_000
MAX_LIMIT: Final = 5_000
MAX_WAIT_SECONDS: Final = 60.0
MAX_REPLAY_SPAN: Final = timedelta(days=1)

OrderEventType = Literal["coffeert.order.placed", "coffeert.order.voided"]


class OrderEvent(msgspec.Struct, frozen=True, gc=False):
    """An order that was committed, a refund included, or the void of one, as an event.

    `id` is also the cursor behind the event. `source` names the history of orders, `subject` is the store,
    `time` is `placed_at`.
    """

    specversion: Literal["1.0"]
    id: str
    source: str
    type: OrderEventType
    subject: str
    time: datetime
    data: OrderBody

    @classmethod
    def of(cls, order: Order, cursor: str, lineage: str, places: int) -> OrderEvent:
        """Return the event of an order; `places` are the decimal places of the currency."""
        return cls(
            "1.0",
            cursor,
            f"/coffeert/{lineage}",
            "coffeert.order.placed" if order.voids is None else "coffeert.order.voided",
            order.store,
            order.placed_at,
            OrderBody.of(order, places),
        )

    def order(self) -> Order:
        """Return the order as it is stored."""
        return self.data.order()


class FeedShare(msgspec.Struct, frozen=True):
    """One of several equal parts of the stores: `number` of `count`, from 1."""

    number: int
    count: int

    def has(self, store: str) -> bool:
        """Return True if a store is in this part, by the CRC-32 of its code in UTF-8."""
        return zlib.crc32(store.encode()) % self.count == self.number - 1


class FeedFilter(msgspec.Struct, frozen=True):
    """Which orders a reader wants: of some stores and drinks, by code, and of a share of the stores."""

    stores: frozenset[str] = frozenset()
    drinks: frozenset[str] = frozenset()
    share: FeedShare | None = None

    @property
    def wants_all(self) -> bool:
        """Whether nothing is left out."""
        return not self.stores and not self.drinks and self.share is None

    def wants(self, order: Order) -> bool:
        """Return True if the reader wants an order."""
        return (
            (not self.stores or order.store in self.stores)
            and (not self.drinks or order.drink in self.drinks)
            and (self.share is None or self.share.has(order.store))
        )


decode_event = msgspec.json.Decoder(OrderEvent).decode
