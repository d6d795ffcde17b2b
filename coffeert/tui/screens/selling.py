"""Selling: orders, corrections and made-up orders from the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coffeert.domain.orders import Draft, text_from_cents
from coffeert.errors import CoffeertError
from coffeert.tui.render.form import InjectionRequest
from coffeert.tui.render.text import clean
from coffeert.tui.screens import view_models as models
from coffeert.tui.screens.board_screen import BoardScreen
from coffeert.tui.screens.injection_form import InjectionForm
from coffeert.tui.screens.order_form import OrderForm
from coffeert.tui.widgets.order_table import OrderTable

if TYPE_CHECKING:
    from coffeert.tui.injection import Injection
    from coffeert.wire.orders import MenuBody


class Selling(BoardScreen):
    """What the viewer does to the orders."""

    def action_new_order(self) -> None:
        """Place an order."""
        self._open_form(None)

    def action_repeat_last(self) -> None:
        """Place the last order once more, after a look at it."""
        draft = self.coffeert.till.repeatable()
        if draft is None:
            self.warn("There is no order to repeat yet: press n to place one.")
            return
        self._open_form(draft)

    async def action_void_last(self) -> None:
        """Void the last own order."""
        order_id = self.coffeert.till.last_voidable()
        if order_id is None:
            self.warn("There is no order of yours to void.")
            return
        try:
            placed = await self.coffeert.till.void(order_id)
        except CoffeertError as error:
            self.complain(error)
            return
        order = placed.order
        amount = text_from_cents(-order.revenue_cents)
        self.say(f"Voided {clean(order.drink)} at {clean(order.store)}, {amount}.")

    def action_copy(self) -> None:
        """Copy the chosen order as JSON, over SSH too (OSC 52)."""
        row = self.query_one(OrderTable).chosen_row
        if row is None:
            self.warn("No order is chosen.")
            return
        self.app.copy_to_clipboard(models.order_json(row.order))
        self.say(f"Copied order {row.order.order_id}.")

    def action_reconnect(self) -> None:
        """Connect at once."""
        self.coffeert.feed.reconnect_now()

    def action_inject(self) -> None:
        """Choose what to inject."""
        injection = self.coffeert.injection
        if injection is None:
            self.warn("A recording takes no orders.")
            return
        try:
            injection.check()
        except CoffeertError as error:
            self.complain(error)
            return
        self.app.push_screen(InjectionForm(), self._inject)

    def action_stop_injection(self) -> None:
        """Stop injecting."""
        injection = self.coffeert.injection
        if injection is None or not injection.stop():
            self.warn("Nothing is being injected: i starts it.")
        self.tick()

    def _inject(self, wish: InjectionRequest | None) -> None:
        injection, menu = self.coffeert.injection, self.coffeert.session.menu
        if wish is not None and injection is not None and menu is not None:
            self.run_worker(self._injected(injection, wish, menu), group="injection")

    async def _injected(self, injection: Injection, wish: InjectionRequest, menu: MenuBody) -> None:
        try:
            report = await injection.run(wish, menu)
        except CoffeertError as error:
            self.complain(error)
            return
        ms = report.latency_ms
        self.say(
            f"Injected {report.accepted + report.replayed:,} orders, {report.rejected:,} refused, "
            f"{report.lost:,} unknown; p50 {ms.p50:.1f} ms, p99 {ms.p99:.1f} ms."
        )

    def _open_form(self, draft: Draft | None) -> None:
        app = self.coffeert
        if app.session.menu is None:
            self.warn("There is no menu to order from before a server has been reached.")
            return
        self.app.push_screen(OrderForm(app.till, app.session, app.url, app.glyphs, draft))
