"""Names of months and weekdays in the languages of tills, from CLDR."""

from __future__ import annotations

from functools import cache
from typing import Final

from babel.dates import get_day_names, get_month_names

from coffeert.importer.spelling.vocabulary import vocabulary, words

_LANGUAGES: Final = (
    *(
        "en",
        "de",
        "fr",
        "es",
        "it",
        "pt",
        "nl",
        "da",
        "sv",
        "nb",
        "fi",
        "pl",
        "cs",
        "sk",
        "hu",
        "ro",
    ),
    *("tr", "el", "ru", "uk", "bg", "sl", "et", "lv", "lt", "ca", "id", "vi", "is", "ms", "af"),
)


_WEEKDAYS_ONLY: Final = ("ja", "zh", "ko", "ar", "he", "th")


@cache
def months() -> dict[str, int]:
    """Return the month of each name or abbreviation; names that mean different months are left out."""
    found: dict[str, int] = dict(vocabulary("cells")["months"])
    unclear = set()
    for language in _LANGUAGES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for month, name in get_month_names(width, context, language).items():
                    word = name.casefold().strip(". ")
                    if found.setdefault(word, month) != month:
                        unclear.add(word)
    return {word: month for word, month in found.items() if word not in unclear}


@cache
def idle_words() -> frozenset[str]:
    """Return words of a date that say nothing more: weekdays and particles, with those before a time."""
    names = {
        name.casefold().strip(". ")
        for language in (*_LANGUAGES, *_WEEKDAYS_ONLY)
        for width in ("wide", "abbreviated", "short")
        for name in get_day_names(width, "format", language).values()
    }
    particles = words("cells", "date_particles") | words("cells", "time_particles")
    return (frozenset(names) | particles) - months().keys()
