"""The keys that inject made-up orders, and take them back."""

from __future__ import annotations

from textual.screen import Screen

from coffeert.errors import CoffeertError
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.injection import Injection, InjectionRequest
from coffeert.tui.model.server_address import ServerAddress
from coffeert.tui.screens.injection_form import InjectionForm
from coffeert.tui.screens.order_commands import Notices
from coffeert.tui.screens.take_back import TakeBack
from coffeert.wire.orders import MenuBody


class InjectionCommands:
    """What the keys do with made-up orders; each says what it has done. A recording has no `injection`."""

    def __init__(
        self,
        state: DashboardState,
        injection: Injection | None,
        notices: Notices,
        address: ServerAddress,
    ) -> None:
        self._state = state
        self._injection = injection
        self._notices = notices
        self._address = address

    def open_form(self, screen: Screen[None]) -> None:
        """Ask how many orders to make up, and inject them."""
        injection = self._injection
        if injection is None:
            self._notices.notify_warning("A recording takes no orders.")
            return
        try:
            injection.check()
        except CoffeertError as error:
            self._notices.notify_error(error)
            return
        totals = self._state.live.totals
        form = InjectionForm(
            self._address.name, None if totals is None else totals.day.orders, demo=injection.demo
        )

        def start(request: InjectionRequest | None) -> None:
            menu = self._state.live.menu
            if request is not None and menu is not None:
                screen.run_worker(self._inject(injection, request, menu), group="injection")

        screen.app.push_screen(form, start)

    def stop(self, screen: Screen[None]) -> None:
        """Stop injecting; or, once it has ended, ask whether to take the last run back."""
        injection = self._injection
        if injection is None or (not injection.stop() and injection.last_run is None):
            self._notices.notify_warning("Nothing is being injected: i starts it.")
        elif not injection.running and injection.last_run is not None:

            def take_back(run: str | None) -> None:
                if run is not None:
                    screen.run_worker(self._take_back(injection, run), group="injection")

            screen.app.push_screen(TakeBack(injection.last_run, self._address.name), take_back)

    async def _inject(
        self, injection: Injection, request: InjectionRequest, menu: MenuBody
    ) -> None:
        try:
            report = await injection.run(request, menu)
        except CoffeertError as error:
            self._notices.notify_error(error)
            return
        ms = report.latency_ms
        self._notices.notify_info(
            f"Injected {report.accepted + report.replayed:,} orders, {report.rejected:,} refused, "
            f"{report.lost:,} unknown; p50 {ms.p50:.1f} ms, p99 {ms.p99:.1f} ms. x takes them back."
        )

    async def _take_back(self, injection: Injection, run: str) -> None:
        try:
            taken = await injection.take_back(run)
        except CoffeertError as error:
            self._notices.notify_error(error)
        else:
            self._notices.notify_info(f"Took {taken.voided:,} made-up orders back.")
