"""Decides whether a column of money holds prices of pieces or what whole lines cost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from coffeert.importer.meaning.columns import is_in_minor_units, is_number, is_percentage
from coffeert.importer.meaning.layout import Layout
from coffeert.importer.meaning.notes import Notes
from coffeert.importer.meaning.reversals import MoneyTexts
from coffeert.importer.meaning.survey import Survey
from coffeert.importer.plan import MeaningOptions
from coffeert.importer.spelling.cell_text import heading_words
from coffeert.importer.spelling.numbers import ScaledNumber, scaled_number, spelled_number
from coffeert.importer.spelling.vocabulary import has_stem, words

_MONEY: Final = ("price", "total", "amount", "discount")
_PARTS: Final = re.compile(r"[./_]")
_PROOF: Final = 3
"""How many drinks must show that a column grows with the pieces, or does not."""


def decide_money(
    layout: Layout,
    seen: Survey,
    marks: Mapping[str, str],
    notes: Notes,
    *,
    one_piece: bool,
    given: frozenset[str],
) -> None:
    """Make a price or a total of the column `amount`, and check the two against each other, or ask.

    `one_piece`: each row is one piece. `given` are the fields whose columns the owner names.
    """
    if "amount" in layout.fields:
        _settle_amount(layout, seen, marks, notes, one_piece=one_piece)
    elif {"price", "total"} <= layout.fields.keys() and not {"price", "total"} <= given:
        _compare(layout, seen, marks, notes)
    elif "total" in layout.fields:
        known = layout.preset is not None or "total" in given
        _check_total(layout, seen, marks, notes, known=known)
    elif (
        {"price", "quantity"} <= layout.fields.keys()
        and layout.preset is None
        and "price" not in given
    ):
        _check_price(layout, seen, marks, notes)


def minor_units(
    layout: Layout, seen: Survey, options: MeaningOptions, places: int, notes: Notes
) -> frozenset[int]:
    """Return the columns whose amounts are whole minor units, or ask if they may be.

    An `amount` beside a `currency` is how programs write money, most of them in minor units.
    """
    money = {name: layout.fields[name] for name in _MONEY if name in layout.fields}
    if options.amounts is not None:
        return frozenset(money.values() if options.amounts == "minor" else ())
    found = {index for index in money.values() if is_in_minor_units(layout.columns[index])}
    for name, index in money.items() if places else ():
        if index not in found and seen.numbers[name].whole and _is_beside_currency(layout, index):
            notes.ask(
                f"Are the amounts in `{layout.columns[index]}` whole cents, or other minor units?",
                (("--amounts", "minor"), "yes, 450 is 4.50"),
                (("--amounts", "major"), "no, 450 is 450.00"),
            )
            break
    return frozenset(found)


def _is_beside_currency(layout: Layout, index: int) -> bool:
    *outer, last = _PARTS.split(layout.columns[index])
    others = [_PARTS.split(column) for column in layout.columns] if outer else []
    return last.casefold() in ("amount", "value") and any(
        before == outer and called.casefold().startswith("currency") for *before, called in others
    )


def settle_discount(layout: Layout, seen: Survey, options: MeaningOptions, notes: Notes) -> None:
    """Ask what a column of discounts means if nothing says what the lines cost after them."""
    money = {"price", "total"} & layout.fields.keys()
    if layout.preset is not None:
        return
    if "discount" in layout.fields and is_percentage(layout.heading("discount")):
        notes.say(f"`{layout.heading('discount')}` is a percentage; what is left is rounded.")
    if "discount" in options.columns:
        return
    if money == {"total"} and not has_stem(layout.heading("total"), "headings", "before_discounts"):
        return
    for index, heading in enumerate(layout.columns):
        if _takes_off(layout, seen, index):
            what = "a percentage" if is_percentage(heading) else "an amount"
            notes.ask(
                f"Is `{heading}` {what} that is taken off the whole line?",
                (("--map", f"discount={heading}"), "yes, off what it would cost"),
                (("--map", "discount="), "no, prices are those after discounts"),
            )


def _takes_off(layout: Layout, seen: Survey, index: int) -> bool:
    """Return whether a column has the heading of discounts, and some."""
    named = frozenset(heading_words(layout.columns[index]).split())
    if index in layout.fields.values() or named & words("headings", "no_discounts"):
        return False
    if not (
        has_stem(layout.columns[index], "headings", "discounts")
        or named & words("headings", "discount_words")
    ):
        return False
    sample = layout.sample.texts[index]
    if index not in seen.few:  # It has more different values than are counted, not all of them 0.
        return any(is_number(text.strip("% ")) for text in sample)
    return any(
        is_number(bare) and bare.strip("0.,-") for t in seen.few[index] if (bare := t.strip("% "))
    )


def _settle_amount(
    layout: Layout, seen: Survey, marks: Mapping[str, str], notes: Notes, *, one_piece: bool
) -> None:
    heading = layout.heading("amount")
    kind = _grows(seen.money, marks, "amount")
    if kind is None and _is_of_receipts(seen.money, "amount"):
        _ask_for_receipts(heading, notes)
        kind = "price"
    elif one_piece or ("quantity" in seen.numbers and seen.numbers["quantity"].all_one):
        kind = "price"
        notes.say(f"`{heading}` is price and total alike: each row is one piece.")
    elif kind is not None:
        notes.say(f"`{heading}` is {_MEANING[kind]}: how it goes with the pieces shows it.")
    else:
        notes.ask(
            f"Is `{heading}` the price of one piece, or what the line costs?",
            (("--map", f"price={heading}"), "the price of one piece"),
            (("--map", f"total={heading}"), "what all pieces of the line cost together"),
        )
        kind = "price"
    layout.fields[kind] = layout.fields.pop("amount")
    notes.argue("--map", f"{kind}={heading}")
    seen.numbers[kind] = seen.numbers.pop("amount")


def _check_price(layout: Layout, seen: Survey, marks: Mapping[str, str], notes: Notes) -> None:
    heading = layout.heading("price")
    counts = _growths(seen.money, marks, "price")
    if counts["total"] > counts["price"]:
        notes.ask(
            f"`{heading}` grows with the number of pieces. Is it the price of one piece, "
            "or what the line costs?",
            (
                ("--map", f"total={heading}", "--map", "price="),
                "what all pieces of the line cost together",
            ),
            (
                ("--map", f"price={heading}", "--map", "total="),
                "the price of one piece all the same",
            ),
        )
    else:
        notes.say(f"`{heading}` is the price of one piece.")


def _check_total(
    layout: Layout, seen: Survey, marks: Mapping[str, str], notes: Notes, *, known: bool
) -> None:
    heading = layout.heading("total")
    counts = _growths(seen.money, marks, "total")
    if not known and counts["price"] > counts["total"]:
        notes.ask(
            f"`{heading}` does not grow with the number of pieces. Is it what the line costs, or the price "
            "of one piece?",
            (
                ("--map", f"price={heading}", "--map", "total="),
                "the price of one piece",
            ),
            (
                ("--map", f"total={heading}", "--map", "price="),
                "what all pieces of the line cost together",
            ),
        )
    elif not known and _is_of_receipts(seen.money, "total"):
        _ask_for_receipts(heading, notes)
    else:
        notes.say(f"`{heading}` is what a line costs.")


def _ask_for_receipts(heading: str, notes: Notes) -> None:
    notes.ask(
        f"All lines of a receipt have the same `{heading}`. Is it what the line costs, or the receipt?",
        (("--map", f"total={heading}"), "what the line costs"),
        (
            ("--map", "total=", "--map", "price=", "--missing", "price=menu"),
            "what the receipt costs, and each drink has the price of the menu",
        ),
    )


def _is_of_receipts(money: list[MoneyTexts], name: str) -> bool:
    """Return whether all lines of each receipt have the same amount, though receipts differ in theirs.

    Without numbers of receipts, lines of one moment are taken for those of one; as that may be chance, a
    drink must then also have different amounts for as many pieces.
    """
    amounts: dict[str, set[str]] = {}
    lines: dict[str, set[tuple[str, str]]] = {}
    by_goods: dict[tuple[str, str], set[str]] = {}
    numbered = any(texts.receipt for texts in money)
    for texts in money:
        receipt = texts.receipt if numbered else texts.moment.strip()
        amount = texts.total if name == "total" else texts.price
        if receipt and amount:
            goods = texts.drink, texts.quantity
            amounts.setdefault(receipt, set()).add(amount)
            lines.setdefault(receipt, set()).add(goods)
            by_goods.setdefault(goods, set()).add(amount)
    several = [receipt for receipt, found in lines.items() if len(found) > 1]
    return (
        len(several) > (0 if numbered else 1)
        and all(len(amounts[receipt]) == 1 for receipt in several)
        and len(set().union(*amounts.values())) > 1
        and (numbered or any(len(found) > 1 for found in by_goods.values()))
    )


def _compare(layout: Layout, seen: Survey, marks: Mapping[str, str], notes: Notes) -> None:
    price, total = layout.heading("price"), layout.heading("total")
    fits = compared = 0
    for texts in seen.money:
        pieces, unit = (
            _value(texts.quantity, marks, "quantity"),
            _value(texts.price, marks, "price"),
        )
        cost = _value(texts.total, marks, "total")
        if pieces is None or unit is None or cost is None:
            continue
        compared += 1
        product = ScaledNumber(pieces.value * unit.value, pieces.places + unit.places)
        fits += abs(_as(product, 6) - _as(cost, 6)) * 200 <= _as(pieces, 6)
    if compared and 10 * fits < 9 * compared and "discount" not in layout.fields:
        notes.ask(
            f"`{total}` is quantity x `{price}` in only {fits} of {compared} rows. Which is right?",
            (("--map", f"total={total}", "--map", "price="), f"what a line costs is `{total}`"),
            (("--map", f"price={price}", "--map", "total="), f"what a piece costs is `{price}`"),
        )
    elif compared:
        notes.say(
            f"`{total}` is the line's total: it fits quantity x `{price}` in {fits} of {compared} rows."
        )


def _grows(money: list[MoneyTexts], marks: Mapping[str, str], name: str) -> str | None:
    """Return `total` if a column grows with the pieces, `price` if it does not.

    `None`: too little shows it.
    """
    counts = _growths(money, marks, name)
    if counts["total"] >= _PROOF and not counts["price"] and not counts[""]:
        return "total"
    return "price" if counts["price"] >= _PROOF and not counts["total"] and not counts[""] else None


def _growths(money: list[MoneyTexts], marks: Mapping[str, str], name: str) -> dict[str, int]:
    """Count the drinks whose amounts grow with the pieces (`total`), do not (`price`), or neither (empty).

    Only drinks that were sold in different numbers of pieces show anything; all their amounts must agree.
    """
    by_drink: dict[str, set[tuple[int, int]]] = {}
    for texts in money:
        pieces = _value(texts.quantity, marks, "quantity")
        amount = _value(texts.total if name == "total" else texts.price, marks, name)
        if pieces is not None and amount is not None and pieces.value and amount.value:
            by_drink.setdefault(texts.drink, set()).add((_as(pieces, 6), _as(amount, 6)))
    counts = {"price": 0, "total": 0, "": 0}
    for pairs in by_drink.values():
        if len({pieces for pieces, _ in pairs}) > 1:
            fewest, least = min(pairs)
            same = all(other == least for _, other in pairs)
            grows = all(other * fewest == least * more for more, other in pairs)
            counts["price" if same else "total" if grows else ""] += 1
    return counts


def _value(text: str, marks: Mapping[str, str], name: str) -> ScaledNumber | None:
    number = spelled_number(text)
    scaled = None if number is None else scaled_number(number.digits, marks.get(name, "."))
    return None if scaled is None or scaled.places > 6 else scaled


def _as(number: ScaledNumber, places: int) -> int:
    return number.whole(places) or 0


_MEANING: Final = {"price": "the price of one piece", "total": "what the line costs"}
