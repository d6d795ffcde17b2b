"""How long and how often things are measured: quick, full, or tiny for the tests."""

from __future__ import annotations

import msgspec


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """The sizes of a run; durations are in seconds, `aggregation_interval` is the aggregator's and
    `late_rate` orders/s of which some are late; `feed_rate` orders/s are read in the feed.

    In the overload experiment the sustainable rate is the median of `overload_searches` bisections of
    `overload_steps` steps, each step tried `overload_trials` times. Then each of `overload_shares` of it is
    offered `overload_repeats` times, and the first `overload_variants` of the other heads and transports
    are measured.
    """

    name: str
    seconds: float
    repeats: int
    bisections: int
    searches: int
    connections: int
    variations: bool
    screen_rates: tuple[int, ...]
    histories: tuple[int, ...]
    passes: int
    late_rate: int
    clients: tuple[int, ...]
    fanouts: int
    messages: int
    subscribers: tuple[int, ...]
    overload_seconds: float
    overload_repeats: int
    overload_searches: int
    overload_trials: int
    overload_steps: int
    overload_shares: tuple[float, ...]
    overload_variants: int
    idle_seconds: float
    feed_repeats: int
    feed_seconds: float
    feed_rate: int = 10_000
    aggregation_interval: float = 1.0

    @property
    def open_loop_connections(self) -> int:
        """How many connections an open loop of single orders has.

        Orders come whether or not those before are answered, and a connection carries one at a time: 64
        would carry 64 for each time that a commit takes, whatever the server could.
        """
        return 8 * self.connections


TINY = Preset(
    name="tiny", seconds=0.25, repeats=1, bisections=1, searches=1, connections=4, variations=False,
    screen_rates=(50,), histories=(500, 2_000), passes=2, late_rate=400, clients=(10,), fanouts=3,
    messages=50, subscribers=(1,), overload_seconds=0.3, overload_repeats=1, overload_searches=1,
    overload_trials=1, overload_steps=1, overload_shares=(0.5, 1.0, 2.0), overload_variants=3,
    idle_seconds=0.3, feed_repeats=1, feed_seconds=0.5, feed_rate=1_000,
    aggregation_interval=0.05,
)  # fmt: skip
QUICK = Preset(
    name="quick", seconds=1.0, repeats=2, bisections=3, searches=1, connections=64, variations=False,
    screen_rates=(100, 1_000, 5_000), histories=(3_000, 300_000), passes=12, late_rate=2_000,
    clients=(1_000, 10_000), fanouts=6, messages=3_000, subscribers=(1, 4),
    overload_seconds=2.5, overload_repeats=1, overload_searches=1, overload_trials=1, overload_steps=2,
    overload_shares=(0.5, 1.0, 2.0), overload_variants=1, idle_seconds=3.0, feed_repeats=1,
    feed_seconds=2.0,
)  # fmt: skip
FULL = Preset(
    name="full", seconds=4.5, repeats=5, bisections=5, searches=3, connections=64, variations=True,
    screen_rates=(10, 100, 1_000, 2_500, 5_000, 10_000),
    histories=(100_000, 1_000_000, 10_000_000), passes=25, late_rate=2_000,
    clients=(100, 1_000, 5_000, 10_000), fanouts=16, messages=6_000, subscribers=(1, 4, 16),
    overload_seconds=8.0, overload_repeats=3, overload_searches=3, overload_trials=2, overload_steps=3,
    overload_shares=(0.5, 1.0, 1.5, 2.0), overload_variants=3, idle_seconds=15.0,
    feed_repeats=5, feed_seconds=5.0,
)  # fmt: skip
