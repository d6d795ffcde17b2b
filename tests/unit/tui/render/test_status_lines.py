"""The lines at the top: what is always said, and what is left out first."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.tui.model.clock import zone_difference, zone_text
from coffeert.tui.model.data_status import DataStatus, Trouble
from coffeert.tui.render.badges import state_badge, totals_badge
from coffeert.tui.render.fault import FaultModel, draw_fault, fault_of, fault_rows
from coffeert.tui.render.glyphs import BRAILLE
from coffeert.tui.render.header import (
    AlertsInHeader,
    ControlsModel,
    HeaderModel,
    draw_controls,
    draw_header,
    range_at,
    tab_at,
)
from coffeert.tui.render.spans import Line, line_width

NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)
LIVE = DataStatus("live", age=0.2, totals_match="equal", ever_up=True)
DOWN = (Trouble("database", "PostgreSQL cannot be reached"), Trouble("intake", "no orders"))


def text_of(spans: Line) -> str:
    return "".join(span.text for span in spans)


@pytest.mark.parametrize("cells", [40, 60, 80, 100, 120, 160])
def test_range_comparison_and_filter_always_show(cells: int) -> None:
    alerts = AlertsInHeader("rush", waiting=True)
    model = ControlsModel(
        "28 days", "store:up", ("Uptown",), "vs the 28 days before", "", alerts, "rec 1,234 orders"
    )
    shown = text_of(draw_controls(model, cells, BRAILLE))
    assert " 28 days " in shown
    assert "Uptown" in shown
    assert "store:up" in shown
    if cells >= 60:
        assert "vs the 28 days before" in shown


def test_a_saved_view_shows_its_name() -> None:
    model = ControlsModel("today", "store:up -tea", (), view="uptown")
    shown = text_of(draw_controls(model, 80, BRAILLE))
    assert "view uptown" in shown
    assert "-tea" not in shown


@pytest.mark.parametrize("cells", [60, 80, 100, 120])
def test_the_header_keeps_status_tab_and_clock(cells: int) -> None:
    model = HeaderModel(LIVE, "drinks", "shop.example:8765", 12.0, "12:40:05 CET")
    shown = text_of(draw_header(model, cells, BRAILLE))
    assert " 3 Drinks " in shown
    assert "● live" in shown
    assert "12:40" in shown
    assert "CET" in shown


@given(st.integers(20, 160))
def test_words_in_the_header_are_whole(cells: int) -> None:
    model = HeaderModel(LIVE, "live", "here", 12.0, "12:40:05 CET")
    words = text_of(draw_header(model, cells, BRAILLE)).split()
    known = (
        "coffeert here 1 Today 2 Stores 3 Drinks 4 Orders 5 Engine ● live 12/s figures checked ✓"
    )
    assert set(words) <= {*known.split(), "12:40:05", "12:40", "CET"}


def test_what_is_drawn_can_be_clicked() -> None:
    header = HeaderModel(LIVE, "drinks", "", None, "12:40:05 CET")
    for cells in (40, 120):
        shown = text_of(draw_header(header, cells, BRAILLE))
        assert tab_at(shown.index(" 5") + 1, cells, header, BRAILLE) == "engine"
        assert tab_at(cells - 1, cells, header, BRAILLE) is None
    controls = ControlsModel("today", "", ())
    shown = text_of(draw_controls(controls, 120, BRAILLE))
    assert range_at(shown.index("yesterday"), 120, controls, BRAILLE) == "yesterday"
    assert range_at(119, 120, controls, BRAILLE) is None


def test_nothing_is_checked_while_nothing_is_known() -> None:
    for status in ("lost", "stale"):
        known = DataStatus(status, age=14, totals_match="equal", ever_up=True)
        assert text_of(totals_badge(known, BRAILLE)) == "figures -"
    assert text_of(totals_badge(LIVE, BRAILLE)) == "figures checked ✓"
    stale = DataStatus("stale", age=14.2, ever_up=True)
    assert text_of(state_badge(stale, BRAILLE)) == "○ no news for 14 s"


def test_a_fault_has_lines_only_while_there_is_one() -> None:
    assert fault_rows(fault_of(LIVE), 80) == 0
    assert draw_fault(FaultModel(), 80, BRAILLE) == []
    lost = DataStatus("lost", reason="does not answer", retry_in=3.0, ever_up=True)
    (drawn,) = draw_fault(fault_of(lost), 80, BRAILLE)
    assert "The server does not answer.  Trying again in 3 s, r: now" in text_of(drawn)


def test_causes_come_first_and_others_are_counted() -> None:
    troubled = DataStatus("stale", age=3.0, troubles=DOWN, ever_up=True)
    (drawn,) = draw_fault(fault_of(troubled), 100, BRAILLE)
    assert "Database: PostgreSQL cannot be reached  Taking orders: no orders" in text_of(drawn)
    (drawn,) = draw_fault(fault_of(troubled), 60, BRAILLE)
    assert text_of(drawn).rstrip().endswith("1 more on 5")


@given(
    st.lists(st.text(st.characters(categories=("L", "Zs")), max_size=60), max_size=4),
    st.integers(20, 160),
)
def test_a_fault_takes_the_lines_it_says(texts: list[str], cells: int) -> None:
    model = FaultModel(tuple(" ".join(text.split()) for text in texts))
    drawn = draw_fault(model, cells, BRAILLE)
    assert len(drawn) == fault_rows(model, cells) <= 2
    assert {line_width(spans) for spans in drawn} <= {cells}


def test_zones_are_named_as_people_do() -> None:
    assert zone_text(NOON, ZoneInfo("Europe/Berlin")) == "CET"
    assert zone_text(NOON, ZoneInfo("America/Sao_Paulo")) == "UTC-03"
    assert zone_text(NOON, UTC) == "UTC"


def test_another_clock_here_is_told() -> None:
    berlin, paris = ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/Paris")
    assert zone_difference(NOON, berlin, paris) == "", "its clocks show the same"
    assert zone_difference(NOON, berlin, ZoneInfo("Asia/Tokyo")) == (
        "All times are the shops': Europe/Berlin, where it is 13:00. Here it is 21:00 JST."
    )
