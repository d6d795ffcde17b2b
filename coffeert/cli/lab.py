"""`coffeert lab`: find where the architecture stops being sufficient."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from coffeert.cli.params import PlaceParam
from coffeert.config import load_config
from coffeert.errors import ConfigError


@click.command("lab")
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT]...")
@click.option("--quick", is_flag=True, help="Within some six minutes, on smaller data.")
@click.option(
    "--out",
    type=PlaceParam(file_okay=False),
    default="lab-results",
    show_default=True,
    help="Directory for results.json, rivals.json and the diagrams.",
)
@click.option(
    "--report",
    type=PlaceParam(dir_okay=False),
    help="The written report (SCALE.md beside the results).",
)
@click.option("--rewrite", is_flag=True, help="Measure nothing; write the report of --out again.")
@click.option("--conditions", default="", help="What readers should know of this run.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of arrivals and orders.")
def command(
    experiments: tuple[str, ...],
    quick: bool,
    out: Path,
    report: Path | None,
    rewrite: bool,
    conditions: str,
    seed: int,
) -> int:
    """Measure where intake, aggregation, Redis and the WebSocket break, and what breaks there.

    EXPERIMENT is any of intake, workers, aggregation, late, feed, redis, websocket,
    order-to-screen, overload, idle, or all, which is the default. Each runs beside its physical
    limit, and checks that no order was lost or counted twice. The exit code is 1 if one was.

    PostgreSQL and Valkey are temporary ones, unless COFFEERT_DATABASE_URL or COFFEERT_REDIS_URL is
    set: then databases named coffeert_lab_... are made beside those there and dropped again, unless
    the lab is killed, and Redis is emptied.

    `coffeert lab rivals [NAME]...` gives the same job to other systems instead. NAME is any of coffeert,
    coffeert-single; nats, nats-unflushed (NATS JetStream); kafka, quix, pathway (a broker of Kafka's
    protocol with a consumer by hand, Quix Streams or Pathway); flink (on a local log), by default all.
    Those that are not installed are named with the reason (pip install '.[rivals]', or '.[rivals-large]'
    for pathway and flink as well). Their table is printed, and put into the report of --out if there
    is one. `coffeert lab all rivals` measures both.

    It needs the packages of the extra `lab`: pip install '.[lab]' where this project is.
    """
    for package in ("hdrh", "psutil"):
        if find_spec(package) is None:
            raise ConfigError("The lab needs more packages: pip install '.[lab]' in this project.")

    from coffeert.lab.presets import FULL, QUICK
    from coffeert.lab.report import rewrite_report
    from coffeert.lab.rivals.runner import select_rivals
    from coffeert.lab.runner import LabOptions, run_lab, select_experiments

    report = report or out / "SCALE.md"
    with_rivals = "rivals" in experiments
    at = experiments.index("rivals") if with_rivals else len(experiments)
    names, rivals = select_experiments(experiments[:at]), select_rivals(experiments[at + 1 :])
    if rewrite:
        rewrite_report(out, report)
        return 0
    code = 0
    if not with_rivals or at > 0:
        config = load_config()
        code = run_lab(
            LabOptions(
                names=names,
                preset=QUICK if quick else FULL,
                out=out,
                report=report,
                seed=seed,
                conditions=conditions,
                postgres_url=config.database_url.get_secret_value() if config.database_url else "",
                redis_url=config.redis_url.get_secret_value() if config.redis_url else "",
            )
        )
    if with_rivals:
        _run_rivals(rivals, out, report, quick=quick, seed=seed, conditions=conditions)
    return code


def _run_rivals(
    names: tuple[str, ...], out: Path, report: Path, *, quick: bool, seed: int, conditions: str
) -> None:
    from coffeert.lab.report import RESULTS_FILE, prepare_output, rewrite_report
    from coffeert.lab.rivals.measure import FULL, QUICK
    from coffeert.lab.rivals.runner import run_rivals

    prepare_output(out, report)
    run_rivals(names, QUICK if quick else FULL, out, seed, conditions)
    if (out / RESULTS_FILE).exists():
        rewrite_report(out, report)
