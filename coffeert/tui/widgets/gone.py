"""Widgets that are gone, and what Textual still keeps of them."""

from __future__ import annotations

from typing import Final

from textual._styles_cache import StylesCache

_KEPT: Final = 128
"""More than the dashboard has at a time, its dialogues included."""


def let_go_of_widgets() -> None:
    """Drop the lines of widgets that are gone.

    Textual remembers two colours for each of the last 1,024 widgets, and with them whatever lines such a
    widget has painted: megabytes of keys and dialogues that were closed long ago. Only the colours of
    those still shown are looked up again.
    """
    colors = StylesCache.get_inner_outer
    if colors.cache_info().currsize > _KEPT:
        colors.cache_clear()
