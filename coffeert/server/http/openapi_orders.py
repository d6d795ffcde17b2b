"""The parameters of the list of orders, for the description of the HTTP API."""

from __future__ import annotations

from typing import Any

from coffeert.wire.order_pages import DEFAULT_LIMIT, MAX_LIMIT

_MANY = {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 255}}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 64}
_WHEN = {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\d"}


def search_parameters() -> list[dict[str, Any]]:
    """Return the parameters of `GET /api/orders`."""
    return [
        _searched("store", _MANY, "Only of these stores: a code, or the name of an active one."),
        _searched("drink", _MANY, "Only of these drinks, likewise."),
        _searched("source", _MANY, "Only from these tills or channels."),
        _searched("receipt", _TEXT, "Only of the receipt of this number."),
        _searched("import", {"type": "integer", "minimum": 1}, "Only what this import has stored."),
        _searched("from", _WHEN, "Not before this time, or this business day of the store."),
        _searched("to", _WHEN, "Before this time, or until the end of this business day."),
        _searched("min_price", _TEXT, "The lowest price of one piece."),
        _searched("max_price", _TEXT, "The highest price of one piece."),
        _searched("before", _TEXT, "The `next` of a page: the page after it."),
        _searched(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            "How many orders a page has at most.",
        ),
        _searched(
            "count",
            {"type": "string", "enum": ["yes", "no"], "default": "yes"},
            "Whether the first page says how many orders match.",
        ),
        _searched(
            "format",
            {"type": "string", "enum": ["json", "csv"]},
            "`csv`: all orders that match in one file; `Accept: text/csv` asks for the same.",
        ),
    ]


def _searched(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}
