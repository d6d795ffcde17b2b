"""A run of the lab: the experiments one after another, what is shown meanwhile, and the report."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import msgspec
import uvloop
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from coffeert.errors import ConfigError
from coffeert.lab.bench import Bench
from coffeert.lab.disturbance import fair, others_during, others_now
from coffeert.lab.effort import Effort
from coffeert.lab.machine import Machine
from coffeert.lab.plot import printed
from coffeert.lab.report import write_results
from coffeert.lab.results import Experiment, Results
from coffeert.lab.stage import open_stage

EXPERIMENTS = (
    "intake", "workers", "aggregation", "redis", "websocket", "order-to-screen", "overload", "idle",
)  # fmt: skip

Runner = Callable[[Bench], Awaitable[Experiment]]


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Return the experiments of these names; none, or `all`, is all. Raises `ConfigError`."""
    for name in names:
        if name not in (*EXPERIMENTS, "all"):
            known = ", ".join(EXPERIMENTS)
            raise ConfigError(f"There is no experiment {name!a}; there are {known}, and all.")
    if not names or "all" in names:
        return EXPERIMENTS
    return tuple(name for name in EXPERIMENTS if name in names)


_BYTES_AN_ORDER = 600  # with its indexes, its log and what the rollups take
_BYTES_BESIDES = 2 * 2**30


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the lab; without URLs it starts servers of its own."""

    names: tuple[str, ...]
    effort: Effort
    out: Path
    report: Path
    seed: int = 1
    conditions: str = ""
    postgres_url: str = ""
    redis_url: str = ""


def run_lab(order: Order) -> int:
    """Run experiments and write the report; return 1 where an order was lost or counted wrongly.

    Targets that do not hold are told, and no failure: they depend on the machine.
    Raises `ConfigError` where the temporary directory is too small for the databases.
    """
    if not order.postgres_url:
        _check_room(bytes_needed(order))
    console = Console(file=sys.stderr)
    runners = {name: _runner(name) for name in order.names}
    began, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    results = Results(
        machine=Machine.here(), started=started, effort=order.effort.name, seed=order.seed,
        seconds=0.0, experiments=(), conditions=order.conditions,
    )  # fmt: skip
    with (
        _ended_by_sigterm(),
        _progress(console) as bar,
        open_stage(order.postgres_url, order.redis_url) as stage,
    ):
        task = bar.add_task("", total=len(runners), label="")
        for name, run in runners.items():
            if not console.is_terminal:
                console.print(name)

            def tell(text: str, name: str = name) -> None:
                bar.update(task, label=f"{name}: {text}")

            found = _run_one(run, Bench(stage, order.effort, order.seed, tell))
            bar.advance(task)
            seconds = round(time.monotonic() - began, 1)
            results = replace(results, experiments=(*results.experiments, found), seconds=seconds)
            write_results(results, order.out, order.report)  # each time: nothing measured is lost
    _show(results, order.report)
    return 0 if _correct(results) else 1


def bytes_needed(order: Order) -> int:
    """Estimate what the databases of a run take on disk at most."""
    orders = max(order.effort.histories) if "aggregation" in order.names else 0
    return _BYTES_BESIDES + orders * _BYTES_AN_ORDER


def _check_room(needed: int) -> None:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < needed:
        raise ConfigError(
            f"The lab needs {needed / 2**30:.0f} GiB in {tempfile.gettempdir()!a}, where "
            f"{free / 2**30:.1f} are free; TMPDIR names another directory, --quick needs less."
        )


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does, so that no server stays behind."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _runner(name: str) -> Runner:
    module = import_module(f"coffeert.lab.experiments.{name.replace('-', '_')}")
    run: Runner = module.run
    return run


def _run_one(run: Runner, bench: Bench) -> Experiment:
    async def main() -> Experiment:
        began = time.monotonic()
        before = await others_now()
        experiment = await run(bench)
        others = max(before, others_during(experiment))
        verdicts = tuple(fair(verdict, others) for verdict in experiment.verdicts)
        seconds = round(time.monotonic() - began, 1)
        return replace(experiment, verdicts=verdicts, seconds=seconds)

    return uvloop.run(main())


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        BarColumn(bar_width=16),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[label]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _show(results: Results, report: Path) -> None:
    console = Console()
    for experiment in results.experiments:
        console.rule(f"{experiment.name}: {experiment.question}")
        if console.is_terminal:
            for picture in experiment.pictures:
                console.file.write(printed(picture, min(100, console.width)) + "\n")
        for verdict in experiment.verdicts:
            style = {"holds": "green", "fails": "red", "no verdict": "yellow"}[verdict.held]
            note = f"  ({verdict.note})" if verdict.note else ""
            console.print(
                f"[{style}]{verdict.held:>10}[/]  {verdict.target}: {verdict.measured}{note}",
                highlight=False,
            )
    console.print(f"\nThe report: {report}", highlight=False)
    if not _correct(results):
        console.print("[red]An order was lost, or counted wrongly: see the report.[/]")


def _correct(results: Results) -> bool:
    return all(
        one.correctness is None or one.correctness.clean
        for experiment in results.experiments
        for one in experiment.measurements
    )
