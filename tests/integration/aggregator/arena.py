"""An arena for passes: writers and aggregators on one database, driven step by step.

Every interleaving of statements can be played, always the same way: a pass asks the arena before each
of its statements, and the arena lets others act there. Where a second pass waits for a lock, the arena
sees that it does and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from coffeert.aggregator.aggregation_pass import CompletedPass, LeaderLease, run_pass
from coffeert.aggregator.projection import Projection
from coffeert.domain.orders import Order
from coffeert.domain.rollups import ZERO
from coffeert.domain.watermark import Watermark
from coffeert.postgres.pool import Connection
from coffeert.postgres.rollups import load_snapshot
from coffeert.postgres.verification import verify
from tests.order_book import counted_cells, insert, kept_cells, order, stored_orders, void

WRITERS, PASSERS = 3, 2
DRINKS = ("latte", "tea")


@dataclass(frozen=True)
class Sketch:
    """An order to be written, placed some seconds before midnight of a day."""

    before_midnight: float
    drink: str
    quantity: int
    price_cents: int
    source: str | None = None


@dataclass(frozen=True)
class Write:
    """Inserts orders, in the writer's open transaction or a new one that stays open."""

    writer: int
    sketches: Sequence[Sketch]


@dataclass(frozen=True)
class Place:
    """Inserts orders as `Write` does, and commits them with all that the writer had open."""

    writer: int
    sketches: Sequence[Sketch]


@dataclass(frozen=True)
class Void:
    """Voids some committed order, in the writer's transaction."""

    writer: int
    choice: int


@dataclass(frozen=True)
class Savepoint:
    """Begins a subtransaction."""

    writer: int


@dataclass(frozen=True)
class End:
    """Ends the innermost subtransaction, or the whole transaction."""

    writer: int
    commit: bool
    whole: bool = True


@dataclass(frozen=True)
class PassBeside:
    """Begins a pass by the aggregator that is not passing."""


Beside = Write | Place | Void | Savepoint | End | PassBeside


@dataclass(frozen=True)
class Pass:
    """A pass; before its n-th statement come the n-th steps of `between`."""

    passer: int
    between: Sequence[Sequence[Beside]] = ()


Step = Beside | Pass


if TYPE_CHECKING:
    _Connection = asyncpg.Connection[asyncpg.Record]
else:
    _Connection = asyncpg.Connection


class SteppedConnection(_Connection):
    """A connection that asks before each statement."""

    before: Callable[[], Awaitable[None]] | None = None

    async def _ask(self) -> None:
        if self.before is not None:
            await self.before()

    async def execute(self, *args: Any, **options: Any) -> Any:
        await self._ask()
        return await super().execute(*args, **options)

    async def fetch(self, *args: Any, **options: Any) -> Any:
        await self._ask()
        return await super().fetch(*args, **options)

    async def fetchrow(self, *args: Any, **options: Any) -> Any:
        await self._ask()
        return await super().fetchrow(*args, **options)

    async def fetchval(self, *args: Any, **options: Any) -> Any:
        await self._ask()
        return await super().fetchval(*args, **options)


@dataclass
class Writer:
    """A client in the middle of its transactions; `open` holds one for each level of savepoints."""

    connection: Connection
    open: list[Any] = field(default_factory=list)

    async def begin(self) -> None:
        transaction = self.connection.transaction()
        await transaction.start()
        self.open.append(transaction)

    async def end(self, *, commit: bool, whole: bool) -> None:
        while self.open:
            transaction = self.open.pop()
            await (transaction.commit() if commit else transaction.rollback())
            if not whole:
                return


@dataclass
class Passer:
    """An aggregator that does not lead, with the projection that it keeps."""

    connection: SteppedConnection
    projection: Projection | None = None


