"""The parameters and the answer of the feed, for the description of the HTTP API."""

from __future__ import annotations

from typing import Any

from coffeert.wire.feed import (
    BATCH_TYPE,
    CURSOR_FIELD,
    DEFAULT_LIMIT,
    END_FIELD,
    LINES_TYPE,
    MAX_LIMIT,
    STREAM_TYPE,
)


def feed_parameters() -> list[dict[str, Any]]:
    """Return the parameters of `GET /api/feed`."""
    text = {"type": "string"}
    count = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return [
        _parameter(
            "after",
            "The cursor of an answer or the id of an event, beginning, now, or a time with an offset.",
            text | {"default": "beginning"},
        ),
        _parameter("limit", "Events of a page, at most.", count),
        _parameter("wait", "How long to wait for the first event, such as 30s.", text),
        _parameter("stores", "Only these stores, by code or name, with commas between them.", text),
        _parameter("drinks", "Only these drinks, likewise.", text),
        _parameter("part", "3/8: the third of eight shares of the stores.", text),
        _parameter(
            "format",
            "As the Accept field asks for, if it is left out.",
            {"enum": ["batch", "ndjson", "sse"]},
        ),
    ]


def replay_parameters() -> list[dict[str, Any]]:
    """Return the parameters of `GET /api/replay`."""
    time = {"type": "string", "format": "date-time"}
    return [
        _parameter("from", "Where it begins.", time) | {"required": True},
        _parameter("to", "Where it ends, within a day.", time) | {"required": True},
    ]


def feed_response(event: dict[str, Any]) -> dict[str, Any]:
    """Return the answer, whose events have this schema."""
    text = {"type": "string"}
    return {
        "description": "Events in the order of the feed. `Link` leads to the next page.",
        "headers": {
            CURSOR_FIELD: {"description": "The cursor behind this answer.", "schema": text},
            END_FIELD: {"description": "There are no more events yet.", "schema": text},
        },
        "content": {
            BATCH_TYPE: {"schema": {"type": "array", "items": event}},
            LINES_TYPE: {"schema": text},
            STREAM_TYPE: {"schema": text},
        },
    }


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}
