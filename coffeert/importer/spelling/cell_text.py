"""The text of cells and headings, in one form for all comparisons."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from coffeert.importer.rows import Cell
from coffeert.importer.spelling.vocabulary import plain, words

MISSING: Final = words("cells", "missing")
"""What stands for no value, in lower case."""

_CAMEL = re.compile(r"(?<=[a-zà-ÿ0-9])(?=[A-Z])")
_PUNCTUATION = re.compile(r"[\W_]+")
_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
_WHOLE = re.compile(r"(\d+)[.,]0+", re.ASCII)
_CUT = re.compile(r"[0-9](?:[.,][0-9]+[eE]\+?|[eE]\+)[0-9]{2,3}")


class Fault(str):
    """Why a row cannot be read, as the end of a sentence about it; `no_sale`: it is rightly left out."""

    no_sale: bool
    __slots__ = ("no_sale",)

    def __new__(cls, reason: str, *, no_sale: bool = False) -> Fault:
        """Make one."""
        fault = super().__new__(cls, reason)
        fault.no_sale = no_sale
        return fault


def cell_text(cell: Cell) -> str:
    """Return a cell as text, without blanks around it; empty for no cell."""
    if type(cell) is str:
        text = cell.strip()
        return text[2:-1].strip() if text.startswith('="') and text.endswith('"') else text
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    if isinstance(cell, datetime):
        return without_noise(cell).isoformat(" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return _hours_text(cell)
    return str(cell).strip()


def _hours_text(passed: timedelta) -> str:
    """Return hours as a spreadsheet shows them, which may be 24 and more: `24:00:00`."""
    minutes, seconds = divmod(round(passed.total_seconds()), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}" if minutes >= 0 else str(passed)


def without_noise(moment: datetime) -> datetime:
    """Round a spreadsheet's moment to the second that it means: its fraction of a day is a binary one."""
    noise = (moment.microsecond + 500_000) % 1_000_000 - 500_000
    return moment - timedelta(microseconds=noise) if abs(noise) < 5_000 else moment


def western_digits(text: str) -> str:
    """Write the decimal digits of any script as 0 to 9, and wide characters as narrow ones."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def is_missing(text: str) -> bool:
    """Return whether a text says that there is no value."""
    return not text or (len(text) < 11 and text.casefold() in MISSING)


def number_text(text: str) -> str:
    """Return a receipt's or other number as it was before a spreadsheet took it for an amount."""
    text = text.removeprefix("'")
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def is_cut_number(cell: Cell) -> bool:
    """Return whether a spreadsheet has cut a receipt's or other number, as to `2.02403E+11`."""
    if type(cell) is Decimal:
        exponent = cell.as_tuple().exponent
        return isinstance(exponent, int) and exponent > 0
    if type(cell) is not str or len(cell) > 30 or not ("E" in cell or "e" in cell):
        return False
    return _CUT.fullmatch(cell_text(cell)) is not None


def heading_words(heading: str) -> str:
    """Return the words of a heading as `plain` does, without what stands in brackets: `unit price`."""
    return _words(_BRACKETS.sub(" ", heading)) or _words(heading)


def in_brackets(heading: str) -> tuple[str, ...]:
    """Return what stands in a heading's brackets."""
    return tuple((match[1] or match[2] or "").strip() for match in _BRACKETS.finditer(heading))


def folded(text: str) -> str:
    """Return a text so that case, blanks and forms of the same characters make no difference."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _words(text: str) -> str:
    spaced = _CAMEL.sub(" ", unicodedata.normalize("NFKC", text))
    return plain(_PUNCTUATION.sub(" ", spaced))
