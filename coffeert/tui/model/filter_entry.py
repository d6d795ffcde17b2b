"""A filter while it is typed: what of it is understood, what is not, and what may be meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from coffeert.domain.rollups import StoreDrink
from coffeert.printable import printable
from coffeert.tui.model.filter import Field, Filter, FilterError, Term, parse_filter
from coffeert.tui.model.suggestions import MAX_SUGGESTIONS, MenuItem, best_matches
from coffeert.wire.orders import MenuBody

_FIELDS: Final = (("store:", "a store"), ("drink:", "a drink"), ("price>", "a price above"))
_FIELD_NAMES: Final[dict[str, Field]] = {
    "store": "store",
    "s": "store",
    "drink": "drink",
    "d": "drink",
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The stores and drinks that a filter can name: those of the menu, and of the orders at hand."""

    stores: tuple[MenuItem, ...] = ()
    drinks: tuple[MenuItem, ...] = ()

    @classmethod
    def of(cls, menu: MenuBody | None, sold: Iterable[StoreDrink]) -> Vocabulary:
        """Return what a menu has, and what has been sold but is not on it any more."""
        stores = {} if menu is None else {store.code: store.name for store in menu.stores}
        drinks = {} if menu is None else {drink.code: drink.name for drink in menu.drinks}
        for store, drink in sold:
            stores.setdefault(store, store)
            drinks.setdefault(drink, drink)
        return cls(
            tuple(MenuItem(*item) for item in stores.items()),
            tuple(MenuItem(*item) for item in drinks.items()),
        )

    @property
    def store_codes(self) -> list[str]:
        return [store.code for store in self.stores]

    @property
    def drink_codes(self) -> list[str]:
        return [drink.code for drink in self.drinks]


class Suggestion(NamedTuple):
    """What may be meant: `text` is what the whole line would then be, with the cursor at `cursor`."""

    label: str
    detail: str
    text: str
    cursor: int


@dataclass(frozen=True, slots=True)
class FilterEntry:
    """What a typed line means so far; `notes` say in sentences what in it has no effect, and why."""

    wanted: Filter
    notes: tuple[str, ...] = ()


def read_entry(text: str, vocabulary: Vocabulary) -> FilterEntry:
    """Read a typed line. A word that is not finished, or names nothing, limits nothing."""
    terms: list[Term] = []
    notes: list[str] = []
    for word in text.split():
        try:
            (term,) = parse_filter(word).terms
        except FilterError as error:
            notes.append(str(error))
            continue
        known, unknown = _known(term, vocabulary)
        if known is not None:
            terms.append(known)
        notes += [_unknown_text(term.field, printable(each, 24)) for each in unknown]
    return FilterEntry(Filter(tuple(terms)), tuple(notes))


def _unknown_text(field: Field, word: str) -> str:
    kind = "store or drink" if field == "any" else field
    return f"No {kind} is called {word}."


def _known(term: Term, vocabulary: Vocabulary) -> tuple[Term | None, list[str]]:
    """Return a term without the words that name nothing, and these words; names become codes."""
    if term.field == "price":
        return term, []
    known = [word for word in term.words if _in_code(term, word, vocabulary)]
    others = [word for word in term.words if word not in known]
    if known or term.exact:
        return (replace(term, words=tuple(known)) if known else None), others
    for kind, items in _kinds(vocabulary):
        # By name: exactly the codes that have it, as one code may be a part of another.
        named = [i.code for i in items if any(word in i.name.casefold() for word in others)]
        if named and term.field in (kind, "any"):
            return replace(term, field=kind, words=tuple(named), exact=True), []
    return None, others


def _kinds(vocabulary: Vocabulary) -> tuple[tuple[Field, tuple[MenuItem, ...]], ...]:
    return (("store", vocabulary.stores), ("drink", vocabulary.drinks))


def _in_code(term: Term, word: str, vocabulary: Vocabulary) -> bool:
    stores = vocabulary.stores if term.field in ("store", "any") else ()
    drinks = vocabulary.drinks if term.field in ("drink", "any") else ()
    codes = [item.code for item in stores + drinks]
    return word in codes if term.exact else any(word in code.casefold() for code in codes)


def suggestions(text: str, cursor: int, vocabulary: Vocabulary) -> list[Suggestion]:
    """Return what the word at the cursor may be meant to become."""
    start = len(text[:cursor]) - len(text[:cursor].split(" ")[-1])
    word, rest = text[start:cursor], text[cursor:]
    sign = "-" if word.startswith("-") else ""
    bare = word.removeprefix("-")
    name, colon, value = bare.partition(":")
    field = _FIELD_NAMES.get(name.casefold()) if colon else None
    if colon and field is None:
        return []
    kept, _, typed = value.rpartition(",") if colon else ("", "", bare)
    found: list[Suggestion] = []

    def offer(label: str, detail: str, inserted: str) -> None:
        whole = text[:start] + inserted + rest
        found.append(Suggestion(label, detail, whole, start + len(inserted)))

    if not colon:
        for prefix, detail in _FIELDS:
            if prefix.startswith(bare.casefold()):
                offer(f"{sign}{prefix}", detail, sign + prefix)
    for kind, items in _kinds(vocabulary):
        if field in (None, kind) and (colon or bare):
            for item in best_matches(typed.removeprefix("="), items):
                codes = f"{kept},{item.code}" if kept else _plain_or_exact(item, items)
                offer(printable(item.name, 32) or item.code, kind, f"{sign}{kind}:{codes} ")
    finished = any(each.text.strip() == text.strip() for each in found)
    return [] if finished and len(found) == 1 else found[:MAX_SUGGESTIONS]


def _plain_or_exact(item: MenuItem, items: tuple[MenuItem, ...]) -> str:
    """Return a code as a term has it, with a sign where it is a part of another one."""
    code = item.code.casefold()
    alone = sum(code in other.code.casefold() for other in items) == 1
    return item.code if alone else f"={item.code}"
