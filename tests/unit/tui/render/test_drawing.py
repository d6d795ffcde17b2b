"""Whatever is drawn fills its lines exactly and holds nothing a terminal could obey."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.domain.orders import Draft, Order
from coffeert.domain.rollups import Totals
from coffeert.printable import printable
from coffeert.tui.model.axis_scale import nice_ceiling
from coffeert.tui.model.data_status import DataStatus, Status
from coffeert.tui.model.order_log import OrderLog
from coffeert.tui.model.order_search import ListedOrders
from coffeert.tui.model.order_traces import OrderTrace
from coffeert.tui.render.big_digits import big_digits
from coffeert.tui.render.breakdown import BreakdownModel, BreakdownRow, draw_breakdown
from coffeert.tui.render.changes import change_text
from coffeert.tui.render.chart import ChartModel
from coffeert.tui.render.chart_drawing import column_of, draw_chart, index_at, note_of
from coffeert.tui.render.currency import Currency
from coffeert.tui.render.details import order_lines
from coffeert.tui.render.glyphs import ASCII, BRAILLE, GLYPHS, Glyphs
from coffeert.tui.render.header import (
    AlertsInHeader,
    ControlsModel,
    HeaderModel,
    draw_controls,
    draw_header,
)
from coffeert.tui.render.kpi import Tile, big_tiles, strip_tiles, tile_list
from coffeert.tui.render.orders import OrderRow, OrdersModel, draw_row, heading
from coffeert.tui.render.spans import (
    Line,
    Span,
    drop_to_fit,
    fit_line,
    framed,
    line,
    line_width,
    spread,
)
from coffeert.tui.render.system_panel import HealthHistory, draw_system, nearest_limit, parts_of
from coffeert.tui.render.time_bar import BarModel, draw_bar
from coffeert.wire.order_csv import csv_rows
from coffeert.wire.reports import PercentChange
from tests.tui.scripted import healthy

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOSTILE = st.lists(
    st.sampled_from(
        [
            "\x1b[2J",
            "\x9b1m",
            "\u202e",
            "[/b]",
            "漢字",
            "🚀",
            "e\u0301",
            "\u200d",
            "\ufe0f",
            "abc",
            " ",
        ]
    ),
    min_size=1,
    max_size=30,
).map("".join)
WIDTHS = st.integers(20, 200)
LOOKS = st.sampled_from(list(GLYPHS.values()))


def holds(lines: list[Line], cells: int) -> None:
    """Check that lines fit and are harmless once the panel has made them safe."""
    for spans in lines:
        fitted = fit_line(spans, cells)
        assert line_width(fitted) == cells
        assert all(span.text.isprintable() for span in spans), spans


def order(store: str, drink: str, quantity: int = 1, cents: int = 450) -> Order:
    """Make an order."""
    return Order(UUID(int=7), store, drink, quantity, cents, NOON, NOON + timedelta(milliseconds=9))


@given(HOSTILE, HOSTILE, WIDTHS, LOOKS, st.integers(-99, 99).filter(bool), st.integers(0, 10**8))
def test_order_rows(
    store: str, drink: str, cells: int, glyphs: Glyphs, quantity: int, cents: int
) -> None:
    one = order(store, drink, quantity, cents)
    names = {store: drink}
    model = OrdersModel(
        ListedOrders((one,), {one.order_id: NOON}), {}, UTC, store_names=names, drink_names=names
    )
    rows = [OrderRow(one, own) for own in (None, OrderTrace(one_draft(), 1.0))]
    for row in (model.row(0), *rows):
        holds([draw_row(row, model, cells, glyphs, here=True)], cells)
    holds([heading(cells)], cells)
    refused = OrderTrace(one_draft(), 1.0, reason=drink, status="refused")
    holds(order_lines(OrderRow(one, refused, NOON), UTC, glyphs, 2), cells)


def one_draft() -> Draft:
    """Make a draft."""
    return Draft("uptown", "tea", order_id=UUID(int=7))


@given(
    st.lists(st.tuples(HOSTILE, st.integers(-(10**9), 10**9)), max_size=12),
    WIDTHS,
    LOOKS,
    st.sampled_from((None, "EUR", "USD", "JPY", "BHD")),
)
def test_breakdown(
    rows: list[tuple[str, int]], cells: int, glyphs: Glyphs, code: str | None
) -> None:
    made = tuple(
        BreakdownRow(
            "drink",
            name,
            printable(name),
            Totals(n, n, n * 450),
            min(1.0, abs(n) / 10**9),
            PercentChange(percent=n),
            (1.0, None, 3.0),
        )
        for name, n in rows
    )
    model = BreakdownModel("drink", "Drinks", made, 3, currency=Currency(code))
    lines = draw_breakdown(model, cells, glyphs, 0)
    holds(lines, cells)
    assert len(lines) == (len(made) + 2 if made else 1)


@given(HOSTILE, WIDTHS, LOOKS, st.sampled_from(get_args(Status)))
def test_header_and_controls(text: str, cells: int, glyphs: Glyphs, status: Status) -> None:
    data_status = DataStatus(status, age=3.2, attempt=2, retry_in=4, reason=text, ever_up=True)
    header = HeaderModel(data_status, "stores", printable(text), 12.0, "10:00:00")
    assert line_width(draw_header(header, cells, glyphs)) == cells
    named = AlertsInHeader(printable(text), True)
    controls = ControlsModel(
        "28 days", printable(text), (printable(text),), "vs before", "", named, printable(text)
    )
    assert line_width(draw_controls(controls, cells, glyphs)) == cells


@given(WIDTHS, LOOKS, st.integers(0, 10**12), st.integers(-99, 10**6), st.integers(1, 6))
def test_tiles(cells: int, glyphs: Glyphs, number: int, percent: int, rows: int) -> None:
    change = change_text(PercentChange(percent=percent), glyphs)
    figures = tuple((form(number), "") for form in (Currency("EUR").text, Currency("EUR").short))
    tiles = [
        Tile("Takings", figures, change, ("vs last Thursday", "vs last Thu")),
        Tile("Orders", ((f"{number:,}", "orders"),), change, rank=1),
        Tile("Stores", (("3", "of 4 stores selling"), ("3", "")), notes=("all selling",), rank=2),
    ]
    strip, big = max(cells, 60), max(cells, 160)  # the widths from which each is used
    assert [line_width(spans) for spans in strip_tiles(tiles, strip, glyphs)] == [strip] * 2
    assert [line_width(spans) for spans in big_tiles(tiles, big, glyphs)] == [big] * 4
    assert {line_width(spans) for spans in tile_list(tiles, cells, rows, glyphs)} == {cells}


values = st.lists(st.one_of(st.none(), st.integers(-500, 10**7)), min_size=2, max_size=60)


@settings(max_examples=40, deadline=None)
@given(values, st.integers(16, 120), st.integers(4, 20), LOOKS, st.integers(-1, 70), st.booleans())
def test_charts(
    shown: list[int | None], cells: int, rows: int, glyphs: Glyphs, cursor: int, before: bool
) -> None:
    count = len(shown)
    model = ChartModel(
        "takings",
        tuple(f"{i // 60:02}:{i % 60:02}" for i in range(count)),
        tuple(shown),
        tuple(shown) if before else (),
        ticks=tuple((i, f"{i}") for i in range(0, count, 4)),
        running=count - 1,
        elapsed=0.4,
        pace=300.0,
        marks=((100.0, "rush"),),
        cursor=cursor if cursor >= 0 else None,
    )
    model = replace(model, top=nice_ceiling(model.greatest))
    lines = draw_chart(model, cells, rows, glyphs)
    assert len(lines) in (0, rows)
    assert {line_width(spans) for spans in lines} <= {cells}
    note_of(model)


def test_an_unknown_bucket_is_hatched_and_what_is_to_come_is_not() -> None:
    labels = tuple(f"{i:02}:00" for i in range(8))
    unknown = ChartModel("orders", labels, (3, None, 4, 5, 2, None, None, None), running=4, top=6)
    drawn = "\n".join(text_of(spans) for spans in draw_chart(unknown, 60, 8, BRAILLE))
    assert "╱" in drawn
    whole = replace(unknown, values=(3, 3, *unknown.values[2:]))
    assert "╱" not in "".join(text_of(spans) for spans in draw_chart(whole, 60, 8, BRAILLE))


def test_the_running_bucket_is_no_cliff() -> None:
    """The filled curve ends before it, and a ring shows what the last minutes come to."""
    values = (40, 42, 44, 45, 1, None, None, None)
    labels = tuple(f"{i:02}:00" for i in range(8))
    model = ChartModel("orders", labels, values, (30,) * 8, running=4, elapsed=0.5, pace=46, top=50)
    lines = draw_chart(model, 30, 10, BRAILLE)
    ring = next(text for text in map(text_of, lines) if "○" in text)
    assert lines.index(next(spans for spans in lines if "○" in text_of(spans))) <= 1
    assert ring.index("○") > ring.index("┤" if "┤" in ring else "│") + 10
    foot = text_of(lines[-2])
    assert foot.count("█") > 8
    assert "░" in foot, "the compared day goes on"


def text_of(spans: Line) -> str:
    """Return the characters of a line."""
    return "".join(span.text for span in spans)


@given(st.integers(2, 60), st.integers(60, 200))
def test_the_crosshair_finds_the_bucket_it_stands_on(count: int, columns: int) -> None:
    for index in range(count):
        assert index_at(column_of(index, count, columns), count, columns) == index


@given(st.floats(1e-3, 1e12))
def test_the_value_axis_ends_just_above_the_greatest_value(value: float) -> None:
    ceiling = nice_ceiling(value)
    assert value <= ceiling * (1 + 1e-9)
    assert ceiling <= value * 2.01


@given(WIDTHS, st.integers(3, 60), LOOKS)
def test_engine(cells: int, rows: int, glyphs: Glyphs) -> None:
    parts = parts_of(
        healthy(NOON, redis_ok=False), NOON, 0.5, HealthHistory(intake=(1.0, 2.0, 3.0))
    )
    lines = draw_system(parts, cells, rows, glyphs, "mode")
    assert all(line_width(fit_line(spans, cells)) == cells for spans in lines)
    assert "Aggregation pool 25%" in "".join(span.text for span in nearest_limit(parts))


@given(st.none() | st.floats(0, 1e7), WIDTHS, LOOKS, st.sampled_from(("", "10:00:00")))
def test_the_time_bar(back: float | None, cells: int, glyphs: Glyphs, sought: str) -> None:
    model = BarModel(back, "Fri 13 Mar 14:00:00", sought)
    assert line_width(draw_bar(model, cells, glyphs)) == cells


@given(st.integers(1, 80), st.integers(1, 30), LOOKS, HOSTILE)
def test_frames(cells: int, rows: int, glyphs: Glyphs, text: str) -> None:
    body = [line(Span(printable(text)))] * 40
    made = framed(body, cells, rows, glyphs, title=line(printable(text)), note=line("note"))
    assert len(made) == rows if rows >= 3 and cells >= 4 else len(made) <= rows
    assert {line_width(spans) for spans in made} == {cells}


def test_letters_have_no_large_form() -> None:
    top, middle, lowest = big_digits("KWD 1.5")
    assert (top[:4], middle[:4], lowest[:4]) == ("    ", "    ", "KWD ")
    assert len(top) == len(middle) == len(lowest)


@given(st.lists(st.integers(0, 40), max_size=6), st.integers(1, 120))
def test_what_matters_least_goes_first(widths: list[int], cells: int) -> None:
    pieces = [(rank, line("x" * wide)) for rank, wide in enumerate(widths)]
    drawn = drop_to_fit(pieces, cells)
    assert line_width(drawn) <= cells
    assert line_width(spread(line("left"), drawn, 130)) == 130


def test_exports_defuse_formulas() -> None:
    text = csv_rows([order("=cmd()", "+tea")], 2)
    assert "'=cmd()" in text
    assert "'+tea" in text


def test_the_order_log_keeps_the_newest_and_each_once() -> None:
    log = OrderLog()
    for number in range(1500):
        one = Order(UUID(int=number), "a", "b", 1, 1, NOON + timedelta(seconds=number), NOON)
        log.add([one, one])
    newest = log.newest()
    assert len(newest) == 500
    assert newest[0].order_id == UUID(int=1499)
    assert newest[-1].order_id == UUID(int=1000)


def test_ascii_is_ascii_and_braille_is_not() -> None:
    row = BreakdownRow(
        "drink", "tea", "Tea", Totals(1, 1, 1), 0.5, PercentChange(percent=9), (1.0, 2.0)
    )
    model = BreakdownModel("drink", "x", (row,), 2, currency=Currency("EUR", signs=False))
    drawn = draw_breakdown(model, 100, ASCII, 0)
    assert "".join(span.text for spans in drawn for span in spans).isascii()
    assert not BRAILLE.spark.isascii()
