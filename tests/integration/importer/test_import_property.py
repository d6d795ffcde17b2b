"""Random imports, undos, voids, overlaps and interruptions beside a simple model: no sum ever differs.

The model knows for each sale by which import, under which number among equal ones, it is stored.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coffeert.importer.load import loading
from coffeert.importer.rows import SaleLine
from coffeert.postgres.imports import list_imports
from coffeert.postgres.pool import connect
from coffeert.postgres.verification import verify
from tests.integration.importer.importing import Importer, importer_on, line
from tests.integration.postgres.passing import run_pass

PRICES = (300, 480)
CHUNK_ROWS = 2
DAY_MINUTES = 1440


class Load(NamedTuple):
    """A file: indices of contents, so that equal ones are equal sales. It stops after `chunks`."""

    contents: tuple[int, ...]
    source: str
    same: bool
    chunks: int


class Undo(NamedTuple):
    """The undo of an import, stopped after `chunks` and then finished."""

    which: int
    chunks: int


class VoidByHand(NamedTuple):
    """The void of an order by hand."""

    which: int


Step = Load | Undo | VoidByHand
Key = tuple[str, int, int]
"""Source, content, and its number among equal rows."""


@dataclass
class Stored:
    """An import of the model."""

    load: tuple[tuple[int, ...], str]
    source: str
    same: bool
    number: int
    keys: dict[Key, bool] = field(default_factory=dict)  # the value: voided by hand
    undone: bool = False


class Model:
    """What should be stored."""

    def __init__(self) -> None:
        self.imports: list[Stored] = []
        self.dead: set[Key] = set()

    def sales(self) -> Counter[int]:
        """How many sales of each content count."""
        return Counter(
            content
            for one in self.imports
            if not one.undone
            for (_, content, _), voided in one.keys.items()
            if not voided
        )

    def plan(self, load: Load) -> tuple[Stored | None, bool, bool, list[Key | None]]:
        """The import that goes on, whether rows are taken for the same, whether that is not known, and the
        key of each row, `None` if it is not to be stored."""
        earlier = next(
            (
                one
                for one in self.imports
                if not one.undone and one.load == (load.contents, load.source)
            ),
            None,
        )
        same = load.same or (earlier is not None and earlier.same)
        seen: Counter[int] = Counter()
        keys: list[Key] = []
        for content in load.contents:
            seen[content] += 1
            keys.append((load.source, content, seen[content]))
        others = [
            one
            for one in self.imports
            if not one.undone
            and one is not earlier
            and one.keys
            and (one.source == load.source or "" in (one.source, load.source))
        ]
        free: Counter[tuple[int, bool]] = Counter()
        for one in others:
            asks = one.source == load.source or not load.source
            for key in one.keys:
                if key not in keys:
                    free[key[1], asks] += 1
        undecided = False
        result: list[Key | None] = []
        for key in keys:
            if (earlier is not None and key in earlier.keys) or key in self.dead:
                result.append(None)
            elif any(key in one.keys for one in others):
                undecided = True
                result.append(None)
            elif free[key[1], True] + free[key[1], False]:
                asks = bool(free[key[1], True])
                free[key[1], asks] -= 1
                undecided |= asks
                result.append(None if asks or same else key)
            else:
                result.append(key)
        return earlier, same, undecided and not same, result


class Trial:
    """Plays steps on the database and the model; `day` keeps trials apart."""

    def __init__(self, importer: Importer, day: int) -> None:
        self.importer = importer
        self.model = Model()
        self.day = day

    async def play(self, steps: Sequence[Step]) -> None:
        before = await self.importer.totals()
        for step in steps:
            match step:
                case Load():
                    await self._load(step)
                case Undo():
                    await self._undo(step)
                case VoidByHand():
                    await self._void(step)
            sales = self.model.sales()
            cents = sum(PRICES[content % 2] * count for content, count in sales.items())
            expected = (sales.total(), sales.total(), cents)
            now = await self.importer.totals()
            assert tuple(b - a for a, b in zip(before, now, strict=True)) == expected, step
        await run_pass(self.importer.connection)
        assert (await verify(self.importer.connection)).exact

    async def _load(self, step: Load) -> None:
        rows = self._rows(step.contents)
        earlier, same, undecided, keys = self.model.plan(step)
        looked = await self.importer.look(rows, source=step.source, same=step.same)
        assert bool(looked.identity.undecided) == undecided
        if undecided:
            step = step._replace(same=True)
            earlier, same, undecided, keys = self.model.plan(step)
            looked = await self.importer.look(rows, source=step.source, same=True)
        assert looked.identity.new == len(keys) - keys.count(None)
        if not looked.identity.new:
            return
        left = iter([False] * step.chunks + [True])
        done = await self.importer.store(looked, stopped=lambda: next(left))
        if earlier is None:
            earlier = Stored((step.contents, step.source), step.source, same, done.number)
            self.model.imports.append(earlier)
        assert earlier.number == done.number
        earlier.same = same
        for key in keys[: CHUNK_ROWS * step.chunks]:
            if key is not None:
                earlier.keys[key] = False

    async def _undo(self, step: Undo) -> None:
        live = [one for one in self.model.imports if not one.undone]
        if not live:
            return
        one = live[step.which % len(live)]
        left = iter([False] * step.chunks + [True])
        await self.importer.undo(one.number, stopped=lambda: next(left))
        await self.importer.undo(one.number)
        one.undone = True
        self.model.dead |= {key for key, voided in one.keys.items() if voided}

    async def _void(self, step: VoidByHand) -> None:
        places = [
            (one, key)
            for one in self.model.imports
            if not one.undone
            for key, voided in one.keys.items()
            if not voided
        ]
        if not places:
            return
        one, key = places[step.which % len(places)]
        # Equal orders of one import differ in their keys only, which are in the order of their numbers by
        # no means; so all of a content are voided, which the model can follow.
        (row,) = self._rows((key[1],))
        await self.importer.connection.execute(
            "INSERT INTO orders (order_id, placed_at, quantity, price_cents, store, drink, voids) "
            "SELECT gen_random_uuid(), placed_at, -quantity, price_cents, store, drink, order_id "
            "FROM orders WHERE import_id = $1 AND placed_at = $2 AND voids IS NULL AND NOT EXISTS "
            "(SELECT FROM orders AS void WHERE void.voids = orders.order_id)",
            one.number,
            row.placed_at,
        )
        for other in one.keys:
            if other[1] == key[1]:
                one.keys[other] = True

    def _rows(self, contents: Sequence[int]) -> list[SaleLine]:
        start = self.day * DAY_MINUTES
        return [
            line(number, minutes=start + content, price=PRICES[content % 2])
            for number, content in enumerate(contents, 1)
        ]


loads = st.builds(
    Load,
    st.lists(st.integers(0, 2), min_size=1, max_size=6).map(tuple),
    st.sampled_from(("", "", "till 1", "till 2")),
    st.booleans(),
    st.sampled_from((1, 99, 99, 99)),
)
steps = st.lists(
    st.one_of(
        loads,
        loads,
        st.builds(Undo, st.integers(0, 9), st.sampled_from((0, 1, 99))),
        st.builds(VoidByHand, st.integers(0, 9)),
    ),
    min_size=2,
    max_size=9,
)


@pytest.mark.long
def test_no_sum_ever_differs(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "CHUNK_ROWS", CHUNK_ROWS)
    days = iter(range(1, 100_000))
    with asyncio.Runner() as runner:
        connection = runner.run(connect(database_url, application_name="test"))
        importer = runner.run(importer_on(connection))

        @settings(max_examples=150, deadline=None)
        @given(steps)
        @example([Load((0, 0), "", False, 99), Undo(0, 1), Load((0, 0), "", False, 99)])
        def play(plan: list[Step]) -> None:
            runner.run(Trial(importer, next(days)).play(plan))

        try:
            play()
            imports = runner.run(list_imports(connection))
            assert len(imports) > 100
        finally:
            connection.terminate()
