"""What a filter selects of the menu is what it matches, or is not asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coffeert.tui.model.filter import parse_filter
from coffeert.tui.model.report_request import (
    MAX_ANSWERS,
    ReportAnswers,
    Selection,
    WantedReport,
    selection_of,
)

STORES, DRINKS = ("central", "latte-bar", "uptown"), ("flat-white", "latte", "tea")
TERMS = (
    *("store:up", "store:a", "-store:central", "drink:latte", "-drink:tea", "-latte"),
    *("tea", "up", "latte", "store:central,up", "-at", "price>3"),
)


@given(st.lists(st.sampled_from(TERMS), max_size=4))
def test_a_selection_has_what_the_filter_matches(terms: list[str]) -> None:
    wanted = parse_filter(" ".join(term for term in terms if not term.startswith("price")))
    matched = {
        (store, drink) for store in STORES for drink in DRINKS if wanted.matches_cell(store, drink)
    }
    selected = selection_of(parse_filter(" ".join(terms)), STORES, DRINKS)
    if selected is None:
        assert "latte" in terms or "-at" in terms or "-latte" in terms
        return
    stores = STORES if selected.stores is None else selected.stores
    drinks = DRINKS if selected.drinks is None else selected.drinks
    assert {(store, drink) for store in stores for drink in drinks} == matched


def test_a_word_that_names_stores_and_drinks_is_not_asked_for() -> None:
    assert selection_of(parse_filter("latte"), STORES, DRINKS) is None
    assert selection_of(parse_filter("tea"), STORES, DRINKS) == Selection(drinks=("tea",))
    assert selection_of(parse_filter(""), STORES, DRINKS) == Selection()


def test_answers_are_bounded_and_the_latest_used_stay() -> None:
    answers = ReportAnswers()
    first = WantedReport("today", ("store",))
    kept = answers.answer(first)
    for day in range(3 * MAX_ANSWERS):
        answers.answer(WantedReport(f"2026-01-{day}", ("store",)))
        assert answers.answer(first) is kept
    assert len(answers.answers) == MAX_ANSWERS
