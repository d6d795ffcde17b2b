"""What a dashboard feed tells its reader, one after another."""

from __future__ import annotations

import msgspec

from coffeert.domain.rollups import WindowTotals
from coffeert.domain.view import Change
from coffeert.wire.frames import Heartbeat, Hello
from coffeert.wire.orders import MenuBody


class Connecting(msgspec.Struct, frozen=True):
    """A connection is being opened; `attempt` counts from 1 since the last one that worked."""

    attempt: int


class Connected(msgspec.Struct, frozen=True):
    """The server has said hello.

    `resumed` where it is in the epoch of the view at hand, which therefore stands; should the server
    no longer know the changes in between, a `ViewReset` follows.
    """

    hello: Hello
    resumed: bool


class ViewReset(msgspec.Struct, frozen=True):
    """The whole view anew. `change` leads from an empty view to it; `totals` are the server's sums."""

    change: Change
    epoch: str
    version: int
    totals: WindowTotals


class ViewChanged(msgspec.Struct, frozen=True):
    """The view moved on to `version`; `totals` are the server's sums over it.

    Changes that a reader was too slow to take are merged into one. `received` is when the first of
    them came in, in seconds of `time.monotonic()`.
    """

    change: Change
    version: int
    received: float
    totals: WindowTotals


class Beat(msgspec.Struct, frozen=True):
    """The server is alive; its figures are in the heartbeat."""

    heartbeat: Heartbeat


class MenuUpdated(msgspec.Struct, frozen=True):
    """The menu is another one than before; also told once after the first connection."""

    menu: MenuBody


class GapFound(msgspec.Struct, frozen=True):
    """A change was missing: the view stood at `expected`, the next change began at `got`.

    The feed has already asked for the whole view; a `ViewReset` follows, or a change across the gap.
    """

    expected: int
    got: int


class Disconnected(msgspec.Struct, frozen=True):
    """The connection is gone, or could not be opened; `reason` is a plain phrase.

    `retry_in` is in seconds; `None` where the feed does not try again by itself: because it was told
    not to, or because the server refuses this client for good. `reconnect_now()` tries again even so.
    """

    reason: str
    retry_in: float | None


FeedEvent = (
    Connecting | Connected | ViewReset | ViewChanged | Beat | MenuUpdated | GapFound | Disconnected
)
