"""The dashboard in sentences, for a screen reader or a log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo

from coffeert.alert_rules import silent_stores
from coffeert.printable import printable
from coffeert.tui.model.bucket_sums import BucketSumCache
from coffeert.tui.model.clock import zone_difference
from coffeert.tui.render.badges import long_age, reason_text, trouble_texts
from coffeert.tui.render.format import Trend, money, trend
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.kpi import orders_per_minute, silence_text


def sentences(context: FrameContext, sums: BucketSumCache | None) -> list[str]:
    """Return the state of the dashboard, one sentence an item."""
    status = context.data_status
    if context.view is None or context.window is None or sums is None:
        reason = reason_text(status)
        why = f" {reason}" if reason else ""
        wait = "" if status.retry_in is None else f" Trying again in {status.retry_in:.0f} seconds."
        return [f"No data yet.{why}{wait}"]
    window, names = context.window, _names(context)
    total = window.sums.total
    before = None if window.previous is None else window.previous.total
    lines = [_state(context)]
    lines.append(
        f"Last {window.span.name}: {total.orders:,} orders"
        f"{_change(total.orders, None if before is None else before.orders)}, "
        f"takings {money(total.cents, context.places)}"
        f"{_change(total.cents, None if before is None else before.cents)}, "
        f"{orders_per_minute(sums, window.now):.1f} orders per minute now."
    )
    for name, side in (("store", window.sums.stores), ("drink", window.sums.drinks)):
        best = sorted(side.items(), key=lambda item: (-item[1].orders, item[0]))[:3]
        if best:
            listed = ", ".join(f"{names(code)} {totals.orders:,}" for code, totals in best)
            lines.append(f"Best {name}s: {listed}.")
    silent = silent_stores(context.view.cube, context.stores(sums.wanted), window.now)
    if silent:
        listed = ", ".join(f"{names(code)} for {silence_text(gap)}" for code, gap in silent)
        lines.append(f"Selling nothing: {listed}.")
    return lines


def zone_sentence(moment: datetime, zone: tzinfo) -> str:
    """Say once which zone all times are in, and what time it is here if that is another."""
    difference = zone_difference(moment, zone)
    return difference or f"All times are those of {zone}."


def _names(context: FrameContext) -> Callable[[str], str]:
    """Return what gives the name of a code of the menu, and any other code itself."""
    menu = context.menu
    known = (
        {}
        if menu is None
        else dict(
            [(store.code, store.name) for store in menu.stores]
            + [(drink.code, drink.name) for drink in menu.drinks]
        )
    )
    return lambda code: printable(known.get(code) or code, 40)


def _state(context: FrameContext) -> str:
    status = context.data_status
    age = "" if status.age is None else f" for {long_age(status.age)}"
    clock = context.now.astimezone(context.zone).strftime("%H:%M:%S")
    match status.status:
        case "live":
            state = "live"
        case "stale":
            state = f"no news{age}"
        case "lost":
            wait = (
                ""
                if status.retry_in is None
                else f", trying again in {status.retry_in:.0f} seconds"
            )
            reason = reason_text(status)
            state = f"not connected{wait}" + (f" ({reason.rstrip('.')})" if reason else "")
        case "rewind" | "replay" | "starting":
            state = status.status
    warning = "" if status.totals_match != "differs" else "; these sums differ from the server's"
    troubles = "; ".join(trouble_texts(status))
    troubles = f" Trouble: {troubles}." if troubles else ""
    return f"{clock}: {state}{warning}.{troubles}"


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
