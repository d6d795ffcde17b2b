"""The paths of closings, for the description of the HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coffeert.wire.closings import DEFAULT_LIMIT, MAX_LIMIT

_NUMBER = {"type": "integer", "minimum": 1}
_DAY = {"type": "string", "format": "date"}


def closing_paths(
    closing: dict[str, Any], page: dict[str, Any], problems: Mapping[int, Any]
) -> dict[str, Any]:
    """Return the paths; the schemas of a closing and of a page, and the problems by status."""

    def refused(*statuses: int) -> dict[str, Any]:
        return {str(status): problems[status] for status in (*statuses, 421)}

    return {
        "/api/closings": {
            "get": {
                "summary": "Closings of business days, the last one first",
                "parameters": [
                    _query("day", _DAY, "Only of this business day."),
                    _query("before", _NUMBER, "The `next` of a page: the page after it."),
                    _query(
                        "limit",
                        _NUMBER | {"maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                        "How many closings a page has at most.",
                    ),
                ],
                "responses": {"200": _answer("A page.", page)} | refused(400, 401, 403, 422, 503),
            },
            "post": {
                "summary": "Close a business day",
                "description": "A day that has changed since it was closed gets another closing, which "
                "corrects the one before.",
                "parameters": [
                    _query("day", _DAY, "The last one that has ended at every store, unless given.")
                ],
                "responses": {
                    "201": _answer("Closed now.", closing),
                    "200": _answer("Closed before, and not changed since.", closing),
                }
                | refused(400, 401, 403, 422, 503),
            },
        },
        "/api/closings/{number}": {
            "get": {
                "summary": "A closing in full, with what came late",
                "parameters": [
                    {"name": "number", "in": "path", "required": True, "schema": _NUMBER}
                ],
                "responses": {"200": _answer("The closing.", closing)}
                | refused(400, 401, 403, 404, 422, 503),
            }
        },
    }


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _answer(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}
