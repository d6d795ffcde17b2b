"""How often the disk can be made to keep something: the limit of one commit after another."""

from __future__ import annotations

import os
import time
from pathlib import Path

_BLOCK = bytes(8192)  # a page of PostgreSQL's log


def sync_rate(directory: Path, seconds: float) -> float:
    """Write a page and wait until it is on the disk, over and over; return how often a second."""
    path = directory / "sync-rate"
    sync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        os.pwrite(descriptor, bytes(1 << 20), 0)
        os.fsync(descriptor)
        times, began = 0, time.monotonic()
        while time.monotonic() - began < seconds:
            os.pwrite(descriptor, _BLOCK, times % 128 * len(_BLOCK))
            sync(descriptor)
            times += 1
        return times / (time.monotonic() - began)
    finally:
        os.close(descriptor)
        path.unlink()
