"""Where does the WebSocket break? Many dashboards on one process, against a bare loop."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from statistics import median

import psutil

from coffeert.lab.bare import free_port
from coffeert.lab.bare_broadcast import BroadcastJob, BroadcastResult
from coffeert.lab.bench import Bench, subject
from coffeert.lab.child import Child, child
from coffeert.lab.crowd import CrowdJob, CrowdResult
from coffeert.lab.evidence import cpu_seconds
from coffeert.lab.experiments.polling_pace import poll
from coffeert.lab.experiments.stalled_clients import Stall, stall
from coffeert.lab.latency import Latencies
from coffeert.lab.results import (
    Correctness,
    Curve,
    Experiment,
    Figure,
    Measurement,
    Picture,
    Point,
    Verdict,
    judge,
)

CLIENTS_WANTED = 10_000
MEMORY_WANTED, SPREAD_WANTED, RATIO_WANTED, STALL_WANTED = 24.0, 300.0, 1.5, 0.10
_DESCRIPTORS_SPARE = 200


class Side:
    """What a crowd saw of one sender, and what CPU a frame to a client cost that sender, in us."""

    def __init__(self, seen: CrowdResult, cpu: float) -> None:
        self.seen = seen
        self.cpu = cpu
        self.spread = median(tick.last - tick.first for tick in seen.ticks)


class Fanout:
    """One number of clients: ours and the bare loop's times."""

    def __init__(
        self, clients: int, ours: Side, bare: Side, memory: int, truth: Correctness
    ) -> None:
        self.clients = clients
        self.ours = ours.seen
        self.bare = bare.seen
        self.memory_kib = memory / clients / 1024
        self.truth = truth
        self.spread, self.bare_spread = ours.spread, bare.spread
        self.cpu, self.bare_cpu = ours.cpu, bare.cpu

    @property
    def ratio(self) -> float:
        """From first to last client, as a multiple of the bare loop's."""
        return self.spread / self.bare_spread if self.bare_spread else 0.0

    def measurements(self) -> list[Measurement]:
        """Return ours and the bare loop's."""
        note = (
            f"first to last client {self.spread * 1e3:.0f} ms; {self.memory_kib:.1f} KiB a client; "
            f"{len(self.ours.payload):,} bytes a frame, {self.cpu:.1f} us of CPU each; "
            f"clients' process {self.ours.cores:.2f} cores"
        )
        bare = (
            f"first to last client {self.bare_spread * 1e3:.0f} ms; {self.bare_cpu:.1f} us of CPU a "
            "frame"
        )
        return [
            Measurement(
                label=f"{self.clients:,} clients",
                good=float(self.clients),
                unit="clients",
                errors=sum(tick.missed for tick in self.ours.ticks),
                latency=Latencies.of(tick.last for tick in self.ours.ticks),
                correctness=self.truth,
                note=note,
            ),
            Measurement(
                label=f"{self.clients:,} clients, bare loop",
                good=float(self.clients),
                unit="clients",
                errors=sum(tick.missed for tick in self.bare.ticks),
                latency=Latencies.of(tick.last for tick in self.bare.ticks),
                note=bare,
            ),
        ]


async def run(bench: Bench) -> Experiment:
    """Measure fan-out at each number of clients, stalled clients, and polling instead."""
    room = _raise_descriptors()
    sizes = [clients for clients in bench.effort.clients if clients <= room]
    fanouts = [await _fan_out(bench, clients) for clients in sizes]
    stalled = await stall(bench)
    polled, polling_measurements = await poll(bench)
    most = fanouts[-1]
    return Experiment(
        name="websocket",
        question="Where does the WebSocket break?",
        measurements=(
            *(m for fanout in fanouts for m in fanout.measurements()),
            *stalled.measurements,
            *polling_measurements,
        ),
        figures=(
            Figure("clients", most.clients),
            Figure("memory_kib", round(most.memory_kib, 1), "KiB"),
            Figure("spread_ms", round(most.spread * 1e3), "ms"),
            Figure("bare_spread_ms", round(most.bare_spread * 1e3), "ms"),
            Figure("bare_ratio", round(most.ratio, 2)),
            Figure("frame_cpu", round(most.cpu, 1), "us"),
            Figure("bare_frame_cpu", round(most.bare_cpu, 1), "us"),
            Figure("frame_bytes", len(most.ours.payload), "bytes"),
            Figure("stalled_worse", round(stalled.worse, 3)),
            Figure("stalled_p99", stalled.stalled, "ms"),
            Figure("calm_p99", stalled.calm, "ms"),
            Figure("conflated", stalled.conflated),
            Figure("polls_unchanged", round(polled[0]), "1/s"),
            Figure("polls_whole", round(polled[1]), "1/s"),
        ),
        pictures=(_picture(fanouts),),
        verdicts=_verdicts(most, stalled),
        notes=(
            f"The clients all live in one Python process on the same machine, which reads "
            f"{most.clients:,} sockets one after another: it, not the server, sets most of the time "
            "between the first and the last client, of the bare loop just the same.",
        ),
    )


