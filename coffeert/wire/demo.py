"""What the demo and its own dashboard say to each other, as lines of JSON over a socket pair."""

from __future__ import annotations

from typing import Literal

import msgspec

BreakablePart = Literal["postgres", "redis", "server"]
"""What can be killed in the demo."""

DemoPhase = Literal["broken", "healing", "proved", "failed"]


class DemoRequest(msgspec.Struct, frozen=True):
    """A request to kill a part."""

    part: BreakablePart


class DemoState(msgspec.Struct, frozen=True):
    """How it stands, in a sentence for the screen."""

    phase: DemoPhase
    text: str
