"""Whatever is drawn fills its lines exactly and holds nothing a terminal could obey."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.domain.orders import Draft, Order
from coffeert.domain.rollups import Totals
from coffeert.printable import printable
from coffeert.tui.model.data_status import DataStatus, Status
from coffeert.tui.model.order_log import OrderLog
from coffeert.tui.model.order_traces import OrderTrace
from coffeert.tui.render.breakdown import (
    BreakdownRow,
    Section,
    draw_sections,
    line_of_row,
    row_on_line,
)
from coffeert.tui.render.chart import ChartModel
from coffeert.tui.render.chart_drawing import column_of, draw_chart, index_at, nice_ceiling, note_of
from coffeert.tui.render.details import order_lines
from coffeert.tui.render.export import orders_csv
from coffeert.tui.render.format import Trend
from coffeert.tui.render.glyphs import ASCII, BRAILLE, GLYPHS, Glyphs
from coffeert.tui.render.header import (
    AlertsInHeader,
    ControlsModel,
    HeaderModel,
    draw_controls,
    draw_header,
)
from coffeert.tui.render.kpi import Tile, bare_tiles, boxed_tiles, tile_list
from coffeert.tui.render.orders import OrderRow, OrdersModel, draw_row, heading
from coffeert.tui.render.plotext_backend import plot
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
from coffeert.tui.render.time_bar import BarModel, draw_bar, moment_at
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
    model = OrdersModel((one,), {}, UTC)
    for own in (None, OrderTrace(one_draft(), 1.0)):
        holds([draw_row(OrderRow(one, own), model, cells, glyphs, here=True)], cells)
    holds([heading(cells)], cells)
    holds(
        order_lines(
            one, OrderTrace(one_draft(), 1.0, reason=drink, status="refused"), UTC, glyphs, 2
        ),
        cells,
    )


def one_draft() -> Draft:
    """Make a draft."""
    return Draft("uptown", "tea", order_id=UUID(int=7))


@given(st.lists(st.tuples(HOSTILE, st.integers(0, 10**9)), max_size=12), WIDTHS, LOOKS)
def test_breakdown(rows: list[tuple[str, int]], cells: int, glyphs: Glyphs) -> None:
    made = tuple(
        BreakdownRow(
            "drink", code, Totals(n, n, n * 450), min(1.0, n / 10**9), Trend("up", n / 100)
        )
        for code, n in rows
    )
    sections = (Section("Top", made), Section("Stores", ()), Section("More", made))
    lines = draw_sections(sections, cells, glyphs, 0)
    holds(lines, cells)
    for number in range(2 * len(made)):
        at = line_of_row(sections, number)
        assert row_on_line(sections, at) == number
        assert at < len(lines)


@given(HOSTILE, WIDTHS, LOOKS, st.sampled_from(get_args(Status)))
def test_header_and_controls(text: str, cells: int, glyphs: Glyphs, status: Status) -> None:
    data_status = DataStatus(status, age=3.2, attempt=2, retry_in=4, reason=text, ever_up=True)
    header = HeaderModel(data_status, "stores", printable(text), 12.0, "10:00:00")
    assert line_width(draw_header(header, cells, glyphs)) == cells
    named = AlertsInHeader(printable(text), True)
    controls = ControlsModel(
        "24h", printable(text), (printable(text),), "vs before", "", named, printable(text)
    )
    assert line_width(draw_controls(controls, cells, glyphs)) == cells


@given(WIDTHS, LOOKS, st.integers(0, 10**9), st.lists(st.floats(0, 1e6), max_size=40))
def test_tiles(cells: int, glyphs: Glyphs, number: int, history: list[float]) -> None:
    tiles = [
        Tile(name, f"{number:,}", Trend("up", number / 7), "vs prev 15m", spark=tuple(history))
        for name in ("Orders", "Revenue", "Per minute", "Avg ticket")
    ] + [Tile("Stores", "3/4", note="! southend silent 4m", part=0.75)]
    boxed, bare = max(cells, 110), max(cells, 60)  # the widths from which each is used
    assert [line_width(spans) for spans in boxed_tiles(tiles, boxed, glyphs)] == [boxed] * 5
    assert [line_width(spans) for spans in bare_tiles(tiles, bare, glyphs)] == [bare] * 3
    assert {line_width(spans) for spans in tile_list(tiles, cells, glyphs)} == {cells}


values = st.lists(st.one_of(st.none(), st.integers(-500, 10**7)), min_size=2, max_size=60)


@settings(max_examples=40, deadline=None)
@given(values, st.integers(16, 120), st.integers(4, 20), LOOKS, st.integers(-1, 70), st.booleans())
def test_charts(
    shown: list[int | None], cells: int, rows: int, glyphs: Glyphs, cursor: int, before: bool
) -> None:
    count = len(shown)
    model = ChartModel(
        "revenue",
        "minute",
        tuple(float(i) for i in range(count)),
        tuple(f"{i // 60:02}:{i % 60:02}" for i in range(count)),
        tuple(shown),
        tuple(shown) if before else (),
        marks=((100.0, "orders_per_min > 1"),),
        cursor=cursor if cursor >= 0 else None,
    )
    lines = draw_chart(model, cells, rows, glyphs, plot)
    assert len(lines) in (0, rows)
    assert {line_width(spans) for spans in lines} <= {cells}
    text = "".join(span.text for spans in lines for span in spans)
    assert (glyphs.hatch in text) == (None in shown and bool(lines))
    note_of(model)


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
    assert "Aggregation lag 30%" in "".join(span.text for span in nearest_limit(parts))


@given(WIDTHS, LOOKS, st.floats(1, 7200), st.one_of(st.none(), st.floats(0, 7200)))
def test_time_bar(cells: int, glyphs: Glyphs, reach: float, back: float | None) -> None:
    model = BarModel(reach, None if back is None else min(back, reach), "10:00:00")
    assert line_width(draw_bar(model, cells, glyphs)) == cells
    found = [moment_at(x, model, cells, glyphs) for x in range(cells)]
    known = [moment for moment in found if moment is not None]
    assert known == sorted(known, reverse=True)
    if known:
        assert known[-1] == 0
        assert abs(known[0] - reach) < 1e-6


@given(st.integers(1, 80), st.integers(1, 30), LOOKS, HOSTILE)
def test_frames(cells: int, rows: int, glyphs: Glyphs, text: str) -> None:
    body = [line(Span(printable(text)))] * 40
    made = framed(body, cells, rows, glyphs, title=line(printable(text)), note=line("note"))
    assert len(made) == rows if rows >= 3 and cells >= 4 else len(made) <= rows
    assert {line_width(spans) for spans in made} == {cells}


@given(st.lists(st.integers(0, 40), max_size=6), st.integers(1, 120))
def test_what_matters_least_goes_first(widths: list[int], cells: int) -> None:
    pieces = [(rank, line("x" * wide)) for rank, wide in enumerate(widths)]
    drawn = drop_to_fit(pieces, cells)
    assert line_width(drawn) <= cells
    assert line_width(spread(line("left"), drawn, 130)) == 130


def test_exports_defuse_formulas() -> None:
    text = orders_csv([order("=cmd()", "+tea")], 2)
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
    drawn = draw_sections(
        (Section("x", (BreakdownRow("drink", "tea", Totals(1, 1, 1), 0.5, Trend("up", 0.1)),)),),
        60,
        ASCII,
        0,
    )
    assert "".join(span.text for spans in drawn for span in spans).isascii()
    assert not BRAILLE.spark.isascii()
