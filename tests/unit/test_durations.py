"""One way to write a duration, wherever one is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.durations import MAX_SECONDS, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("20s", 20.0),
        ("1.5 m", 90.0),
        ("2h", 7200.0),
        ("0.25", 0.25),
        (".5", 0.5),
        (" 3 s ", 3.0),
        ("0", 0.0),
        ("8784h", MAX_SECONDS),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "soon",
        "-1",
        "-1s",
        "1e3",
        "nan",
        "inf",
        "1w",
        "1 h 5 m",
        "1,5s",
        "8785h",
        "9" * 400,
        "٣s",
    ],
)
def test_anything_else_is_refused_in_plain_words(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration such as 500ms"):
        parse_duration(text)


@given(st.integers(0, 10**5), st.sampled_from([("ms", 0.001), ("s", 1.0), ("m", 60.0)]))
def test_units_only_scale(number: int, unit: tuple[str, float]) -> None:
    name, scale = unit
    assert (
        parse_duration(f"{number}{name}") == number * scale == parse_duration(f"{number}.0 {name}")
    )


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert 0 <= seconds <= MAX_SECONDS
