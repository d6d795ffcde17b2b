"""How many readers could poll instead: answers a second, changed and unchanged."""

from __future__ import annotations

from coffeert.lab.bench import Bench, subject
from coffeert.lab.child import child
from coffeert.lab.polling import PollingJob, PollingResult
from coffeert.lab.results import Measurement


async def poll(bench: Bench) -> tuple[tuple[float, float], list[Measurement]]:
    """Poll with and without an ETag; returns both rates."""
    rates: list[float] = []
    measurements: list[Measurement] = []
    async with subject(bench) as server:
        await server.warm_up(rate=200.0, seconds=bench.effort.seconds)
        for etag in (True, False):
            label = "polling, mostly unchanged (304)" if etag else "polling, whole picture (200)"
            bench.tell(label)
            job = PollingJob("127.0.0.1", server.server.port, 16, bench.effort.seconds, etag)
            async with child("coffeert.lab.polling", job, PollingResult) as pollers:
                await pollers.ready()
                pollers.tell()
                result = await pollers.result()
            rates.append(result.rate)
            note = f"{result.size:,} bytes a picture; pollers {result.cores:.2f} cores"
            measurements.append(
                Measurement(label=label, good=round(result.rate, 1), unit="answers/s", note=note)
            )
    return (rates[0], rates[1]), measurements
