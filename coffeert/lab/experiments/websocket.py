"""Where does the WebSocket break? Many dashboards on one process, stalled ones, and polling instead."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from statistics import median

import aiohttp
import msgspec

from coffeert.lab.bare_loops import BroadcastJob, serve_broadcast
from coffeert.lab.baselines import start_baseline
from coffeert.lab.dashboard_clients import (
    ClientPoolJob,
    ClientPoolResult,
    PollingJob,
    poll_dashboard,
    run_client_pool,
)
from coffeert.lab.environment import free_port
from coffeert.lab.experiments.order_to_screen import observe_rate, server_with_probes
from coffeert.lab.harness import Harness, ServerUnderTest, server_under_test
from coffeert.lab.resource_usage import cpu_seconds
from coffeert.lab.results import (
    Correctness,
    Curve,
    Diagram,
    Experiment,
    Latencies,
    Measurement,
    Metric,
    Point,
    Verdict,
    judge,
)
from coffeert.lab.worker_process import Worker, run_worker, start_worker

TARGET_CLIENTS = 10_000
TARGET_KIB, TARGET_SPREAD_MS, TARGET_RATIO, TARGET_STALL = 24.0, 300.0, 1.5, 0.10
_SPARE_DESCRIPTORS = 200
_POLLERS = 16
_STALL_CLIENTS = 100
_STALL_RATE = 200
_MAX_FILLINGS = 20


class FanoutSide:
    """What the clients received of one sender; `cpu` is the sender's, in us for a frame to a client."""

    def __init__(self, received: ClientPoolResult, cpu: float) -> None:
        self.received = received
        self.cpu = cpu
        self.spread_ms = median(one.last - one.first for one in received.timings) * 1e3
        self.missed = sum(one.missed for one in received.timings)

    def measurement(
        self, label: str, clients: int, note: str, correctness: Correctness | None = None
    ) -> Measurement:
        """Return the time to the last client as a measurement."""
        return Measurement(
            label=label,
            good=float(clients),
            unit="clients",
            errors=self.missed,
            latency=Latencies.of(one.last for one in self.received.timings),
            correctness=correctness,
            note=f"first to last client {self.spread_ms:.0f} ms; {note}",
        )


class Fanout:
    """One number of clients: the server beside the bare loop."""

    def __init__(
        self,
        clients: int,
        server: FanoutSide,
        bare: FanoutSide,
        memory: int,
        correctness: Correctness,
    ) -> None:
        self.clients = clients
        self.server = server
        self.bare = bare
        self.memory_kib = memory / clients / 1024
        self.correctness = correctness

    @property
    def ratio(self) -> float:
        """The time from first to last client, as a multiple of the bare loop's."""
        return self.server.spread_ms / self.bare.spread_ms if self.bare.spread_ms else 0.0

    def measurements(self) -> list[Measurement]:
        label, received = f"{self.clients:,} clients", self.server.received
        note = (
            f"{self.memory_kib:.1f} KiB a client; {len(received.payload):,} bytes a frame, "
            f"{self.server.cpu:.1f} us of CPU each; clients' process {received.cores:.2f} cores"
        )
        bare_note = f"{self.bare.cpu:.1f} us of CPU a frame"
        return [
            self.server.measurement(label, self.clients, note, self.correctness),
            self.bare.measurement(f"{label}, bare loop", self.clients, bare_note),
        ]


class StallComparison(msgspec.Struct, frozen=True):
    """p99s in ms from the 201 to the frame without and with stalled clients.

    `conflated`: updates that the server merged for clients that were behind, which proves that they were.
    """

    without: float
    stalled: float
    conflated: int
    measurements: tuple[Measurement, ...]

    @property
    def increase(self) -> float:
        """By how much the p99 is longer with stalled clients, as a share."""
        return self.stalled / self.without - 1 if self.without else 0.0


