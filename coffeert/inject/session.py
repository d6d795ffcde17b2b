"""One injection from beginning to end: the piece that a command, a demo or a screen starts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from coffeert.inject.chunks import in_memory
from coffeert.inject.injector import Injector
from coffeert.inject.profile import Profile
from coffeert.inject.report import OutcomeRecorder, Report
from coffeert.inject.scenario import scenario
from coffeert.inject.schedule import ArrivalPlan
from coffeert.inject.scheduled_order import ScheduledOrder
from coffeert.inject.senders import Transport, open_senders
from coffeert.wire.orders import MenuBody

PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where orders go and how. `connections` of each way, `patience` in seconds for each order."""

    url: str
    token: str | None = None
    ways: tuple[Transport, ...] = ("http",)
    connections: int | None = None
    patience: float = PATIENCE


async def inject(
    target: Target,
    shots: AsyncIterator[Sequence[ScheduledOrder]],
    recorder: OutcomeRecorder | None = None,
    *,
    started: Callable[[Injector], None] = lambda injector: None,
) -> Report:
    """Send shots until there are no more and return what became of them.

    `recorder` can be watched meanwhile; `started` is given the injector, to stop it by. Raises
    `ConfigError` for a target that cannot be used, and the `CoffeertError` of `shots`.
    """
    async with AsyncExitStack() as stack:
        carriers = await open_senders(
            stack,
            target.ways,
            target.url,
            target.token,
            connections=target.connections,
            patience=target.patience,
        )
        injector = Injector(carriers, recorder or OutcomeRecorder())
        started(injector)
        return await injector.run(shots)


def scenario_shots(
    plan: ArrivalPlan, profiles: Sequence[Profile], menu: MenuBody, seed: int | None = None
) -> AsyncIterator[Sequence[ScheduledOrder]]:
    """Make up orders for `inject`; without a seed, other ones every time."""
    return in_memory(scenario(plan, profiles, menu, seed))
