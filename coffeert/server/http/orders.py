"""Orders over HTTP: one, many, and their corrections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from uuid import UUID

from aiohttp import hdrs, web

from coffeert.domain.orders import Draft
from coffeert.errors import (
    ApiError,
    FieldError,
    Malformed,
    NotFound,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
)
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.decompression import unpacked
from coffeert.server.http.doorway import spend
from coffeert.server.http.idempotency_key import with_key
from coffeert.server.http.limits import BodyTimeout
from coffeert.server.http.read_ahead import one_ahead
from coffeert.server.http.responses import whole_seconds
from coffeert.server.ingest.batch_writer import Outcome, StoredOrder
from coffeert.server.ingest.order_service import Batch, OrderService
from coffeert.wire.orders import (
    BatchResult,
    LineProblem,
    OrderBody,
    Problem,
    decode_order,
    encode,
)

_NDJSON = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
_ERRORS_TOLD = 20
# What has arrived is read without a turn of the loop, and to say what is wrong with a line takes long:
# a stream of lines that are none would hold everyone up.
_LINES_A_TURN = 2000
_DRAFTS_A_TURN = 250
_REFUSALS_A_TURN = 16
# Two chunks of each batch under way are in memory: so long are those of long lines.
_CHUNK_BYTES = 1 << 20


class OrdersApi:
    """The handlers of `/api/orders`. `body_limit` is in bytes, of a body or of one line of a batch.

    `body_timeout` is in seconds: see `BodyTimeout`.
    """

    def __init__(
        self,
        intake: OrderService,
        access: Authorizer,
        *,
        body_limit: int,
        batch_rows: int,
        body_timeout: float = 10.0,
    ) -> None:
        self._intake = intake
        self._access = access
        self._body_limit = body_limit
        self._batch_rows = batch_rows
        self._body_timeout = body_timeout

    async def place(self, request: web.Request) -> web.Response:
        """Store one order: 201 after the commit, 200 where it was stored before."""
        self._access.check_order(request)
        spend(request)
        if request.content_type != "application/json":
            raise UnsupportedMediaType("Send the order as application/json.")
        draft = decode_order(await self._body(request))
        draft = with_key(draft, request.headers.getall("Idempotency-Key", ()))
        return _answer(await self._intake.place(draft))

    async def void(self, request: web.Request) -> web.Response:
        """Append the correction of one order."""
        self._access.check_order(request)
        spend(request)
        try:
            order_id = UUID(request.match_info["order_id"])
        except ValueError:
            raise NotFound(
                "No order has this id.", errors=(FieldError("order_id", "must be a UUID"),)
            ) from None
        return _answer(await self._intake.void(order_id))

    async def place_batch(self, request: web.Request) -> web.Response:
        """Store orders given one a line, committed chunk by chunk while the body still arrives."""
        self._access.check_order(request)
        if request.content_type not in _NDJSON:
            raise UnsupportedMediaType("Send the orders as application/x-ndjson, one a line.")
        report = BatchReport()
        try:
            # The next lines are read while these are committed: neither waits for the other.
            async with aclosing(one_ahead(self._batches(request))) as batches:
                async for numbers, batch in batches:
                    outcomes = await self._intake.place_many(batch)
                    report.add(zip(numbers, outcomes, strict=True))
                    # Lines that the database could not take are the moment's fault, not theirs: they
                    # are not counted, and the client sends them again.
                    report.raise_if_broken_off()
        except ApiError as error:
            # What was committed stays and is told; the client sends the rest, or all, again.
            body = encode(report.result(Problem.of(error)))
            response = web.Response(body=body, status=error.status, content_type="application/json")
            if error.retry_after is not None:
                response.headers[hdrs.RETRY_AFTER] = whole_seconds(error.retry_after)
            response.force_close()  # what is left of the body is not read
            return response
        return web.Response(body=encode(report.result()), content_type="application/json")

    async def _body(self, request: web.Request) -> bytes:
        try:
            # A small body comes with its headers: then there is nothing to time.
            if request.content.is_eof():
                body = await request.read()
            else:
                body = await BodyTimeout(self._body_timeout).wait(request.read())
        except web.HTTPRequestEntityTooLarge:
            raise self._too_large() from None
        encoding = request.headers.get(hdrs.CONTENT_ENCODING)
        return body if encoding is None else await self._unpacked(body, encoding)

    async def _unpacked(self, packed: bytes, encoding: str) -> bytes:
        body = b""
        async for data in unpacked(_alone(packed), encoding):
            body += data
            if len(body) > self._body_limit:
                raise self._too_large()
        return body

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is larger than {self._body_limit} bytes.")

    async def _batches(self, request: web.Request) -> AsyncGenerator[tuple[list[int], Batch], None]:
        """Read the body into batches ready to be stored, each with the numbers of its lines."""
        async with aclosing(self._chunks(request)) as chunks:
            async for lines in chunks:
                spend(request, len(lines))
                batch = self._intake.batch(await self._drafts(lines))
                yield [number for number, _ in lines], batch

    async def _chunks(self, request: web.Request) -> AsyncGenerator[list[tuple[int, bytes]], None]:
        """Cut the body into lists of numbered lines that are not empty.

        Of a line that is too long only so much is kept as shows that it is.
        """
        lines: list[tuple[int, bytes]] = []
        rest, number, size = b"", 0, 0
        pieces = _readable(BodyTimeout(self._body_timeout).pieces(request.content))
        async for data in unpacked(pieces, request.headers.get(hdrs.CONTENT_ENCODING, "")):
            *whole, rest = (rest + data).split(b"\n")
            rest = rest[: self._body_limit + 1]
            for line in whole:
                number += 1
                text = line.strip()
                if text:
                    lines.append((number, text))
                    size += len(text)
                if len(lines) >= self._batch_rows or size >= _CHUNK_BYTES:
                    yield lines
                    lines, size = [], 0
                if number % _LINES_A_TURN == 0:
                    await asyncio.sleep(0)
        if rest.strip():
            lines.append((number + 1, rest.strip()))
        if lines:
            yield lines

    async def _drafts(self, lines: list[tuple[int, bytes]]) -> list[Draft | ApiError]:
        drafts: list[Draft | ApiError] = []
        refused = 0
        for _, line in lines:
            if len(drafts) % _DRAFTS_A_TURN == _DRAFTS_A_TURN - 1:
                await asyncio.sleep(0)
            draft = self._draft(line)
            drafts.append(draft)
            if isinstance(draft, ApiError):
                refused += 1
                if refused % _REFUSALS_A_TURN == 0:
                    await asyncio.sleep(0)
        return drafts

    def _draft(self, line: bytes) -> Draft | ApiError:
        if len(line) > self._body_limit:
            return TooLarge(f"The line is longer than {self._body_limit} bytes.")
        try:
            return decode_order(line)
        except ApiError as error:
            return error.detached()


async def _readable(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for data in pieces:
            yield data
    except web.RequestPayloadError:
        raise Malformed("The rest of the body cannot be read.") from None


async def _alone(piece: bytes) -> AsyncIterator[bytes]:
    yield piece


class BatchReport:
    """Counts what became of the lines of a batch and keeps the first errors."""

    def __init__(self) -> None:
        self._accepted = self._replayed = self._rejected = 0
        self._errors: list[LineProblem] = []
        self._broken_off: Unavailable | None = None

    def add(self, outcomes: Iterable[tuple[int, Outcome]]) -> None:
        """Take in outcomes by line number."""
        for number, outcome in outcomes:
            if isinstance(outcome, Unavailable):
                self._broken_off = outcome
                continue
            if isinstance(outcome, StoredOrder):
                self._replayed += outcome.replayed
                self._accepted += not outcome.replayed
                continue
            self._rejected += 1
            if len(self._errors) < _ERRORS_TOLD:
                self._errors.append(
                    LineProblem(number, outcome.status, outcome.detail, outcome.errors)
                )

    def raise_if_broken_off(self) -> None:
        """Raise the `Unavailable` that befell a line, if any did."""
        if self._broken_off is not None:
            raise self._broken_off

    def result(self, problem: Problem | None = None) -> BatchResult:
        """Return the counts so far."""
        return BatchResult(
            self._accepted, self._replayed, self._rejected, tuple(self._errors), problem
        )


def _answer(placed: StoredOrder) -> web.Response:
    body = encode(OrderBody.of(placed.order))
    if placed.replayed:
        return web.Response(
            body=body,
            headers={"Idempotent-Replayed": "true"},
            content_type="application/json",
        )
    return web.Response(body=body, status=201, content_type="application/json")
