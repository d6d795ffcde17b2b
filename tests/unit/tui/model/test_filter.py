"""The filter language against a plain reading of it."""

from __future__ import annotations

import operator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coffeert.domain.money import MAX_PRICE_CENTS
from coffeert.domain.orders import Order
from coffeert.tui.model.filter import FilterError, parse_filter

CODES = st.sampled_from(["uptown", "downtown", "central", "latte", "flat-white", "tea", "東京"])


def order(store: str, drink: str, cents: int, quantity: int = 1) -> Order:
    """Make an order."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Order(UUID(int=1), store, drink, quantity, cents, moment, moment)


@given(CODES, CODES, st.integers(0, 2000), st.integers(1, 99), st.integers(0, 2000))
def test_a_price_compares_the_single_price_exactly(
    store: str, drink: str, cents: int, quantity: int, limit: int
) -> None:
    text = f"price>{limit // 100}.{limit % 100:02d}"
    assert parse_filter(text).matches_order(order(store, drink, cents, quantity)) == (cents > limit)
    assert parse_filter(text).matches_cell(store, drink)


SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
TERMS = st.lists(
    st.tuples(st.sampled_from(sorted(SIGNS)), st.integers(0, 90_000), st.booleans()), max_size=3
)


@given(TERMS, st.sampled_from((0, 2, 3, 4)), st.integers(0, 90_000))
@example([("=", 45_005, False)], 2, 450)
@example([(">", 10**13, False)], 2, 450)
def test_the_bounds_of_a_price_are_those_of_its_terms(
    terms: list[tuple[str, int, bool]], places: int, price: int
) -> None:
    words = [f"{'-' if no else ''}price{sign}{limit / 10_000:.4f}" for sign, limit, no in terms]
    wanted = parse_filter(" ".join(words)).in_places(places)
    scaled = price * 10 ** (4 - places)
    expected = all(SIGNS[sign](scaled, limit) != no for sign, limit, no in terms)
    assert wanted.matches_order(order("uptown", "tea", price)) == expected
    bounds = wanted.prices()
    if bounds is None:
        assert ("=", True) in [(sign, no) for sign, _, no in terms]
    else:
        assert (bounds[0] <= price <= bounds[1]) == expected
        assert 0 <= bounds[0] <= MAX_PRICE_CENTS + 1
        assert bounds[1] <= MAX_PRICE_CENTS


@given(CODES, CODES, CODES)
def test_a_field_looks_into_its_own_code_and_a_word_into_both(
    store: str, drink: str, word: str
) -> None:
    one = order(store, drink, 400)
    assert parse_filter(f"store:{word}").matches_order(one) == (word in store)
    assert parse_filter(f"drink:{word}").matches_order(one) == (word in drink)
    assert parse_filter(word).matches_order(one) == (word in store or word in drink)


@given(CODES, CODES, CODES)
def test_a_minus_turns_a_term_round(store: str, drink: str, word: str) -> None:
    one = order(store, drink, 400)
    for term in (word, f"store:{word}", "price>4"):
        assert parse_filter(f"-{term}").matches_order(one) != parse_filter(term).matches_order(one)


@given(CODES, CODES, CODES)
def test_words_are_joined_by_and(store: str, drink: str, word: str) -> None:
    one = order(store, drink, 400)
    both = parse_filter(f"store:{word} drink:{word}")
    assert both.matches_order(one) == (word in store and word in drink)


def test_a_comma_means_either() -> None:
    either = parse_filter("store:up,central")
    assert [either.matches_order(order(s, "tea", 1)) for s in ("uptown", "central", "south")] == [
        True,
        True,
        False,
    ]


def test_what_is_typed_reads_back_the_same() -> None:
    text = "store:uptown drink:latte,tea price>5.00 -mocha -drink:x price<=9.50"
    assert parse_filter(text).text() == text
    assert parse_filter("").text() == ""
    assert not parse_filter("  ")


@pytest.mark.parametrize(
    ("text", "hint"), [("size:big", "size:"), ("store:", "store:uptown"), ("price>x", "price")]
)
def test_what_cannot_be_read_is_explained(text: str, hint: str) -> None:
    with pytest.raises(FilterError, match=hint):
        parse_filter(text)


@pytest.mark.parametrize("text", ["price>", "price<=", "uptown -price:"])
def test_a_price_without_an_amount_is_no_word_yet(text: str) -> None:
    with pytest.raises(FilterError, match=r"needs an amount such as 4\.50\.$"):
        parse_filter(text)


@given(CODES, st.lists(CODES, min_size=1, max_size=3), CODES, st.booleans())
def test_a_store_matches_if_any_of_its_drinks_does(
    store: str, drinks: list[str], word: str, negated: bool
) -> None:
    wanted = parse_filter(f"{'-' if negated else ''}{word} price>5")
    any_of_them = any(((word in store) or (word in drink)) != negated for drink in drinks)
    assert wanted.matches_store(store, drinks) == any_of_them


@pytest.mark.parametrize(("places", "cents"), [(0, 5), (2, 500), (3, 5000)])
def test_a_price_is_in_whole_units_of_any_currency(places: int, cents: int) -> None:
    wanted = parse_filter("price=5").in_places(places)
    assert wanted.matches_order(order("uptown", "tea", cents, 3))
    assert not wanted.matches_order(order("uptown", "tea", cents + 1, 3))
    assert parse_filter("price>0.1255").text() == "price>0.1255"
