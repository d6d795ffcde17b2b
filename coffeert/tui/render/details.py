"""Details: everything about one order, and the traces of the viewer's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from coffeert.printable import printable
from coffeert.tui.model.order_traces import OrderTrace
from coffeert.tui.render.format import ago, milliseconds, money
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.orders import OrderRow
from coffeert.tui.render.spans import Line, Role, Span, line
from coffeert.tui.render.text import crop


def order_lines(row: OrderRow, zone: tzinfo, glyphs: Glyphs, places: int) -> list[Line]:
    """Return everything about an order, one field a line, amounts with so many decimal places."""
    order, own = row.order, row.own
    delay = (order.received_at - order.placed_at).total_seconds()
    fields: list[tuple[str, str, Role]] = [
        ("order", str(order.order_id), "text"),
        ("store", row.store or printable(order.store), "strong"),
        ("drink", row.drink or printable(order.drink), "strong"),
        ("quantity", str(order.quantity), "text"),
        ("each", money(order.price_cents, places), "text"),
        ("amount", money(order.total_cents, places), "strong"),
        ("placed", f"{order.placed_at.astimezone(zone):%Y-%m-%d %H:%M:%S.%f %z}", "text"),
        ("received", f"{order.received_at.astimezone(zone):%Y-%m-%d %H:%M:%S.%f %z}", "text"),
    ]
    if delay:  # without a `placed_at` of the client, an order is placed when it is received
        fields.append(("late", f"arrived {late_text(delay)} after it was placed", "dim"))
    if row.voided_at is not None:
        local = row.voided_at.astimezone(zone)
        fields.append(("void", f"since {local:%Y-%m-%d %H:%M:%S %z}", "bad"))
    elif order.quantity < 0:
        fields.append(("is", "a refund", "bad"))
    if order.source is not None:
        fields.append(("source", printable(order.source), "text"))
    if order.receipt is not None:
        fields.append(("receipt", printable(order.receipt), "text"))
    lines = [line(Span(f"{name:<9}", "dim"), Span(value, role)) for name, value, role in fields]
    if own is not None:
        lines.append(line(""))
        lines += trace_lines(own, glyphs)
    return lines


def late_text(seconds: float) -> str:
    """Write how much later than placed an order arrived; a till's clock may be ahead."""
    if abs(seconds) < 10:
        return f"{seconds * 1000:,.1f} ms"
    return ago(seconds)


def trace_lines(own: OrderTrace, glyphs: Glyphs) -> list[Line]:
    """Return how far an own order has got, one step a line."""
    if own.status == "refused":
        return [line(Span(f"{glyphs.cross} not stored: {printable(own.reason)}", "bad"))]
    if own.status == "unknown":
        return [line(Span(f"? outcome unknown: {printable(own.reason)}", "warn"))]
    lines = [line(Span("how fast", "title"), Span("  ms after it was placed", "dim"))]
    moments = (
        ("stored", own.committed_at),
        ("sent", own.on_wire_at),
        ("on screen", own.rendered_at),
    )
    lines.append(line(Span(f"{glyphs.check} placed     ", "good"), Span("      0", "strong")))
    for name, moment in moments:
        after = own.after(moment)
        unanswered = name == "stored" and after is None and own.status != "sent"
        passed = after is not None or unanswered
        mark = Span(f"{glyphs.check if passed else glyphs.ring} ", "good" if passed else "dim")
        shown = Span("waiting" if not unanswered else "no answer, but it is there", "dim")
        if after is not None:
            shown = Span(f"{milliseconds(after):>7}", "strong")
        lines.append(line(mark, f"{name:<11}", shown))
    if own.replayed:
        lines.append(line(Span(f"the server had it already; {own.attempts} attempts", "warn")))
    if own.status == "voided":
        lines.append(line(Span("voided by a correction", "warn")))
    return lines


def own_lines(orders: Sequence[OrderTrace], cells: int, glyphs: Glyphs) -> list[Line]:
    """Return own orders, one a line, with the milliseconds of each step."""
    if not orders:
        return [line(Span("none yet: press n to place one", "dim"))]
    lines = []
    for own in orders:
        name = crop(
            f"{printable(own.draft.drink)} {glyphs.separator} {printable(own.draft.store)}",
            cells - 20,
        )
        if own.status == "refused":
            tail = Span("refused", "bad")
        elif own.status == "unknown":
            tail = Span("unknown", "warn")
        elif own.status == "voided":
            tail = Span("voided", "warn")
        else:
            steps = [own.after(m) for m in (own.committed_at, own.on_wire_at, own.rendered_at)]
            tail = Span(
                " > ".join(milliseconds(ms) if ms is not None else glyphs.ellipsis for ms in steps),
                "own",
            )
        lines.append(line(name, Span("  "), tail))
    return lines
