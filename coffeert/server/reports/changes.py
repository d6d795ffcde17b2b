"""How a figure differs from the compared one."""

from __future__ import annotations

from coffeert.domain.comparisons import SMALLEST_BASE
from coffeert.domain.money import rounded
from coffeert.wire.reports import PercentChange


def percent_change(now: int, then: int, scale: int, base: int, reason: str | None) -> PercentChange:
    """Compare a sum with one that is `scale` times too large and made of `base` orders, as large.

    `reason` says why it is not compared, if so.
    """
    if reason is not None:
        return PercentChange(reason=reason)
    if base <= 0 or then <= 0:
        return PercentChange(reason="nothing sold then")
    if base < SMALLEST_BASE * scale:
        return PercentChange(reason=f"fewer than {SMALLEST_BASE} orders then")
    return PercentChange(percent=rounded(100 * (now * scale - then), then))
