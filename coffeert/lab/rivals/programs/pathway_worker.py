"""Pathway: cells as `groupby` and `reduce`, with its persistence, so that a restart goes on.

Its windows close; a `groupby` of the bucket keeps every cell, and so counts what is late.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pathway as pw

from coffeert.lab.rivals.programs.reporting import GRAINS, LENGTHS, CountReporter

_COMMIT_MS = 10  # of the input; the default of 1,500 would be the delay
_FETCH_WAIT_MS = 10  # librdkafka's default of 500 is waited out by this broker
_COLUMNS = pw.schema_from_types(store=str, drink=str, quantity=int, placed_at=str)


def main() -> None:
    reporter, counted = CountReporter(), dict.fromkeys(GRAINS, 0)
    settings = {
        "bootstrap.servers": os.environ["RIVAL_URL"], "group.id": "cells",
        "auto.offset.reset": "earliest", "fetch.wait.max.ms": str(_FETCH_WAIT_MS),
        "session.timeout.ms": "6000",
    }  # fmt: skip
    orders = pw.io.kafka.read(
        settings, topic=os.environ["RIVAL_TOPIC"], schema=_COLUMNS, format="json",
        autocommit_duration_ms=_COMMIT_MS, name="orders",
    )  # fmt: skip

    def changed(grain: str, key: Any, row: dict[str, int], time: int, is_addition: bool) -> None:
        if is_addition:
            counted[grain] = row["orders"]

    def ended(time: int) -> None:
        reporter.report(*counted.values())

    for grain in GRAINS:
        cells = (
            orders.with_columns(bucket=orders.placed_at.str.slice(0, LENGTHS[grain]))
            .groupby(pw.this.bucket, pw.this.store, pw.this.drink)
            .reduce(
                pw.this.bucket, pw.this.store, pw.this.drink,
                orders=pw.reducers.count(), quantity=pw.reducers.sum(pw.this.quantity),
                cents=pw.reducers.sum(pw.this.quantity * 450),
            )
        )  # fmt: skip
        total = cells.reduce(orders=pw.reducers.sum(pw.this.orders))
        pw.io.subscribe(total, partial(changed, grain), on_time_end=ended)
    stored = pw.persistence.Backend.filesystem(Path(os.environ["RIVAL_DIRECTORY"]) / "state")
    pw.run(
        monitoring_level=pw.MonitoringLevel.NONE,
        persistence_config=pw.persistence.Config(stored),
    )


if __name__ == "__main__":
    main()
