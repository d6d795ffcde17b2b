"""Printable text, measured and cut in the cells of a terminal."""

from __future__ import annotations

from typing import Final, Literal

from rich.cells import cell_len, set_cell_size

from coffeert.tui.textual_workarounds import one_cell_each

Align = Literal["left", "right", "center"]

ELLIPSIS: Final = "…"


def width(text: str) -> int:
    """Return the cells that a printable text takes."""
    return len(text) if one_cell_each(text) else cell_len(text)


def crop(text: str, cells: int, ellipsis: str = ELLIPSIS) -> str:
    """Cut a printable text to at most `cells` cells, ending in an ellipsis if something was cut."""
    if cells <= 0:
        return ""
    if width(text) <= cells:
        return text
    if cells <= len(ellipsis):
        return set_cell_size(text, cells)
    return set_cell_size(text, cells - len(ellipsis)).rstrip() + ellipsis


def fit(text: str, cells: int, align: Align = "left", ellipsis: str = ELLIPSIS) -> str:
    """Cut or pad a printable text to exactly `cells` cells."""
    cut = crop(text, cells, ellipsis)
    missing = max(0, cells - width(cut))
    if align == "left":
        return cut + " " * missing
    if align == "right":
        return " " * missing + cut
    left = missing // 2
    return " " * left + cut + " " * (missing - left)
