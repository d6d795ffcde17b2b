"""What is gone from the screen, and what is still kept of it elsewhere."""

from __future__ import annotations

from typing import Final

from rich.cells import cached_cell_len
from textual._styles_cache import StylesCache

_WIDGETS: Final = 128
"""More than the dashboard has at a time, its dialogues included."""

_TEXTS: Final = 1024
"""More pieces of text than a large screen shows."""


def let_go_of_gone_widgets() -> None:
    """Drop the lines of widgets that are gone; for once a minute.

    Textual remembers two colours for each of the last 1,024 widgets, and with them whatever lines such a
    widget has painted: a third of a MiB for a help that was closed long ago. What is still shown is soon
    remembered again.
    """
    StylesCache.get_inner_outer.cache_clear()


def let_go_of_many() -> None:
    """Drop the lines of gone widgets, and texts that were measured long ago, where there are many.

    Rich remembers the width of 4,096 texts, and figures never come twice: strings that die of old age here
    and there, and leave memory with holes.
    """
    if StylesCache.get_inner_outer.cache_info().currsize > _WIDGETS:
        let_go_of_gone_widgets()
    if cached_cell_len.cache_info().currsize > _TEXTS:
        cached_cell_len.cache_clear()
