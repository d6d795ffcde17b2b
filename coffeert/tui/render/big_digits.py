"""Numbers three lines high, in the digits of Textual's `Digits`."""

from __future__ import annotations

from typing import Final

from textual.renderables.digits import DIGITS, DIGITS3X3_BOLD

ROWS: Final = 3

_NARROW: Final = {".": ("", "", "▪"), ",": ("", "", "▖"), " ": (" ", " ", " ")}


def big_digits(text: str) -> tuple[str, str, str]:
    """Return a text in three lines; what has no large form stands in the lowest."""
    rows = ["", "", ""]
    for char in text:
        if char in _NARROW:
            piece = _NARROW[char]
        elif (
            char in DIGITS and not char.isalpha()
        ):  # the hexadecimal ones are no letters of a currency
            at = DIGITS.index(char) * ROWS
            piece = (DIGITS3X3_BOLD[at], DIGITS3X3_BOLD[at + 1], DIGITS3X3_BOLD[at + 2])
        else:
            piece = ("", "", char)
        cells = max(map(len, piece))
        for row, part in enumerate(piece):
            rows[row] += part.ljust(cells)
    return rows[0], rows[1], rows[2]
