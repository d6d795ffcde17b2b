"""A watermark sees exactly the transactions that PostgreSQL's snapshot does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.watermark import Watermark


@st.composite
def watermarks(draw: st.DrawFn) -> Watermark:
    """Snapshots as PostgreSQL makes them: xmin is the oldest running transaction, or else xmax."""
    xmax = draw(st.integers(1, 60) | st.integers(2**63 - 60, 2**63 - 1))
    xip = draw(
        st.frozensets(st.integers(max(1, xmax - 50), xmax - 1) if xmax > 1 else st.nothing())
    )
    return Watermark(min(xip, default=xmax), xmax, xip)


@given(watermarks())
def test_its_text_is_read_back(watermark: Watermark) -> None:
    assert Watermark.parse(str(watermark)) == watermark


@given(watermarks(), st.integers(-5, 5))
def test_it_sees_what_had_ended_when_it_was_taken(watermark: Watermark, past_the_end: int) -> None:
    """By definition: every transaction that had begun, less those that were still running."""
    for xid in range(max(1, watermark.xmax - 60), watermark.xmax + past_the_end + 1):
        begun = xid < watermark.xmax
        running = xid in watermark.xip
        assert watermark.sees(xid) == (begun and not running)


def test_the_first_watermark_sees_nothing() -> None:
    watermark = Watermark.parse("1:1:")
    assert not any(watermark.sees(xid) for xid in range(1, 100))


def test_the_text_is_that_of_postgresql() -> None:
    watermark = Watermark.parse("10:20:10,14,15")
    assert watermark == Watermark(10, 20, frozenset({10, 14, 15}))
    assert str(watermark) == "10:20:10,14,15"
    assert str(Watermark(7, 7)) == "7:7:"


@pytest.mark.parametrize(
    "text", ["", "1", "1:2", "1:2:3:4", "a:2:", "1:b:", "1:2:c", "1:2:,", "::"]
)
def test_anything_else_is_no_watermark(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 # any text will do: it is never shown
        Watermark.parse(text)
