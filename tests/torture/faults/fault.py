"""What a fault is, and the control without one."""

from __future__ import annotations

import asyncio
import random
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

from tests.torture.feed_times import FeedTimes
from tests.torture.frame_times import FrameTimes
from tests.torture.stage import Stage, staged


class NotPossible(Exception):
    """This machine lacks what the fault needs."""


class Fault:
    """One thing that goes wrong. `strike` does it and undoes it; it may do so several times.

    `frame_times` and `feed_times` where it measures what others notice.
    """

    name: ClassVar[str]
    strikes: ClassVar[int] = 2
    frame_times: FrameTimes | None = None
    feed_times: FeedTimes | None = None

    def setting(self) -> AbstractAsyncContextManager[Stage]:
        """Set the stage on which it happens."""
        return staged()

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Do it, let it last, and undo what the system cannot undo by itself."""
        raise NotImplementedError


class Nothing(Fault):
    """The control: the history and its checker, without any fault."""

    name = "no fault (control)"
    strikes = 1

    async def strike(self, stage: Stage, rng: random.Random) -> None:
        """Let the time pass."""
        await asyncio.sleep(1)
