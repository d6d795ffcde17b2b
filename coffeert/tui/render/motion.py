"""Figures on their way to new ones, and how long what moves takes."""

from __future__ import annotations

import re
from typing import Final

STEPS: Final = 4
STEP_SECONDS: Final = 0.06
"""A figure moves in so many steps of so many seconds."""

LIT_SECONDS: Final = 0.3
"""How long the row of a store is lit by a new order."""

REST_SECONDS: Final = 1.0
"""What changes sooner than this after the last time does not move: in a rush all would, and cost a lot."""

_DIGIT: Final = re.compile(r"\d")


def between(before: str, after: str, part: float) -> str:
    """Return a figure that is a part of the way from one to another, written as both are.

    If they are not written alike, such as 999 and 1,000, it is the new one at once.
    """
    if _DIGIT.sub("0", before) != _DIGIT.sub("0", after):
        return after
    start, end = (int("".join(_DIGIT.findall(text)) or 0) for text in (before, after))
    digits = iter(str(start + round((end - start) * part)).zfill(len(_DIGIT.findall(after))))
    return _DIGIT.sub(lambda _: next(digits), after)
