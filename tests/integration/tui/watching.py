"""A dashboard without a terminal, on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from coffeert.client import PlacedOrder
from coffeert.client.http import OrderClient
from coffeert.domain.orders import Draft
from coffeert.tui.app import CoffeertApp
from coffeert.tui.injection import Injection
from coffeert.tui.live_source import LiveSource
from coffeert.tui.model.server_address import ServerAddress

Watched = tuple[CoffeertApp, Pilot[None], OrderClient]


class PatientSource(LiveSource):
    """A source on which an order may take as long as the test: ten seconds pass on a busy machine."""

    async def place(self, draft: Draft, *, timeout: float = 300) -> PlacedOrder:  # noqa: ASYNC109 (contract)
        return await super().place(draft, timeout=timeout)


@asynccontextmanager
async def watching(url: str, *, allow_inject: bool = False) -> AsyncIterator[Watched]:
    """Run a dashboard on a server, once its first picture shows."""
    address = ServerAddress(url)
    source = PatientSource(address, None)
    async with OrderClient(url) as client:
        injection = Injection(address, None, allowed=allow_inject)
        app = CoffeertApp(source, source, url=address, injection=injection)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: app.session.view is not None)
            yield app, pilot, client


async def until(pilot: Pilot[None], met: Callable[[], bool]) -> None:
    """Wait for a condition; the test's own time limit ends the wait, or the end of the dashboard."""
    while not met():
        assert pilot.app.is_running, "the dashboard has ended"
        await pilot.pause(0.02)
