"""Rules: read, written, and watched over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.alert_rules import METRICS, Rule, RuleMonitor, parse_rule, read_figures
from coffeert.domain.rollup_cube import RollupCube
from coffeert.domain.rollups import CellKey, Totals, floor
from coffeert.errors import ConfigError
from coffeert.wire.reports import Activity, StoreActivity
from tests.calendars import retention

NOW = datetime(2026, 3, 14, 10, 6, 30, tzinfo=UTC)
MINUTE = floor(int(NOW.timestamp()), "minute")


def cube(*cells: tuple[int, str, Totals]) -> RollupCube:
    """Make a cube of minutes, each so many back."""
    made = RollupCube(retention(NOW))
    for back, store, tally in cells:
        made.set(CellKey("minute", MINUTE - back * 60, store, "tea"), tally)
    return made


@given(
    st.sampled_from(METRICS),
    st.sampled_from(["<", "<=", ">", ">=", "=="]),
    st.integers(-1000, 10**12),
    st.integers(0, 600),
)
def test_what_is_written_reads_back(metric: str, sign: str, limit: int, seconds: int) -> None:
    text = f"{metric} {sign} {limit}" + (f" for {seconds}s" if seconds else "")
    rule = parse_rule(text)
    assert rule.text() == text
    assert parse_rule(rule.text()) == rule


def test_durations_have_units() -> None:
    assert parse_rule("lag>3 for 2m").seconds == 120
    assert parse_rule("lag = 3").comparison == "=="


@pytest.mark.parametrize(
    "text", ["", "orders", "orders_per_min > x", "nonsense > 3", "lag > 3 for x", "lag>3;"]
)
def test_what_cannot_be_read_is_explained(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_rule(text)


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 200)), max_size=40))
def test_a_watch_fires_once_the_condition_has_held_long_enough(
    steps: list[tuple[int, int]],
) -> None:
    rule = Rule("orders_per_min", ">", 100, 30)
    watch = RuleMonitor(rule)
    moment, held_from = 0.0, None
    for passed, value in steps:
        moment += passed
        held_from = (held_from if held_from is not None else moment) if value > 100 else None
        firing = held_from is not None and moment - held_from >= 30
        assert (watch.observe({"orders_per_min": value}, moment) == "firing") == firing


def test_an_unknown_figure_neither_fires_nor_calms() -> None:
    watch = RuleMonitor(Rule("avg_ticket", ">", 1))
    assert watch.observe({}, 1) == "quiet"
    assert watch.observe({"avg_ticket": 5}, 2) == "firing"
    assert watch.observe({}, 3) == "firing"


def test_figures_of_a_view() -> None:
    made = cube((0, "uptown", Totals(30, 40, 12_000)), (1, "central", Totals(60, 60, 18_000)))
    figures = read_figures(made, NOW - timedelta(seconds=2), NOW, None, None)
    assert figures["orders_per_min"] == 30 + 60 / 2
    assert figures["revenue_per_min"] == 120 + 180 / 2
    assert figures["avg_ticket"] == pytest.approx(300 / 90)
    assert figures["data_age"] == 2
    assert "silent_stores" not in figures
    assert "queue" not in figures


def test_silent_stores_are_those_that_are_quiet_for_what_they_usually_do() -> None:
    stores = tuple(
        StoreActivity(
            store=code,
            name=code,
            last_sale=None,
            usual_gap=None,
            usually_open=None,
            quiet=code in ("b", "c"),
        )
        for code in "abcd"
    )
    activity = Activity(as_of=NOW, stores=stores)
    assert read_figures(cube(), NOW, NOW, activity, None)["silent_stores"] == 2


def store(code: str, **figures: Any) -> StoreActivity:
    return StoreActivity(
        store=code,
        name=code,
        last_sale=None,
        usual_gap=None,
        usually_open=None,
        quiet=bool(figures.get("silent_for")),
        **figures,
    )


def test_rush_and_silence_are_those_of_the_store_that_has_most_of_it() -> None:
    stores = (store("a", silent_for=90.0), store("b", silent_for=300.0, rush=0.2), store("c"))
    found = read_figures(cube(), NOW, NOW, Activity(as_of=NOW, stores=stores), None)
    assert (found["silent_for"], found["silent_stores"], found["rush"]) == (300, 2, 0.2)
    # Without anything to compare with there is none, so that an alert ends.
    found = read_figures(cube(), NOW, NOW, Activity(as_of=NOW, stores=(store("c"),)), None)
    assert (found["silent_for"], found["rush"]) == (0, 0)


def test_the_rate_of_ten_minutes_has_a_share_of_the_oldest() -> None:
    cells = [(back, "uptown", Totals(back + 1, 1, 1)) for back in range(12)]
    # Half of the current minute has passed: so that, nine whole ones and half of the tenth before.
    assert read_figures(cube(*cells), NOW, NOW, None, None)["rate_10m"] == (55 + 11 / 2) / 10


def test_a_rush_ends_further_down_than_it_begins() -> None:
    monitor = RuleMonitor(parse_rule("rush > 1.5"))
    values = [1.5, 1.51, 1.3, 1.21, 1.2, 1.3]
    phases = [monitor.observe({"rush": value}, second) for second, value in enumerate(values)]
    assert phases == ["quiet", "firing", "firing", "firing", "quiet", "quiet"]
    monitor = RuleMonitor(parse_rule("rate_10m > 1.5"))
    phases = [monitor.observe({"rate_10m": value}, 0) for value in (1.6, 1.4)]
    assert phases == ["firing", "quiet"]


@pytest.mark.parametrize(
    ("lasting", "seconds"), [("1.5s", 1.5), ("500ms", 0.5), ("2 m", 120), ("1h", 3600), ("90", 90)]
)
def test_durations_are_written_as_everywhere_else(lasting: str, seconds: float) -> None:
    assert parse_rule(f" lag > 3 for  {lasting} ").seconds == seconds


@pytest.mark.parametrize("lasting", ["", "x", "-1s", "1 day", "3s 4", "1e9", "1s for 2s"])
def test_a_duration_that_is_none_is_refused(lasting: str) -> None:
    with pytest.raises(ConfigError):
        parse_rule(f"lag > 3 for {lasting}")
