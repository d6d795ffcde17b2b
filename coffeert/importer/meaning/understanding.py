"""What a table means: which column is what, how days and numbers are written, which rows are sales.

Whatever the file does not show and its owner does not say becomes a question; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from coffeert.domain.currency import places as currency_places
from coffeert.errors import ConfigError
from coffeert.importer.meaning.amounts import AmountReader, PercentReader, PiecesReader
from coffeert.importer.meaning.business_days import decide_dates, is_business_date
from coffeert.importer.meaning.clock_changes import later_lines
from coffeert.importer.meaning.clock_decision import decide_clock, decide_fractions
from coffeert.importer.meaning.columns import heading_currency, is_percentage
from coffeert.importer.meaning.day_decision import DayFormat, decide_days, decide_zone
from coffeert.importer.meaning.drinks import DrinkReader
from coffeert.importer.meaning.key_decision import say_cut_keys
from coffeert.importer.meaning.layout import Layout, find_layout, inherited
from coffeert.importer.meaning.missing import (
    argue_options,
    ask_for_columns,
    ask_for_marks,
    ask_for_states,
    given_values,
)
from coffeert.importer.meaning.moments import MomentReader
from coffeert.importer.meaning.money_decision import decide_money, minor_units, settle_discount
from coffeert.importer.meaning.notes import Notes
from coffeert.importer.meaning.number_decision import decide_currency, decide_marks, decide_sign
from coffeert.importer.meaning.reversals import ask_for_reversals
from coffeert.importer.meaning.row_kinds import differing_headings
from coffeert.importer.meaning.sale_reader import Given, SaleReader
from coffeert.importer.meaning.statuses import StateReader, conditions
from coffeert.importer.meaning.survey import Survey, survey
from coffeert.importer.meaning.totals import stated_totals
from coffeert.importer.plan import MeaningOptions, Plan, Question
from coffeert.importer.rows import RejectedRow, SaleLine, SkippedRow, Table, TableRow
from coffeert.importer.spelling.cell_text import folded, heading_words, in_brackets, is_missing
from coffeert.importer.spelling.zones import zone_or_offset
from coffeert.printable import printable


@dataclass(frozen=True, slots=True)
class TablePlan:
    """How a table is read; see `Plan`."""

    facts: tuple[str, ...]
    questions: tuple[Question, ...]
    currency: str | None
    zone: ZoneInfo | None
    arguments: tuple[str, ...]
    stated_totals: Mapping[str, int]
    _table: Table
    _layout: Layout
    _reader: SaleReader

    def lines(self) -> Iterator[SaleLine | RejectedRow | SkippedRow]:
        """Read the table from the beginning."""
        read = self._reader.from_the_beginning().read
        for row in inherited(self._table.rows(), self._layout):
            if type(row) is TableRow:
                yield read(row)
            else:
                assert isinstance(row, RejectedRow | SkippedRow)
                yield row


def understand(table: Table, options: MeaningOptions) -> Plan:
    """Find out what a table means.

    Raises `ConfigError` for options that do not fit it, and for files that hold no sales that can be read.
    """
    notes = Notes()
    layout = find_layout(table, options, notes)
    rules = conditions(layout.columns, skip=options.skip, refund=options.refund, sale=options.sale)
    states = StateReader(layout.columns, layout.statuses, rules, layout.meanings)
    watched = [status.index for status in layout.statuses]
    watched += [
        layout.fields[name] for name in ("currency", "zone", "store") if name in layout.fields
    ]
    seen = survey(inherited(table.rows(), layout), layout.columns, layout.fields, watched, states)
    _refuse_other_headings(seen, layout.columns)
    ask_for_columns(layout, seen, options, notes)
    currency = _currency(layout, seen, options, notes)
    sign = _sign(layout, seen, options, currency, notes)
    given = given_values(layout, options, currency_places(currency), notes)
    marks = _marks(layout, seen, options, currency_places(currency), notes)
    days = _days(layout, seen, options, notes)
    minor = minor_units(layout, seen, options, currency_places(currency), notes)
    settle_discount(layout, seen, options, notes)
    one_piece = given.quantity == 1 and "quantity" not in layout.fields
    decide_money(layout, seen, marks, notes, one_piece=one_piece, given=frozenset(options.columns))
    ask_for_states(layout, seen, rules, notes)
    ask_for_reversals(seen.reversals, layout.columns, notes)
    ask_for_marks(layout, seen, rules, notes)
    say_cut_keys(seen.keys, {name: layout.heading(name) for name in seen.keys}, notes)
    argue_options(options, notes)
    unit = currency, sign
    reader = _reader(layout, seen, options, days, marks, unit, given, minor, states)
    columns = {layout.at("price"): reader.prices, layout.at("total"): reader.totals}
    totals = stated_totals(seen, layout.columns, {i: r for i, r in columns.items() if i >= 0})
    if not notes.questions:
        _settle_doubled_hours(table, layout, seen, reader.moments, notes)
    return TablePlan(
        tuple(notes.facts),
        tuple(notes.questions),
        currency,
        _only_zone(layout, seen, days),
        tuple(notes.arguments),
        totals,
        table,
        layout,
        reader,
    )


def _refuse_other_headings(seen: Survey, columns: tuple[str, ...]) -> None:
    """Exports pasted under each other need not have their columns in the same order."""
    row = seen.other_heading
    if row is None:
        return
    name, column = differing_headings(row.cells, columns)[0]
    raise ConfigError(
        f"Line {row.line} has the headings of another export, with {printable(name)!r} in place of "
        f"{printable(column)!r}: save the rows below it in a file of its own."
    )


def _currency(layout: Layout, seen: Survey, options: MeaningOptions, notes: Notes) -> str | None:
    money = {name: found for name, found in seen.numbers.items() if name != "quantity"}
    headings = {name: heading_currency(layout.heading(name)) for name in money}
    column = seen.values.get(layout.at("currency"), {})
    return decide_currency(money, headings, column, notes, options.currency)


def _sign(
    layout: Layout, seen: Survey, options: MeaningOptions, currency: str | None, notes: Notes
) -> str:
    money = {name: found for name, found in seen.numbers.items() if name != "quantity"}
    headings = {name: layout.heading(name) for name in money}
    named = options.currency is None or options.names_currency
    return decide_sign(money, headings, notes, currency=currency, named=named)


def _marks(
    layout: Layout, seen: Survey, options: MeaningOptions, places: int, notes: Notes
) -> dict[str, str]:
    return decide_marks(
        seen.numbers,
        {name: layout.heading(name) for name in seen.numbers},
        notes,
        given=options.decimal_mark,
        hint=layout.preset.decimal_mark if layout.preset else "",
        places=places,
    )


def _days(layout: Layout, seen: Survey, options: MeaningOptions, notes: Notes) -> DayFormat:
    if not {"placed_at", "date"} & layout.fields.keys() and "date" not in layout.missing:
        return DayFormat()
    days = decide_days(
        seen.moments,
        notes,
        date_format=options.date_format,
        hint=layout.preset.date_order if layout.preset else "",
        missing_day=layout.missing.get("date"),
        missing_time=layout.missing.get("time"),
        time_column="time" in layout.fields and "placed_at" not in layout.fields,
    )
    zone = _zone(layout, options, notes)
    decide_zone(
        seen.moments,
        notes,
        zone=zone,
        known=options.known_zones,
        zone_column=layout.heading("zone") if "zone" in layout.fields else None,
        counted=days.numbers in ("unix", "unixms"),
    )
    days = days._replace(zone=zone)
    fractions = decide_fractions(seen.moments.hours, notes, clock=options.clock)
    opens = decide_clock(
        seen.moments.hours,
        notes,
        clock=options.clock,
        marked=seen.moments.has_twelve,
        in_utc=getattr(_only_zone(layout, seen, days), "key", "") == "UTC",
    )
    begins = decide_dates(
        seen.moments.nights,
        notes,
        dates_begin=options.dates_begin,
        heading=layout.heading("date") if {"date", "time"} <= layout.fields.keys() else None,
        opens=opens,
    )
    return days._replace(opens=opens, fractions=fractions, begins=begins)


def _zone(layout: Layout, options: MeaningOptions, notes: Notes) -> ZoneInfo | None:
    """Return the zone of times without an offset: the owner's, or UTC if the heading says that."""
    if options.zone is not None:
        return options.zone
    for name in {"placed_at", "date", "time"} & layout.fields.keys():
        if {"utc", "gmt"} & set(heading_words(" ".join(in_brackets(layout.heading(name)))).split()):
            notes.say(f"Times are UTC, as `{layout.heading(name)}` says.")
            return ZoneInfo("UTC")
    return None


