"""Whether clients that never read slow the others down."""

from __future__ import annotations

import aiohttp
import msgspec

from coffeert.lab.bench import Bench, Subject
from coffeert.lab.child import child
from coffeert.lab.crowd import CrowdJob, CrowdResult
from coffeert.lab.experiments.order_to_screen import watch_rate, watched_subject
from coffeert.lab.latency import Latencies
from coffeert.lab.results import Measurement

_CLIENTS = 100
_RATE = 200
_FILLINGS = 20


class Stall(msgspec.Struct, frozen=True):
    """p99s in ms from the 201 to the frame without and with stalled clients, and the measurements.

    `conflated`: updates that the server merged for clients that were behind, which shows that they were.
    """

    calm: float
    stalled: float
    conflated: int
    measurements: tuple[Measurement, ...]

    @property
    def worse(self) -> float:
        """By how much the p99 is longer with stalled clients, as a share."""
        return self.stalled / self.calm - 1 if self.calm else 0.0


async def stall(bench: Bench) -> Stall:
    """Time frames to a screen among a crowd, without and with 1 % of it stalled, in turn.

    From the 201 on: what comes before it no client can slow down.
    """
    calm: list[Latencies] = []
    stalled: list[Latencies] = []
    measurements: list[Measurement] = []
    async with watched_subject(bench, slow_client_timeout=3600) as server:
        for _ in range(min(2, bench.effort.repeats)):
            for many, latencies in ((0, calm), (_CLIENTS // 100, stalled)):
                job = CrowdJob(
                    host="127.0.0.1", port=server.server.port, clients=_CLIENTS, stalled=many
                )
                async with child("coffeert.lab.crowd", job, CrowdResult) as crowd:
                    await crowd.ready()
                    crowd.tell()
                    if many:
                        await _fill(server)
                    label = f"{_CLIENTS} clients, {many} more stalled, {_RATE}/s"
                    seen = await watch_rate(server, _RATE, label)
                    crowd.tell()
                    await crowd.result()
                latencies.append(seen.after_commit)
                measurements.append(seen.measurement(label))
        conflated = await _conflated(server)
    return Stall(
        Latencies.merged(calm).p99,
        Latencies.merged(stalled).p99,
        conflated,
        tuple(measurements),
    )


async def _fill(server: Subject) -> None:
    """Send orders until the buffers of the stalled clients are full."""
    before = await _conflated(server)
    for _ in range(_FILLINGS):
        await server.warm_up(rate=float(_RATE * 2), seconds=max(0.5, server.bench.effort.seconds))
        if await _conflated(server) > before:
            return


async def _conflated(server: Subject) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{server.server.url}/readyz") as answer,
    ):
        found: int = (await answer.json())["parts"]["sockets"].get("conflated", 0)
        return found
