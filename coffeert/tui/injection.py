"""Injections started from the dashboard: made-up orders at a rate, with progress and a stop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coffeert.durations import parse_duration
from coffeert.errors import ConfigError, Forbidden
from coffeert.tui.model.server_address import ServerAddress
from coffeert.tui.render.time_bar import InjectionProgress
from coffeert.wire.orders import MenuBody

if TYPE_CHECKING:
    from coffeert.inject import InjectionReport, Injector, OutcomeRecorder
    from coffeert.inject.take_back import TakenBack

MAX_ORDERS_PER_SECOND: Final = 100_000


@dataclass(frozen=True, slots=True)
class InjectionRequest:
    """What to inject; `seconds` is `None` for until it is stopped."""

    profile: str
    rate: float
    seconds: float | None
    seed: int | None

    @property
    def orders(self) -> int | None:
        """How many orders that makes, `None` without an end."""
        return None if self.seconds is None else round(self.rate * self.seconds)


def parse_injection_request(profile: str, rate: str, duration: str, seed: str) -> InjectionRequest:
    """Read what was typed into the form; raises `ValueError` with a phrase to show there."""
    per_second = _orders_per_second(rate)
    seconds = None
    if duration.strip():
        try:
            seconds = parse_duration(duration)
        except ValueError as error:
            raise ValueError(f"duration {error}, or empty") from None
        if seconds <= 0:
            raise ValueError("duration must be longer than 0")
    if seed.strip() and not seed.strip().lstrip("-").isdecimal():
        raise ValueError("seed must be a whole number, or empty")
    return InjectionRequest(profile, per_second, seconds, int(seed) if seed.strip() else None)


def injection_warning(orders: int | None, server: str, stored: int | None) -> str:
    """Say what an injection would do to a server's figures."""
    number = "Made-up orders without end" if orders is None else f"{orders:,} made-up orders"
    held = "" if stored is None else f", which has {stored:,} orders of the last 30 days"
    return f"{number} into {server}{held}. They count in every figure."


def _orders_per_second(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("orders/s must be a number") from None
    if not 0 < value <= MAX_ORDERS_PER_SECOND:  # NaN, too
        raise ValueError(f"orders/s must lie between 0 and {MAX_ORDERS_PER_SECOND}")
    return value


class Injection:
    """Runs one injection at a time, and takes the last one back.

    `allowed`: whether made-up orders may get among those of the server at all. `demo`: whether all of its
    orders are made up anyway, so that nobody needs to be asked.
    """

    def __init__(
        self,
        address: ServerAddress,
        token: str | None,
        *,
        allowed: bool = False,
        demo: bool = False,
        ca_file: Path | None = None,
    ) -> None:
        self._address = address
        self._token = token
        self._ca_file = ca_file
        self._allowed = allowed or demo
        self.demo = demo
        self.last_run: str | None = None
        self._injector: Injector | None = None
        self._recorder: OutcomeRecorder | None = None
        self._request: InjectionRequest | None = None
        self._total: int | None = None
        self._stopping = False

    @property
    def running(self) -> bool:
        """Whether orders are being sent."""
        return self._request is not None

    def check(self) -> None:
        """Raise `Forbidden` if made-up orders are not allowed, `ConfigError` if some are being sent."""
        if not self._allowed:
            raise Forbidden(
                "Made-up orders would count among the real ones of this server; "
                "start coffeert-tui with --allow-inject to send them all the same."
            )
        if self.running:
            raise ConfigError("An injection is running already: x stops it.")

    async def run(self, request: InjectionRequest, menu: MenuBody) -> InjectionReport:
        """Inject orders and return the report; raises `CoffeertError`."""
        # Loaded here: most dashboards never inject, and every dashboard is to start fast.
        from coffeert.inject import (
            OutcomeRecorder,
            Target,
            arrival_plan,
            generated_chunks,
            inject,
            profiles_named,
            run_name,
        )

        self.check()
        target = Target(self._address.url, self._token, ca_file=self._ca_file)
        planned = arrival_plan(request.rate, None, request.seconds)
        profiles = profiles_named(request.profile)
        run = run_name(request.seed)
        orders = generated_chunks(planned, profiles, menu, run, request.seed)
        self._request, self._recorder, self._stopping = request, OutcomeRecorder(run), False
        self._total = None if planned.endless else planned.count
        try:
            self.last_run = run
            return await inject(target, orders, self._recorder, on_start=self._started)
        finally:
            self._request = self._injector = None

    async def take_back(self, run: str) -> TakenBack:
        """Void all orders of a run; raises `CoffeertError`."""
        from coffeert.client import OrderClient
        from coffeert.inject.take_back import take_back

        url = self._address.url
        async with OrderClient(url, self._token, ca_file=self._ca_file) as client:
            return await take_back(client, run)

    def stop(self) -> bool:
        """Stop sending; return whether an injection was running."""
        if self._injector is not None:
            self._stopping = True
            self._injector.stop()
        return self.running

    def progress(self) -> InjectionProgress | None:
        """Return how far the running injection is."""
        if self._request is None or self._recorder is None:
            return None
        sent = self._recorder.finished
        part = None if not self._total else min(1.0, sent / self._total)
        return InjectionProgress(self._request.profile, sent, part, self._stopping)

    def _started(self, injector: Injector) -> None:
        self._injector = injector