async def run_websocket(harness: Harness) -> Experiment:
    """Measure fan-out at each number of clients, stalled clients, and polling."""
    limit = _raise_descriptor_limit() - _SPARE_DESCRIPTORS
    sizes = [clients for clients in harness.preset.clients if clients <= limit]
    fanouts = [await _fan_out(harness, clients) for clients in sizes]
    stalls = await _compare_stalled(harness)
    polled = await _poll(harness)
    most = fanouts[-1]
    return Experiment(
        name="websocket",
        question="Where does the WebSocket break?",
        measurements=(
            *(m for fanout in fanouts for m in fanout.measurements()),
            *stalls.measurements,
            *polled,
        ),
        metrics=(
            Metric("clients", most.clients),
            Metric("memory_kib", round(most.memory_kib, 1), "KiB"),
            Metric("spread_ms", round(most.server.spread_ms), "ms"),
            Metric("bare_spread_ms", round(most.bare.spread_ms), "ms"),
            Metric("bare_ratio", round(most.ratio, 2)),
            Metric("frame_cpu", round(most.server.cpu, 1), "us"),
            Metric("bare_frame_cpu", round(most.bare.cpu, 1), "us"),
            Metric("frame_bytes", len(most.server.received.payload), "bytes"),
            Metric("stalled_increase", round(stalls.increase, 3)),
            Metric("stalled_p99", stalls.stalled, "ms"),
            Metric("without_stalled_p99", stalls.without, "ms"),
            Metric("conflated", stalls.conflated),
            Metric("polls_unchanged", round(polled[0].good), "1/s"),
            Metric("polls_whole", round(polled[1].good), "1/s"),
        ),
        diagrams=(_diagram(fanouts),),
        verdicts=_verdicts(most, stalls),
        notes=(
            f"The clients all live in one Python process on the same machine, which reads "
            f"{most.clients:,} sockets one after another: it, not the server, sets most of the time "
            "between the first and the last client, of the bare loop just the same.",
        ),
    )


async def _fan_out(harness: Harness, clients: int) -> Fanout:
    harness.show_progress(f"{clients:,} clients")
    orders = harness.preset.fanouts

    def job(port: int) -> ClientPoolJob:
        return ClientPoolJob(host="127.0.0.1", port=port, clients=clients, orders=orders)

    async with server_under_test(harness, max_websocket_clients=clients + 10) as server:
        process = server.process
        await server.warm_up(rate=50.0, seconds=harness.preset.seconds / 2)
        before = process.memory()
        async with start_worker(run_client_pool, job(process.port)) as pool:
            await pool.ready()
            memory = process.memory() - before
            # The server also sends each client a heartbeat a second.
            side = await _timed(
                pool, clients, orders, lambda: cpu_seconds(process.processes()), 1.0
            )
        correctness = await server.correctness.check_count(orders)
    harness.show_progress(f"{clients:,} clients, bare loop")
    port = free_port()
    broadcast = BroadcastJob(port, side.received.payload or bytes(2000))
    async with (
        start_baseline(serve_broadcast, broadcast) as baseline,
        start_worker(run_client_pool, job(port)) as pool,
    ):
        await pool.ready()
        bare = await _timed(pool, clients, orders, lambda: cpu_seconds([baseline.process]), 0.0)
    return Fanout(clients, side, bare, memory, correctness)


async def _timed(
    pool: Worker[ClientPoolResult],
    clients: int,
    orders: int,
    cpu: Callable[[], float],
    heartbeats_per_second: float,
) -> FanoutSide:
    before, began = cpu(), time.monotonic()
    pool.resume()
    received = await pool.result()
    frames = clients * (orders + heartbeats_per_second * (time.monotonic() - began))
    return FanoutSide(received, (cpu() - before) / frames * 1e6)


async def _compare_stalled(harness: Harness) -> StallComparison:
    """Time frames to a screen among other clients, without and with 1 % of them stalled, in turn.

    From the 201 on: no client can delay what comes before it.
    """
    latencies: dict[int, list[Latencies]] = {0: [], _STALL_CLIENTS // 100: []}
    measurements: list[Measurement] = []
    async with server_with_probes(harness, slow_client_timeout=3600) as server:
        for _ in range(min(2, harness.preset.repeats)):
            for stalled, found in latencies.items():
                job = ClientPoolJob(
                    host="127.0.0.1", port=server.process.port, clients=_STALL_CLIENTS,
                    stalled=stalled,
                )  # fmt: skip
                async with start_worker(run_client_pool, job) as pool:
                    await pool.ready()
                    pool.resume()
                    if stalled:
                        await _fill_buffers(server)
                    label = f"{_STALL_CLIENTS} clients, {stalled} more stalled, {_STALL_RATE}/s"
                    run = await observe_rate(server, _STALL_RATE, label)
                    pool.resume()
                    await pool.result()
                found.append(run.after_commit)
                measurements.append(run.measurement(label))
        conflated = await _conflated(server)
    without, stalled_p99 = (Latencies.merged(found).p99 for found in latencies.values())
    return StallComparison(without, stalled_p99, conflated, tuple(measurements))


async def _fill_buffers(server: ServerUnderTest) -> None:
    """Send orders until the buffers of the stalled clients are full."""
    before = await _conflated(server)
    for _ in range(_MAX_FILLINGS):
        seconds = max(0.5, server.harness.preset.seconds)
        await server.warm_up(rate=float(_STALL_RATE * 2), seconds=seconds)
        if await _conflated(server) > before:
            return


async def _conflated(server: ServerUnderTest) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{server.process.url}/readyz") as answer,
    ):
        found: int = (await answer.json())["parts"]["sockets"].get("conflated", 0)
        return found


