"""A program's counts, sent to the reader as lines; and the buckets of an order."""

from __future__ import annotations

import os
import socket
import threading

GRAINS = ("minute", "hour", "day")
LENGTHS = {"minute": 16, "hour": 13, "day": 10}  # of the text of a time


class CountReporter:
    """Sends counts to the port in the environment; those that cannot be sent are sent with the next."""

    def __init__(self) -> None:
        self._port = int(os.environ["RIVAL_COUNTS_PORT"])
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def report(self, minutes: int, hours: int, days: int) -> None:
        with self._lock:
            try:
                if self._socket is None:
                    self._socket = socket.create_connection(("127.0.0.1", self._port), 1.0)
                    self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._socket.sendall(b"%d %d %d\n" % (minutes, hours, days))
            except OSError:
                self._socket = None


def bucket(grain: str, placed_at: str) -> str:
    """Return the bucket of a time in UTC, as the text that its times begin with."""
    return placed_at[: LENGTHS[grain]]
