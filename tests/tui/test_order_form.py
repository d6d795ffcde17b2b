"""Placing, repeating and voiding orders from the screen."""

from __future__ import annotations

import json
import re
import shlex
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from textual.widgets import Input

from coffeert.client import PlacedOrder
from coffeert.domain.orders import Draft, Order
from coffeert.errors import FieldError, Invalid, OutcomeUnknown
from coffeert.tui.screens.order_form import OrderForm
from tests.tui.conftest import Harness, Launch


def form(s: Harness) -> OrderForm:
    """Return the form on the screen."""
    assert isinstance(s.app.screen, OrderForm)
    return s.app.screen


def voidable(s: Harness) -> UUID | None:
    """Return the order that `u` would void."""
    own = s.app.tab.order_actions.last_voidable()
    return None if own is None or own.order is None else own.order.order_id


async def fill(s: Harness, store: str, drink: str, quantity: str = "2") -> None:
    """Fill the form in."""
    form(s).query_one("#store", Input).value = store
    form(s).query_one("#drink", Input).value = drink
    form(s).query_one("#quantity", Input).value = quantity
    await s.pilot.pause()


def stored(s: Harness, quantity: int = 2) -> Order:
    """Return the order as the server would store it."""
    order_id = form(s).entry().order_id
    now = s.clock.now()
    return Order(order_id, "uptown", "latte", quantity, 450, now, now)


async def until(s: Harness, text: str) -> None:
    """Wait until a text is on the screen; the test's own time limit ends the wait."""
    while text not in s.text():
        await s.pilot.pause(0.02)


@pytest.mark.long
async def test_an_order_is_placed_acknowledged_and_followed_to_the_screen(
    launch: Launch,
) -> None:
    async with launch() as s:
        await s.pilot.press("n")
        await s.pilot.pause()
        await fill(s, "uptown", "latte")
        order = stored(s)
        start = s.clock.monotonic()
        s.feed.answers.append(PlacedOrder(order, False, 1, start, start + 0.031))
        await s.pilot.press("f2")
        await until(s, "stored: 2 Latte at Uptown, 9.00")
        assert "2 x 4.50 = 9.00" in s.text(), "the total of what stands in the form"
        assert s.feed.placed[0].order_id == order.order_id
        assert s.feed.placed[0].price_cents is None
        s.clock.pass_time(0.05)
        await s.happen(s.house.tell(s.clock.now(), [order], start + 0.04))
        await until(s, "on screen")
        own = s.app.session.own.get(order.order_id)
        assert own is not None
        assert own.after(own.committed_at) == pytest.approx(31)
        assert own.after(own.on_wire_at) == pytest.approx(40)
        while own is not None and own.rendered_at is None:
            await s.settle()
            own = s.app.session.own.get(order.order_id)
        await s.press("escape")
        await s.press("5")
        assert "yours after 50 ms (p95 50)" in s.text()


@pytest.mark.long
async def test_a_store_and_a_drink_are_found_by_typing(launch: Launch) -> None:
    async with launch() as s:
        await s.press("n", *"upt")
        assert "Uptown  uptown" in s.text()
        assert "Central  central" not in s.text(), "letters narrow what is offered"
        await s.press("enter", *"flt")
        assert "Flat-White  flat-white" in s.text()
        await s.press("tab")
        entry = form(s).entry()
        assert (entry.store, entry.drink) == ("Uptown", "Flat-White")
        assert s.app.focused is not None
        assert s.app.focused.id == "quantity"
        await s.press("shift+tab", "ctrl+u", *"te", "down", "up", "enter")
        assert form(s).entry().drink == "Tea"


async def test_an_order_that_a_rush_carries_off_the_rows_at_once_is_painted_with_the_figures(
    launch: Launch,
) -> None:
    async with launch() as s:
        own = s.app.session.own
        order = s.house.order(s.clock.now())
        own.submit(Draft(order.store, order.drink, order_id=order.order_id), s.clock.monotonic())
        crowd = [s.house.order(s.clock.now() + timedelta(milliseconds=n)) for n in range(1, 41)]
        change = s.house.tell(s.clock.now(), [order, *crowd], s.clock.monotonic())
        await s.happen(change)
        assert order.order_id.hex[-12:] not in s.text()
        while (seen := own.get(order.order_id)) is None or seen.rendered_at is None:
            await s.settle()


