"""Late orders: what a batch of them adds up to is what its lines say."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.order_keys import void_key
from coffeert.lab.clients import RequestFactory
from coffeert.lab.experiments.late import LATE_SHARES, LateRun, summed_up
from coffeert.lab.harness import LoadRun
from coffeert.lab.late_orders import MAX_LATE_SECONDS, MIN_LATE_SECONDS, LateMix, late_batch
from coffeert.lab.load_generator import LoadResult
from coffeert.lab.results import Correctness, Latencies, Measurement

SHARES = st.floats(0, 1)


@given(st.integers(), SHARES, SHARES, SHARES)
def test_the_pieces_are_those_of_the_lines(
    seed: int, late: float, refunds: float, voids: float
) -> None:
    mix = LateMix(late=late, refunds=refunds, voids=voids)
    batch = late_batch(random.Random(seed), mix, 40, ("uptown",), ("tea",))
    lines = [msgspec.json.decode(line) for line in batch.body.splitlines()]
    sums: Counter[int] = Counter()
    orders: dict[str, tuple[int, int]] = {}
    ids = []
    for line in lines:
        if "void" in line:
            minute, quantity = orders.pop(line["void"])  # of this batch, before it, and once
            sums[minute] -= quantity
            ids.append(void_key(UUID(line["void"])))
        else:
            minute = int(datetime.fromisoformat(line["placed_at"]).timestamp()) // 60 * 60
            orders[line["order_id"]] = minute, line["quantity"]
            sums[minute] += line["quantity"]
            ids.append(UUID(line["order_id"]))
    assert len(lines) == 40
    assert batch.pieces == dict(sums)
    assert batch.ids == b"".join(one.bytes for one in ids)


def test_late_orders_are_late_by_a_minute_to_three_days_and_others_are_not() -> None:
    now = datetime.now(UTC)
    for late, least, most in ((1.0, MIN_LATE_SECONDS, MAX_LATE_SECONDS + 60), (0.0, 0.0, 30.0)):
        batch = late_batch(random.Random(1), LateMix(late=late), 300, ("uptown",), ("tea",))
        placed = [msgspec.json.decode(line)["placed_at"] for line in batch.body.splitlines()]
        behind = [(now - datetime.fromisoformat(at)).total_seconds() for at in placed]
        assert least - 30 <= min(behind)
        assert max(behind) <= most


def test_a_request_has_the_pieces_of_its_batch() -> None:
    request = RequestFactory(1, mix=LateMix(late=0.5, voids=0.2)).batch(0, 30)
    assert request.marker == b'"accepted":30,'
    assert len(request.ids) == 30 * 16
    assert sum(request.pieces.values()) != 0


@pytest.mark.parametrize(("right", "outcome"), [(True, "pass"), (False, "fail")])
def test_sums_that_differ_from_the_generators_fail(right: bool, outcome: str) -> None:
    none, fast = Latencies.of([]), Latencies.of([0.004])
    load = LoadResult(
        sent=1, stored=1, shed=0, wrong=0, unanswered=0, good=1, elapsed=1.0, backlog_middle=0,
        backlog_end=0, cores=0.1, send_delay_p99=0.0, release_delay_p99=0.0, latency=none,
        shed_latency=none, shed_sent=none,
    )  # fmt: skip
    exact = Correctness(sent=1, acknowledged=1, stored=1, lost=0, duplicated=0, exact=True)
    run = LoadRun(Measurement(label="", correctness=exact), load)
    runs = [LateRun(share, run, share == 0 or right, fast) for share in LATE_SHARES]
    found = summed_up(runs)
    assert found.verdicts[0].outcome == outcome
    assert found.verdicts[0].measured == ("4 of 4" if right else "1 of 4")
    assert found.metric("pass_growth") == 1.0
