"""Many orders in one body, one a line: stored chunk by chunk while the body still arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from coffeert.cancellation import end
from coffeert.domain.order_keys import BatchKey
from coffeert.domain.orders import Draft, Void
from coffeert.errors import ApiError, TooLarge, Unavailable
from coffeert.server.ingest.batch_insert import Outcome, StoredOrder
from coffeert.server.ingest.order_service import Batch, OrderService
from coffeert.wire.order_requests import decode_line
from coffeert.wire.orders import BatchResult, LineProblem, Problem

_T = TypeVar("_T")
_MAX_ERRORS: Final = 20
# Two chunks of each batch under way are in memory: this much if its lines are long.
_CHUNK_BYTES: Final = 1 << 20
_MAX_SECONDS_PER_ITERATION: Final = 0.002
_LINES_PER_LOOK: Final = 50  # at the clock: it takes as long as a tenth of a line


class BatchEndpoint:
    """Stores batches. `max_line_bytes` is for one line; `max_rows` are stored at a time."""

    def __init__(self, service: OrderService, *, max_line_bytes: int, max_rows: int) -> None:
        self._service = service
        self._max_line_bytes = max_line_bytes
        self._max_rows = max_rows

    async def place(
        self,
        pieces: AsyncIterator[bytes],
        consume_quota: Callable[[int], object],
        key: BatchKey | None = None,
    ) -> tuple[BatchResult, ApiError | None]:
        """Store the lines of a body, given in pieces; return also the error that it broke off with.

        `consume_quota` counts lines before they are decoded, and raises `TooManyRequests`. Orders that name
        no id get it from `key` and their line.
        """
        report = BatchReport()
        try:
            # The next lines are read while these are committed: neither waits for the other.
            async with aclosing(prefetch(self._batches(pieces, consume_quota, key))) as batches:
                async for numbers, batch in batches:
                    outcomes = await self._service.place_many(batch)
                    report.add(zip(numbers, outcomes, strict=True))
                    # Lines that the database could not take are not at fault themselves: they are not
                    # counted, and the client sends them again.
                    report.raise_if_broken_off()
        except ApiError as error:
            # What was committed stays and is counted; the client sends the rest, or all, again.
            return report.result(Problem.of(error)), error.detached()
        return report.result(), None

    async def _batches(
        self,
        pieces: AsyncIterator[bytes],
        consume_quota: Callable[[int], object],
        key: BatchKey | None,
    ) -> AsyncGenerator[tuple[Sequence[int], Batch], None]:
        """Read the body into batches ready to be stored, each with the numbers of its lines."""
        pause = _Pause()
        async with aclosing(self._chunks(pieces, pause)) as chunks:
            async for lines in chunks:
                consume_quota(len(lines))
                drafts: list[Draft | Void | ApiError] = []
                places = self._service.places
                for number, line in lines:
                    draft = self._draft(line, places)
                    if key is not None and isinstance(draft, Draft) and draft.order_id is None:
                        draft = msgspec.structs.replace(draft, order_id=key.order_id(number))
                    drafts.append(draft)
                    # To explain what is wrong with a line may take as long as to read a hundred.
                    looks = number % _LINES_PER_LOOK == 0 or isinstance(draft, ApiError)
                    if looks and pause.is_due():
                        await pause.take()
                numbers = [number for number, _ in lines]
                for begin, end in _voids_last(drafts):
                    yield numbers[begin:end], self._service.batch(drafts[begin:end])

    async def _chunks(
        self, pieces: AsyncIterator[bytes], pause: _Pause
    ) -> AsyncGenerator[list[tuple[int, bytes]], None]:
        """Cut the body into lists of numbered lines that are not empty.

        Of a line that is too long only so much is kept as shows that it is.
        """
        lines: list[tuple[int, bytes]] = []
        rest, number, size = b"", 0, 0
        async for data in pieces:
            *whole, rest = (rest + data).split(b"\n")
            rest = rest[: self._max_line_bytes + 1]
            for line in whole:
                number += 1
                text = line.strip()
                if text:
                    lines.append((number, text))
                    size += len(text)
                if len(lines) >= self._max_rows or size >= _CHUNK_BYTES:
                    yield lines
                    lines, size = [], 0
                if number % _LINES_PER_LOOK == 0 and pause.is_due():
                    await pause.take()
        if rest.strip():
            lines.append((number + 1, rest.strip()))
        if lines:
            yield lines

    def _draft(self, line: bytes, places: int) -> Draft | Void | ApiError:
        if len(line) > self._max_line_bytes:
            return TooLarge(f"The line is longer than {self._max_line_bytes} bytes.")
        try:
            return decode_line(line, places)
        except ApiError as error:
            return error.detached()


class _Pause:
    """Lets the loop do other work once a few milliseconds are used up.

    What has arrived is read without an iteration of the loop, and explaining what is wrong with a line
    takes long: a body of lines that are not orders would hold up everything else.
    """

    __slots__ = ("_loop", "_since")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()

    def is_due(self) -> bool:
        """Return True if the time of this iteration is used up."""
        return self._loop.time() - self._since >= _MAX_SECONDS_PER_ITERATION

    async def take(self) -> None:
        """Wait for the next iteration."""
        await asyncio.sleep(0)
        self._since = self._loop.time()


class BatchReport:
    """Counts what became of the lines of a batch and keeps the first errors."""

    def __init__(self) -> None:
        self._accepted = self._replayed = self._rejected = 0
        self._errors: list[LineProblem] = []
        self._broken_off: Unavailable | None = None

    def add(self, outcomes: Iterable[tuple[int, Outcome]]) -> None:
        """Count outcomes by line number, up to the first line that cannot be stored now.

        Clients go on from there, so what was stored behind it is not counted: they send it again.
        """
        for number, outcome in outcomes:
            if isinstance(outcome, StoredOrder):
                self._replayed += outcome.replayed
                self._accepted += not outcome.replayed
                continue
            if isinstance(outcome, Unavailable):
                self._broken_off = outcome
                return
            self._rejected += 1
            if len(self._errors) < _MAX_ERRORS:
                self._errors.append(
                    LineProblem(number, outcome.status, outcome.detail, outcome.errors)
                )

    def raise_if_broken_off(self) -> None:
        """Raise the `Unavailable` of a line, if there was one."""
        if self._broken_off is not None:
            raise self._broken_off

    def result(self, problem: Problem | None = None) -> BatchResult:
        """Return the counts so far."""
        return BatchResult(
            self._accepted, self._replayed, self._rejected, tuple(self._errors), problem
        )


def _voids_last(drafts: Sequence[Draft | Void | ApiError]) -> Iterator[tuple[int, int]]:
    """Cut lines so that in each part the voids may follow all orders.

    They must not if an order comes again, or for the first time, after the void of it.
    """
    begin, voided = 0, set[UUID]()
    for index, draft in enumerate(drafts):
        if isinstance(draft, Void):
            voided.add(draft.order_id)
        elif voided and isinstance(draft, Draft) and draft.order_id in voided:
            yield begin, index
            begin, voided = index, set()
    yield begin, len(drafts)


async def prefetch(pieces: AsyncGenerator[_T, None]) -> AsyncGenerator[_T, None]:
    """Yield pieces in order while the next one, and no more, is being fetched.

    What fetching raises comes after the piece before. Close it when leaving early, since only then is
    the fetch that is under way given up (`contextlib.aclosing`).
    """
    async with aclosing(pieces):
        ahead = asyncio.create_task(_next(pieces), name="prefetch")
        try:
            while fetched := await ahead:
                ahead = asyncio.create_task(_next(pieces), name="prefetch")
                yield fetched[0]
        finally:
            await end(ahead)
            if not ahead.cancelled():
                ahead.exception()  # or asyncio would log it as never retrieved


async def _next(pieces: AsyncGenerator[_T, None]) -> tuple[_T] | None:
    try:
        return (await anext(pieces),)
    except StopAsyncIteration:  # which no task may raise
        return None
