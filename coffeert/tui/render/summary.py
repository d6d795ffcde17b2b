"""What the sentence on top is about, from one moment of the dashboard."""

from __future__ import annotations

from coffeert.printable import printable
from coffeert.tui.model.report_request import totals_of
from coffeert.tui.render.changes import compared_words, minutes_changes
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.kpi import quiet_stores, sells
from coffeert.tui.render.sentence import Summary


def summary_of(context: FrameContext) -> Summary:
    """Return what the sentence on top is about."""
    span, window, reports = context.span, context.window, context.reports
    local = context.now.astimezone(context.zone)
    clock = f"{local:%A, %H:%M}"
    when = clock
    if reports.curve is not None and span.name != "today":
        when = f"{span.name.capitalize()} ({reports.curve.period.title})"
    elif span.minutes:
        when = f"{clock}, last {span.name}"
    elif span.name != "today":
        when = span.name.capitalize()
    if window is None:
        return Summary(when, known=False, missing=reports.missing)
    total, currency = window.sums.total, context.currency
    running = span.ends_now
    shown = context.stores()
    activity = reports.activity if running else None
    stores = [] if activity is None else [s for s in activity.stores if s.store in set(shown)]
    closed = bool(stores) and all(
        store.usually_open is False and activity and not sells(store, activity.as_of)
        for store in stores
    )
    row = reports.total
    change = None if row is None else row.takings_change
    against = compared_words(context)
    if span.minutes:
        before = None if window.previous is None else window.previous.total
        if before is not None:
            change = minutes_changes(total, before).takings
    expected = ""
    if row is not None and row.compared is not None and row.compared.orders > 0:
        earlier = totals_of(row.compared)
        expected = f"{against} {earlier.orders:,} orders, {currency.text(earlier.cents)} by now"
    return Summary(
        when=when,
        orders=total.orders,
        takings=currency.text(total.cents),
        change=change,
        compared=against,
        missing="" if span.minutes else reports.missing,
        expected=expected if running else "",
        leader=_leader(context),
        notes=day_notes(context),
        stores=len(shown),
        quiet=quiet_stores(activity, shown),
        closed=closed,
        zones=max(1, len(context.zones)),
        sold=total.orders != 0 or total.cents != 0,
        running=running,
    )


def _leader(context: FrameContext) -> str:
    assert context.window is not None
    drinks = context.window.sums.drinks
    if len(drinks) < 2:
        return ""
    code, totals = min(drinks.items(), key=lambda item: (-item[1].cents, item[0]))
    return context.drink_names.get(code) or printable(code) if totals.cents > 0 else ""
