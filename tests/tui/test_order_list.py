"""The list of orders reaches every order of the server."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from coffeert.domain.order_query import OrderQuery
from coffeert.domain.orders import Order
from coffeert.errors import ServerUnavailable
from coffeert.tui.model.filter import Term
from tests.tui.conftest import Harness, Launch
from tests.tui.scripted import NOON, House


async def until(s: Harness, holds: Callable[[], bool]) -> None:
    """Wait until the screen shows what is expected."""
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.05)
            s.dashboard.tick()


def line_with(s: Harness, part: str) -> str:
    """Return the first line on the screen that has a part."""
    return next((text for text in s.text().splitlines() if part in text), "")


def earlier(house: House, count: int, **codes: str) -> list[Order]:
    """Make orders of the hours before."""
    return [house.order(NOON - timedelta(minutes=1 + n), **codes) for n in range(count)]


async def test_scrolling_down_loads_what_is_older(launch: Launch) -> None:
    async with launch(opened=False) as s:
        s.archive.stored = earlier(s.house, 400)
        await s.open()
        await s.press("4")
        await until(s, lambda: "200 of 450, more below" in s.text())
        s.dashboard.panels.orders.focus()
        await s.press("G")
        await until(s, lambda: "400 of 450, more below" in s.text())
        await s.press("G")
        await until(s, lambda: "450" in line_with(s, "held") and "more below" not in s.text())
        listed = [row.order for row in s.app.state.orders().rows]
        assert len({order.order_id for order in listed}) == 450
        assert listed == sorted(listed, key=lambda order: order.recency, reverse=True)


async def test_a_drilled_list_is_of_the_range_and_stays_in_its_tab(launch: Launch) -> None:
    async with launch() as s:
        s.archive.stored = [
            *earlier(s.house, 30, store="uptown", drink="latte"),
            *(s.house.order(NOON - timedelta(days=2), "uptown", "latte") for _ in range(9)),
        ]
        await s.press("2")
        s.dashboard.panels.stores.focus()
        s.app.state.path = (
            Term("store", ("uptown",), exact=True),
            Term("drink", ("latte",), exact=True),
        )
        s.dashboard.place_panels()
        await until(s, lambda: s.app.state.orders().asked)
        await s.settle()
        assert s.app.state.tab == "stores"
        in_memory = [o for o in s.house.view.recent if (o.store, o.drink) == ("uptown", "latte")]
        assert f"{30 + len(in_memory)} today" in line_with(s, "following")
        assert s.archive.searched[-1] == OrderQuery(
            stores=("uptown",), drinks=("latte",), first=NOON.date()
        )


@pytest.mark.long
async def test_leaving_the_first_row_holds_the_list(launch: Launch) -> None:
    async with launch() as s:
        await s.press("4")
        s.dashboard.panels.orders.focus()
        await until(s, lambda: "50" in line_with(s, "following"))
        await s.press("j", "j")
        chosen = s.dashboard.panels.orders.chosen_row
        s.clock.pass_time(1)
        await s.happen(s.house.sell(s.clock.now(), 3))
        assert "held · +3 new" in s.text()
        assert s.dashboard.panels.orders.chosen_row == chosen
        for key in ("g", "end", "space"):
            await s.press("j")
            assert "held" in s.text()
            await s.press(key)
            assert "following" in s.text()
            assert s.dashboard.panels.orders.cursor.at == 0


async def test_a_voided_order_is_one_struck_row_with_the_time_of_its_void(launch: Launch) -> None:
    async with launch() as s:
        order = s.house.order(NOON - timedelta(seconds=1), "uptown", "mocha")
        s.clock.pass_time(1)
        await s.press("4")
        await s.happen(s.house.tell(s.clock.now(), [order]))
        void = s.house.order(NOON).order_id
        correction = order.correction(void, NOON + timedelta(seconds=90))
        await s.happen(s.house.tell(s.clock.now(), [correction]))
        rows = [row for row in s.app.state.orders().rows if row.order.store == "uptown"]
        assert [row.voided_at for row in rows if row.order == order] == [correction.received_at]
        assert all(row.order.voids is None for row in rows)
        assert "void 10:07:54" in s.text()


async def test_the_list_has_no_ids(launch: Launch) -> None:
    async with launch((200, 50)) as s:
        await s.press("1")
        last = str(s.house.view.recent[0].order_id)[-12:]
        assert last not in "".join(row for row in s.text().splitlines() if "order " not in row)


@pytest.mark.long
async def test_a_price_filter_asks_for_exact_bounds(launch: Launch) -> None:
    async with launch() as s:
        await s.press("4", "slash", *"price>4.3", "enter")
        await until(s, lambda: any(q.min_price == 431 for q in s.archive.searched))
        assert all(order.price_cents > 430 for order in s.app.state.orders().orders)


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def exported(directory: Path) -> list[dict[str, str]]:
    """Return the rows of the one file there."""
    (path,) = directory.glob("*.csv")
    return list(csv.DictReader(io.StringIO(path.read_text())))


@pytest.mark.long
async def test_an_export_has_all_that_match(launch: Launch, in_tmp_path: Path) -> None:
    async with launch() as s:
        s.archive.stored = earlier(s.house, 700, store="uptown")
        await s.press("4", "slash", *"store:uptown", "enter")
        await until(s, lambda: "more below" in s.text())
        await s.press("e", "c")
        await until(s, lambda: "Wrote" in s.notices())
        rows = exported(in_tmp_path)
        expected = 700 + sum(o.store == "uptown" for o in s.house.view.recent)
        assert len(rows) == expected
        assert f"{expected:,} rows" in s.notices()


async def test_an_export_that_breaks_off_says_so(launch: Launch, in_tmp_path: Path) -> None:
    async with launch() as s:
        await s.press("4")
        await until(s, lambda: s.app.state.orders().asked)
        s.archive.failing = ServerUnavailable("The server is away.")
        await s.press("e", "c")
        await until(s, lambda: "only" in s.notices())
        assert "has only 1 rows of 50 orders: The server is away." in s.notices()
        assert len(exported(in_tmp_path)) == 1


async def test_without_an_answer_the_list_has_what_was_received(launch: Launch) -> None:
    async with launch(opened=False) as s:
        s.archive.failing = ServerUnavailable("The server is away.")
        await s.open()
        await s.press("4")
        assert "the last 50" in line_with(s, "following")