async def _fan_out(bench: Bench, clients: int) -> Fanout:
    bench.tell(f"{clients:,} clients")
    ticks = bench.effort.ticks
    async with subject(bench, max_websocket_clients=clients + 10) as server:
        await server.warm_up(rate=50.0, seconds=bench.effort.seconds / 2)
        before = server.server.memory()
        job = CrowdJob(host="127.0.0.1", port=server.server.port, clients=clients, ticks=ticks)
        async with child("coffeert.lab.crowd", job, CrowdResult) as crowd:
            await crowd.ready()
            memory = server.server.memory() - before
            ours = await _timed(crowd, job, lambda: cpu_seconds(server.server.processes()))
        truth = await server.truth.unsent(ticks)
    bench.tell(f"{clients:,} clients, bare loop")
    port = free_port()
    bare_job = BroadcastJob(port, ours.seen.payload or bytes(2000))
    async with child("coffeert.lab.bare_broadcast", bare_job, BroadcastResult) as broadcast:
        await broadcast.ready()
        job = CrowdJob(host="127.0.0.1", port=port, clients=clients, ticks=ticks)
        process = psutil.Process(broadcast.pid)
        async with child("coffeert.lab.crowd", job, CrowdResult) as crowd:
            await crowd.ready()
            bare = await _timed(crowd, job, lambda: cpu_seconds([process]), heartbeats=0)
    return Fanout(clients, ours, bare, memory, truth)


async def _timed(
    crowd: Child[CrowdResult], job: CrowdJob, cpu: Callable[[], float], heartbeats: float = 1.0
) -> Side:
    """Let a crowd time its orders; a sender's `heartbeats` a second are frames to everyone as well."""
    before, began = cpu(), time.monotonic()
    crowd.tell()
    seen = await crowd.result()
    frames = job.clients * (job.ticks + heartbeats * (time.monotonic() - began))
    return Side(seen, (cpu() - before) / frames * 1e6)


def _verdicts(most: Fanout, stalled: Stall) -> tuple[Verdict, ...]:
    missed = sum(tick.missed for tick in most.ours.ticks)
    enough = most.clients >= CLIENTS_WANTED and not missed
    note = "" if enough else f"measured with {most.clients:,} clients, {missed:,} frames missed"
    spread_ms = most.spread * 1e3
    return (
        Verdict(
            f"{CLIENTS_WANTED:,} clients on one process, at most {MEMORY_WANTED:g} KiB each",
            f"{most.memory_kib:.1f} KiB",
            judge(most.memory_kib, MEMORY_WANTED, at_least=False, valid=enough),
            note,
        ),
        Verdict(
            f"the last of {CLIENTS_WANTED:,} clients within {SPREAD_WANTED:g} ms of the first",
            f"{spread_ms:.0f} ms",
            judge(spread_ms, SPREAD_WANTED, at_least=False, valid=enough),
            note,
        ),
        Verdict(
            f"within {RATIO_WANTED} times the bare loop",
            f"{most.ratio:.2f}",
            judge(most.ratio, RATIO_WANTED, at_least=False, valid=enough),
            note
            or f"CPU of a frame to a client: bare {most.bare_cpu:.1f} us, server {most.cpu:.1f} us",
            certain=most.cpu > RATIO_WANTED * most.bare_cpu,
        ),
        Verdict(
            "1 % stalled clients change the others' p99 by less than 10 %",
            f"{stalled.worse:+.1%}",
            judge(stalled.worse, STALL_WANTED, at_least=False, valid=stalled.conflated > 0),
            f"from the 201 to the frame {stalled.calm:.1f} ms without, {stalled.stalled:.1f} ms with; "
            f"{stalled.conflated:,} updates were merged for the stalled",
        ),
    )


def _picture(fanouts: list[Fanout]) -> Picture:
    return Picture(
        name="websocket-fanout",
        title="One change to every dashboard: first to last client",
        x="clients",
        y="ms",
        log_x=True,
        log_y=True,
        curves=(
            Curve("coffeert", tuple(Point(f.clients, max(0.1, f.spread * 1e3)) for f in fanouts)),
            Curve(
                "bare loop", tuple(Point(f.clients, max(0.1, f.bare_spread * 1e3)) for f in fanouts)
            ),
        ),
    )


def _raise_descriptors() -> int:
    """Allow as many open files as one may; return how many clients that leaves room for."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CLIENTS_WANTED if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return int(wanted) - _DESCRIPTORS_SPARE
