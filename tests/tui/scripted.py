"""A feed, an archive and a clock that do what a test says, with data made from a seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from coffeert.client import PlacedOrder
from coffeert.client.events import (
    Beat,
    Connected,
    Disconnected,
    FeedEvent,
    ViewChanged,
    ViewReset,
)
from coffeert.domain.money import price_units
from coffeert.domain.order_query import OrderQuery
from coffeert.domain.orders import Draft, Order
from coffeert.domain.retention_window import RetentionWindow
from coffeert.domain.rollups import BUCKETS, GRAINS, SECONDS, CellKey, Cells, Totals, floor
from coffeert.domain.view import Change, View
from coffeert.errors import CoffeertError
from coffeert.tui.model.report_request import Selection, WantedReport
from coffeert.wire.frames import PROTOCOL, Heartbeat, Hello, Snapshot, columns
from coffeert.wire.health import (
    AggregatorHealth,
    DatabaseHealth,
    Health,
    IntakeHealth,
    RedisHealth,
    SocketsHealth,
)
from coffeert.wire.login import LoginLink
from coffeert.wire.order_csv import HEADING, csv_rows
from coffeert.wire.order_pages import OrderList
from coffeert.wire.orders import MenuBody, MenuDrink, MenuStore
from coffeert.wire.reports import Activity, Comparison, Grouping, Report
from tests.calendars import calendars
from tests.tui import reports
from tests.tui.stored_orders import matching, page_of

NOON = datetime(2026, 3, 14, 10, 6, 24, tzinfo=UTC)
STORES = ("uptown", "downtown", "central", "southend")
DRINKS = ("cappuccino", "americano", "latte", "espresso", "flat-white", "mocha", "cortado", "tea")
CALENDARS = calendars()
PRICES = dict(zip(DRINKS, (420, 350, 450, 300, 430, 480, 380, 280), strict=True))


class FakeClock:
    """Stands still until a test moves it."""

    def __init__(self, moment: datetime = NOON) -> None:
        self._start = moment
        self._passed = 0.0

    def now(self) -> datetime:
        """Return the moment."""
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Return seconds."""
        return 1000.0 + self._passed

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds


class ScriptedFeed:
    """Yields the events that a test puts in."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[FeedEvent] = asyncio.Queue()
        self.placed: list[Draft] = []
        self.answers: list[PlacedOrder | Exception] = []
        self.holds_answers = False
        self.retries = 0

    def put(self, *events: FeedEvent) -> None:
        """Let events happen."""
        for event in events:
            self._events.put_nowait(event)

    @property
    def drained(self) -> bool:
        """Whether all events have been taken."""
        return self._events.empty()

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Yield events for ever."""
        while True:
            yield await self._events.get()

    async def place(self, draft: Draft, *, timeout: float = 10) -> PlacedOrder:  # noqa: ASYNC109 (the contract's name)
        """Answer as the test says."""
        self.placed.append(draft)
        if self.holds_answers:
            await asyncio.Event().wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def reconnect_now(self) -> None:
        """Count the calls."""
        self.retries += 1


