"""Injections started from the screen: made-up orders at a rate, with progress and a stop."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coffeert.errors import ConfigError, Forbidden
from coffeert.tui.render.form import InjectionRequest
from coffeert.tui.render.time_bar import InjectionModel
from coffeert.wire.orders import MenuBody

if TYPE_CHECKING:
    from coffeert.inject import Injector, OutcomeRecorder, Report


class Injection:
    """One injection at a time."""

    def __init__(self, url: str, token: str | None, *, allowed: bool) -> None:
        self._url = url
        self._token = token
        self._allowed = allowed or _on_this_machine(urlsplit(url).hostname or "")
        self._injector: Injector | None = None
        self._recorder: OutcomeRecorder | None = None
        self._wish: InjectionRequest | None = None
        self._total: int | None = None
        self._stopping = False

    @property
    def running(self) -> bool:
        """Whether orders are being sent."""
        return self._wish is not None

    def check(self) -> None:
        """Refuse (`Forbidden`) where made-up orders could spoil somebody's figures."""
        if not self._allowed:
            raise Forbidden(
                "Made-up orders go only to a server on this machine; "
                "start coffeert-tui with --allow-inject to send them elsewhere."
            )
        if self.running:
            raise ConfigError("An injection is running already: x stops it.")

    async def run(self, wish: InjectionRequest, menu: MenuBody) -> Report:
        """Inject, and report; raises `CoffeertError`."""
        # Loaded here: most dashboards never inject, and all are to start at once.
        from coffeert.inject import (
            OutcomeRecorder,
            Target,
            arrival_plan,
            generated_chunks,
            inject,
            profiles_named,
        )

        self.check()
        target = Target(self._url, self._token)
        planned = arrival_plan(wish.rate, None, wish.seconds)
        orders = generated_chunks(planned, profiles_named(wish.profile), menu, wish.seed)
        self._wish, self._recorder, self._stopping = wish, OutcomeRecorder(), False
        self._total = None if planned.endless else planned.count
        try:
            return await inject(target, orders, self._recorder, on_start=self._started)
        finally:
            self._wish = self._injector = None

    def stop(self) -> bool:
        """Send nothing further; tell whether anything was running."""
        if self._injector is not None:
            self._stopping = True
            self._injector.stop()
        return self.running

    def model(self) -> InjectionModel | None:
        """Say how it goes."""
        if self._wish is None or self._recorder is None:
            return None
        sent = self._recorder.finished
        part = None if not self._total else min(1.0, sent / self._total)
        return InjectionModel(self._wish.profile, sent, part, self._stopping)

    def _started(self, injector: Injector) -> None:
        self._injector = injector


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
