"""A run of the lab: the experiments one after another, their progress, and the report."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import msgspec
import uvloop
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from coffeert.errors import ConfigError
from coffeert.lab.charts import terminal_chart
from coffeert.lab.environment import open_environment
from coffeert.lab.experiments import EXPERIMENTS
from coffeert.lab.harness import Harness
from coffeert.lab.presets import QUICK, Preset
from coffeert.lab.report import prepare_output, write_results
from coffeert.lab.resource_usage import (
    describe_machine,
    idle_cores,
    median_other_cores,
    withhold_if_disturbed,
)
from coffeert.lab.results import Experiment, Results

ExperimentFunction = Callable[[Harness], Awaitable[Experiment]]

_BYTES_PER_ORDER = 600  # with its indexes, its log and its rollups
_BASE_BYTES = 2 * 2**30
_STYLES = {"pass": "green", "fail": "red", "inconclusive": "yellow"}


class LabOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a run; without URLs it starts servers of its own."""

    names: tuple[str, ...]
    preset: Preset
    out: Path
    report: Path
    seed: int = 1
    conditions: str = ""
    postgres_url: str = ""
    redis_url: str = ""


def select_experiments(names: Sequence[str]) -> tuple[str, ...]:
    """Return the named experiments in their own order; without names, or with `all`, every one.

    Raises `ConfigError`.
    """
    for name in names:
        if name not in (*EXPERIMENTS, "all"):
            known = ", ".join(EXPERIMENTS)
            raise ConfigError(
                f"There is no experiment {name!a}; there are {known}, rivals, and all."
            )
    if not names or "all" in names:
        return tuple(EXPERIMENTS)
    return tuple(name for name in EXPERIMENTS if name in names)


def run_lab(options: LabOptions) -> int:
    """Run experiments and write the report; return 1 if an order was lost or counted wrongly.

    A missed target is shown and is no failure: it depends on the machine.
    Raises `ConfigError` if the temporary directory is too small for the databases, or the results cannot
    be written.
    """
    if not options.postgres_url:
        _check_disk_space(bytes_needed(options), options.preset)
    prepare_output(options.out, options.report)
    console = Console(file=sys.stderr)
    began, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    results = Results(
        machine=describe_machine(), started=started, preset=options.preset.name, seed=options.seed,
        seconds=0.0, experiments=(), conditions=options.conditions,
    )  # fmt: skip
    with (
        _progress_bar(console) as bar,
        open_environment(options.postgres_url, options.redis_url) as environment,
    ):
        task = bar.add_task("", total=len(options.names), label="")
        for name in options.names:
            if not console.is_terminal:
                console.print(name)

            def show_progress(text: str, name: str = name) -> None:
                bar.update(task, label=f"{name}: {text}")

            harness = Harness(environment, options.preset, options.seed, show_progress)
            found = uvloop.run(_run_experiment(load_experiment(name), harness))
            bar.advance(task)
            seconds = round(time.monotonic() - began, 1)
            results = replace(results, experiments=(*results.experiments, found), seconds=seconds)
            # After each experiment, so that an interrupted run keeps its measurements.
            write_results(results, options.out, options.report)
    _print_results(results, options.report)
    return 0 if results.correct else 1


def load_experiment(name: str) -> ExperimentFunction:
    module, _, function = EXPERIMENTS[name].partition(":")
    found: ExperimentFunction = getattr(
        import_module(f"coffeert.lab.experiments.{module}"), function
    )
    return found


def bytes_needed(options: LabOptions) -> int:
    """Estimate the most that the databases of a run take on disk."""
    orders = max(options.preset.histories) if "aggregation" in options.names else 0
    return _BASE_BYTES + orders * _BYTES_PER_ORDER


def _check_disk_space(needed: int, preset: Preset) -> None:
    less = "" if preset is QUICK else ", or use --quick"
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < needed:
        raise ConfigError(
            f"The lab needs {needed / 2**30:.0f} GiB in {tempfile.gettempdir()!a}, where "
            f"{free / 2**30:.1f} are free; set TMPDIR to another directory{less}."
        )


async def _run_experiment(run: ExperimentFunction, harness: Harness) -> Experiment:
    began = time.monotonic()
    before = await idle_cores()
    experiment = await run(harness)
    others = max(before, median_other_cores(experiment))
    verdicts = tuple(withhold_if_disturbed(verdict, others) for verdict in experiment.verdicts)
    return replace(experiment, verdicts=verdicts, seconds=round(time.monotonic() - began, 1))


def _progress_bar(console: Console) -> Progress:
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


def _print_results(results: Results, report: Path) -> None:
    console = Console()
    for experiment in results.experiments:
        console.rule(f"{experiment.name}: {experiment.question}")
        if console.is_terminal:
            for diagram in experiment.diagrams:
                console.file.write(terminal_chart(diagram, min(100, console.width)) + "\n")
        for verdict in experiment.verdicts:
            note = f"  ({verdict.note})" if verdict.note else ""
            console.print(
                f"[{_STYLES[verdict.outcome]}]{verdict.outcome:>12}[/]  "
                f"{verdict.target}: {verdict.measured}{note}",
                highlight=False,
            )
    console.print(f"\nThe report: {report}", highlight=False)
    if not results.correct:
        console.print("[red]An order was lost, or counted wrongly: see the report.[/]")
