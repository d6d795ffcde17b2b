"""NATS JetStream: the consumer needs no acknowledgements, since it begins behind its stored position."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import nats
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from coffeert.lab.rivals.programs.cell_table import CellTable
from coffeert.lab.rivals.programs.reporting import CountReporter


async def main() -> None:
    cells, reporter = CellTable(Path(os.environ["RIVAL_DIRECTORY"]) / "cells.db"), CountReporter()
    waiting, arrived, lost = list[Any](), asyncio.Event(), asyncio.Event()

    async def receive(message: Any) -> None:
        waiting.append(message)
        arrived.set()

    async def disconnected() -> None:
        lost.set()
        arrived.set()

    client = await nats.connect(os.environ["RIVAL_URL"], disconnected_cb=disconnected)
    begin = ConsumerConfig(
        ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=cells.position() + 1, flow_control=True, idle_heartbeat=5.0,
    )  # fmt: skip
    await client.jetstream().subscribe(
        "orders", cb=receive, config=begin, pending_msgs_limit=10_000_000, pending_bytes_limit=2**31
    )
    reporter.report(*cells.counted)
    while not lost.is_set():  # then somebody starts this program again
        await arrived.wait()
        arrived.clear()
        batch, waiting[:] = waiting[:], []
        if batch:
            position = batch[-1].metadata.sequence.stream
            cells.add((message.data for message in batch), position)
            reporter.report(*cells.counted)


if __name__ == "__main__":
    asyncio.run(main())