async def _poll(harness: Harness) -> list[Measurement]:
    """Poll with and without an ETag: answers a second, unchanged and whole."""
    measurements: list[Measurement] = []
    async with server_under_test(harness) as server:
        await server.warm_up(rate=200.0, seconds=harness.preset.seconds)
        for etag in (True, False):
            label = "polling, mostly unchanged (304)" if etag else "polling, whole snapshot (200)"
            harness.show_progress(label)
            job = PollingJob(
                "127.0.0.1", server.process.port, _POLLERS, harness.preset.seconds, etag
            )
            result = await run_worker(poll_dashboard, job)
            note = f"{result.size:,} bytes a snapshot; pollers {result.cores:.2f} cores"
            measurements.append(
                Measurement(label=label, good=round(result.rate, 1), unit="answers/s", note=note)
            )
    return measurements


def _verdicts(most: Fanout, stalls: StallComparison) -> tuple[Verdict, ...]:
    server, bare = most.server, most.bare
    enough = most.clients >= TARGET_CLIENTS and not server.missed
    note = (
        "" if enough else f"measured with {most.clients:,} clients, {server.missed:,} frames missed"
    )
    return (
        Verdict(
            f"{TARGET_CLIENTS:,} clients on one process, at most {TARGET_KIB:g} KiB each",
            f"{most.memory_kib:.1f} KiB",
            judge(most.memory_kib, TARGET_KIB, at_least=False, valid=enough),
            note,
        ),
        Verdict(
            f"the last of {TARGET_CLIENTS:,} clients within {TARGET_SPREAD_MS:g} ms of the first",
            f"{server.spread_ms:.0f} ms",
            judge(server.spread_ms, TARGET_SPREAD_MS, at_least=False, valid=enough),
            note,
        ),
        Verdict(
            f"first to last within {TARGET_RATIO} times the bare loop",
            f"{most.ratio:.2f}",
            judge(most.ratio, TARGET_RATIO, at_least=False, valid=enough),
            note
            or f"CPU of a frame to a client: bare {bare.cpu:.1f} us, server {server.cpu:.1f} us",
            undisturbed=server.cpu > TARGET_RATIO * bare.cpu,
        ),
        Verdict(
            "1 % stalled clients change the others' p99 by less than 10 %",
            f"{stalls.increase:+.1%}",
            judge(stalls.increase, TARGET_STALL, at_least=False, valid=stalls.conflated > 0),
            f"from the 201 to the frame {stalls.without:.1f} ms without, {stalls.stalled:.1f} ms "
            f"with; {stalls.conflated:,} updates were merged for the stalled",
        ),
    )


def _diagram(fanouts: list[Fanout]) -> Diagram:
    def curve(name: str, spreads: list[float]) -> Curve:
        points = zip(fanouts, spreads, strict=True)
        return Curve(name, tuple(Point(one.clients, max(0.1, spread)) for one, spread in points))

    return Diagram(
        name="websocket-fanout",
        title="One change to every dashboard: first to last client",
        x="clients",
        y="ms",
        log_x=True,
        log_y=True,
        curves=(
            curve("coffeert", [one.server.spread_ms for one in fanouts]),
            curve("bare loop", [one.bare.spread_ms for one in fanouts]),
        ),
    )


def _raise_descriptor_limit() -> int:
    """Raise the limit of open files as far as allowed, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 2 * TARGET_CLIENTS if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return int(limit)
