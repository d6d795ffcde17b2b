"""What a file does not have: what its owner says instead, and what must be asked."""

from __future__ import annotations

from collections.abc import Set

from coffeert.domain.orders import MAX_QUANTITY
from coffeert.errors import ConfigError
from coffeert.importer.meaning.amounts import AmountReader
from coffeert.importer.meaning.columns import (
    day_columns,
    name_columns,
    named_day_columns,
    number_columns,
)
from coffeert.importer.meaning.layout import Layout
from coffeert.importer.meaning.notes import Notes
from coffeert.importer.meaning.row_kinds import hints_at_void
from coffeert.importer.meaning.sale_reader import Given
from coffeert.importer.meaning.statuses import Condition, Kind, kind_of_word
from coffeert.importer.meaning.survey import Survey
from coffeert.importer.plan import MeaningOptions
from coffeert.importer.spelling.cell_text import folded, heading_words, is_missing
from coffeert.importer.spelling.vocabulary import plain, words
from coffeert.printable import printable

_SHOWN = 8
_EXAMPLE = 40


def ask_for_columns(layout: Layout, seen: Survey, options: MeaningOptions, notes: Notes) -> None:
    """Ask for what no column holds; raises `ConfigError` if the file cannot hold sales at all."""
    fields, missing = layout.fields, layout.missing
    if not {"placed_at", "date"} & fields.keys() and "date" not in missing:
        columns = [layout.columns[index] for index in day_columns(layout.sample)]
        if not columns and (named := named_day_columns(layout.sample)):
            example = printable(layout.sample.texts[named[0]][0], _EXAMPLE)
            raise ConfigError(
                f"`{layout.columns[named[0]]}` should say when something was sold, and {example!r} is no "
                "date that can be read. If another column says it, name that: --map placed_at=COLUMN."
            )
        if not columns:
            raise ConfigError(
                "The file does not say when something was sold: it has no column of dates. Its columns are "
                f"{', '.join(layout.columns)}. If all was sold on one day, say --missing date=2026-09-14."
            )
        notes.ask("Which column is the date of the sale?", *_choices("placed_at", columns))
    if "drink" not in fields:
        used = set(fields.values())
        columns = [layout.columns[i] for i in name_columns(layout.sample) if i not in used]
        notes.ask("Which column names what was sold?", *_choices("drink", columns))
    stores = seen.values.get(layout.at("store"), {})
    if options.store is None and "store" not in missing and all(map(is_missing, stores)):
        notes.ask(
            "In which store were these sales? The file does not say it.",
            *((("--store", code), name) for code, name in options.known_stores[:_SHOWN]),
            (("--store", "NAME"), "another store" if options.known_stores else "its name"),
        )
    numbers = [layout.columns[i] for i in number_columns(layout.sample) if i not in fields.values()]
    if "quantity" not in fields and "quantity" not in missing:
        notes.ask(
            "How many pieces were sold? No column says it.",
            (("--missing", "quantity=1"), "each row is one piece"),
            *_choices("quantity", numbers),
        )
    if not {"price", "total", "amount"} & fields.keys() and "price" not in missing:
        notes.ask(
            "What did it cost? No column says it.",
            (("--missing", "price=menu"), "each drink has the price of the menu"),
            *_choices("price", numbers),
        )


def given_values(layout: Layout, options: MeaningOptions, places: int, notes: Notes) -> Given:
    """Return what stands for missing values; raises `ConfigError` for values that are none."""
    missing = layout.missing
    quantity = price = None
    if (text := missing.get("quantity")) is not None:
        if not text.isdecimal() or not 1 <= int(text) <= MAX_QUANTITY:
            raise ConfigError(
                f"--missing quantity={text} is no number of pieces from 1 to {MAX_QUANTITY}."
            )
        quantity = int(text)
        rows = "Each row" if "quantity" not in layout.fields else "A row without a quantity"
        notes.say(f"{rows} is {'one piece' if quantity == 1 else f'{quantity} pieces'}.")
    text = missing.get("price")
    if text is not None and text != "menu":
        amount = AmountReader(mark=".", places=places, currency=None).read(text)
        if not isinstance(amount, int) or amount < 0:
            raise ConfigError(f"--missing price={text} is neither a price such as 4.80 nor `menu`.")
        price = amount
    if text is not None:
        notes.say(f"A row without a price has {'that of the menu' if text == 'menu' else text}.")
    for name in missing:
        if name not in _CAN_BE_MISSING:
            there = ", ".join(_CAN_BE_MISSING)
            raise ConfigError(
                f"--missing {name}=...: only these can stand for what is missing: {there}."
            )
    if options.refund_drink is not None:
        notes.say(f"Refunds that name no drink are stored as {options.refund_drink!r}.")
    return Given(
        missing.get("store"),
        missing.get("drink"),
        options.refund_drink,
        quantity,
        price,
        text == "menu",
    )


