"""The first screen: what it says of today, compares it with, sorts and enlarges."""

from __future__ import annotations

from typing import Any

import pytest

from coffeert.errors import ServerUnavailable
from coffeert.tui.model.filter import parse_filter
from coffeert.tui.model.report_request import Selection, totals_of
from coffeert.tui.model.window import RANGE
from coffeert.wire.reports import Report
from tests.tui.conftest import Launch, reported
from tests.tui.scripted import House


@pytest.mark.parametrize("size", [(160, 48), (120, 40), (80, 24), (60, 20), (40, 12)])
async def test_says_how_today_goes_at_every_size(launch: Launch, size: tuple[int, int]) -> None:
    async with launch(size) as s:
        await reported(s)
        total = s.house.view.cube.totals().today
        text = " ".join(s.text().split())
        assert f"Saturday, 10:06. {total.orders:,} orders, {total.cents / 100:,.2f} €:" in text
        assert "over last Saturday" in text
        assert "Stores today · all stores · UTC" in text
        if size[0] >= 60:
            assert "Takings today · all stores · UTC" in text
            assert "░" in text


async def test_says_how_yesterday_was_closed_and_has_changed_since(launch: Launch) -> None:
    async with launch((160, 48)) as s:
        await s.press("t")
        await reported(s)
        text = " ".join(s.text().split())
        assert "Closing 12: 1 order came since (-4.80 €)." in text


async def test_a_day_of_the_chart_is_opened_and_left_again(launch: Launch) -> None:
    async with launch() as s:
        s.app.state.span = RANGE["7 days"]
        await reported(s)
        s.app.screen.query_one("#chart").focus()
        await s.press("left", "left", "left", "enter")
        await reported(s)
        assert s.app.state.span.name == "2026-03-12"
        assert "2026-03-12" in s.text().splitlines()[1]
        assert s.archive.reported[-1].period in {"2026-03-12", "28-days"}
        await s.press("backspace")
        assert s.app.state.span == RANGE["7 days"]


