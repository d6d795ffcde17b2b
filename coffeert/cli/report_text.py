"""Reports as text: a few sentences, then tables that fit 80 columns; and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from rich import box
from rich.table import Table
from rich.text import Text

from coffeert.cli.closing_text import change_sentences
from coffeert.cli.report_mail import ReportMail
from coffeert.cli.text_page import csv_cell, local_time, page_text, text_table
from coffeert.domain.currency import amount_text
from coffeert.domain.money import units_from_text
from coffeert.printable import printable
from coffeert.wire.reports import Figures, Grouping, PercentChange, Report, ReportDetails, ReportRow


def mail_text(mail: ReportMail) -> str:
    """Write a report as a mail."""
    return page_text(_parts(mail))


def csv_text(mail: ReportMail) -> str:
    """Write the rows of the tables as CSV, the total first."""
    reports = [report for report in (mail.report, mail.by_drink) if report is not None]
    groupings = list(dict.fromkeys(name for report in reports for name in report.grouped_by))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    figures = ("orders", "pieces", "takings", "days")
    compared = ("compared_orders", "compared_takings", "takings_change_percent", "reason")
    writer.writerow((*groupings, *figures, *compared))
    rows: list[tuple[tuple[Grouping, ...], ReportRow]] = [((), mail.report.total)]
    rows += [(report.grouped_by, row) for report in reports for row in report.rows]
    for grouped_by, row in rows:
        named: dict[Grouping, str] = dict(zip(grouped_by, row.names, strict=True))
        change = row.takings_change or PercentChange()
        writer.writerow(
            (
                *(csv_cell(named.get(grouping, "")) for grouping in groupings),
                row.figures.orders,
                row.figures.pieces,
                row.figures.takings,
                "" if row.days is None else row.days,
                "" if row.compared is None else row.compared.orders,
                "" if row.compared is None else row.compared.takings,
                "" if change.percent is None else change.percent,
                change.reason or "",
            )
        )
    return text.getvalue()


def _sentences(mail: ReportMail) -> Iterator[str]:
    report = mail.report
    total = report.total.figures
    title = report.period.title
    if report.period.until is not None:
        title += f" by {_clock(report.period.until, report)}"
    takings = _amount(total.takings, report)
    yield f"{title}: {total.orders:,} orders, {takings}{_against(report)}."
    if mail.usual is not None and mail.usual.compared is not None:
        yield f"It is {_change_words(mail.usual)}{_range_words(mail.usual)}."
    yield from _compared_stores(report)
    for by in (report, mail.by_drink):
        if by is not None and by.grouped_by in (("store",), ("drink",)):
            yield from _best_and_worst(by)
    if total.sold is not None and total.refunded is not None and units_from_text(total.refunded):
        yield f"Sold {_amount(total.sold, report)}, refunded {_amount(total.refunded, report)}."
    yield from _receipts(total, report)
    if report.details is not None and report.details.closing is not None:
        yield from change_sentences(report.details.closing)


def _compared_stores(report: Report) -> Iterator[str]:
    compared, waiting = report.stores_compared or 0, report.stores_without_sale
    if compared > 0 and (compared < report.stores or waiting):
        verb = "has" if waiting == 1 else "have"
        yet = f", {waiting:,} of which {verb} sold nothing yet" if waiting else ""
        yield f"Compared are {compared} of {report.stores} stores{yet}."


def _receipts(total: Figures, report: Report) -> Iterator[str]:
    if total.receipts is None:
        return
    share, mean = total.receipt_share, total.per_receipt
    covered = "" if share is None else f", of {share} % of the orders"
    each = "" if mean is None else f"; {amount_text(mean, report.currency or None)} each"
    yield f"Receipts: {total.receipts:,}{covered}{each}."


def _against(report: Report) -> str:
    change = report.total.takings_change
    if report.compared is None or change is None or change.percent is None:
        reason = change.reason if change is not None else None
        return f" (not compared: {reason})" if reason else ""
    return f": {_change_words(report)}"


def _change_words(report: Report) -> str:
    change = report.total.takings_change
    title = report.compared.title if report.compared is not None else ""
    if change is None or change.percent is None:
        return f"not compared with {title}: {change.reason if change else ''}"
    if change.percent == 0:
        return f"as much as {title}"
    return f"{abs(change.percent):,} % {'over' if change.percent > 0 else 'under'} {title}"


def _range_words(report: Report) -> str:
    found = report.total.usual_range
    if found is None:
        return ""
    return (
        f", whose {found.days} days took {_number(found.lowest_takings, report)} to "
        f"{_amount(found.highest_takings, report)}"
    )


def _best_and_worst(report: Report) -> Iterator[str]:
    changes = sorted(
        (
            (row.takings_change.percent, row.names[0])
            for row in report.rows
            if row.takings_change is not None and row.takings_change.percent is not None
        ),
        reverse=True,
    )
    if len(changes) < 2:
        return
    (best, best_name), (worst, worst_name) = changes[0], changes[-1]
    yield (
        f"Best {report.grouped_by[0]}: {printable(best_name)} ({best:+,} %); "
        f"weakest: {printable(worst_name)} ({worst:+,} %)."
    )


def _parts(mail: ReportMail) -> Iterator[str | Table]:
    yield " ".join(_sentences(mail))
    for report in filter(None, (mail.report, mail.by_drink)):
        if report.grouped_by:
            yield _rows(report)
    if mail.report.details is not None:
        yield from _details(mail.report, mail.report.details)


def _rows(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for grouping in report.grouped_by:
        table.add_column(grouping, overflow="fold")
    currency = f" {report.currency}" if report.currency else ""
    for name in ("orders", "sold", f"takings{currency}"):
        table.add_column(name, justify="right", no_wrap=True)
    compares = any(row.compared is not None for row in report.rows)
    if compares:
        table.add_column("compared", justify="right", no_wrap=True)
        table.add_column("change", justify="right", overflow="fold")
    for row in report.rows:
        names = [printable(name) for name in row.names]
        if row.days is not None:
            names[-1] += f" ({row.days} day{'' if row.days == 1 else 's'})"
        figures = row.figures
        cells = [f"{figures.orders:,}", f"{figures.pieces:,}", _number(figures.takings, report)]
        if compares:
            then = row.compared
            cells += ["" if then is None else _number(then.takings, report), _change_cell(row)]
        table.add_row(*(Text(cell) for cell in (*names, *cells)))
    return table


def _change_cell(row: ReportRow) -> str:
    change = row.takings_change
    if change is None:
        return ""
    return change.reason or "" if change.percent is None else f"{change.percent:+,} %"


def _details(report: Report, details: ReportDetails) -> Iterator[str | Table]:
    if details.corrections:
        yield text_table(
            ("", "of", "arrived", "store", "drink"),
            ("pieces", "amount"),
            (
                (
                    one.kind,
                    _when(one.placed_at),
                    _when(one.received_at),
                    printable(one.store_name),
                    printable(one.drink_name),
                    f"{one.pieces:,}",
                    _number(one.amount, report),
                )
                for one in details.corrections
            ),
        )
        more = details.corrections_found - len(details.corrections)
        if more > 0:
            yield f"and {more:,} more"
        if len(report.timezones) > 1:
            yield "Times are those of each store."
    late = details.late
    if (late.orders, late.pieces) != (0, 0):
        yield (
            f"Of these, {late.orders:,} orders of {_amount(late.takings, report)} arrived after their day "
            "was over."
        )


def _amount(text: str, report: Report) -> str:
    return amount_text(units_from_text(text), report.currency or None)


def _number(text: str, report: Report) -> str:
    return _amount(text, report).removesuffix(f" {report.currency}")


def _clock(moment: datetime, report: Report) -> str:
    return f"{local_time(moment, report.timezones[0]):%H:%M}"


def _when(moment: datetime) -> str:
    return f"{moment:%d %b %H:%M}"  # as the store's clock showed it