class House:
    """A coffee house with a past: the same seed gives the same orders."""

    def __init__(
        self,
        seed: int = 7,
        stores: Sequence[str] = STORES,
        drinks: Sequence[str] = DRINKS,
        now: datetime = NOON,
        busy: float = 1.0,
        orders: int = 50,
    ) -> None:
        self.random = random.Random(seed)
        self.stores, self.drinks = tuple(stores), tuple(drinks)
        self.version = 1
        self.retention = RetentionWindow.at(now, CALENDARS)
        self._serial = 0
        self._busy = busy
        cells = self._cells(now.timestamp()) if busy > 0 else {}
        recent = tuple(self.order(now - timedelta(seconds=i * 0.53)) for i in range(orders))
        self.view = View(Change(self.retention, now, cells, recent))

    def menu(self) -> MenuBody:
        """Return the menu."""
        return MenuBody(
            tuple(MenuStore(code, code.title()) for code in self.stores),
            tuple(
                MenuDrink(code, code.title(), f"{self.price_of(code) / 100:.2f}")
                for code in self.drinks
            ),
            "EUR",
        )

    def price_of(self, drink: str) -> int:
        """Return the price of a drink in cents."""
        return PRICES.get(drink, 400)

    def order(self, moment: datetime, store: str | None = None, drink: str | None = None) -> Order:
        """Make an order."""
        self._serial += 1
        drink = drink or self.random.choice(self.drinks)
        return Order(
            UUID(int=(0x0192F3 << 104) | (7 << 76) | (2 << 62) | self._serial),
            store or self.random.choice(self.stores),
            drink,
            self.random.choice((1, 1, 1, 2, 3)),
            self.price_of(drink),
            moment,
            moment + timedelta(milliseconds=4),
        )

    def opening(self, now: datetime = NOON) -> list[FeedEvent]:
        """Return what a first connection tells."""
        return [
            Connected(self.hello(), resumed=False),
            ViewReset(self.view.as_change(), "e1", self.version, self.view.cube.totals()),
            self.beat(now),
        ]

    def hello(self) -> Hello:
        """Return the first frame."""
        return Hello(
            protocol=PROTOCOL,
            server="coffeert/0.1.0",
            epoch="e1",
            version=self.version,
            heartbeat=1.0,
            timezone="UTC",
            menu=self.menu(),
        )

    def beat(self, now: datetime, health: Health | None = None, lag: float = 0.2) -> Beat:
        """Return a heartbeat."""
        return Beat(
            Heartbeat(
                epoch="e1",
                version=self.version,
                data_time=now - timedelta(seconds=lag),
                server_time=now,
                health=health or healthy(now),
            )
        )

    def sell(self, now: datetime, count: int = 1, received: float = 1000.0) -> ViewChanged:
        """Place orders; return what the server then tells."""
        orders = [self.order(now - timedelta(microseconds=i)) for i in range(count)]
        return self.tell(now, orders, received)

    def tell(self, now: datetime, orders: Sequence[Order], received: float = 1000.0) -> ViewChanged:
        """Return what the server tells of orders."""
        retention = RetentionWindow.at(now, CALENDARS)
        self.view.cube.move_to(retention)
        cells: Cells = {}
        for order in orders:
            for grain in GRAINS:
                bucket = floor(int(order.placed_at.timestamp()), grain)
                key = CellKey(grain, bucket, order.store, order.drink)
                before = cells.get(key, self.view.cube.get(key))
                cells[key] = before.plus(Totals(order.count, order.quantity, order.total_cents))
        change = Change(retention, now, cells, tuple(orders))
        self.view.apply(change)
        self.version += 1
        return ViewChanged(change, self.version, received, self.view.cube.totals())

    def _cells(self, now: float) -> Cells:
        cells: Cells = {}
        weights = [1 + self.random.random() * 3 for _ in self.drinks]
        for grain in GRAINS:
            running = floor(int(now), grain)
            step = SECONDS[grain]
            for back in range(BUCKETS[grain] + (1 if grain == "hour" else 0)):
                bucket = running - back * step
                part = (now - running) / step if back == 0 else 1.0
                wave = 1 + 0.35 * ((back * 7) % 11) / 11
                for s, store in enumerate(self.stores):
                    for d, drink in enumerate(self.drinks):
                        if store == "southend" and grain == "minute" and back < 4:
                            continue
                        mean = self._busy * weights[d] * (1 + s * 0.3) * wave * part * step / 60 / 3
                        orders = int(mean + self.random.random())
                        if orders:
                            pieces = orders + int(orders * 0.3)
                            totals = Totals(orders, pieces, pieces * self.price_of(drink))
                            cells[CellKey(grain, bucket, store, drink)] = totals
        return cells


