"""What an attempt to send something came to, if it was not all that was asked for."""

from __future__ import annotations

from typing import Final

import aiohttp
import msgspec
from yarl import URL

from coffeert.client.errors import error_from_problem
from coffeert.errors import CoffeertError
from coffeert.wire.orders import BatchResult

_MAX_ERRORS: Final = 100
_decode_batch = msgspec.json.Decoder(BatchResult).decode


class AttemptFailed(Exception):
    """One attempt failed; `error` is what to raise if no other follows."""

    def __init__(
        self,
        error: CoffeertError,
        *,
        final: bool,
        retry_after: float | None = None,
        answer: bytes = b"",
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.final = final
        self.retry_after = retry_after
        self.answer = answer


def redirection(server: URL, response: aiohttp.ClientResponse) -> str:
    """Describe a redirection, which is not followed: orders and the token go to the given server alone."""
    try:
        target = response.url.join(URL(response.headers.get("Location", "")))
        there = str(target.origin().with_path(target.raw_path, encoded=True))
    except ValueError:
        there = "another address"
    status = f"HTTP status {response.status}"
    return f"The server at {server} redirects to {there} ({status}); give that one as its URL."


def partial_result(failed: AttemptFailed) -> BatchResult:
    """Decode what a batch that broke off has stored, and make its problem the failure's error."""
    try:
        result = _decode_batch(failed.answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return BatchResult(0, 0, 0)
    if result.problem is not None:
        refused = error_from_problem(result.problem)
        failed.error = refused
        failed.retry_after = refused.retry_after or failed.retry_after
    return result


def merge(total: BatchResult, part: BatchResult, lines_before: int) -> BatchResult:
    errors = tuple(
        msgspec.structs.replace(error, line=error.line + lines_before) for error in part.errors
    )
    return BatchResult(
        total.accepted + part.accepted,
        total.replayed + part.replayed,
        total.rejected + part.rejected,
        (total.errors + errors)[:_MAX_ERRORS],
    )
