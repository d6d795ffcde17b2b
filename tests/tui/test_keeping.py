"""Alerts, exports, saved views, remapped keys, and what is remembered."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from textual.widgets import Input, Label

from coffeert.errors import ConfigError
from coffeert.tui.bindings import CHANGING
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.injection import Injection, InjectionRequest, parse_injection_request
from coffeert.tui.model.filter import parse_filter
from coffeert.tui.model.saved_views import SavedView, SavedViews
from coffeert.tui.model.server_address import ServerAddress
from coffeert.tui.model.session import Session
from coffeert.tui.model.window import RANGE
from coffeert.tui.render.glyphs import BRAILLE
from coffeert.tui.saved_state import (
    SavedState,
    capture_state,
    load_saved_state,
    present_view,
    save_state,
)
from coffeert.tui.screen_reader import run_screen_reader
from coffeert.tui.screens.injection_form import InjectionForm
from coffeert.tui.settings import Settings, load_settings
from coffeert.wire.orders import MenuBody
from tests.tui.conftest import Launch
from tests.tui.scripted import FakeClock, House, ScriptedFeed, lost


def listed(directory: Path) -> list[Path]:
    """Return the files of a directory."""
    return list(directory.iterdir())


@pytest.mark.long
async def test_exports_what_is_filtered_as_csv_json_and_svg(
    launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with launch() as s:
        s.app.state.filter = parse_filter("drink:latte")
        s.app.state.span = RANGE["15 min"]
        await s.settle()
        for key in "cjs":
            await s.press("e", key)
        files = {path.suffix: path.read_text() for path in sorted(listed(tmp_path))}
        rows = list(csv.DictReader(io.StringIO(files[".csv"])))
        assert rows
        assert {row["drink"] for row in rows} == {"latte"}
        sums = json.loads(files[".json"])
        window = s.app.state.frame_context().window
        assert window is not None
        assert sums["total"]["orders"] == window.sums.total.orders
        assert [row["name"] for row in sums["drinks"]] == ["latte"]
        assert len(sums["buckets"]) == 15
        assert files[".svg"].startswith("<svg")
        await s.press("e", "c")
        assert "exists already" in s.notices()


async def test_saved_views_go_round(launch: Launch) -> None:
    views = Settings(views={"up": SavedView(filter="store:up"), "hot": SavedView(filter="-tea")})
    async with launch(settings=views) as s:
        seen = []
        for _ in range(4):
            await s.press("v")
            seen.append(s.app.state.filter.text())
        assert seen == ["store:up", "-tea", "", "store:up"]


@pytest.mark.long
async def test_a_view_shows_its_name_and_the_list_chooses_saves_and_removes(
    launch: Launch,
) -> None:
    async with launch(settings=Settings(views={"up": SavedView(filter="store:up")})) as s:
        await s.press("v")
        assert "view up" in s.text()
        s.app.state.filter = parse_filter("-tea")
        await s.press("V", "s", *"hot", "enter")
        assert "view hot" in s.text()
        await s.press("V", "up", "enter")
        assert s.app.state.filter == parse_filter("store:up")
        await s.press("V", "d")
        assert "up stands in coffeert-tui.toml" in s.text()
        await s.press("down", "d", "escape")
        assert list(s.app.tab.views) == ["up"]
        assert s.app.state.filter == parse_filter("store:up")


@pytest.mark.long
async def test_a_view_is_all_that_the_screen_shows(launch: Launch) -> None:
    async with launch() as s:
        state = s.app.state
        await s.press("3", "t", "c", "o", "m", "enter")
        state.filter = parse_filter("-tea")
        saved = present_view(state)
        assert (saved.range, saved.tab, saved.sort, saved.metric) == (
            "yesterday",
            "drinks",
            "name",
            "orders",
        )
        assert saved.opened
        assert saved.compare == "yesterday"
        await s.press("V", "s", *"rush", "enter")
        assert "view rush" in s.text()
        for key in ("1", "t", "c", "o", "m", "escape", "escape"):
            await s.press(key)
            assert "view rush" not in s.text()
        await s.press("v")
        assert present_view(state) == saved
        assert "view rush" in s.text()
        await s.press("v")
        assert present_view(state) == msgspec.structs.replace(saved, filter="", opened="")


def test_a_view_needs_a_name() -> None:
    views = SavedViews({"up": SavedView(filter="store:up")})
    hot = SavedView(filter="-tea", range="today")
    for name in ("", "x" * 25, "a\x1b", "up"):
        with pytest.raises(ConfigError):
            views.save(name, hot)
    views.save(" hot ", hot)
    assert views.name_of(SavedView(filter="-tea", range="today", tab="live")) == "hot"
    assert views.name_of(SavedView(filter="-tea", range="yesterday", tab="live")) == ""


async def test_keys_can_be_remapped(launch: Launch) -> None:
    async with launch(settings=Settings(keys={"orders.freeze": "p"})) as s:
        await s.press("space")
        assert not s.app.state.frozen
        await s.press("p")
        assert s.app.state.frozen


async def test_jump_mode_goes_to_the_panel_of_a_letter(launch: Launch) -> None:
    async with launch() as s:
        await s.pilot.press("f")
        await s.pilot.pause()
        await s.pilot.press("d")
        await s.settle()
        assert s.app.focused is not None
        assert s.app.focused.id == "stores"
        await s.press("f", "z")
        assert s.app.focused.id == "stores"


def test_what_is_remembered_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "tui.json"
    state = DashboardState(Session(FakeClock()), BRAILLE)
    views = SavedViews({})
    view = SavedView(range="month", filter="store:=uptown", opened="drink:=tea", sort="name")
    SavedState(
        range="28 days",
        compare="usual",
        filter="store:up -tea",
        theme="coffeert-light",
        tab="stores",
        opened="store:=uptown",
        views={"hot": "-tea", "bad": "x:", "whole": view},
    ).restore(state, views)
    save_state(path, capture_state(state, "coffeert-light", views))
    again = DashboardState(Session(FakeClock()), BRAILLE)
    load_saved_state(path).restore(again, views := SavedViews({}))
    assert dict(views.own) == {"hot": SavedView(filter="-tea"), "whole": view}
    assert (again.span.name, again.tab, again.compare) == ("28 days", "stores", "usual")
    assert again.filter == parse_filter("store:up -tea")
    assert again.path == ()


def test_what_an_earlier_version_has_remembered_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tui.json"
    path.write_text(
        '{"range":"28 days","filter":"-tea","theme":"coffeert-light","tab":"stores",'
        '"views":{"hot":"-tea"}}'
    )
    state = DashboardState(Session(FakeClock()), BRAILLE)
    saved = load_saved_state(path)
    saved.restore(state, views := SavedViews({}))
    assert dict(views.own) == {"hot": SavedView(filter="-tea")}
    assert (saved.theme, state.span.name, state.tab) == ("coffeert-light", "28 days", "stores")
    assert state.filter == parse_filter("-tea")


@pytest.mark.parametrize(
    "text", ["", "[]", '{"range": 3}', '{"range":"9y","filter":"x:","tab":"z"}']
)
def test_what_cannot_be_remembered_is_left_out(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tui.json"
    path.write_text(text)
    state = DashboardState(Session(FakeClock()), BRAILLE)
    load_saved_state(path).restore(state, SavedViews({}))
    assert state.span.name == "today"
    assert not state.filter


def test_settings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(
        '[alerts]\nrush = "orders_per_min > 130 for 30s"\n[views]\nup = "store:up"\n'
        '[keys]\n"orders.freeze" = "p"\n'
    )
    settings = load_settings(path)
    assert settings.alerts["rush"].limit == 130
    assert settings.views["up"] == SavedView(filter="store:up")
    assert settings.keys == {"orders.freeze": "p"}
    assert load_settings(None) == Settings()


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "[other]",
        "[alerts]\na = 3",
        '[alerts]\na = "b"',
        '[views]\na = "x:y"',
        '[keys]\na = "b"',
        "[rewind]\nmib = 3",
    ],
)
def test_settings_that_cannot_be_used_are_explained(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"s\.toml"):
        load_settings(path)


async def test_plain_says_in_sentences_how_things_stand_and_then_waits() -> None:
    clock, feed, house = FakeClock(), ScriptedFeed(), House()
    state = DashboardState(Session(clock), BRAILLE)
    said: list[str] = []
    speaking = asyncio.create_task(run_screen_reader(state, feed, said.append, every=3600))
    feed.put(*house.opening(clock.now()))
    while not any(sentence.startswith("Best drinks") for sentence in said):
        await asyncio.sleep(0)
    total = house.view.cube.totals().today
    assert any(sentence.startswith("10:06:24: live") for sentence in said)
    assert any(f"10:06. {total.orders:,} orders" in sentence for sentence in said)
    before = list(said)
    for _ in range(20):
        feed.put(house.sell(clock.now(), 1))
    while not feed.drained:
        await asyncio.sleep(0)
    assert said == before
    feed.put(lost("does not answer", retry_in=2.0))
    while not any("not connected, trying again in 2 seconds" in sentence for sentence in said):
        await asyncio.sleep(0)
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking


async def test_plain_says_nothing_of_a_view_before_it_knows_how_old_that_is() -> None:
    clock, feed, house = FakeClock(), ScriptedFeed(), House()
    state = DashboardState(Session(clock), BRAILLE)
    said: list[str] = []
    speaking = asyncio.create_task(run_screen_reader(state, feed, said.append, every=0))
    connected, picture, *_ = house.opening(clock.now())
    feed.put(connected, picture)
    while state.view() is None:
        await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)
    assert all(sentence.startswith("No data yet") for sentence in said)
    feed.put(house.beat(clock.now() + timedelta(seconds=40), lag=40))
    while not any("no news for 40 s" in sentence for sentence in said):
        await asyncio.sleep(0)
    assert not any(": live" in sentence for sentence in said)
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking


async def test_made_up_orders_get_among_real_ones_only_if_allowed(launch: Launch) -> None:
    here = ServerAddress("http://localhost:8765")
    async with launch(injection=Injection(here, None)) as s:
        await s.press("i")
        assert "--allow-inject" in s.notices()
    Injection(here, None, allowed=True).check()
    Injection(here, None, demo=True).check()


async def test_the_first_line_says_what_goes_where_and_a_yes_is_typed(launch: Launch) -> None:
    here = ServerAddress("http://127.0.0.1:8765")
    async with launch(injection=Injection(here, None, allowed=True)) as s:
        assert s.app.session.totals is not None
        stored = s.app.session.totals.day.orders
        await s.press("i")
        form = s.app.screen
        assert isinstance(form, InjectionForm)
        warning = str(form.query_one("#warning", Label).render())
        assert f"1,200 made-up orders into 127.0.0.1:8765, which has {stored:,} orders" in warning
        assert "They count in every" in " ".join(s.text().split()), "all of it shows"
        await s.press("f2")
        assert s.app.screen is form, "not without a yes"
        assert "type yes" in str(form.query_one("#fault", Label).render())
        form.query_one("#duration", Input).value = ""
        await s.pilot.pause()
        assert "without end" in str(form.query_one("#warning", Label).render())
        form.query_one("#sure", Input).value = "yes"
        await s.press("f2")
        assert s.app.screen is not form


async def test_nobody_is_asked_in_the_demo(launch: Launch) -> None:
    here = ServerAddress("http://127.0.0.1:8765")
    async with launch(injection=Injection(here, None, demo=True)) as s:
        await s.press("i")
        assert not s.app.screen.query("#sure")


async def test_a_read_only_dashboard_has_no_key_that_changes_anything(launch: Launch) -> None:
    async with launch(read_only=True, injection=Injection(ServerAddress("http://a"), None)) as s:
        for key in ("n", "R", "u", "i", "x"):
            await s.press(key)
            assert s.app.screen is s.app.dashboard, key
        assert not s.notices()
        offered = {key.action for key in s.app.dashboard.available_keys()}
        assert not offered & CHANGING
        assert "break_part" not in offered, "that is for the demo"


def test_what_is_to_be_injected_is_read() -> None:
    assert parse_injection_request("steady", "20", "5m", "") == InjectionRequest(
        "steady", 20.0, 300.0, None
    )
    assert parse_injection_request("steady", "0.5", "", "7") == InjectionRequest(
        "steady", 0.5, None, 7
    )


@pytest.mark.parametrize(
    ("rate", "duration", "seed"),
    [
        ("x", "1s", ""),
        ("0", "1s", ""),
        ("nan", "1s", ""),
        ("1", "soon", ""),
        ("1", "0s", ""),
        ("1", "", "x"),
    ],
)
def test_what_cannot_be_injected_is_explained(rate: str, duration: str, seed: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_injection_request("steady", rate, duration, seed)
    assert MenuBody((), ()).stores == ()
