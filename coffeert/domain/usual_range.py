"""The lowest and highest of the days that a usual period is the mean of.

Stores have their usual days on different dates if one of them was closed on some. A store's range is of its
own days; that of several stores, of the days on which all of them traded: sums of real days of the chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

import msgspec

from coffeert.domain.comparisons import USUAL_DAYS_NEEDED
from coffeert.domain.report_plan import StoreDays

_WEEK = 7


class DayPlaces(NamedTuple):
    """The place of a usual day among those of its store, and among those of all stores; from 1."""

    of_store: int | None
    of_all: int | None


class UsualPlaces(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the usual days of each store are compared with each other.

    `counts` is how many there are for each store, `count` for all together; 0 if fewer than three.
    """

    places: Mapping[str, Mapping[date, DayPlaces]]
    counts: Mapping[str, int]
    count: int


def usual_places(stores: Mapping[str, StoreDays]) -> UsualPlaces:
    """Number the usual days of the compared stores; a period of several days by its weeks."""
    weeks = {
        store: _weeks(days)
        for store, days in stores.items()
        if days.reason is None and days.weights is not None
    }
    common = _numbered(set.intersection(*weeks.values()) if weeks else ())
    own = {store: _numbered(found) for store, found in weeks.items()}
    return UsualPlaces(
        places={
            store: {
                day: DayPlaces(own[store].get(week), common.get(week))
                for day, week in _week_of(stores[store]).items()
            }
            for store in weeks
        },
        counts={store: len(numbers) for store, numbers in own.items()},
        count=len(common),
    )


def _week_of(days: StoreDays) -> dict[date, int]:
    """Return how many weeks before its day of the period each usual day is."""
    of_weekday = {day.weekday(): day for day in days.now.dates()}
    return {day: (of_weekday[day.weekday()] - day).days // _WEEK for day in days.weights or ()}


def _weeks(days: StoreDays) -> set[int]:
    """Return the weeks of which a store has every day of the period."""
    found = list(_week_of(days).values())
    needed = len(list(days.now.dates()))
    return {week for week in found if found.count(week) == needed}


def _numbered(weeks: Iterable[int]) -> dict[int, int]:
    ordered = sorted(weeks)
    if len(ordered) < USUAL_DAYS_NEEDED:
        return {}
    return {week: place for place, week in enumerate(ordered, 1)}