def ask_for_states(layout: Layout, seen: Survey, rules: list[Condition], notes: Notes) -> None:
    """Say which values of status columns are left out, and ask about those that are not known."""
    ruled = {(rule.column, rule.value) for rule in rules}
    for status in layout.statuses:
        unknown = []
        for text, count in seen.values.get(status.index, {}).items():
            kind = layout.meanings.get((status.index, plain(text)), status.kind(text))
            if (status.index, folded(text)) in ruled or kind is Kind.SALE:
                continue
            if kind is Kind.UNKNOWN:
                unknown.append((text, count))
            else:
                notes.say(f"{_rows(count)} {text!r} in `{status.heading}`: {_SAID[kind]}.")
        for text, count in unknown[:_SHOWN]:
            _ask_for_state(status.heading, text, count, notes)


def ask_for_marks(layout: Layout, seen: Survey, rules: list[Condition], notes: Notes) -> None:
    """Ask about what may tell that a row is no sale, though nothing says that its column does.

    That is a word such as `Voided`, anything in a column such as `Voided by`, and an item such as `Tip`.
    Of a known export only items are asked about: what its columns say is known.
    """
    preset = layout.preset
    ruled = {(rule.column, rule.value) for rule in rules}
    for index, counts in seen.few.items() if preset is None else ():
        heading = layout.columns[index]
        telling = _tells_of_voids(heading)
        found = {
            text: count
            for text, count in counts.items()
            if (telling and _says_yes(text)) or _may_be_no_sale(text)
        }
        if telling and len(found) > _SHOWN:
            notes.say(f"{_rows(sum(found.values()))} something in `{heading}`, which is not used.")
            continue
        marks = {
            rule.value for rule in rules if rule.column == index and rule.kind is not Kind.VOID
        }
        if (found or marks) and not telling:
            found |= _other_values(heading, counts, found.keys() | marks, notes)
        for text, count in found.items():
            if (index, folded(text)) not in ruled:
                _ask_for_state(heading, text, count, notes)
    drink = layout.at("drink")
    for text, count in [item for item in seen.doubtful.items() if item[1]][:_SHOWN]:
        known = preset is not None and preset.leaves_out(text)
        if not known and (drink, folded(text)) not in ruled:
            _ask_for_state(layout.columns[drink], text, count, notes)


def _may_be_no_sale(text: str) -> bool:
    kind = kind_of_word(plain(text))
    return kind not in (Kind.SALE, Kind.UNKNOWN) or (kind is Kind.UNKNOWN and hints_at_void(text))


def _other_values(
    heading: str, counts: dict[str, int], known: Set[str], notes: Notes
) -> dict[str, int]:
    """Return what must be asked about too in a column that tells of some rows what they are.

    The most frequent value is what most rows are: sales.
    """
    others = {
        text: count
        for text, count in counts.items()
        if not {text, folded(text)} & known
        and not is_missing(text)
        and kind_of_word(plain(text)) is Kind.UNKNOWN
    }
    if not others:
        return {}
    usual = max(others, key=others.__getitem__)
    notes.say(f"{_rows(others.pop(usual))} {usual!r} in `{heading}`: sales.")
    if len(others) > _SHOWN:
        notes.say(f"{_rows(sum(others.values()))} other words in `{heading}`: sales.")
        return {}
    return others


def _tells_of_voids(heading: str) -> bool:
    names = [words("headings", "status", name) for name in ("void", "refunded", "refund")]
    return not frozenset().union(*names).isdisjoint(heading_words(heading).split())


def _says_yes(text: str) -> bool:
    return (
        not is_missing(text)
        and plain(text) not in words("statuses", "no")
        and any(c not in "0., " for c in text)
    )


def _ask_for_state(heading: str, text: str, count: int, notes: Notes) -> None:
    rule = f"{heading}={text.strip()}"
    notes.ask(
        f"What does {text!r} in `{heading}` mean? {_rows(count)} it.",
        (("--sale", rule), "these rows are sales"),
        (("--skip", rule), "these rows are left out"),
        (("--refund", rule), "these rows are refunds"),
    )


def argue_options(options: MeaningOptions, notes: Notes) -> None:
    """Repeat what the owner said."""
    for name, value in options.missing.items():
        notes.argue("--missing", f"{name}={value}")
    if options.store is not None:
        notes.argue("--store", options.store)
    if options.amounts is not None:
        notes.argue("--amounts", options.amounts)
    if options.refund_drink is not None:
        notes.argue("--refund-drink", options.refund_drink)
    for option, texts in (
        ("skip", options.skip),
        ("refund", options.refund),
        ("sale", options.sale),
    ):
        for text in texts:
            notes.argue(f"--{option}", text)


def _rows(count: int) -> str:
    return "1 row has" if count == 1 else f"{count} rows have"


def _choices(name: str, columns: list[str]) -> list[tuple[tuple[str, ...], str]]:
    return [(("--map", f"{name}={column}"), f"`{column}`") for column in columns[:_SHOWN]]


_CAN_BE_MISSING = ("store", "drink", "quantity", "price", "date", "time")
_SAID = {
    Kind.REFUND: "refunds",
    Kind.REFUNDED: "left out, as the money went back",
    Kind.VOID: "left out",
    Kind.GIVEN: "sales that cost nothing",
}
