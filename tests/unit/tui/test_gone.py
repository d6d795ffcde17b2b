"""What is kept of texts that were measured long ago, and of widgets that are gone."""

from __future__ import annotations

import gc
import weakref

from rich.cells import cached_cell_len, cell_len
from textual._styles_cache import StylesCache
from textual.color import Color

from coffeert.tui.widgets.gone import let_go_of_gone_widgets, let_go_of_many


def test_texts_measured_long_ago_do_not_pile_up() -> None:
    most = 0
    for number in range(5_000):
        assert cell_len(f"東{number}") == 2 + len(str(number))
        let_go_of_many()
        most = max(most, cached_cell_len.cache_info().currsize)
    assert most <= 1024


def test_what_a_gone_widget_painted_is_not_kept_by_its_colours() -> None:
    gone = StylesCache()
    gone.get_inner_outer(Color(0, 0, 0), Color(1, 1, 1))
    kept = weakref.ref(gone)
    del gone
    gc.collect()
    assert kept() is not None  # what Textual does; when it no longer does, this can go
    let_go_of_gone_widgets()
    assert kept() is None
