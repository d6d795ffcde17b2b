"""Each experiment, tiny, from beginning to end: it measures something, and nothing is lost."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from coffeert.errors import ServerUnavailable
from coffeert.lab.bare_loops import serve_orders
from coffeert.lab.baselines import BaselineJob, baseline_handler, start_baseline
from coffeert.lab.environment import free_port, open_environment
from coffeert.lab.experiments import EXPERIMENTS
from coffeert.lab.harness import Harness, load_baseline, server_under_test
from coffeert.lab.presets import FULL, QUICK, TINY
from coffeert.lab.runner import LabOptions, load_experiment, run_lab
from coffeert.postgres.pool import close, connect
from tests.servers import TestServers

TEMPLATE = files("coffeert.lab").joinpath("report_template.md").read_text("utf-8")
# Metrics of PostgreSQL that the lab can take on servers of its own only.
_OF_OWN_SERVERS = {"decoding_cpu", "postgres_cpu", "postgres_ceiling", "reader_cpu", "readers_cpu"}


@pytest.mark.long
@pytest.mark.parametrize("name", EXPERIMENTS)
async def test_an_experiment_measures_and_loses_nothing(name: str, harness: Harness) -> None:
    found = await load_experiment(name)(harness)
    assert found.name == name
    judged = [one for one in found.measurements if one.correctness is not None]
    assert judged or name == "redis"
    for one in judged:
        assert one.correctness is not None
        assert one.correctness.clean, one.label
        assert one.correctness.stored >= one.correctness.acknowledged > 0, one.label
    assert all(one.errors == 0 for one in found.measurements)
    assert all(one.value >= 0 for one in found.metrics if one.name != "stalled_increase")
    placed = re.findall(rf"{{{{{name}\.(\w+)}}}}", TEMPLATE)
    # Of a tiny run the rates are others, so those of the template must be rates of the real ones.
    at = {int(one.partition("_at_")[2]) for one in placed if "_at_" in one}
    assert at <= set(QUICK.screen_rates) & set(FULL.screen_rates)
    known = {one.name for one in found.metrics} | _OF_OWN_SERVERS
    assert {one for one in placed if "_at_" not in one} <= known
    for diagram in found.diagrams:
        assert all(curve.points for curve in diagram.curves)


@pytest.mark.long
async def test_a_slot_of_logical_decoding_is_measured_beside_the_feed() -> None:
    with open_environment() as environment:
        found = await load_experiment("feed")(Harness(environment, TINY, 1, lambda _: None))
    assert [one.label for one in found.measurements] == [
        "no reader", "1 reader", "100 readers", "logical decoding, 1 slot",
    ]  # fmt: skip
    assert all(one.correctness is not None and one.correctness.clean for one in found.measurements)
    assert found.metric("decoding_cpu") is not None
    assert found.metric("postgres_cpu")


@pytest.mark.long
async def test_every_order_of_a_load_is_counted(harness: Harness) -> None:
    async with server_under_test(harness) as server:
        for transport, head in (
            ("http", "minimal"), ("http", "browser"), ("ws", "minimal"), ("batch", "browser"),
        ):  # fmt: skip
            run = await server.measure(
                transport, transport=transport, head=head, lines=20, rate=60.0, seconds=0.5
            )
            assert run.measurement.head == ("" if transport == "ws" else head)
            load = run.load
            assert load.sent == load.stored == load.latency.count > 0
            assert load.good <= load.stored
            assert sum(part.due for part in load.timeline) == load.sent
            stored = run.measurement.correctness
            assert stored is not None
            assert stored.clean
            assert (
                stored.sent
                == stored.acknowledged
                == stored.stored
                == load.sent * (20 if transport == "batch" else 1)
            )


@pytest.mark.long
async def test_what_is_refused_is_not_good(harness: Harness) -> None:
    # The menu has none of the generator's drinks.
    async with harness.environment.database() as database_url:
        connection = await connect(database_url, application_name="test")
        await connection.execute("UPDATE menu_drink SET active = false")
        await close(connection)
        async with server_under_test(harness, database_url=database_url) as server:
            run = await server.measure("refused", rate=50.0, seconds=0.4)
    load = run.load
    assert load.sent == load.wrong > 0
    assert load.stored == load.good == run.measurement.good == 0
    assert run.measurement.correctness is not None
    assert run.measurement.correctness.stored == 0


@pytest.mark.long
async def test_the_bare_handler_answers_what_the_server_would(harness: Harness) -> None:
    async with baseline_handler() as bare:
        run = await load_baseline(harness, bare, "bare", seconds=0.3)
    assert run.load.stored == run.load.sent > 0


@pytest.mark.long
@pytest.mark.parametrize(
    "settings", [{}, {"head": "browser"}, {"transport": "batch", "lines": 20, "connections": 1}]
)
async def test_the_bare_loop_answers_what_the_server_would(
    settings: dict[str, Any], harness: Harness
) -> None:
    async with start_baseline(serve_orders, BaselineJob(free_port())) as bare:
        run = await load_baseline(harness, bare, "bare", seconds=0.2, **settings)
    assert run.load.stored == run.load.sent > 0
    assert run.rate == pytest.approx(run.load.rate * settings.get("lines", 1), abs=0.1)


@pytest.mark.long
async def test_a_server_that_does_not_start_ends_the_run(harness: Harness) -> None:
    with pytest.raises(ServerUnavailable):
        async with harness.environment.server("postgresql:///nowhere?host=/nowhere"):
            pass


def test_a_run_writes_its_report(
    servers: TestServers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run_lab(
        LabOptions(
            names=("redis",),
            preset=TINY,
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
