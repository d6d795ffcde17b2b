"""The sentence on top, in the states that a day can have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.tui.render.sentence import QuietStore, Summary, clauses_of, sentence_lines
from coffeert.tui.render.text import width
from coffeert.wire.reports import PercentChange

BUSY = Summary(
    "Thursday, 12:40",
    1204,
    "6,940.40 €",
    PercentChange(percent=8),
    "last Thursday",
    leader="Latte",
    stores=4,
    quiet=(QuietStore("Southend", 9, 2),),
)
SHORT = Summary("Thursday, 12:40", 1, "4.50 €", stores=1)


def changed(**fields: object) -> Summary:
    """Return the busy day with other fields."""
    from dataclasses import replace

    return replace(BUSY, **fields)  # type: ignore[arg-type]  # the tests name fields that exist


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        (
            BUSY,
            "Thursday, 12:40. 1,204 orders, 6,940.40 €: 8 % over last Thursday. "
            "Southend is quiet for 9 min (usually 2). Latte leads.",
        ),
        (SHORT, "Thursday, 12:40. 1 order, 4.50 €."),
        (
            changed(change=PercentChange(percent=-3), quiet=(), leader=""),
            "Thursday, 12:40. 1,204 orders, 6,940.40 €: 3 % under last Thursday.",
        ),
        (
            changed(change=PercentChange(percent=0), quiet=()),
            "Thursday, 12:40. 1,204 orders, 6,940.40 €: as much as last Thursday. Latte leads.",
        ),
        (
            changed(change=PercentChange(reason="no figures before 3 May"), quiet=(), leader=""),
            "Thursday, 12:40. 1,204 orders, 6,940.40 €; no figures before 3 May.",
        ),
        (
            changed(change=None, missing="asking the server", quiet=(), leader=""),
            "Thursday, 12:40. 1,204 orders, 6,940.40 €; asking the server.",
        ),
        (
            changed(
                when="Thursday, 07:10",
                sold=False,
                orders=0,
                expected="last Thursday 12 orders, 61.40 € by now",
                quiet=(),
            ),
            "Thursday, 07:10: nothing sold yet; last Thursday 12 orders, 61.40 € by now.",
        ),
        (changed(sold=False, orders=0, quiet=()), "Thursday, 12:40: nothing sold yet."),
        (
            changed(closed=True, quiet=(), leader=""),
            "Thursday, 12:40. Closed now. 1,204 orders, 6,940.40 €: 8 % over last Thursday.",
        ),
        (
            changed(closed=True, sold=False, orders=0, quiet=()),
            "Thursday, 12:40: nothing sold yet. Closed now.",
        ),
        (
            changed(
                quiet=(
                    QuietStore("Southend", 150, 2),
                    QuietStore("Uptown", 20, None),
                    QuietStore("Central", 12, 3),
                ),
                leader="",
            ),
            "Thursday, 12:40. 1,204 orders, 6,940.40 €: 8 % over last Thursday. "
            "Southend is quiet for 2 h (usually 2), 2 more stores too.",
        ),
        (
            changed(stores=1, quiet=(QuietStore("Corner", 9, 2),), leader=""),
            "Thursday, 12:40. 1,204 orders, 6,940.40 €: 8 % over last Thursday. "
            "No sale for 9 min (usually 2).",
        ),
        (
            changed(quiet=(QuietStore("Southend", None, None),), leader=""),
            "Thursday, 12:40. 1,204 orders, 6,940.40 €: 8 % over last Thursday. Southend is quiet.",
        ),
        (
            changed(zones=3, quiet=()),
            "Thursday, 12:40. 1,204 orders, 6,940.40 €: 8 % over last Thursday. Latte leads. "
            "3 time zones, each store's own day.",
        ),
        (
            changed(when="Yesterday (Wednesday, 25 November)", running=False, quiet=()),
            "Yesterday (Wednesday, 25 November). 1,204 orders, 6,940.40 €: "
            "8 % over last Thursday. Latte led.",
        ),
        (
            changed(known=False, missing="asking the server"),
            "Thursday, 12:40: asking the server.",
        ),
    ],
)
def test_says_how_the_day_goes(summary: Summary, said: str) -> None:
    assert " ".join(clauses_of(summary)) == said


@given(st.integers(10, 200), st.integers(1, 4), st.sampled_from([BUSY, SHORT]))
def test_whole_sentences_fit_into_the_lines(cells: int, rows: int, summary: Summary) -> None:
    lines = sentence_lines(summary, cells, rows)
    assert len(lines) <= rows
    assert all(width(line) <= cells for line in lines)
    text = " ".join(lines)
    whole = [" ".join(clauses_of(summary)[:count]) for count in range(1, 4)]
    assert text in whole or text.endswith("…")


@given(st.integers(20, 80))
def test_a_number_and_its_unit_stay_on_one_line(cells: int) -> None:
    lines = sentence_lines(BUSY, cells, 9)
    assert any("6,940.40 €: " in f"{line} " for line in lines)
    assert any("8 %" in line for line in lines)
