"""What a report is asked for: the parameters of `GET /api/report`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

import msgspec

from coffeert.domain.comparisons import COMPARISONS, Comparison, check_comparison
from coffeert.domain.menu import Menu
from coffeert.domain.money import price_units
from coffeert.domain.periods import Period, parse_period
from coffeert.domain.report_plan import GROUPINGS, Grouping
from coffeert.errors import FieldError, Invalid

T = TypeVar("T")

_MAX_GROUPINGS: Final = 3
_SHOWN: Final = 40
_TRUE: Final = {"1": True, "true": True, "0": False, "false": False}


class Choice(msgspec.Struct, frozen=True):
    """Some of many by their codes: those of `only`, or all if it is `None`, but not those of `without`."""

    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def has(self, code: str) -> bool:
        """Whether a code is chosen."""
        return (self.only is None or code in self.only) and code not in self.without


class ReportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is asked for; prices are in minor units and included."""

    period: Period
    comparison: Comparison | None = None
    grouped_by: tuple[Grouping, ...] = ()
    stores: Choice = Choice()
    drinks: Choice = Choice()
    sources: Choice = Choice()
    min_price: int | None = None
    max_price: int | None = None
    details: bool = False

    @property
    def is_one_whole_day(self) -> bool:
        """Whether it is about everything of one day, as a closing is."""
        everything = ReportRequest(
            period=self.period, comparison=self.comparison, details=self.details
        )
        return self.period.unit == "day" and self == msgspec.structs.replace(
            everything, grouped_by=self.grouped_by
        )

    @property
    def needs_orders(self) -> bool:
        """Whether rollups do not hold what is asked."""
        return (
            self.details
            or self.sources != Choice()
            or "source" in self.grouped_by
            or self.min_price is not None
            or self.max_price is not None
        )


def read_report_request(given: Iterable[tuple[str, str]], menu: Menu) -> ReportRequest:
    """Read the parameters of a URL; raises `Invalid`, which names every one at fault."""
    values: dict[str, list[str]] = {}
    for name, value in given:
        values.setdefault(name, []).append(value)
    faults: list[FieldError] = []

    def read(name: str, reader: Callable[[str], T], default: T) -> T:
        texts = values.pop(name, [])
        try:
            if len(texts) > 1:
                raise ValueError("must be given once")
            return reader(texts[0]) if texts else default
        except ValueError as error:
            faults.append(FieldError(name, str(error)))
            return default

    def choose(name: str, codes: Mapping[str, str] | None) -> Choice:
        try:
            return read_choice(values.pop(name, []), codes)
        except ValueError as error:
            faults.append(FieldError(name, str(error)))
            return Choice()

    def price(text: str) -> int:
        return price_units(text, menu.places)

    period = read("period", parse_period, parse_period("today"))
    request = ReportRequest(
        period=period,
        comparison=read("compare", partial(_comparison, period), None),
        grouped_by=read("by", _groupings, ()),
        stores=choose("store", {store.code: store.name for store in menu.stores}),
        drinks=choose("drink", {drink.code: drink.name for drink in menu.drinks}),
        sources=choose("source", None),
        min_price=read("min_price", price, None),
        max_price=read("max_price", price, None),
        details=read("details", _flag, default=False),
    )
    faults += [FieldError(name, "is not a parameter of a report") for name in values]
    if faults:
        raise _refusal(faults)
    return request


def report_fault(field: str, message: str) -> Invalid:
    """Refuse a report for what one parameter says."""
    return _refusal([FieldError(field, message)])


def _refusal(faults: Sequence[FieldError]) -> Invalid:
    reasons = "; ".join(f"{fault.field} {fault.message}" for fault in faults)
    return Invalid(f"The report cannot be made: {reasons}.", errors=tuple(faults))


def _comparison(period: Period, text: str) -> Comparison:
    for comparison in COMPARISONS:
        if text == comparison:
            if period.fixed is not None:
                check_comparison(period, comparison, period.fixed.days)
            return comparison
    raise ValueError(f"must be one of {', '.join(COMPARISONS)}")


def _groupings(text: str) -> tuple[Grouping, ...]:
    found: list[Grouping] = []
    for name in filter(None, text.split(",")):
        matching = [grouping for grouping in GROUPINGS if grouping == name]
        if not matching or matching[0] in found:
            raise ValueError(
                f"must be some of {', '.join(GROUPINGS)}, each once, with commas between"
            )
        found += matching
    if len(found) > _MAX_GROUPINGS:
        raise ValueError(f"must be at most {_MAX_GROUPINGS} groupings")
    return tuple(found)


def read_choice(texts: Sequence[str], names: Mapping[str, str] | None) -> Choice:
    """Read codes, or names if there is only one of that name; after a minus sign those left out."""
    only: set[str] = set()
    without: set[str] = set()
    code_of = _free_text if names is None else partial(_code, names, _codes_by_name(names))
    for text in texts:
        if (code := code_of(text)) is not None:
            only.add(code)
        elif text.startswith("-") and (code := code_of(text[1:])) is not None:
            without.add(code)
        elif names is None:
            raise ValueError("must be printable text")
        else:
            raise ValueError(f"{_short(text)} is not on the menu")
    return Choice(frozenset(only) if only else None, frozenset(without))


def _free_text(text: str) -> str | None:
    return None if text.startswith("-") or "\0" in text else text


def _codes_by_name(names: Mapping[str, str]) -> Mapping[str, str | None]:
    found: dict[str, str | None] = {}
    for code, name in names.items():
        folded = name.casefold()
        found[folded] = None if folded in found else code
    return found


def _code(names: Mapping[str, str], by_name: Mapping[str, str | None], text: str) -> str | None:
    return text if text in names else by_name.get(text.casefold())


def _short(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _flag(text: str) -> bool:
    if text not in _TRUE:
        raise ValueError("must be 1 or 0")
    return _TRUE[text]