def _only_zone(layout: Layout, seen: Survey, days: DayFormat) -> ZoneInfo | None:
    """Return the zone of all times, if they have one and no other."""
    zones = {
        days.zone if is_missing(text) else _named_zone(text)
        for text in seen.values.get(layout.at("zone"), {"": 0})
    }
    return zones.pop() if len(zones) == 1 else None


def _named_zone(text: str) -> ZoneInfo | None:
    try:
        zone = zone_or_offset(text)
    except ValueError:
        return None
    return zone if isinstance(zone, ZoneInfo) else None


def _settle_doubled_hours(
    table: Table, layout: Layout, seen: Survey, moments: MomentReader, notes: Notes
) -> None:
    """Look at the rows of days on which clocks change, if there are any."""
    if seen.moments.has_offsets:
        return
    zones = set(map(moments.zone_of, ["", *seen.values.get(layout.at("zone"), ())])) - {None}
    days = list(filter(None, map(moments.day, seen.moments.texts)))
    if any(moments.changes_on(day, zone) for zone in zones if zone is not None for day in days):
        rows = inherited(table.rows(), layout)
        moments.later_lines = later_lines(rows, layout.fields, moments, notes)


def _reader(
    layout: Layout,
    seen: Survey,
    options: MeaningOptions,
    days: DayFormat,
    marks: Mapping[str, str],
    unit: tuple[str | None, str],
    given: Given,
    minor: frozenset[int],
    states: StateReader,
) -> SaleReader:
    preset, at = layout.preset, layout.at
    currency, sign = unit
    places = currency_places(currency)

    def heading(*names: str) -> str:
        return next((layout.heading(name) for name in names if name in layout.fields), names[0])

    def amounts(name: str) -> AmountReader:
        mark, own = marks.get(name, "."), heading(name)
        scale = 0 if at(name) in minor else places
        return AmountReader(mark=mark, heading=own, places=scale, currency=currency, sign=sign)

    percent = "discount" in layout.fields and is_percentage(layout.heading("discount"))

    return SaleReader(
        columns=layout.columns,
        day=at("placed_at") if "placed_at" in layout.fields else at("date"),
        clock=-1 if "placed_at" in layout.fields else at("time"),
        zone=at("zone"),
        store=at("store"),
        quantity=at("quantity"),
        price=at("price"),
        total=at("total"),
        discount=at("discount"),
        currency_column=at("currency"),
        receipt=at("receipt"),
        receipt_line=at("receipt_line"),
        order_id=at("order_id"),
        rounded=frozenset(at(name) for name, keys in seen.keys.items() if keys.loses_digits),
        one_store=options.store if "store" not in options.columns else None,
        given=given,
        moments=MomentReader(
            day_heading=heading("placed_at", "date"),
            clock_heading=heading("placed_at", "time", "date"),
            order=days.order,
            numbers=days.numbers,
            zone=days.zone,
            default_day=days.default_day,
            default_time=days.default_time,
            whole_days=days.whole_days,
            twelve=days.twelve,
            opens=days.opens,
            fractions=days.fractions,
            begins=days.begins,
            late_hours="time" in layout.fields and is_business_date(heading("date")),
        ),
        drinks=DrinkReader(
            drink=at("drink"),
            heading=heading("drink"),
            variants=[layout.fields["variant"]] if "variant" in layout.fields else [],
            plain=frozenset(map(folded, preset.variants_without_meaning if preset else ())),
            void_endings=preset.void_endings if preset else (),
            no_goods=frozenset(map(folded, preset.no_goods if preset else ())),
            counted="quantity" in layout.fields,
        ),
        pieces=PiecesReader(mark=marks.get("quantity", "."), heading=heading("quantity")),
        prices=amounts("price"),
        totals=amounts("total"),
        discounts=(
            PercentReader(mark=marks.get("discount", "."), heading=heading("discount"))
            if percent
            else amounts("discount")
        ),
        in_percent=percent,
        currency=currency,
        states=states,
    )