async def test_panels_end_with_the_same_minute(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with launch() as s:
        await reported(s)
        ask, asked = s.archive.report, list[str]()

        async def ask_slowly(period: str, **request: Any) -> Report:
            report = await ask(period, **request)
            if not asked:
                s.clock.pass_time(60)
            asked.append(period)
            return report

        monkeypatch.setattr(s.archive, "report", ask_slowly)
        s.app.state.span = RANGE["7 days"]
        await reported(s)
        shown = s.app.state.frame_context().reports
        panels = shown.curve, shown.stores, shown.drinks
        assert len({panel.period.until for panel in panels if panel is not None}) == 1
        assert None not in panels


async def test_days_are_typed_as_for_a_report(launch: Launch) -> None:
    async with launch() as s:
        await s.press("d", *"soon", "enter")
        assert "must be today, yesterday" in s.notices()
        await s.press(*["backspace"] * 4, *"2026-02", "enter")
        await reported(s)
        assert s.app.state.span.period == "2026-02"
        assert "Stores 2026-02 · all stores" in s.text()
        await s.press("t")
        assert s.app.state.span.name == "today"


@pytest.mark.long
async def test_is_compared_with_what_one_chooses(launch: Launch) -> None:
    async with launch() as s:
        words = []
        for _ in range(5):
            await reported(s)
            words.append(s.text().splitlines()[2].partition("over ")[2].partition(".")[0])
            await s.press("c")
        assert words == [
            "last Saturday",
            "yesterday",
            "the usual Saturday",
            "Saturday, 15 March 2025",
            "last Saturday",
        ]


async def test_the_latest_minutes_have_but_one_comparison(launch: Launch) -> None:
    async with launch() as s:
        await s.press("T", "c")
        assert "compared with those before" in s.notices()


async def test_m_charts_the_other_figure(launch: Launch) -> None:
    async with launch() as s:
        await s.press("m")
        assert "Orders today · all stores" in s.text()
        await s.press("m")
        assert "Takings today · all stores" in s.text()


async def test_o_sorts_by_takings_name_change_and_share(launch: Launch) -> None:
    async with launch() as s:
        await reported(s)
        orders = []
        for _ in range(5):
            model = s.dashboard.panels.drinks.model
            assert model is not None
            orders.append([row.code for row in model.rows])
            await s.press("o")
        assert orders[1] == sorted(orders[0])
        assert orders[0] == orders[3] == orders[4]
        model = s.dashboard.panels.drinks.model
        assert model is not None
        percents = {row.code: row.change and row.change.percent for row in model.rows}
        assert orders[2] == sorted(orders[0], key=lambda code: -(percents[code] or 0))


async def test_what_sold_nothing_is_folded_into_one_line(launch: Launch) -> None:
    house = House(orders=0, busy=0)
    async with launch((120, 48), house=house) as s:
        await s.happen(house.tell(s.clock.now(), [house.order(s.clock.now(), "uptown", "tea")]))
        await reported(s)
        assert "7 drinks sold nothing" in s.text()
        assert "3 stores sold nothing" in s.text()
        assert "Latte" not in s.text()


@pytest.mark.parametrize("panel", ["chart", "heat", "stores", "drinks", "orders"])
async def test_plus_enlarges_a_panel_and_escape_brings_the_others_back(
    launch: Launch, panel: str
) -> None:
    async with launch() as s:
        s.dashboard.query_one(f"#{panel}").focus()
        before = s.dashboard.query_one(f"#{panel}").size
        await s.press("plus")
        assert s.dashboard.query_one(f"#{panel}").size.height == 36
        assert not s.dashboard.query_one("#kpi").display
        await s.press("escape")
        assert s.dashboard.query_one(f"#{panel}").size == before
        assert s.dashboard.query_one("#kpi").display
        await s.press("plus", "plus")
        assert s.dashboard.query_one(f"#{panel}").size == before


async def test_a_click_on_a_title_and_enter_on_a_chart_enlarge(launch: Launch) -> None:
    async with launch() as s:
        await s.pilot.click("#stores", offset=(5, 0))
        await s.settle()
        enlarged = [s.app.state.enlarged]
        await s.press("escape")
        s.dashboard.query_one("#chart").focus()
        await s.press("enter")
        enlarged.append(s.app.state.enlarged)
        assert enlarged == ["stores", "chart"]


async def test_what_was_shown_stays_with_its_age_when_the_server_does_not_answer(
    launch: Launch,
) -> None:
    async with launch() as s:
        await reported(s)
        s.archive.failing = ServerUnavailable("The server does not answer.")
        s.clock.pass_time(200)
        await s.happen(s.house.beat(s.clock.now()))
        while not any(a.failure for a in s.app.state.reports.answers.values()):
            await s.pilot.pause(0.01)
        await s.settle()
        assert "over last Saturday" in s.text()
        assert "compared 3m ago" in s.text()


async def test_what_cannot_be_asked_is_left_out_with_words(launch: Launch) -> None:
    async with launch(opened=False) as s:
        s.archive.failing = ServerUnavailable("The server does not answer.")
        await s.open()
        await reported(s)
        text = s.text()
        assert "The server does not answer." in text
        assert " %" not in text.partition("Takings today")[0]
        assert "not known which sell" in text
        await s.press("t")
        await reported(s)
        assert "Yesterday: The server does not answer. " in s.text()


async def test_reports_are_asked_again_each_minute_and_at_once_for_another_filter(
    launch: Launch,
) -> None:
    async with launch() as s:
        await reported(s)
        asked = len(s.archive.reported)
        assert asked == 5
        s.app.state.filter = parse_filter("store:up")
        await reported(s)
        new = s.archive.reported[asked:]
        assert len(new) == 5
        assert {request.selection for request in new} == {Selection(stores=("uptown",))}
        s.clock.pass_time(60)
        while len(s.archive.reported) < asked + 5 + 4:
            await s.pilot.pause(0.01)
        again = s.archive.reported[asked + 5 :]
        assert {request.by for request in again} == {("quarter",), ("store",), ("drink",), ()}


@pytest.mark.parametrize("period", ["today", "28 days"])
async def test_a_price_is_answered_by_the_server_and_its_age_is_said(
    launch: Launch, period: str
) -> None:
    async with launch() as s:
        s.app.state.span = RANGE[period]
        s.app.state.filter = parse_filter("price>4.50 -store:uptown")
        await reported(s)
        expected = Selection(stores=("central", "downtown", "southend"), min_price=451)
        assert {request.selection for request in s.archive.reported[-4:]} == {expected}
        window, report = s.app.state.frame_context().window, s.app.state.shown_reports().total
        assert window is not None
        assert report is not None
        assert window.sums.total == totals_of(report.figures)
        assert set(window.sums.drinks) == {"mocha"}
        title = f"Takings {period} · without Uptown · price>4.50 · UTC · as of 10:06"
        assert title.replace("Uptown", "uptown") in s.text().replace("Uptown", "uptown")
        # What arrives is counted by the next report, and nothing live is mixed in before.
        await s.happen(s.house.sell(s.clock.now(), 20), s.house.beat(s.clock.now()))
        after = s.app.state.frame_context().window
        assert after is not None
        assert after.sums == window.sums
        assert "in 10 min" not in s.text()


@pytest.mark.parametrize(
    ("text", "period", "said"),
    [
        ("price>4.50", "15 min", "the last 15 min are not summed by price"),
        ("-price=4.50", "today", "a single price cannot be left out of sums"),
        ("price>5 price<4", "today", "no order can have such a price"),
        ("price>9999999", "today", "no order can have such a price"),
    ],
)
async def test_what_no_report_can_sum_is_not_shown_as_something_else(
    launch: Launch, text: str, period: str, said: str
) -> None:
    async with launch() as s:
        await reported(s)
        s.app.state.span = RANGE[period]
        s.app.state.filter = parse_filter(text)
        await reported(s)
        assert s.app.state.frame_context().window is None
        assert said in " ".join(s.text().split())
        models = s.dashboard.panels.chart.model, s.dashboard.panels.stores.model
        assert models[0] is not None
        assert models[1] is not None
        assert (models[0].values, models[1].rows) == ((), ())


@pytest.mark.long
async def test_the_past_is_not_summed_by_price(launch: Launch) -> None:
    async with launch() as s:
        await reported(s)
        for _ in range(15):
            s.clock.pass_time(1)
            await s.happen(s.house.sell(s.clock.now(), 1), s.house.beat(s.clock.now()))
        s.app.state.filter = parse_filter("price>4.50")
        await s.press("left_square_bracket")
        while s.app.state.rewound_to is None:
            await s.pilot.pause(0.01)
        await s.settle()
        assert s.app.state.frame_context().window is None
        assert "the past is not summed by price" in " ".join(s.text().split())


async def test_a_report_of_a_day_that_has_ended_is_not_shown_as_today(launch: Launch) -> None:
    async with launch() as s:
        await reported(s)
        s.archive.failing = ServerUnavailable("The server does not answer.")
        s.clock.pass_time(14 * 3600)
        later = House(3, now=s.clock.now())
        s.house = later
        await s.open()
        assert s.app.state.frame_context().reports.curve is None


@pytest.mark.long
async def test_the_past_is_compared_with_nothing(launch: Launch) -> None:
    async with launch() as s:
        await reported(s)
        for _ in range(15):
            s.clock.pass_time(1)
            await s.happen(s.house.sell(s.clock.now(), 1), s.house.beat(s.clock.now()))
        await s.press("left_square_bracket")
        assert "the past is compared with nothing" in s.text()


async def test_a_new_order_lights_up_its_store_and_moves_the_big_digits(launch: Launch) -> None:
    async with launch((160, 48), animated=True) as s:
        await reported(s)
        stores, kpi = s.dashboard.panels.stores, s.dashboard.panels.kpi

        def lit() -> list[str]:
            accent = s.app.palette.style("accent")
            names = (store.title() for store in s.house.stores)
            return [
                name
                for name in names
                if any(
                    name in part.text and part.style == accent
                    for st in stores._strips
                    for part in st
                )
            ]

        def digits() -> list[str]:
            return [strip.text for strip in kpi._strips[:3]]

        before = digits()
        assert lit() == []
        s.feed.put(s.house.tell(s.clock.now(), [s.house.order(s.clock.now(), "uptown", "latte")]))
        while lit() == []:
            await s.pilot.pause(0.005)
        assert lit() == ["Uptown"]
        moved = [digits()]
        while lit():
            await s.pilot.pause(0.005)
            if digits() != moved[-1]:
                moved.append(digits())
        assert len([one for one in moved if one not in (before, digits())]) >= 1
        # In a rush nothing moves: what changes again within a second is shown as it is.
        s.feed.put(s.house.sell(s.clock.now(), 1))
        await s.happen(s.house.sell(s.clock.now(), 1))
        assert lit() == []


async def test_nothing_moves_if_it_is_not_to(launch: Launch) -> None:
    async with launch((160, 48)) as s:
        await reported(s)
        await s.happen(s.house.sell(s.clock.now(), 1))
        assert s.dashboard.panels.stores._lit == frozenset()
        assert s.dashboard.panels.kpi._moving is None
