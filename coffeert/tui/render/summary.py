"""What the sentence on top is about, from one moment of the dashboard."""

from __future__ import annotations

from collections.abc import Iterator

from coffeert.domain.money import units_from_text
from coffeert.printable import printable
from coffeert.tui.model.report_request import totals_of
from coffeert.tui.render.changes import compared_words, minutes_changes
from coffeert.tui.render.currency import Currency
from coffeert.tui.render.frame_context import FrameContext
from coffeert.tui.render.kpi import quiet_stores, sells
from coffeert.tui.render.sentence import Summary
from coffeert.wire.closings import ClosingSummary
from coffeert.wire.reports import Figures, Report


def summary_of(context: FrameContext) -> Summary:
    """Return what the sentence on top is about."""
    span, window, reports = context.span, context.window, context.reports
    local = context.now.astimezone(context.zone)
    clock = f"{local:%A, %H:%M}"
    when = clock
    if reports.curve is not None and span.name != "today":
        title = reports.curve.period.title
        when = title if span.chosen else f"{span.name.capitalize()} ({title})"
    elif span.minutes:
        when = f"{clock}, last {span.name.removeprefix('1 ')}"
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
        notes=notes_of(reports.curve, reports.details, currency, running=running),
        stores=len(shown),
        quiet=quiet_stores(activity, shown),
        closed=closed,
        zones=max(1, len(context.zones)),
        sold=total.orders != 0 or total.cents != 0,
        running=running,
    )


def notes_of(
    curve: Report | None, details: Report | None, currency: Currency, *, running: bool
) -> tuple[str, ...]:
    """Say what else an owner asks about a range: `details` is the report of a single day that has them."""
    return tuple(_notes(curve, details, currency, running))


def _notes(
    curve: Report | None, details: Report | None, currency: Currency, running: bool
) -> Iterator[str]:
    if details is not None and details.details is not None and details.details.closing is not None:
        yield _closing(details.details.closing, currency)
    if curve is None:
        return
    if (usual := curve.total.usual_range) is not None:
        lowest, highest = (
            currency.whole(units_from_text(text))
            for text in (usual.lowest_takings, usual.highest_takings)
        )
        yield f"Usually {lowest} to {highest}{' by now' if running else ''}."
    if running and (waiting := curve.stores_without_sale):
        have = "has" if waiting == 1 else "have"
        yield f"{waiting:,} of {curve.stores_compared or curve.stores:,} stores {have} sold nothing yet."
    if details is not None:
        yield from _receipts(details.total.figures, currency)


def _closing(closing: ClosingSummary, currency: Currency) -> str:
    said = f"Closing {closing.number}"
    if (changed := closing.changed) is not None:
        late = changed.late_orders
        amount = units_from_text(changed.difference.takings)
        sign = "+" if amount > 0 else ""
        said += (
            f": {late:,} order{'' if late == 1 else 's'} came since ({sign}{currency.text(amount)})"
        )
    return f"{said}; a calendar was changed since." if closing.recut else f"{said}."


def _receipts(figures: Figures, currency: Currency) -> Iterator[str]:
    receipts, mean, share = figures.receipts, figures.per_receipt, figures.receipt_share
    if receipts is None or mean is None:
        return
    several = receipts > 1
    covered = "" if share is None else f", for {share} % of the orders"
    yield f"{receipts:,} receipt{'s' * several} of {currency.text(mean)}{' each' * several}{covered}."


def _leader(context: FrameContext) -> str:
    assert context.window is not None
    drinks = context.window.sums.drinks
    if len(drinks) < 2:
        return ""
    code, totals = min(drinks.items(), key=lambda item: (-item[1].cents, item[0]))
    return context.drink_names.get(code) or printable(code) if totals.cents > 0 else ""
