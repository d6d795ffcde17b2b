"""Each experiment, tiny, from beginning to end: it measures something, and nothing is lost."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from coffeert.errors import ServerUnavailable
from coffeert.lab.bench import Bench, bare_server, load_bare, subject
from coffeert.lab.effort import TINY
from coffeert.lab.load import LoadResult
from coffeert.lab.results import Experiment
from coffeert.lab.run import EXPERIMENTS, Order, run_lab
from coffeert.postgres.pool import close, connect
from tests.servers import TestServers


async def _run(name: str, bench: Bench) -> Experiment:
    module = import_module(f"coffeert.lab.experiments.{name.replace('-', '_')}")
    experiment: Experiment = await module.run(bench)
    return experiment


@pytest.mark.parametrize("name", EXPERIMENTS)
async def test_an_experiment_measures_and_loses_nothing(name: str, bench: Bench) -> None:
    found = await _run(name, bench)
    assert found.name == name
    judged = [one for one in found.measurements if one.correctness is not None]
    assert judged or name == "redis"
    for one in judged:
        assert one.correctness is not None
        assert one.correctness.clean, one.label
        assert one.correctness.stored >= one.correctness.acknowledged > 0, one.label
    assert all(one.errors == 0 for one in found.measurements)
    assert all(figure.value >= 0 for figure in found.figures if figure.name != "stalled_worse")
    for picture in found.pictures:
        assert all(curve.points for curve in picture.curves)


async def test_every_order_of_a_load_is_accounted_for(bench: Bench) -> None:
    async with subject(bench) as server:
        for via in ("http", "ws", "batch"):
            run = await server.measure(via, via=via, lines=20, rate=60.0, seconds=0.5)
            load = run.load
            assert load.sent == load.stored == load.latency.count > 0
            assert load.good <= load.stored
            assert sum(part.due for part in load.timeline) == load.sent
            truth = run.measurement.correctness
            assert truth is not None
            assert truth.clean
            assert (
                truth.sent
                == truth.acknowledged
                == truth.stored
                == load.sent * (20 if via == "batch" else 1)
            )


async def test_what_is_refused_is_not_good(bench: Bench) -> None:
    """A menu without the generator's drinks: every order is refused, and none is stored."""
    async with bench.stage.database() as database_url:
        connection = await connect(database_url, application_name="test")
        await connection.execute("UPDATE menu_drink SET active = false")
        await close(connection)
        async with subject(bench, database_url=database_url) as server:
            run = await server.measure("refused", rate=50.0, seconds=0.4)
    load: LoadResult = run.load
    assert load.sent == load.wrong > 0
    assert load.stored == load.good == run.measurement.good == 0
    assert run.measurement.correctness is not None
    assert run.measurement.correctness.stored == 0


async def test_the_bare_handler_answers_what_the_server_would(bench: Bench) -> None:
    async with bare_server() as bare:
        run = await load_bare(bench, bare, "bare", seconds=0.3)
    assert run.load.stored == run.load.sent > 0


async def test_a_server_that_does_not_start_ends_the_run(bench: Bench) -> None:
    with pytest.raises(ServerUnavailable):
        async with bench.stage.server("postgresql:///nowhere?host=/nowhere"):
            pass


def test_a_whole_run_writes_its_report(
    servers: TestServers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run_lab(
        Order(
            names=("redis",),
            effort=TINY,
            out=tmp_path,
            report=tmp_path / "SCALE.md",
            conditions="as a test",
            postgres_url=servers.postgres.url,
            redis_url=servers.clean_valkey(),
        )
    )
    assert status == 0
    assert (tmp_path / "results.json").exists()
    report = (tmp_path / "SCALE.md").read_text("utf-8")
    assert "redis-bus.svg" in report
    assert "as a test" in report
    assert "SCALE.md" in capsys.readouterr().out.replace("\n", "")