class ScriptedArchive:
    """Answers with another house's view, as if it were the past of this one."""

    def __init__(self, house: House, clock: FakeClock | None = None) -> None:
        self._house = house
        self._clock = clock or FakeClock()
        self.asked: list[datetime | None] = []
        self.reported: list[WantedReport] = []
        self.failing: CoffeertError | None = None
        self.voided: list[UUID] = []
        self.searched: list[OrderQuery] = []
        self.stored: list[Order] = []
        self.link: LoginLink | CoffeertError = LoginLink(code=None, url=None, expires_in=300)

    async def login_link(self) -> LoginLink:
        """Return the link that the test has chosen, or raise its error."""
        if isinstance(self.link, CoffeertError):
            raise self.link
        return self.link

    async def dashboard(self, at: datetime | None = None) -> Snapshot:
        """Return the view at a moment."""
        self.asked.append(at)
        past = House(11, self._house.stores, self._house.drinks, at or NOON)
        change = past.view.as_change()
        view = columns(change, past.view.cube.totals(), past.view.cube.top_drinks())
        return Snapshot(epoch="past", version=0, view=view)

    async def report(
        self,
        period: str = "today",
        *,
        compare: Comparison | None = None,
        by: Sequence[Grouping] = (),
        stores: Sequence[str] = (),
        drinks: Sequence[str] = (),
        min_price: str | None = None,
        max_price: str | None = None,
        details: bool = False,
    ) -> Report:
        """Return a made-up report, or fail as the test says."""
        selection = Selection(
            tuple(stores) or None,
            tuple(drinks) or None,
            None if min_price is None else price_units(min_price, 2),
            None if max_price is None else price_units(max_price, 2),
        )
        request = WantedReport(period, tuple(by), compare, selection, details)
        self.reported.append(request)
        if self.failing is not None:
            raise self.failing
        return reports.report_of(self._house, request, self._clock.now())

    async def activity(self) -> Activity:
        """Return when the stores sold last."""
        if self.failing is not None:
            raise self.failing
        return reports.activity_of(self._house, self._clock.now())

    async def orders(
        self,
        wanted: OrderQuery,
        *,
        before: str | None = None,
        limit: int = 50,
        counted: bool = True,
    ) -> OrderList:
        """Return a page of the recent orders and of those that a test has stored."""
        self.searched.append(wanted)
        if self.failing is not None:
            raise self.failing
        page = page_of((*self._house.view.recent, *self.stored), wanted, before, limit)
        return page if counted else msgspec.structs.replace(page, total=None)

    async def orders_csv(self, wanted: OrderQuery) -> AsyncIterator[bytes]:
        """Return the rows of `orders` in two pieces; in between, fail as the test says."""
        rows = matching((*self._house.view.recent, *self.stored), wanted)
        yield (HEADING + csv_rows(rows[:1], 2)).encode()
        if self.failing is not None:
            raise self.failing
        yield csv_rows(rows[1:], 2).encode()

    async def void(self, order_id: UUID) -> PlacedOrder:
        """Void an order."""
        self.voided.append(order_id)
        order = self._house.order(NOON).correction(order_id, NOON)
        return PlacedOrder(order, False, 1, 1000.0, 1000.01)


def healthy(now: datetime, redis_ok: bool = True) -> Health:
    """Return the figures of a server that is well."""
    return Health(
        live=True,
        started=now - timedelta(hours=3),
        intake=IntakeHealth(
            at=now,
            orders_per_s=38.2,
            accepted=48_120,
            replayed=12,
            refused=3,
            queue=14,
            queue_limit=20_000,
            predicted_wait_ms=3.1,
            wait_limit_ms=1000,
            batch_size=6.4,
            commit_ms=1.9,
        ),
        aggregator=AggregatorHealth(
            at=now,
            leader="till-1:4711",
            passes=10_800,
            interval_s=1.0,
            pass_ms=2.7,
            rows=38,
            lag_s=0.4,
        ),
        redis=RedisHealth(
            ok=redis_ok,
            reason=None if redis_ok else "connection refused",
            since=None if redis_ok else now - timedelta(seconds=4),
            at=now,
            round_trip_ms=0.21,
            published_per_s=39.1,
            received_per_s=39.1,
            used_memory=3_400_000,
        ),
        sockets=SocketsHealth(
            at=now,
            clients=3,
            clients_limit=12_000,
            frames=90_000,
            bytes=70_000_000,
            frames_per_s=38.0,
            bytes_per_s=24_000,
            conflated=2,
            dropped=0,
            frame_bytes=640,
        ),
        database=DatabaseHealth(at=now, pool=8, pool_idle=6, round_trip_ms=0.4),
    )


def lost(reason: str = "the server closed the connection", retry_in: float = 3.0) -> Disconnected:
    """Return the event of a lost connection."""
    return Disconnected(reason, retry_in)
