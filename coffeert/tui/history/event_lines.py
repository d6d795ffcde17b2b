"""Events as lines of JSON, in the rewind buffer and in recorded files.

A line with a field `coffeert` is an event; one without is an order, in the fields that
`coffeert inject --file` reads, so that a recording can be replayed and injected.
"""

from __future__ import annotations

from typing import Annotated, Final, assert_never

import msgspec

from coffeert.client.events import (
    Beat,
    Connected,
    Connecting,
    Disconnected,
    FeedEvent,
    GapFound,
    MenuUpdated,
    ViewChanged,
    ViewReset,
)
from coffeert.wire.frames import Columns, Heartbeat, Hello, change_from, columns
from coffeert.wire.orders import MenuBody

FORMAT: Final = 2


class _Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="coffeert", omit_defaults=True):
    at: float
    """When it was received, by the server's clock, in Unix seconds."""


class StartLine(_Line, frozen=True, kw_only=True, tag="recording"):
    """The first line of a file."""

    format: int
    server: str


class HelloLine(_Line, frozen=True, kw_only=True, tag="hello"):
    """`Connected`."""

    hello: Hello
    resumed: bool


class ResetLine(_Line, frozen=True, kw_only=True, tag="reset"):
    """`ViewReset`."""

    epoch: str
    version: int
    view: Columns


class ChangeLine(_Line, frozen=True, kw_only=True, tag="change"):
    """`ViewChanged`; `waited` is how many seconds it was queued before it was applied."""

    version: int
    view: Columns
    waited: float = 0.0


class BeatLine(_Line, frozen=True, kw_only=True, tag="beat"):
    """`Beat`."""

    heartbeat: Heartbeat


class MenuLine(_Line, frozen=True, kw_only=True, tag="menu"):
    """`MenuUpdated`."""

    menu: MenuBody


class GapLine(_Line, frozen=True, kw_only=True, tag="gap"):
    """`GapFound`."""

    expected: int
    got: int


class ConnectingLine(_Line, frozen=True, kw_only=True, tag="connecting"):
    """`Connecting`."""

    attempt: int


class LostLine(_Line, frozen=True, kw_only=True, tag="lost"):
    """`Disconnected`."""

    reason: str
    retry_in: float | None


EventLine = (
    StartLine
    | HelloLine
    | ResetLine
    | ChangeLine
    | BeatLine
    | MenuLine
    | GapLine
    | ConnectingLine
    | LostLine
)

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Annotated[EventLine, msgspec.Meta()]).decode


def line_of(event: FeedEvent, at: float, moment: float) -> EventLine:
    """Return the line of an event; `moment` is now in monotonic seconds."""
    match event:
        case Connecting():
            return ConnectingLine(at=at, attempt=event.attempt)
        case Connected():
            return HelloLine(at=at, hello=event.hello, resumed=event.resumed)
        case ViewReset():
            view = columns(event.change, event.totals, ())
            return ResetLine(at=at, epoch=event.epoch, version=event.version, view=view)
        case ViewChanged():
            view = columns(event.change, event.totals, ())
            waited = max(0.0, moment - event.received)
            return ChangeLine(at=at, version=event.version, view=view, waited=waited)
        case Beat():
            return BeatLine(at=at, heartbeat=event.heartbeat)
        case MenuUpdated():
            return MenuLine(at=at, menu=event.menu)
        case GapFound():
            return GapLine(at=at, expected=event.expected, got=event.got)
        case Disconnected():
            return LostLine(at=at, reason=event.reason, retry_in=event.retry_in)
        case _:
            assert_never(event)


def event_of(line: EventLine, moment: float) -> FeedEvent | None:
    """Return the event of a line, `None` for a start; `moment` is now in monotonic seconds."""
    match line:
        case StartLine():
            return None
        case ConnectingLine():
            return Connecting(line.attempt)
        case HelloLine():
            return Connected(line.hello, line.resumed)
        case ResetLine():
            return ViewReset(change_from(line.view), line.epoch, line.version, line.view.totals)
        case ChangeLine():
            received = moment - line.waited
            return ViewChanged(change_from(line.view), line.version, received, line.view.totals)
        case BeatLine():
            return Beat(line.heartbeat)
        case MenuLine():
            return MenuUpdated(line.menu)
        case GapLine():
            return GapFound(line.expected, line.got)
        case LostLine():
            return Disconnected(line.reason, line.retry_in)
        case _:
            assert_never(line)


def opening_of(
    hello: Hello, reset: ViewReset, beat: Heartbeat | None, at: float, moment: float
) -> list[EventLine]:
    """Return the lines that a replay can begin with."""
    lines: list[EventLine] = [
        HelloLine(at=at, hello=hello, resumed=False),
        line_of(reset, at, moment),
    ]
    if beat is not None:
        lines.append(BeatLine(at=at, heartbeat=beat))
    return lines
