"""Whether clients that never read slow the others down."""

from __future__ import annotations

from coffeert.lab.bench import Bench
from coffeert.lab.child import child
from coffeert.lab.crowd import CrowdJob, CrowdResult
from coffeert.lab.experiments.order_to_screen import watch_rate, watched_subject
from coffeert.lab.latency import Latencies
from coffeert.lab.results import Measurement

_CLIENTS = 100
_RATE = 200


async def stall(bench: Bench) -> tuple[float, float, list[Measurement]]:
    """Time frames to a screen among a crowd, without and with 1 % of it stalled, in turn.

    From the 201 on: what comes before it no client can slow down. Returns both p99s in ms, over all
    repetitions, and the measurements.
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
                    label = f"{_CLIENTS} clients, {many} more stalled, {_RATE}/s"
                    seen = await watch_rate(server, _RATE, label)
                    crowd.tell()
                    await crowd.result()
                latencies.append(seen.after_commit)
                measurements.append(seen.measurement(label))
    return Latencies.merged(calm).p99, Latencies.merged(stalled).p99, measurements
