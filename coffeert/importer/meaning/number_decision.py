"""Decides from whole columns which mark is the decimal one, and in which currency amounts are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from coffeert.domain.currency import places as currency_places
from coffeert.errors import ConfigError
from coffeert.importer.meaning.notes import Notes
from coffeert.importer.meaning.survey import NumberSurvey
from coffeert.importer.spelling.currency_signs import currencies_of
from coffeert.importer.spelling.numbers import MARKS, MarkSurvey

_LARGE: Final = ("AUD", "CAD", "CLP", "CNY", "GBP", "INR", "JPY", "MXN", "SEK", "USD")
_NAMES: Final = {".": "point", ",": "comma"}


def decide_marks(
    numbers: Mapping[str, NumberSurvey],
    headings: Mapping[str, str],
    notes: Notes,
    *,
    given: str | None,
    hint: str,
    places: int,
) -> dict[str, str]:
    """Return the decimal mark of each field's column, or ask.

    A column that does not show its own has `given`, that of the other columns, or `hint`, a preset's.
    """
    if given is not None and given not in MARKS:
        raise ConfigError(f"--decimal-mark {given!r} must be . or ,")
    found = {name: mark for name, number in numbers.items() if (mark := number.marks.decided())}
    shown = {found[name] for name in found if name != "quantity"} or set(found.values())
    common = given or (shown.pop() if len(shown) == 1 else hint) or None
    for name, number in numbers.items():
        marks = number.marks
        if name in found:
            _say_shown(name, found[name], marks, headings, notes)
        elif given is not None or not (marks.contradictory or marks.needs_a_mark):
            found[name] = common or "."
        else:
            found[name] = _undecided(name, marks, headings[name], common, places, notes)
    if found:
        notes.argue(
            "--decimal-mark", common or found[max(found, key=lambda name: name != "quantity")]
        )
    return found


def _say_shown(
    name: str, mark: str, marks: MarkSurvey, headings: Mapping[str, str], notes: Notes
) -> None:
    if mark == "," or any(marks.three.values()):
        notes.say(
            f"`{headings[name]}` has a decimal {_NAMES[mark]}: {marks.examples[mark]} shows it."
        )


def _undecided(
    name: str, marks: MarkSurvey, heading: str, common: str | None, places: int, notes: Notes
) -> str:
    """Decide about numbers such as `6.000`, or ask."""
    used = [mark for mark in MARKS if marks.three[mark]]
    example = marks.examples.get(f"{used[0]}3", "") if used else ""
    unmarked = marks.short + marks.long
    if len(used) == 1 and not marks.contradictory:
        mark, other = used[0], "," if used[0] == "." else "."
        all_zeros = marks.zeros == marks.three[mark] and not unmarked
        if name == "quantity" and all_zeros and common in (None, mark):
            notes.say(f"`{heading}` is written with decimal places: {example} is {example[:-4]}.")
            return mark
        if common is not None and not (name == "quantity" and all_zeros):
            return common
        if name != "quantity" and places == 3 and not unmarked:
            notes.say(f"`{heading}` has three decimal places, as its currency has: {example}.")
            return mark
        if name != "quantity" and (places == 0 or (places < 3 and marks.short and not marks.long)):
            notes.say(f"`{heading}` has thousands marked: {example}.")
            return other
    example = example or " and ".join(marks.examples.values())
    notes.ask(
        f"What does {example} in `{heading}` mean? The file does not show which decimal mark it uses.",
        (("--decimal-mark", "."), "a point begins the decimal places"),
        (("--decimal-mark", ","), "a comma does"),
    )
    return common or "."


def decide_currency(
    numbers: Mapping[str, NumberSurvey],
    headings: Mapping[str, frozenset[str]],
    column: Mapping[str, int],
    notes: Notes,
    installed: str | None,
) -> str | None:
    """Return the currency of the amounts, `None` if nothing says it.

    Raises `ConfigError` if the file's is not the installation's.

    `headings` are what the headings of amounts can stand for, `column` counts the values of a column of
    currencies, and `installed` is the installation's or the owner's.
    """
    rows: dict[str, int] = {}
    possible: frozenset[str] | None = None
    for codes, count in _mentions(numbers, headings, column):
        if len(codes) == 1:
            code = next(iter(codes))
            rows[code] = rows.get(code, 0) + count
        possible = codes if possible is None else possible & codes
    certain = sorted(rows, key=lambda code: -rows[code])
    if installed is not None:
        if (certain and installed not in certain) or (
            not certain and possible and installed not in possible
        ):
            there = " and ".join(certain) or "another currency"
            raise ConfigError(
                f"The file's amounts are in {there}, but orders here are in {installed}."
            )
        if len(certain) > 1:
            notes.say(f"Amounts in another currency than {installed} are left out.")
        if len(certain) > 1 or (possible and not certain):
            notes.argue("--currency", installed)
        return installed
    if len(certain) > 1:
        notes.ask(
            f"The file has amounts in {' and '.join(certain)}. Which is the currency of your orders? "
            "Rows in another are left out.",
            *((("--currency", code), f"orders are in {code}") for code in certain),
        )
    elif certain:
        notes.say(f"Amounts are in {certain[0]}.")
        return certain[0]
    elif (
        possible
        and set(map(currency_places, possible)) != {currency_places(None)}
        and not any(
            number.marks.shown["."] + number.marks.shown[","] for number in numbers.values()
        )
    ):
        notes.ask(
            "No amount shows how many decimal places its currency has. In which currency are they?",
            *((("--currency", code), f"amounts are in {code}") for code in _likely(possible)),
        )
    return None


def decide_sign(
    numbers: Mapping[str, NumberSurvey],
    headings: Mapping[str, str],
    notes: Notes,
    *,
    currency: str | None,
    named: bool,
) -> str:
    """Return the sign that all amounts of a column have though it is not known; or ask. Empty for none.

    It is that of the currency if the owner or the file names this (`named`): an installation's currency
    need not be that of the file.
    """
    signs = {
        sign: (name, shown)
        for name, number in numbers.items()
        for sign, shown in number.currencies.unknown.items()
    }
    surveys = [number.currencies for number in numbers.values()]
    shared = not any(found.rows or (found.unknown and found.bare) for found in surveys)
    if not shared or len(signs) != 1 or "" in signs:
        return ""
    ((sign, (name, shown)),) = signs.items()
    if currency is not None and named:
        notes.say(f"{shown} in `{headings[name]}` is taken for {currency}.")
        if "--currency" not in notes.arguments:
            notes.argue("--currency", currency)
        return sign
    answer = (
        ("--currency", currency or "CODE"),
        "yes" if currency else "yes: say of which, such as EUR",
    )
    of = f"of {currency}" if currency else "of a currency"
    notes.ask(f"Is {shown} in `{headings[name]}` a sign {of}?", answer)
    return sign


def _likely(codes: frozenset[str]) -> list[str]:
    """Return some of the currencies, those of large countries first."""
    return sorted(codes, key=lambda code: (code not in _LARGE, code))[:6]


def _mentions(
    numbers: Mapping[str, NumberSurvey],
    headings: Mapping[str, frozenset[str]],
    column: Mapping[str, int],
) -> list[tuple[frozenset[str], int]]:
    found = [(codes, 1) for codes in headings.values() if codes]
    found += [(codes, count) for text, count in column.items() if (codes := currencies_of(text))]
    for number in numbers.values():
        found += number.currencies.rows.items()
    return found
