"""Admission control: whether an order that arrives now would be committed in time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from coffeert.errors import Unavailable
from coffeert.server.ingest.load_shedding import LoadShedder, for_batches

_SMOOTHING = 0.1  # the weight of the newest batch in the running averages


class Admission:
    """Bounds the queue by predicted wait rather than by length, so that the bound fits any speed.

    `wait_limit` is in seconds; averages are exponentially smoothed over batches. This is about the
    database; `shedder`, and `batches` for NDJSON, are about the event loop before an order is decoded.
    """

    def __init__(
        self,
        *,
        wait_limit: float,
        batch_rows: int,
        writers: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wait_limit = wait_limit
        self.shedder = LoadShedder(lambda: self.batch_seconds, clock=clock)
        self.batches = for_batches(lambda: self.batch_seconds, clock=clock)
        self.queued = 0
        self.shed = 0
        self.batch_size = 0.0
        self.batch_seconds = 0.0
        self._batch_rows = batch_rows
        self._writers = writers
        self._clock = clock
        self._busy_since: dict[int, float] = {}  # the newest last
        self._last_end = -math.inf
        self._closed = False

    @property
    def refusing(self) -> bool:
        """Whether an order was refused undecoded within the last second."""
        return self.shedder.refusing or self.batches.refusing

    @property
    def busy(self) -> bool:
        """Whether any batch is being committed."""
        return bool(self._busy_since)

    def batch_started(self, writer: int) -> None:
        """Record that a writer has sent a batch."""
        self._busy_since[writer] = self._clock()

    def batch_finished(self, writer: int, rows: int) -> None:
        """Record that a writer's batch is committed, or has failed."""
        self._last_end = self._clock()
        seconds = self._last_end - self._busy_since.pop(writer)
        weight = _SMOOTHING if self.batch_size else 1.0
        self.batch_size += weight * (rows - self.batch_size)
        self.batch_seconds += weight * (seconds - self.batch_seconds)

    def predicted_wait(self) -> float:
        """Predict how many seconds an order that arrived now would wait for its commit.

        A batch that has been committing for long predicts at least as long for those behind it. If
        nothing is queued and a writer is idle, the time of earlier batches is no reason to refuse: only
        a further batch can show that the database is fast again.
        """
        predicted = self.batch_seconds
        if self.queued:
            batches = math.ceil(self.queued / self._batch_rows) / self._writers
            predicted *= 1 + batches
        elif len(self._busy_since) < self._writers:
            return min(predicted, self.wait_limit)
        if len(self._busy_since) == self._writers:
            predicted = max(predicted, self.current_commit_seconds())
        return predicted

    def current_commit_seconds(self) -> float:
        """Return for how many seconds the newest running batch has been committing; 0 without any."""
        if not self._busy_since:
            return 0.0
        return self._clock() - next(reversed(self._busy_since.values()))

    def stalled_seconds(self) -> float:
        """Return for how many seconds batches have been committing and none has ended; 0 without any."""
        if not self._busy_since:
            return 0.0
        return self._clock() - max(self._last_end, min(self._busy_since.values()))

    def queue_limit(self) -> int:
        """Return how many orders may be queued at the present speed of commits."""
        if not self.batch_seconds:
            return self._batch_rows
        batches = max(0.0, self.wait_limit / self.batch_seconds - 1) * self._writers
        return max(self._batch_rows, int(batches * self._batch_rows))

    def close(self) -> None:
        """Refuse every further order."""
        self._closed = True

    def check(self, orders: int) -> None:
        """Raise `Unavailable` if so many orders more would wait too long."""
        wait = self.predicted_wait()
        if self._closed:
            detail = "The server is closing."
        elif wait > self.wait_limit:
            detail = "Orders arrive faster than they can be stored."
        else:
            return
        self.shed += orders
        raise Unavailable(detail, retry_after=max(1.0, math.ceil(wait - self.wait_limit)))
