"""Decides from a whole column how its days and times are written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from coffeert.errors import ConfigError
from coffeert.importer.meaning.moments import default_time
from coffeert.importer.meaning.notes import Notes
from coffeert.importer.meaning.survey import MomentSurvey
from coffeert.importer.spelling.dates import (
    NUMBER_FORMATS,
    ORDERS,
    DaySurvey,
    day_numbers,
    named_format,
)


class DayFormat(NamedTuple):
    """How days and times are read; see `MomentReader`."""

    order: str | None = None
    numbers: str | None = None
    whole_days: bool = False
    default_day: date | None = None
    default_time: time | None = None
    twelve: bool = False
    opens: timedelta = timedelta()
    begins: timedelta = timedelta()
    fractions: bool = False
    zone: ZoneInfo | None = None


def decide_days(
    moments: MomentSurvey,
    notes: Notes,
    *,
    date_format: str | None,
    hint: str,
    missing_day: str | None,
    missing_time: str | None,
    time_column: bool,
) -> DayFormat:
    """Decide, or ask. `hint` is the order of a preset, which counts if the days show none."""
    order, numbers = _format(moments.days, notes, date_format, hint)
    if order or numbers:
        notes.argue("--date-format", order or numbers or "")
    given = _default_time(missing_time, notes)
    whole_days = not time_column and not moments.has_clock and numbers not in ("unix", "unixms")
    whole_days = whole_days and (moments.days.readable > 0 or missing_day is not None)
    if whole_days and given is None:
        notes.ask(
            "The file says on which day a sale was, but not at what time. At what time should they stand?",
            (("--missing", "time=12:00"), "all sales of a day at noon"),
            (("--missing", "time=00:00"), "all at midnight, at the beginning of the day"),
        )
    if moments.has_twelve:
        notes.say("Times are read with their AM or PM.")
    return DayFormat(
        order, numbers, whole_days, _default_day(missing_day, notes), given, moments.has_twelve
    )


def decide_zone(
    moments: MomentSurvey,
    notes: Notes,
    *,
    zone: ZoneInfo | None,
    known: Sequence[tuple[str, str]],
    zone_column: str | None,
    counted: bool,
) -> None:
    """Say or ask in which time zone the times are; `known` zones, and whose they are, are offered."""
    if zone is not None:
        notes.argue("--timezone", zone.key)
        if not moments.has_offsets and zone_column is None:
            notes.say(f"Times are those of {zone.key}.")
    if zone_column is not None:
        notes.say(f"Times are those of the zone in `{zone_column}`.")
    elif moments.has_offsets or counted:
        notes.say("Times have their own offset from UTC.")
    elif zone is None:
        notes.ask(
            "In which time zone are the times? The file does not say it.",
            *((("--timezone", name), f"{name}, the zone of {whose}") for name, whose in known),
            (
                ("--timezone", "ZONE"),
                "another one" if known else "that of the store, such as Europe/Berlin",
            ),
        )


def _format(
    days: DaySurvey, notes: Notes, date_format: str | None, hint: str
) -> tuple[str | None, str | None]:
    if date_format is not None:
        named = named_format(date_format)
        if named is None:
            there = ", ".join([*ORDERS, *NUMBER_FORMATS])
            raise ConfigError(
                f"--date-format {date_format!r} is none; there are {there}, or patterns such as DD/MM/YYYY."
            )
        notes.say(f"Dates are {(ORDERS | NUMBER_FORMATS)[named]}, as --date-format says.")
        if named not in ORDERS:
            return hint or None, named
        return named, "excel" if days.exchanged and "excel" in days.numbers else None
    if days.exchanged is not None:
        text, line = days.exchanged
        order = next(order for order in ORDERS if order in days.examples)
        notes.ask(
            f"Some days are text, such as {text} on line {line}, and all others lie before the 13th of "
            "their month: did a spreadsheet program read the others with day and month exchanged? If so, "
            "export the file again and do not open it there.",
            (("--date-format", order), "no, all days are right"),
        )
        return None, None
    numbers = _numbers(days, notes)
    return (_order(days, notes, hint) if days.unclear else None), numbers


def _numbers(days: DaySurvey, notes: Notes) -> str | None:
    if not days.numbers:
        return None
    kind = max(days.numbers, key=lambda kind: days.numbers[kind])
    if days.numbers[kind] < days.plain + days.unclear:
        return None
    notes.say(f"Dates are {NUMBER_FORMATS[kind]}.")
    return kind


def _order(days: DaySurvey, notes: Notes, hint: str) -> str | None:
    possible = days.possible()
    if days.may_begin_with_year and possible and "ymd" not in possible and not hint:
        orders = ("ymd", *possible)
        notes.ask(
            f"Are the days with two digits for the year {_either(orders)}?",
            *((("--date-format", order), f"dates are {ORDERS[order]}") for order in orders),
        )
        return None
    if not possible:
        return _mixed(days, notes)
    if len(possible) == 1:
        text, line = days.examples.get(possible[0], ("", 0))
        proof = f": {text} on line {line} decides" if text else ""
        notes.say(f"Dates are {ORDERS[possible[0]]}{proof}.")
        return possible[0]
    if not days.differing:
        return hint if hint in possible else possible[0]
    if hint in possible:
        notes.say(f"Dates are {ORDERS[hint]}, as this export writes them.")
        return hint
    if days.separators == {"."}:
        notes.say("Dates are day.month.year: dates with points are.")
        return "dmy"
    assert days.any_example is not None
    notes.ask(
        f"Is {days.any_example[0]} on line {days.any_example[1]} {_either(possible)}? "
        "No date of the file decides it.",
        *((("--date-format", order), f"dates are {ORDERS[order]}") for order in possible),
    )
    return None


def _mixed(days: DaySurvey, notes: Notes) -> str | None:
    """No order fits all days: a few broken ones do not matter, two orders in one column do."""
    orders = sorted((o for o in days.fits if days.fits[o]), key=lambda o: -days.fits[o])
    shown = [order for order in orders if order in days.examples]
    if len(shown) == 1:
        text, line = days.examples[shown[0]]
        notes.say(f"Dates are {ORDERS[shown[0]]}: {text} on line {line} decides.")
        return shown[0]
    if len(shown) > 1:
        examples = " and ".join(
            f"{days.examples[order][0]} on line {days.examples[order][1]}" for order in shown[:2]
        )
        notes.ask(
            f"The dates are written in different orders: {examples}. Which is right? "
            "The others are left out.",
            *((("--date-format", order), f"dates are {ORDERS[order]}") for order in shown),
        )
        return None
    return orders[0] if orders else None


def _either(orders: tuple[str, ...]) -> str:
    return " or ".join(ORDERS[order] for order in orders)


def _default_day(text: str | None, notes: Notes) -> date | None:
    if text is None:
        return None
    numbers = day_numbers(text)
    days = numbers.days() if numbers else {}
    if len(set(days.values())) != 1:
        raise ConfigError(f"--missing date={text} is no day, such as 2026-09-14.")
    day = next(iter(days.values()))
    notes.say(f"Sales without a date were on {day}.")
    return day


def _default_time(text: str | None, notes: Notes) -> time | None:
    if text is None:
        return None
    given = default_time(text)
    if given is None:
        raise ConfigError(f"--missing time={text} is no time of day, such as 12:00.")
    notes.say(f"Sales without a time of day stand at {given:%H:%M}.")
    return given
