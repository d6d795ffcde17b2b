"""The dashboard in sentences, for a screen reader or a log."""

from __future__ import annotations

from coffeert.alert_rules import silent_stores
from coffeert.tui.model.bucket_sums import BucketSumCache
from coffeert.tui.render.format import Trend, ago, money, trend
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.kpi import pace, silence
from coffeert.tui.render.text import clean


def sentences(scene: FrameContext, sums: BucketSumCache | None) -> list[str]:
    """Say how things stand, one sentence an item."""
    truth = scene.truth
    if scene.view is None or scene.window is None or sums is None:
        why = f" {truth.reason}" if truth.reason else ""
        wait = "" if truth.retry_in is None else f" Trying again in {truth.retry_in:.0f} seconds."
        return [f"No data yet.{why}{wait}"]
    window = scene.window
    total = window.sums.total
    before = None if window.previous is None else window.previous.total
    said = [_state(scene)]
    said.append(
        f"Last {window.span.name}: {total.orders:,} orders"
        f"{_change(total.orders, None if before is None else before.orders)}, "
        f"revenue {money(total.cents)}"
        f"{_change(total.cents, None if before is None else before.cents)}, "
        f"{pace(sums, window.now):.1f} orders per minute now."
    )
    for name, side in (("store", window.sums.stores), ("drink", window.sums.drinks)):
        best = sorted(side.items(), key=lambda item: (-item[1].orders, item[0]))[:3]
        if best:
            listed = ", ".join(f"{clean(code)} {tally.orders:,}" for code, tally in best)
            said.append(f"Best {name}s: {listed}.")
    silent = silent_stores(scene.view.cube, scene.stores(sums.wanted), window.now)
    if silent:
        listed = ", ".join(f"{clean(code)} for {silence(gap)}" for code, gap in silent)
        said.append(f"Silent: {listed}.")
    return said


def _state(scene: FrameContext) -> str:
    truth = scene.truth
    age = "" if truth.age is None else f", data {ago(truth.age)} old"
    clock = scene.now.astimezone(scene.zone).strftime("%H:%M:%S")
    match truth.mood:
        case "live":
            state = "live"
        case "stale":
            state = "stale"
        case "lost":
            wait = (
                "" if truth.retry_in is None else f", trying again in {truth.retry_in:.0f} seconds"
            )
            state = f"not connected{wait}"
        case "rewind" | "replay" | "starting":
            state = truth.mood
    doubt = "" if truth.agreement != "differs" else "; these sums differ from the server's"
    troubles = f" Trouble: {'; '.join(truth.troubles)}." if truth.troubles else ""
    return f"{clock}: {state}{age}{doubt}.{troubles}"


def _change(now: float, before: float | None) -> str:
    change: Trend = trend(now, before)
    match change.direction:
        case "up":
            return f" (up {change.part * 100:.1f} percent)"
        case "down":
            return f" (down {-change.part * 100:.1f} percent)"
        case "flat":
            return " (unchanged)"
        case "unknown":
            return ""
