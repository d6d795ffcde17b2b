"""What is read by a query: orders, reports, activity and closings, with fields right, wrong and hostile."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import quote

import aiohttp
from yarl import URL

from coffeert.domain.comparisons import COMPARISONS
from coffeert.domain.periods import PERIODS
from coffeert.domain.report_plan import GROUPINGS
from tests.fuzz import inputs

_DAYS = (
    "2026-11-26",
    "2026-02-30",
    "1999-12-31",
    "2099-12-31",
    "2100-01-01",
    "0000-00-00",
    "2026-11",
)
_SPANS = (
    *_DAYS,
    "2026-11-01..2026-11-15",
    "2026-11-15..2026-11-01",
    "2026-01-01..2099-12-01",
    "..",
)
_CODES = ("uptown", "Uptown", "-uptown", "latte", "-", "nowhere", "")
_WHOLE = ("1", "0", "-1", "31", "500", "501", "9" * 30, "1.5", "٣", "1e3", "+1")
_PRICES = ("4.80", "0", "-1", "4.805", "1e999", "NaN", "9" * 40)
_FLAGS = ("0", "1", "true", "yes", "no", "csv", "json")
FIELDS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "/api/orders": {
        **dict.fromkeys(("store", "drink", "source", "receipt"), _CODES),
        **dict.fromkeys(("from", "to"), (*_DAYS, "2026-11-26T09:30", "2026-11-26T09:30:00+99:00")),
        **dict.fromkeys(("min_price", "max_price"), _PRICES),
        **dict.fromkeys(("limit", "import"), _WHOLE),
        **dict.fromkeys(("format", "count"), _FLAGS),
        "before": ("AAZg2h8HtgABkKGyw9R-X4prHC0-T1pr", "AAAA", "=", "x" * 32),
    },
    "/api/report": {
        "period": (*PERIODS, *_SPANS),
        "compare": (*COMPARISONS, "nothing"),
        "by": (
            *GROUPINGS,
            "store,drink",
            "hour,weekday",
            "store,store",
            ",",
            "hour,day,weekday,store",
        ),
        **dict.fromkeys(("store", "drink", "source"), _CODES),
        **dict.fromkeys(("min_price", "max_price"), _PRICES),
        "details": _FLAGS,
    },
    "/api/activity": {"store": _CODES},
    "/api/closings": {"day": _DAYS, "before": _WHOLE, "limit": _WHOLE},
}
"""The addresses, and values of each of their fields, of which most can be read."""


def query(rng: random.Random, address: str) -> URL:
    """Make up a query of an address, already quoted."""
    fields = FIELDS[address]
    parts = []
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
        name = rng.choice([*fields, *(("x",) if rng.random() < 0.1 else ())])
        text = rng.choice(fields.get(name, ("1",)))
        if rng.random() < 0.2:
            text = str(inputs.value(rng))
        parts.append(f"{quote(name)}={_quoted(rng, text)}")
    return URL(f"{address}?{'&'.join(parts)}", encoded=True)


def _quoted(rng: random.Random, text: str) -> str:
    quoted = quote(text, safe="", errors="surrogatepass")
    return quoted + rng.choice(("%", "%00", "%ff", "%zz", "+")) if rng.random() < 0.05 else quoted


async def ask(
    http: aiohttp.ClientSession, rng: random.Random
) -> tuple[int, str, bytes, str] | None:
    """Ask for something, or close a day; return status, content type, body and what was asked."""
    method, path = "GET", str(rng.choice(list(FIELDS)))
    url = query(rng, path)
    if path == "/api/closings" and rng.random() < 0.3:
        number = rng.choice(_WHOLE)
        method, url = rng.choice(
            (("POST", url), ("GET", URL(f"{path}/{quote(number, safe='')}", encoded=True)))
        )
    with suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError):
        async with http.request(method, url) as answer:
            return answer.status, answer.content_type, await answer.read(), f"{method} {url}"
    return None
