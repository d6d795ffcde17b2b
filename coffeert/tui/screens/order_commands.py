"""The keys that place, repeat and void orders."""

from __future__ import annotations

from typing import Final, Protocol
from uuid import UUID

from textual.app import App

from coffeert.domain.orders import Draft
from coffeert.errors import CoffeertError
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.server_address import ServerAddress
from coffeert.tui.order_actions import OrderActions
from coffeert.tui.render.form import order_words
from coffeert.tui.screens.order_form import OrderForm

CONFIRM_SECONDS: Final = 6.0
"""So long after the question the same key voids."""


class Notices(Protocol):
    """Where it is said what was done."""

    def notify_info(self, text: str) -> None: ...
    def notify_warning(self, text: str) -> None: ...
    def notify_error(self, error: CoffeertError | str) -> None: ...


class OrderCommands:
    """What the keys do with the viewer's own orders; each says what it has done."""

    def __init__(
        self,
        state: DashboardState,
        order_actions: OrderActions,
        notices: Notices,
        address: ServerAddress,
        *,
        has_token: bool,
    ) -> None:
        self._state = state
        self._order_actions = order_actions
        self._notices = notices
        self._address = address
        self._has_token = has_token
        self._asked: tuple[UUID, float] | None = None

    def open_form(self, app: App[None], draft: Draft | None = None) -> None:
        """Open the form, filled in as a draft."""
        session = self._state.live
        if session.menu is None:
            self._notices.notify_warning(
                "There is no menu to order from before a server has been reached."
            )
            return
        form = OrderForm(
            self._order_actions,
            session,
            self._state.glyphs,
            draft,
            url=self._address.url,
            has_token=self._has_token,
        )
        app.push_screen(form)

    async def repeat(self) -> None:
        """Place the last order once more, as a new one."""
        draft = self._order_actions.repeatable()
        if draft is None:
            self._notices.notify_warning("There is no order to repeat yet: press n to place one.")
            return
        try:
            placed = await self._order_actions.place(draft)
        except CoffeertError as error:
            self._notices.notify_error(error)
            return
        words = order_words(placed.order, self._state.live.menu)
        self._notices.notify_info(f"Placed again: {words}. u takes it back.")

    async def void_last(self) -> None:
        """Ask whether to void the last order placed here; do so if the question was just asked."""
        own = self._order_actions.last_voidable()
        if own is None or own.order is None:
            self._notices.notify_warning("There is no order of yours to void.")
            return
        order, moment = own.order, self._state.live.clock.monotonic()
        words = order_words(order, self._state.live.menu)
        asked, self._asked = self._asked, None
        if asked is None or asked[0] != order.order_id or moment - asked[1] > CONFIRM_SECONDS:
            self._asked = order.order_id, moment
            self._notices.notify_warning(f"Void {words}? u again.")
            return
        try:
            await self._order_actions.void(order.order_id)
        except CoffeertError as error:
            self._notices.notify_error(error)
            return
        self._notices.notify_info(f"Voided {words}.")

    def forget_question(self) -> None:
        """Another key was pressed: the question is answered with no."""
        self._asked = None
