"""A consumer of Kafka's protocol by hand, which keeps its position itself and needs no group."""

from __future__ import annotations

import os
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from coffeert.lab.rivals.programs.cell_table import CellTable
from coffeert.lab.rivals.programs.reporting import CountReporter

_FETCH_WAIT_MS = 10  # librdkafka's default of 500 is waited out by this broker
_BATCH, _BATCH_SECONDS = 1_000, 0.002


def main() -> None:
    cells, reporter = CellTable(Path(os.environ["RIVAL_DIRECTORY"]) / "cells.db"), CountReporter()
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ["RIVAL_URL"], "group.id": "cells",
            "enable.auto.commit": False, "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": _FETCH_WAIT_MS,
        }
    )  # fmt: skip
    consumer.assign([TopicPartition(os.environ["RIVAL_TOPIC"], 0, cells.position())])
    reporter.report(*cells.counted)
    while True:
        batch = [
            (order, offset)
            for message in consumer.consume(_BATCH, _BATCH_SECONDS)
            if message.error() is None
            and (order := message.value()) is not None
            and (offset := message.offset()) is not None
        ]
        if batch:
            cells.add((order for order, _ in batch), batch[-1][1] + 1)
            reporter.report(*cells.counted)


if __name__ == "__main__":
    main()
