"""The description of the HTTP API (OpenAPI 3.1), its schemas made from the wire types themselves."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from coffeert import __version__
from coffeert.domain.money import MAX_AMOUNT_CENTS, MAX_PRICE_CENTS
from coffeert.domain.orders import MAX_QUANTITY
from coffeert.server.http.openapi_closings import closing_paths
from coffeert.server.http.openapi_feed import (
    feed_parameters,
    feed_response,
    replay_parameters,
)
from coffeert.server.http.openapi_orders import search_parameters
from coffeert.server.http.openapi_reports import (
    report_parameters,
    sessions_parameters,
    sliding_parameters,
)
from coffeert.wire.closings import Closing, ClosingList
from coffeert.wire.feed import OrderEvent
from coffeert.wire.frames import Snapshot
from coffeert.wire.order_pages import OrderList
from coffeert.wire.order_requests import OrderRequest
from coffeert.wire.orders import BatchResult, MenuBody, OrderBody, Problem
from coffeert.wire.reports import Activity, Report
from coffeert.wire.windows import SalesSessions, SlidingSums

_REFS = "#/components/schemas/{name}"
_KEY = {
    "type": "string",
    "description": "A UUID, or any other key, which stands for a UUIDv5 in the documented namespace.",
    "pattern": "^[!-~]{1,255}$",
}
_ORDER_ID = {
    "name": "order_id",
    "in": "path",
    "required": True,
    "description": "The key or the id of the order.",
    "schema": {"type": "string", "minLength": 1},
}
_BY_ID = _ORDER_ID | {
    "description": "The id of the order.",
    "schema": {"type": "string", "format": "uuid"},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The order_id, for clients that keep it out of the body; also quoted (RFC 9651).",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
_BATCH_KEY = _IDEMPOTENCY_KEY | {
    "description": "Gives each line that names no order_id one, made from this key and the line's number.",
}
_AT = {
    "name": "at",
    "in": "query",
    "description": "An instant with an offset: the view as it was then; or a date: at the end of that day.",
    "schema": {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]},
}
_FOR = {
    "name": "for",
    "in": "query",
    "description": "What the server should be ready for.",
    "schema": {"type": "string", "enum": ["orders", "dashboards"], "default": "orders"},
}


_OPTIONAL_TEXT = {
    "anyOf": [{"type": "string", "minLength": 1, "maxLength": 64}, {"type": "null"}],
}


def _request_fields(decimals: int) -> dict[str, Any]:
    """Return the schemas of what is read more exactly than its type says."""
    smallest: float = 10**-decimals if decimals else 1
    fraction = rf"(\.\d{{1,{decimals}}})?" if decimals else ""
    price, total = (most / 10**decimals for most in (MAX_PRICE_CENTS, MAX_AMOUNT_CENTS))
    return {
        "quantity": {
            "description": f"Pieces: 1 to {MAX_QUANTITY}, negative for a refund.",
            "default": 1,
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY},
                {"type": "integer", "minimum": -MAX_QUANTITY, "maximum": -1},
                {"type": "string", "pattern": r"^-?[1-9]\d{0,3}(\.0+)?$"},
            ],
        },
        "price": {
            "description": "The price of one piece; the menu's if it is left out.",
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": price, "multipleOf": smallest},
                {"type": "string", "pattern": rf"^\d{{1,{8 - decimals}}}{fraction}$"},
                {"type": "null"},
            ],
        },
        "total": {
            "description": "The amount of the line, which wins over a price beside it; that may differ by "
            "half a minor unit a piece. Of a refund with either sign.",
            "anyOf": [
                {"type": "number", "minimum": -total, "maximum": total, "multipleOf": smallest},
                {"type": "string", "pattern": rf"^-?\d{{1,{12 - decimals}}}{fraction}$"},
                {"type": "null"},
            ],
        },
        "order_id": {"anyOf": [_KEY, {"type": "null"}]},
        "source": {"description": "The till or channel.", **_OPTIONAL_TEXT},
        "receipt": {"description": "The number of the receipt there.", **_OPTIONAL_TEXT},
    }


@lru_cache(8)
def openapi_document(decimals: int) -> bytes:
    """Return the document as JSON, for a currency with so many decimal places."""
    types = (
        *(OrderRequest, OrderBody, BatchResult, OrderList, MenuBody, Snapshot),
        *(Report, Activity, SalesSessions, SlidingSums, Closing, ClosingList, OrderEvent, Problem),
    )
    found, schemas = msgspec.json.schema_components(types, ref_template=_REFS)
    request, stored, batch, page, menu, snapshot = found[:6]
    report, activity, sessions, sliding, closing, closings, event, problem = found[6:]
    schemas["OrderRequest"]["properties"] |= _request_fields(decimals)
    problems = {
        status: _response(text, problem, "application/problem+json")
        for status, text in _PROBLEMS.items()
    }
    placed = {
        "201": _response("Stored: the order is committed.", stored),
        "200": _response("The same order was stored before (`Idempotent-Replayed`).", stored),
    }
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "coffeert",
            "version": __version__,
            "description": "Orders in, exact live figures out. Dashboards: GET /ws/dashboard.",
        },
        "paths": {
            "/api/orders": {
                "get": {
                    "summary": "The orders that match, newest first, in pages or as CSV",
                    "parameters": search_parameters(),
                    "responses": {"200": _page(page)} | _pick(problems, 400, 401, 403, 422, 503),
                },
                "post": {
                    "summary": "Store one order",
                    "parameters": [_IDEMPOTENCY_KEY],
                    "requestBody": _body(request, "application/json"),
                    "responses": placed
                    | _pick(problems, 400, 401, 403, 408, 409, 413, 415, 422, 429, 503),
                },
            },
            "/api/orders/batch": {
                "post": {
                    "summary": "Store orders, and cancel some, one JSON object a line",
                    "description": "A line is an order as for /api/orders, or "
                    '{"void": order_id}, carried out after the lines before it.',
                    "parameters": [_BATCH_KEY],
                    "requestBody": _body({"type": "string"}, "application/x-ndjson"),
                    "responses": {"200": _response("What became of the lines.", batch)}
                    | {"503": _response("Broken off; the counts say where.", batch)}
                    | {"408": _response("The body stopped coming; the counts say where.", batch)}
                    | {"400": _response("The body is damaged; the counts say where.", batch)}
                    | {"429": _response("Over the limit; the counts say where.", batch)}
                    | _pick(problems, 401, 403, 415, 422),
                }
            },
            "/api/orders/{order_id}": {
                "get": {
                    "summary": "One order, or void, by its id",
                    "parameters": [_BY_ID],
                    "responses": {"200": _response("The order.", stored)}
                    | _pick(problems, 401, 403, 404, 503),
                }
            },
            "/api/orders/{order_id}/void": {
                "post": {
                    "summary": "Cancel an order by a correction",
                    "parameters": [_ORDER_ID],
                    "responses": placed | _pick(problems, 401, 403, 404, 422, 429, 503),
                }
            },
            "/api/dashboard": {
                "get": {
                    "summary": "The whole view",
                    "parameters": [_AT],
                    "responses": {
                        "200": _response("The view.", snapshot),
                        "304": {"description": "Still the version of the ETag."},
                    }
                    | _pick(problems, 401, 403, 422, 503),
                }
            },
            "/api/menu": {
                "get": {
                    "summary": "The active stores and drinks",
                    "responses": {"200": _response("The menu.", menu)} | _pick(problems, 401, 403),
                }
            },
            "/api/feed": {
                "get": {
                    "summary": "Every order and void, in an order that all readers share",
                    "parameters": feed_parameters(),
                    "responses": {
                        "200": feed_response(event),
                        "304": {"description": "A full page never changes."},
                    }
                    | _pick(problems, 401, 403, 410, 422, 429, 503),
                }
            },
            "/api/replay": {
                "get": {
                    "summary": "What dashboards showed between two moments, as their frames",
                    "parameters": replay_parameters(),
                    "responses": {
                        "200": {
                            "description": "Frames of /ws/dashboard, one a line.",
                            "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
                        }
                    }
                    | _pick(problems, 401, 403, 422, 429, 503),
                }
            },
            "/api/report": {
                "get": {
                    "summary": "The sums of a period, beside those of another one",
                    "parameters": report_parameters(),
                    "responses": {"200": _response("The report.", report)}
                    | _pick(problems, 400, 401, 403, 422, 503),
                }
            },
            "/api/activity": {
                "get": {
                    "summary": "When each store sold last, and whether that is unusual",
                    "responses": {"200": _response("The stores.", activity)}
                    | _pick(problems, 401, 403, 422, 503),
                }
            },
            "/api/sessions": {
                "get": {
                    "summary": "Runs of sales that are no further apart than a gap",
                    "parameters": sessions_parameters(),
                    "responses": {"200": _response("The sessions.", sessions)}
                    | _pick(problems, 401, 403, 422, 503),
                }
            },
            "/api/sliding": {
                "get": {
                    "summary": "Sums over windows of one length, each a step after the one before",
                    "parameters": sliding_parameters(),
                    "responses": {"200": _response("The sums.", sliding)}
                    | _pick(problems, 401, 403, 422, 503),
                }
            },
            **closing_paths(closing, closings, problems),
            "/livez": {"get": _plain("Liveness", "text/plain", problems)},
            "/readyz": {
                "get": {
                    "summary": "Readiness and the state of each part",
                    "parameters": [_FOR],
                    "responses": {
                        "200": {"description": "Orders can be taken, or dashboards served."},
                        "503": {"description": "Not now."},
                    }
                    | _pick(problems, 400),
                }
            },
            "/metrics": {"get": _plain("Prometheus metrics", "text/plain", problems, 401, 403)},
            "/openapi.json": {"get": _plain("This document", "application/json", problems)},
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }
    return msgspec.json.encode(document)


_PROBLEMS = {
    400: "Malformed.",
    401: "The token is missing or wrong.",
    403: "The token may only read, or the page's origin is not allowed.",
    404: "Not found.",
    408: "The body takes too long to arrive.",
    409: "The order_id belongs to an order with other content.",
    410: "The cursor leads nowhere any more; the Link says where to begin.",
    413: "Too large.",
    415: "Not a content type for this address.",
    421: "The Host is not a name of this server.",
    422: "A value cannot be accepted; `errors` names each field.",
    429: "Over the limit.",
    503: "Not now: see Retry-After. Sending the same order again is safe.",
}


def _pick(problems: dict[int, Any], *statuses: int) -> dict[str, Any]:
    return {str(status): problems[status] for status in (*statuses, 421)}


def _body(schema: dict[str, Any], content_type: str) -> dict[str, Any]:
    return {"required": True, "content": {content_type: {"schema": schema}}}


def _response(
    text: str, schema: dict[str, Any], content_type: str = "application/json"
) -> dict[str, Any]:
    return {"description": text, "content": {content_type: {"schema": schema}}}


def _page(schema: dict[str, Any]) -> dict[str, Any]:
    found = _response("A page, or all orders that match.", schema)
    return found | {"content": found["content"] | {"text/csv": {}}}


def _plain(
    summary: str, content_type: str, problems: dict[int, Any], *statuses: int
) -> dict[str, Any]:
    found = {"200": {"description": summary, "content": {content_type: {}}}}
    return {"summary": summary, "responses": found | _pick(problems, *statuses)}
