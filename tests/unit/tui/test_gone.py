"""What is kept of texts that were measured long ago."""

from __future__ import annotations

from rich.cells import cached_cell_len, cell_len

from coffeert.tui.widgets.gone import let_go_of_the_gone


def test_texts_measured_long_ago_do_not_pile_up() -> None:
    most = 0
    for number in range(5_000):
        assert cell_len(f"東{number}") == 2 + len(str(number))
        let_go_of_the_gone()
        most = max(most, cached_cell_len.cache_info().currsize)
    assert most <= 1024
