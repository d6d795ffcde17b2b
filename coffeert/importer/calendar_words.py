"""Names of months and weekdays in the languages of tills, from CLDR."""

from __future__ import annotations

from functools import cache
from typing import Final

from babel.dates import get_day_names, get_month_names

_LANGUAGES: Final = (
    "en de fr es it pt nl da sv nb fi pl cs sk hu ro tr el ru uk bg sl et lv lt ca id vi is ms af".split()
)
_ALSO: Final = {"sept": 9, "mrz": 3, "maerz": 3, "janv": 1, "juil": 7, "fev": 2, "fevr": 2, "aout": 8}
_NOISE: Final = frozenset("de del do of the den d di le st nd rd th er º ª 年 月 日 г р".split())


@cache
def months() -> dict[str, int]:
    """Return the month of each name or abbreviation; names that mean different months are left out."""
    found: dict[str, int] = dict(_ALSO)
    unclear = set()
    for language in _LANGUAGES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for month, name in get_month_names(width, context, language).items():  # type: ignore[arg-type] # a plain str, not a Literal
                    word = name.casefold().strip(". ")
                    if found.setdefault(word, month) != month:
                        unclear.add(word)
    return {word: month for word, month in found.items() if word not in unclear}


@cache
def idle_words() -> frozenset[str]:
    """Return words of a date that say nothing more: weekdays and particles."""
    names = {
        name.casefold().strip(". ")
        for language in _LANGUAGES
        for width in ("wide", "abbreviated", "short")
        for name in get_day_names(width, "format", language).values()  # type: ignore[arg-type] # a plain str, not a Literal
    }
    return (frozenset(names) | _NOISE) - months().keys()
