"""The experiment `feed`: streams are compared byte by byte, and its targets are judged by pairs of runs."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.lab.experiments.feed import DECODING, READERS, FeedRun, summed_up
from coffeert.lab.feed_readers import ComparedStream, FeedReadersResult, KeptStream
from coffeert.lab.harness import LoadRun
from coffeert.lab.load_generator import LoadResult
from coffeert.lab.results import Correctness, Experiment, Latencies, Measurement, ResourceUsage
from coffeert.server.feed.gzip_stream import GZIP_HEADER, gzip_piece

NOTHING = Latencies.of([])


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data cut at these places."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


@given(
    st.binary(max_size=60), st.lists(st.integers(0, 60)), st.lists(st.integers(0, 60)), st.data()
)
def test_streams_are_alike_however_they_arrive(
    data: bytes, cuts: list[int], other_cuts: list[int], choose: st.DataObject
) -> None:
    kept = KeptStream()
    other = ComparedStream(kept)
    arriving = [(kept.receive, piece) for piece in pieces(data, cuts)]
    arriving_there = [(other.receive, piece) for piece in pieces(data, other_cuts)]
    while arriving or arriving_there:
        first = bool(arriving) and (not arriving_there or choose.draw(st.booleans()))
        receive, piece = (arriving if first else arriving_there).pop(0)
        receive(memoryview(piece))
    assert other.compare()


@given(st.binary(min_size=1, max_size=60), st.integers(0, 59), st.lists(st.integers(0, 60)))
def test_a_byte_that_differs_is_noticed(data: bytes, at: int, cuts: list[int]) -> None:
    kept = KeptStream()
    kept.receive(memoryview(data))
    other = ComparedStream(kept)
    wrong = bytearray(data)
    wrong[at % len(data)] ^= 1
    for piece in pieces(bytes(wrong), cuts):
        other.receive(memoryview(piece))
    assert not other.compare()
    short = ComparedStream(kept)
    short.receive(memoryview(data[:-1]))
    assert not short.compare()


def chunked(*texts: bytes) -> bytes:
    """Pack texts as a feed does: each a chunk of HTTP/1.1, all together in gzip."""
    bodies = [gzip_piece(text) for text in texts]
    bodies[0] = GZIP_HEADER + bodies[0]
    return b"".join(b"%x\r\n%b\r\n" % (len(body), body) for body in bodies)


def test_streams_that_were_cut_elsewhere_hold_the_same_events() -> None:
    ids = [f"0195d3c8-0000-7000-8000-00000000000{number}" for number in range(3)]
    events = [f'data: {{"order_id":"{one}","received_at":"x"}}\n\n'.encode() for one in ids]
    kept = KeptStream()
    kept.receive(memoryview(chunked(b"".join(events))))
    other = ComparedStream(kept)
    other.receive(memoryview(chunked(events[0], b"id: 1\n\n", events[1] + events[2])))
    assert not other.compare()
    assert other.order_ids() == [one.encode() for one in ids]


@given(st.lists(st.binary(max_size=60), min_size=1), st.lists(st.integers(0, 400)))
def test_chunks_are_unpacked_as_they_come(texts: list[bytes], cuts: list[int]) -> None:
    kept = KeptStream()
    for piece in pieces(chunked(*texts), cuts):
        kept.receive(memoryview(piece))
        kept.pieces()
    assert [piece.text for piece in kept.pieces()] == texts
    assert kept.pieces()[-1].end == len(kept.data) - 2


def run(
    readers: int, cpu: float, *, commit: float = 0.004, age: float = 0.1, right: bool = True
) -> FeedRun:
    """A run of 10,000 orders/s with this CPU of PostgreSQL, in us an order."""
    usage = ResourceUsage(
        server_cores=0.2, postgres_cores=cpu / 100, redis_cores=0, generator_cores=0, others_cores=0,
        loop_lag_ms=0,
    )  # fmt: skip
    measurement = Measurement(
        label="", good=10_000, usage=usage, latency=Latencies.of([commit]),
        correctness=Correctness(1, 1, 1, 0, 0, exact=True),
    )  # fmt: skip
    load = LoadResult(
        sent=1, stored=1, shed=0, wrong=0, unanswered=0, good=1, elapsed=1.0, backlog_middle=0,
        backlog_end=0, cores=0.1, send_delay_p99=0, release_delay_p99=0, latency=NOTHING,
        shed_latency=NOTHING, shed_sent=NOTHING,
    )  # fmt: skip
    read = None
    if readers > 0:
        ages = Latencies.of([age])
        read = FeedReadersResult(events=1, alike=readers, chain="0" * 64, ages=ages, cpu=1.0)
    return FeedRun(readers, LoadRun(measurement, load), read, right)


def outcomes(found: Experiment) -> list[str]:
    return [verdict.outcome for verdict in found.verdicts]


def test_costs_are_compared_with_the_run_beside() -> None:
    runs = []
    for drift in (0.0, 5.0, 30.0):  # of the machine
        runs += [run(0, 9 + drift), run(1, 14 + drift), run(100, 15 + drift), run(-1, 17 + drift)]
    random.Random(1).shuffle(kinds := [*READERS, DECODING])
    ordered = [one for kind in kinds for one in runs if one.readers == kind]
    found = summed_up(ordered)
    assert found.metric("reader_cpu") == pytest.approx(5)
    assert found.metric("readers_cpu") == pytest.approx(6)
    assert found.metric("decoding_cpu") == pytest.approx(8)
    assert outcomes(found) == ["pass"] * 5


@pytest.mark.parametrize(
    ("worse", "missed"),
    [
        (run(1, 15.1), 1),
        (run(100, 15.5), 2),
        (run(100, 14, commit=0.005), 3),
        (run(1, 14, commit=0.005), 3),
        (run(100, 14, age=0.2), 4),
        (run(100, 14, right=False), 0),
    ],
)
def test_each_target_can_be_missed(worse: FeedRun, missed: int) -> None:
    runs = [run(0, 9), run(1, 14), run(100, 14), run(DECODING, 17)] * 3
    found = summed_up([worse if one.readers == worse.readers else one for one in runs])
    assert [index for index, outcome in enumerate(outcomes(found)) if outcome == "fail"] == [missed]
    correct = [one.correctness is not None and one.correctness.clean for one in found.measurements]
    assert all(correct) == (missed != 0)


def test_without_the_cpu_of_postgresql_nothing_is_said_of_it() -> None:
    found = summed_up([run(0, 0), run(1, 0), run(100, 0)] * 3)
    assert outcomes(found) == ["pass", "inconclusive", "inconclusive", "pass", "pass"]
    assert found.metric("decoding_cpu") is None


def test_one_run_says_nothing_of_the_noise() -> None:
    found = summed_up([run(0, 9), run(1, 14, commit=0.005), run(100, 14)])
    assert outcomes(found)[3] == "inconclusive"


def test_nothing_is_said_of_the_cpu_of_a_given_postgresql() -> None:
    found = summed_up([run(0, 0), run(1, 0), run(100, 0)] * 3)
    for name in ("postgres_cpu", "reader_cpu", "readers_cpu", "decoding_cpu"):
        assert found.metric(name) is None
    assert [(verdict.measured, verdict.outcome) for verdict in found.verdicts[1:3]] == [
        ("not measured", "inconclusive")
    ] * 2
    assert found.measurements[0].note == "CPU of an order in PostgreSQL: not measured"
