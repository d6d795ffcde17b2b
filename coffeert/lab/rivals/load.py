"""Orders sent to a rival: in an open loop, or as fast as it counts them."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime
from statistics import quantiles
from typing import NamedTuple

import uuid_utils.compat

from coffeert.lab.clients import DRINKS, STORES
from coffeert.lab.late_orders import late_seconds
from coffeert.lab.load_generator import poisson
from coffeert.lab.rivals.counts import CountReader
from coffeert.lab.rivals.rival import RivalSender

_TICK_SECONDS = 0.001
_DRAIN_SECONDS = 60.0
_BACKLOG_SECONDS = 120.0
_SILENCE_SECONDS = 20.0


class RivalLoad(NamedTuple):
    """What became of a load: `counted` orders within the drain, and their delays in ms from when due."""

    sent: int
    acknowledged: int
    counted: int
    elapsed: float
    p50: float = 0.0
    p99: float = 0.0


def make_orders(count: int, seed: int, late_share: float = 0.0) -> list[bytes]:
    """Make so many orders, lines of JSON that say when they were placed."""
    rng = random.Random(seed)
    return [_order(rng, rng.random() < late_share) for _ in range(count)]


def _order(rng: random.Random, late: bool) -> bytes:
    placed = datetime.now(UTC).timestamp() - (late_seconds(rng) if late else 0.0)
    at = datetime.fromtimestamp(placed, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
    return (
        f'{{"store":"{rng.choice(STORES)}","drink":"{rng.choice(DRINKS)}",'
        f'"quantity":{rng.randint(1, 3)},"price":"4.50","placed_at":"{at}",'
        f'"order_id":"{uuid_utils.compat.uuid7()}"}}'
    ).encode()


async def open_loop(
    sender: RivalSender,
    reader: CountReader,
    rate: float,
    seconds: float,
    seed: int,
    *,
    late: float = 0.0,
    silence: float = _SILENCE_SECONDS,
) -> RivalLoad:
    """Send orders when they are due, those of a Poisson process, and wait until they are counted.

    Orders that are neither acknowledged nor counted are given up after some seconds of `silence`. That a
    rival is slow is none for long: JetStream flushes thousands before it answers one.
    """
    due = poisson(rate, seconds, seed)
    orders = make_orders(len(due), seed, late)
    before, acknowledged = min(reader.latest), sender.acknowledged
    begin, sent = time.monotonic(), 0
    while sent < len(due):
        now = time.monotonic() - begin
        while sent < len(due) and due[sent] <= now:
            sender.send(orders[sent])
            sent += 1
        sender.poll()
        await asyncio.sleep(_TICK_SECONDS)
    await _drained(sender, reader, before + sent, acknowledged - before, silence)
    moments = [reader.moment(before + number) for number in range(1, sent + 1)]
    delays = [
        (at - begin - due[number]) * 1e3 for number, at in enumerate(moments) if at is not None
    ]
    counted = min(reader.latest) - before
    made = RivalLoad(sent, sender.acknowledged - acknowledged, counted, time.monotonic() - begin)
    if len(delays) < 2:
        return made
    percentiles = quantiles(delays, n=100, method="inclusive")
    return made._replace(p50=percentiles[49], p99=percentiles[98])


async def closed_loop(
    sender: RivalSender, reader: CountReader, orders: list[bytes], seconds: float, unseen: int
) -> RivalLoad:
    """Send orders as long as at most `unseen` of them are not counted, and wait until all are.

    What has elapsed is the time until the last count.
    """
    before, acknowledged = min(reader.latest), sender.acknowledged
    begin, sent = time.monotonic(), 0
    while (now := time.monotonic() - begin) < seconds and sent < len(orders):
        room = min(len(orders), unseen + min(reader.latest) - before)
        while sent < room:
            sender.send(orders[sent])
            sent += 1
        sender.poll()
        await asyncio.sleep(_TICK_SECONDS if sent >= room else 0)
    await _drained(sender, reader, before + sent, acknowledged - before)
    counted = min(reader.latest) - before
    last = reader.moment(before + counted) if counted else None
    elapsed = now if last is None else last - begin
    return RivalLoad(sent, sender.acknowledged - acknowledged, counted, elapsed)


async def backlog_ended(sender: RivalSender, reader: CountReader, sent: int) -> bool:
    """Wait until all orders that were ever sent are counted, or those that were acknowledged at the least.

    False if these are not within two minutes: a load that begins amid a backlog measures the backlog.
    """
    await _drained(sender, reader, sent, 0, within=_BACKLOG_SECONDS)
    return min(reader.latest) >= sender.acknowledged


async def _drained(
    sender: RivalSender,
    reader: CountReader,
    sent: int,
    acknowledged: int,
    silence: float = _SILENCE_SECONDS,
    within: float = _DRAIN_SECONDS,
) -> None:
    """Wait until so many are acknowledged and counted, or all acknowledged are and nothing changes.

    `acknowledged` is to be taken from the sender's number to have the reader's.
    """
    began = changed = time.monotonic()
    before = (0, 0)
    while True:
        now, state = time.monotonic(), (min(reader.latest), sender.acknowledged)
        counted, answered = state[0], state[1] - acknowledged
        if counted >= sent and answered >= sent:
            return
        if state != before:
            before, changed = state, now
        if now - began > within or (answered <= counted and now - changed > silence):
            return
        sender.poll()
        await asyncio.sleep(_TICK_SECONDS)
