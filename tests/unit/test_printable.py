"""Nothing that came over the network makes a terminal do anything."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.printable import printable

ANY = st.text(st.characters(exclude_categories=()), max_size=300)
HOSTILE = st.lists(
    st.sampled_from(
        [
            "\x1b[31m",
            "\x1b]0;t\x07",
            "\x9b2J",
            "\u202e",
            "\u2066",
            "[/bold]",
            "\x00",
            "\r",
            "e\u0301\u0301\u0301",
            "\u200d",
            "\ufe0f",
            "漢",
            "🚀",
            "👨\u200d👩\u200d👧",
            "\U000e0041",
            "\ud800",
            "\uffff",
            "a",
        ]
    ),
    max_size=40,
).map("".join)


@settings(max_examples=400)
@given(st.one_of(ANY, HOSTILE))
def test_what_is_left_holds_no_control_of_any_kind(text: str) -> None:
    safe = printable(text)
    assert len(safe) <= 200
    for char in safe:
        assert unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        assert char == " " or char.isprintable()


@given(st.one_of(ANY, HOSTILE))
def test_printable_text_stays_as_it_is(text: str) -> None:
    assert printable(printable(text)) == printable(text)


def test_keeps_what_people_write() -> None:
    for name in ("Café Crème", "抹茶ラテ", "קפה", "दूध वाली कॉफ़ी", "🍵 tea"):
        assert printable(name) == unicodedata.normalize("NFC", name)