async def test_mistakes_are_named_before_anything_is_sent(launch: Launch) -> None:
    async with launch() as s:
        await s.pilot.press("n")
        await s.pilot.pause()
        await fill(s, "uptown", "latte", "10000")
        await s.pilot.press("f2")
        await s.pilot.pause()
        assert "1 to 9999, or negative: a refund" in s.text()
        assert s.feed.placed == []


async def test_the_servers_refusal_names_the_field(launch: Launch) -> None:
    async with launch() as s:
        await s.pilot.press("n")
        await s.pilot.pause()
        await fill(s, "uptown", "latte")
        fault = FieldError("drink", "'latte' is not an active drink of the menu")
        s.feed.answers.append(Invalid("The order has invalid values.", errors=(fault,)))
        await s.pilot.press("f2")
        await until(s, "422 The order has invalid values.")
        assert "'latte' is not an active drink of the menu" in s.text(), "not cut"


async def test_an_unknown_outcome_keeps_the_key_so_that_trying_again_is_safe(
    launch: Launch,
) -> None:
    async with launch() as s:
        await s.pilot.press("n")
        await s.pilot.pause()
        await fill(s, "uptown", "latte")
        order = stored(s)
        s.feed.answers.append(OutcomeUnknown("The connection broke while committing."))
        s.feed.answers.append(PlacedOrder(order, True, 2, 1000.0, 1000.2))
        await s.pilot.press("f2")
        await until(s, "Placing it again is safe")
        await s.pilot.press("f2")
        await until(s, "stored: 2 Latte")
        assert s.feed.placed[0].order_id == s.feed.placed[1].order_id


@pytest.mark.long
async def test_an_order_of_unknown_outcome_is_confirmed_when_the_feed_brings_it(
    launch: Launch,
) -> None:
    async with launch((170, 45)) as s:
        await s.press("4")
        await s.pilot.press("n")
        await s.pilot.pause()
        await fill(s, "uptown", "latte")
        order = stored(s)
        s.feed.answers.append(OutcomeUnknown("The connection broke while committing."))
        await s.pilot.press("f2")
        await until(s, "Placing it again is safe")
        await s.settle()
        assert re.search(r"latte · uptown +unknown", s.text())
        assert s.app.tab.order_actions.last_voidable() is None
        await s.happen(s.house.tell(s.clock.now(), [order]))
        await until(s, "stored: 2 Latte at Uptown, 9.00")
        assert "no answer, but it is there" in s.text()
        assert "unknown" not in s.text()
        assert form(s).entry().order_id != order.order_id, "the next order is another one"
        await s.press("escape")
        assert not re.search(r"latte · uptown +(unknown|refused)", s.text())
        assert voidable(s) == order.order_id


async def test_an_order_seen_before_its_answer_failed_is_stored(
    launch: Launch,
) -> None:
    async with launch() as s:
        order_actions, own = s.app.tab.order_actions, s.app.session.own
        order = s.house.order(s.clock.now())
        draft = Draft(order.store, order.drink, order.quantity, order_id=order.order_id)
        own.submit(draft, s.clock.monotonic())
        await s.happen(s.house.tell(s.clock.now(), [order]))
        s.feed.answers.append(OutcomeUnknown("No answer within 10 s."))
        with pytest.raises(OutcomeUnknown):
            await order_actions.place(draft)
        assert voidable(s) == order.order_id