class Arena:
    """Writers, aggregators, and an eye on what PostgreSQL holds."""

    def __init__(self, observer: Connection, writers: list[Writer], passers: list[Passer]) -> None:
        self._observer = observer
        self._writers = writers
        self._passers = passers
        self._voided: set[Order] = set()
        self._counted = 0
        self._watermark = Watermark(1, 1)
        self._beside: asyncio.Task[CompletedPass] | None = None

    @classmethod
    async def open(cls, url: str) -> Arena:
        """Connect everybody."""
        writers = [Writer(await asyncpg.connect(url)) for _ in range(WRITERS)]
        passers = [
            Passer(await asyncpg.connect(url, connection_class=SteppedConnection))
            for _ in range(PASSERS)
        ]
        return cls(await asyncpg.connect(url), writers, passers)

    async def close(self) -> None:
        """Disconnect everybody."""
        for writer in self._writers:
            writer.connection.terminate()
        for passer in self._passers:
            passer.connection.terminate()
        self._observer.terminate()

    async def clear(self) -> None:
        """Begin again with no orders."""
        await self._observer.execute(
            "SET session_replication_role = replica;"
            "TRUNCATE orders, rollup_minute, rollup_quarter, rollup_day, activity, activity_source;"
            "UPDATE aggregator_state SET watermark = '1:1:', pass = 0;"
            "SET session_replication_role = origin"
        )
        self._voided.clear()
        self._counted = 0
        self._watermark = Watermark(1, 1)
        for passer in self._passers:
            passer.projection = None

    async def play(self, steps: Sequence[Step]) -> None:
        """Play a plan from the start, then end what is open and count the rest."""
        await self.clear()
        try:
            for step in steps:
                await self.take(step)
            for writer in self._writers:
                await writer.end(commit=True, whole=True)
            await self.take(Pass(0))
            await self._check_everything_counted()
            await self._check_voiding_everything()
        finally:
            await self._end_everything()

    async def _end_everything(self) -> None:
        """Leave nothing open that a failure has cut short."""
        for passer in self._passers:
            passer.connection.before = None
        for writer in self._writers:
            await writer.end(commit=False, whole=True)
        if self._beside is not None:
            beside, self._beside = self._beside, None
            await asyncio.wait([beside])

    async def take(self, step: Step) -> None:
        """Take one step."""
        match step:
            case Write(number, sketches):
                writer = await self._in_transaction(number)
                await insert(writer.connection, *(_order(sketch) for sketch in sketches))
            case Place(number, sketches):
                await self.take(Write(number, sketches))
                await self.take(End(number, commit=True))
            case Void(number, choice):
                await self._void(await self._in_transaction(number), choice)
            case Savepoint(number):
                await (await self._in_transaction(number)).begin()
            case End(number, commit, whole):
                await self._writers[number].end(commit=commit, whole=whole)
            case PassBeside():
                await self._begin_beside(self._passers[1])
            case Pass(number, between):
                await self._pass(number, between)

    async def _pass(self, number: int, between: Sequence[Sequence[Beside]]) -> None:
        passer, other = self._passers[number], self._passers[1 - number]
        turns = iter(between)

        async def let_others_act() -> None:
            for step in next(turns, ()):
                if isinstance(step, PassBeside):
                    await self._begin_beside(other)
                else:
                    await self.take(step)

        passer.connection.before = let_others_act
        passed = await self._make(passer)
        passer.connection.before = None
        await self._check(passed)
        if self._beside is not None:
            beside, self._beside = self._beside, None
            await self._check(await beside)

    async def _make(self, passer: Passer) -> CompletedPass:
        passed = await run_pass(passer.connection, passer.projection, LeaderLease())
        passer.projection = passed.projection
        return passed

    async def _begin_beside(self, passer: Passer) -> None:
        """Let the other aggregator pass until it is done or waits for a lock."""
        if self._beside is not None:
            return
        task = asyncio.create_task(self._make(passer))
        pid = passer.connection.get_server_pid()
        while not task.done() and not await self._observer.fetchval(
            "SELECT cardinality(pg_blocking_pids($1)) > 0", pid
        ):
            await asyncio.sleep(0)
        self._beside = task

    async def _in_transaction(self, number: int) -> Writer:
        writer = self._writers[number]
        if not writer.open:
            await writer.begin()
        return writer

    async def _void(self, writer: Writer, choice: int) -> None:
        committed = sorted(
            set(await self._not_voided()) - self._voided, key=lambda made: made.order_id
        )
        if committed:
            chosen = committed[choice % len(committed)]
            self._voided.add(chosen)
            await insert(writer.connection, void(chosen))

    async def _not_voided(self) -> list[Order]:
        orders = await stored_orders(self._observer)
        voided = {made.voids for made in orders}
        return [made for made in orders if made.voids is None and made.order_id not in voided]

    async def _check(self, passed: CompletedPass) -> None:
        """After every pass: the rollups are the orders that the watermark sees, the projection too."""
        self._counted += passed.result.rows
        result = await verify(self._observer)
        assert result.exact, result
        snapshot = await load_snapshot(self._observer, passed.projection.cube.retention.moment())
        if snapshot.number == passed.projection.number:
            assert dict(passed.projection.cube.cells()) == snapshot.cells
            assert passed.projection.recent == snapshot.recent
        # The watermark never goes back: what one pass saw, all later ones see.
        assert snapshot.watermark.xmin >= self._watermark.xmin
        assert snapshot.watermark.xmax >= self._watermark.xmax
        self._watermark = snapshot.watermark

    async def _check_everything_counted(self) -> None:
        kept = await kept_cells(self._observer)
        assert kept == await counted_cells(self._observer)
        assert self._counted == len(await stored_orders(self._observer))

    async def _check_voiding_everything(self) -> None:
        left = await self._not_voided()
        await insert(self._observer, *(void(made) for made in left))
        await self.take(Pass(1))
        assert set((await kept_cells(self._observer)).values()) <= {ZERO}


def _order(sketch: Sketch) -> Order:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    made = order(
        today - timedelta(seconds=sketch.before_midnight),
        drink=sketch.drink,
        quantity=sketch.quantity,
        price_cents=sketch.price_cents,
    )
    return msgspec.structs.replace(made, source=sketch.source)
