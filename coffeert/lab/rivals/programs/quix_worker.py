"""Quix Streams: cells in its own state, exactly once, with the changelog it documents.

A window of Quix drops what is late beyond its grace, so the cells are kept by hand, as its documentation
advises for totals without an end. Counts of all cells lie beside them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from quixstreams import Application, State

from coffeert.lab.rivals.programs.reporting import GRAINS, CountReporter, bucket

_COMMIT_SECONDS = 0.1
_FETCH_WAIT_MS = 10  # librdkafka's default of 500 is waited out by this broker


def main() -> None:
    reporter = CountReporter()

    def count(order: dict[str, Any], state: State) -> dict[str, Any]:
        for grain in GRAINS:
            cell = f"{grain} {bucket(grain, order['placed_at'])} {order['store']} {order['drink']}"
            orders, quantity, cents = state.get(cell, (0, 0, 0))
            pieces = order["quantity"]
            state.set(cell, (orders + 1, quantity + pieces, cents + pieces * 450))
            state.set(grain, state.get(grain, 0) + 1)
        return {grain: state.get(grain) for grain in GRAINS}

    application = Application(
        broker_address=os.environ["RIVAL_URL"],
        consumer_group="cells",
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=_COMMIT_SECONDS,
        state_dir=Path(os.environ["RIVAL_DIRECTORY"]) / "state",
        consumer_extra_config={"fetch.wait.max.ms": _FETCH_WAIT_MS, "session.timeout.ms": 6_000},
        loglevel="WARNING",
    )
    orders = application.dataframe(application.topic(os.environ["RIVAL_TOPIC"]))
    # Without a key one partition has everything, and so one state.
    orders.apply(count, stateful=True).update(lambda counts: reporter.report(*counts.values()))
    application.run()


if __name__ == "__main__":
    main()