async def test_a_form_closed_while_sending_leaves_an_order_of_unknown_outcome(
    launch: Launch,
) -> None:
    async with launch() as s:
        await s.pilot.press("n")
        await s.pilot.pause()
        await fill(s, "uptown", "latte")
        order = stored(s)
        s.feed.holds_answers = True
        await s.pilot.press("f2")
        await until(s, "sending")
        await s.press("escape")
        own = s.app.session.own
        while (sent := own.get(order.order_id)) is None or sent.status == "sent":
            await s.pilot.pause()
        assert sent.status == "unknown"
        await s.happen(s.house.tell(s.clock.now(), [order]))
        assert voidable(s) == order.order_id


async def test_copies_the_order_as_a_command_with_its_key(launch: Launch) -> None:
    async with launch() as s:
        await s.pilot.press("n")
        await s.pilot.pause()
        await fill(s, "uptown", "latte")
        key = form(s).entry().order_id
        await s.pilot.press("f3")
        await s.pilot.pause()
        words = shlex.split(s.app.clipboard)
        assert words[0] == "curl"
        assert json.loads(words[-1]) == {
            "store": "uptown",
            "drink": "latte",
            "quantity": 2,
            "order_id": str(key),
        }


async def test_the_command_of_a_protected_server_names_the_token_and_does_not_hold_it(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COFFEERT_TOKEN", "hush-hush")
    async with launch(has_token=True) as s:
        await s.pilot.press("n")
        await s.pilot.pause()
        await fill(s, "uptown", "latte")
        await s.pilot.press("f3")
        await s.pilot.pause()
        assert s.app.clipboard.endswith(' -H "Authorization: Bearer $COFFEERT_TOKEN"')
        assert "hush-hush" not in s.app.clipboard


@pytest.mark.long
async def test_voids_the_last_own_order_and_repeats_it(launch: Launch) -> None:
    async with launch() as s:
        await s.press("u")
        assert s.archive.voided == []
        await s.pilot.press("n")
        await s.pilot.pause()
        await fill(s, "uptown", "latte")
        order = stored(s)
        s.feed.answers.append(PlacedOrder(order, False, 1, 1000.0, 1000.01))
        await s.pilot.press("f2")
        await until(s, "stored:")
        await s.press("escape", "u")
        assert "Void 2 Latte at Uptown, 9.00? u again." in s.notices()
        assert s.archive.voided == []
        await s.press("t", "u")
        assert s.archive.voided == [], "another key was the answer"
        s.clock.pass_time(7)
        await s.press("u")
        assert s.archive.voided == [], "the question was too long ago"
        await s.press("u")
        assert s.archive.voided == [order.order_id]
        again = msgspec.structs.replace(order, order_id=UUID(int=7))
        s.feed.answers.append(PlacedOrder(again, False, 1, 1000.0, 1000.01))
        await s.press("R")
        placed = s.feed.placed[-1]
        assert (placed.store, placed.drink, placed.quantity) == ("uptown", "latte", 2)
        assert placed.order_id != order.order_id
        assert "Placed again: 2 Latte at Uptown, 9.00. u takes it back." in s.notices()


@pytest.mark.long
async def test_what_the_whole_line_costs_can_be_given(launch: Launch) -> None:
    async with launch() as s:
        await s.press("n")
        await fill(s, "uptown", "latte")
        form(s).query_one("#total", Input).value = "8"
        await s.pilot.pause()
        assert "2 for 8.00" in s.text()
        form(s).query_one("#price", Input).value = "4.50"
        await s.press("f2")
        assert "does not fit the total: 2 x 4.50 is 9.00" in s.text()
        form(s).query_one("#price", Input).value = ""
        s.feed.answers.append(PlacedOrder(stored(s), False, 1, 1000.0, 1000.01))
        await s.press("f2")
        assert (s.feed.placed[0].total_cents, s.feed.placed[0].price_cents) == (800, None)


async def test_a_name_that_nothing_has_is_told_in_full(launch: Launch) -> None:
    async with launch((40, 16)) as s:
        await s.press("n")
        await fill(s, "harbour", "latte")
        await s.press("f2")
        assert "no store is called" in s.text()
        assert s.text().count("harbour") == 2, "on a further line, not cut"
        assert s.feed.placed == []
