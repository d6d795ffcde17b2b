"""The parameters of reports and windows, for the description of the HTTP API."""

from __future__ import annotations

from typing import Any

from coffeert.domain.comparisons import COMPARISONS
from coffeert.domain.periods import PERIODS
from coffeert.domain.report_plan import GROUPINGS

_CHOSEN = "by code or name; several are allowed, and one after a minus sign is left out."


def report_parameters() -> list[dict[str, Any]]:
    """Return the parameters of `GET /api/report`."""
    text = {"type": "string"}
    several = {"type": "array", "items": text}
    return [
        _parameter(
            "period",
            f"{', '.join(PERIODS)}, or a date `2026-11-26`, a month `2026-11`, or two dates "
            "`2026-11-01..2026-11-15`.",
            text | {"default": "today"},
        ),
        _parameter(
            "compare",
            "What with; by default last-week for days and weeks, before for other periods.",
            text | {"enum": list(COMPARISONS)},
        ),
        _parameter("by", f"What rows are of: some of {', '.join(GROUPINGS)}, with commas.", text),
        _parameter("store", f"Only these stores, {_CHOSEN}", several),
        _parameter("drink", f"Only these drinks, {_CHOSEN}", several),
        _parameter(
            "source", f"Only these tills or channels; {_CHOSEN.partition('; ')[2]}", several
        ),
        _parameter("min_price", "The lowest price of one piece.", text),
        _parameter("max_price", "The highest price of one piece.", text),
        _parameter(
            "details", "1: also receipts, and what was sold and refunded.", {"enum": ["0", "1"]}
        ),
    ]


def sessions_parameters() -> list[dict[str, Any]]:
    """Return the parameters of `GET /api/sessions`."""
    return [
        _parameter(
            "gap",
            "Sales further apart than this are of two sessions; a minute or more.",
            _duration("5m"),
        ),
        *_span_parameters(),
        _parameter(
            "source",
            "Only sales of these tills or channels; an empty one stands for sales that name none.",
            {"type": "array", "items": {"type": "string"}},
        ),
    ]


def sliding_parameters() -> list[dict[str, Any]]:
    """Return the parameters of `GET /api/sliding`."""
    minutes = "whole minutes, up to 24 hours."
    return [
        _parameter("width", f"How long a window is: {minutes}", _duration("10m")),
        _parameter("step", f"How long after each other windows end: {minutes}", _duration("1m")),
        *_span_parameters(),
    ]


def _span_parameters() -> list[dict[str, Any]]:
    text = {"type": "string"}
    moment = "A whole minute such as `2026-11-26T09:30:00+01:00`, or a business day `2026-11-26`"
    return [
        _parameter("from", f"{moment} of each store; today, if it is left out.", text),
        _parameter("to", f"{moment}, included as a whole; now, if it is left out.", text),
        _parameter("store", f"Only these stores, {_CHOSEN}", {"type": "array", "items": text}),
    ]


def _duration(default: str) -> dict[str, Any]:
    return {"type": "string", "default": default}


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}
