"""Orders that come late, refunds and voids, and what they add up to."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
import uuid_utils.compat

from coffeert.domain.order_keys import void_key

MIN_LATE_SECONDS: Final = 60.0
MAX_LATE_SECONDS: Final = 3 * 86_400.0


class LateMix(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the lines of a load that are late, that are refunds, and that void a line before them.

    Late by one minute to three days, as many by minutes as by hours or days: the logarithm is uniform.
    """

    late: float = 0.0
    refunds: float = 0.0
    voids: float = 0.0


class LateBatch(NamedTuple):
    """Lines of a batch, the joined 16-byte ids of the rows that they make, and the pieces by minute.

    Minutes are in Unix seconds. Every order says when it was placed, so what is right is known here and not
    only to the database.
    """

    body: bytes
    ids: bytes
    pieces: dict[int, int]


def late_batch(
    rng: random.Random, mix: LateMix, lines: int, stores: tuple[str, ...], drinks: tuple[str, ...]
) -> LateBatch:
    """Make a batch of so many lines."""
    now = datetime.now(UTC).timestamp()
    made: list[bytes] = []
    ids: list[bytes] = []
    pieces: Counter[int] = Counter()
    voidable: list[tuple[UUID, int, int]] = []
    for _ in range(lines):
        if voidable and rng.random() < mix.voids:
            order_id, minute, quantity = voidable.pop(int(rng.random() * len(voidable)))
            made.append(b'{"void":"%s"}' % str(order_id).encode())
            ids.append(void_key(order_id).bytes)
            pieces[minute] -= quantity
            continue
        order_id = uuid_utils.compat.uuid7()
        late = late_seconds(rng) if rng.random() < mix.late else 0.0
        placed = datetime.fromtimestamp(now - late, UTC)
        quantity = 1 + int(rng.random() * 3)
        if rng.random() < mix.refunds:
            quantity = -quantity
        minute = int(placed.timestamp()) // 60 * 60
        made.append(
            b'{"store":"%s","drink":"%s","quantity":%d,"placed_at":"%s","order_id":"%s"}'
            % (
                rng.choice(stores).encode(), rng.choice(drinks).encode(), quantity,
                placed.isoformat().encode(), str(order_id).encode(),
            )
        )  # fmt: skip
        ids.append(order_id.bytes)
        pieces[minute] += quantity
        voidable.append((order_id, minute, quantity))
    return LateBatch(b"\n".join(made) + b"\n", b"".join(ids), dict(pieces))


def late_seconds(rng: random.Random) -> float:
    """Draw how late an order is."""
    return float(MIN_LATE_SECONDS * (MAX_LATE_SECONDS / MIN_LATE_SECONDS) ** rng.random())
