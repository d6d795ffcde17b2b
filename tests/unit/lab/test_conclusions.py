"""What the report says of figures: the sentence must be true whichever way they came out."""

from __future__ import annotations

import pytest

from coffeert.lab.conclusions import SENTENCES, Unknown
from coffeert.lab.results import Evidence, Experiment, Figure, Measurement


def _say(name: str, **figures: float) -> str:
    by_name: dict[str, list[Figure]] = {}
    for place, value in figures.items():
        experiment, _, figure = place.partition("__")
        by_name.setdefault(experiment, []).append(Figure(figure, value))
    return SENTENCES[name](
        {
            experiment: Experiment(
                name=experiment, question="?", measurements=(), figures=tuple(found)
            )
            for experiment, found in by_name.items()
        }
    )


@pytest.mark.parametrize(
    ("kept", "shed", "expected"),
    [
        (0.95, 0.5, "goodput stays"),
        (0.3, 0.4, "are refused"),
        (0.3, 0.0, "nearly nothing is refused"),
    ],
)
def test_overload(kept: float, shed: float, expected: str) -> None:
    said = _say("overload_kept", overload__goodput_kept=kept, overload__shed_share=shed)
    assert expected in said


def test_loops() -> None:
    assert "does better" in _say("intake_loops", intake__rate=11_000, intake__breaking_point=8_000)
    assert "as far as" in _say("intake_loops", intake__rate=8_000, intake__breaking_point=9_000)


def test_what_the_framework_takes() -> None:
    dear = {"intake__bare_cpu": 30, "intake__server_cpu": 60, "intake__ratio": 0.5}
    cheap = {"intake__bare_cpu": 50, "intake__server_cpu": 40, "intake__ratio": 1.234}
    assert "So 0.50 of the server's time is HTTP" in _say("intake_framework", **dear)
    assert "do not pass through" in _say("intake_framework", **cheap)
    assert "reaches 1.23 of it" in _say("intake_framework", **cheap)


def test_history_and_rate_of_aggregation() -> None:
    assert _say("aggregation_history", aggregation__pass_growth=1.3) == "not by history"
    assert "should not" in _say("aggregation_history", aggregation__pass_growth=1.31)
    faster = {"aggregation__catch_up_rate": 140_000, "intake__batch_rate": 99_000}
    slower = {"aggregation__catch_up_rate": 90_000, "intake__batch_rate": 99_000}
    assert "140,000/s here, more than the 99,000/s" in _say("aggregation_rate", **faster)
    assert "less than" in _say("aggregation_rate", **slower)


def test_what_comes_before_redis() -> None:
    log = _say("redis_first", redis__small_rate=45_000, intake__sync_rate=7_000)
    assert "log, 7,000 flushes" in log
    assert "before PostgreSQL" in _say("redis_first", redis__small_rate=5, intake__sync_rate=7)


def test_how_far_the_websocket_reaches() -> None:
    reached = {"websocket__clients": 10_000, "websocket__spread_ms": 300}
    assert _say("websocket_reach", **reached) == "not reached at 10,000 clients"
    assert _say("websocket_reach", **reached | {"websocket__spread_ms": 301}).startswith("below")


@pytest.mark.parametrize(
    ("server", "generator", "expected"),
    [(0.9, 0.1, "speaks HTTP"), (0.5, 0.95, "generator had no CPU"), (0.5, 0.2, "No process")],
)
def test_who_ran_out_of_cpu(server: float, generator: float, expected: str) -> None:
    evidence = Evidence(
        server_cores=server, postgres_cores=0.2, redis_cores=0, generator_cores=generator,
        others_cores=0, loop_lag_ms=1,
    )  # fmt: skip
    intake = Experiment(
        name="intake", question="?",
        measurements=(Measurement(label="single orders", evidence=evidence),),
    )  # fmt: skip
    assert expected in SENTENCES["intake_limit"]({"intake": intake})


@pytest.mark.parametrize("name", SENTENCES)
def test_nothing_is_said_of_what_was_not_measured(name: str) -> None:
    with pytest.raises(Unknown):
        SENTENCES[name]({})
