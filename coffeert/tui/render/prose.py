"""The dashboard in sentences, for a screen reader or a log."""

from __future__ import annotations

from datetime import datetime, tzinfo

from coffeert.printable import printable
from coffeert.tui.model.bucket_sums import BucketSumCache
from coffeert.tui.model.clock import zone_difference
from coffeert.tui.render.badges import long_age, reason_text, trouble_texts
from coffeert.tui.render.chart import PACE_MINUTES, last_minutes
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.sentence import clauses_of
from coffeert.tui.render.summary import summary_of


def sentences(context: FrameContext, sums: BucketSumCache | None) -> list[str]:
    """Return the state of the dashboard, one sentence an item."""
    status = context.data_status
    window = context.window
    if context.view is None or sums is None:
        reason = reason_text(status)
        why = f" {reason}" if reason else ""
        wait = "" if status.retry_in is None else f" Trying again in {status.retry_in:.0f} seconds."
        return [f"No data yet.{why}{wait}"]
    lines = [_state(context), *clauses_of(summary_of(context))]
    if window is None:
        return lines
    if context.is_live:
        recent = last_minutes(sums, window.now)
        lines.append(f"In the last {PACE_MINUTES} minutes {recent.orders:,} orders.")
    for name, side, names in (
        ("store", window.sums.stores, context.store_names),
        ("drink", window.sums.drinks, context.drink_names),
    ):
        best = sorted(side.items(), key=lambda item: (-item[1].cents, item[0]))[:3]
        if best:
            listed = ", ".join(
                f"{names.get(code) or printable(code)} {context.currency.text(totals.cents)}"
                for code, totals in best
            )
            lines.append(f"Best {name}s by takings: {listed}.")
    return lines


def zone_sentence(moment: datetime, zone: tzinfo) -> str:
    """Say once which zone all times are in, and what time it is here if that is another."""
    difference = zone_difference(moment, zone)
    return difference or f"All times are those of {zone}."


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
