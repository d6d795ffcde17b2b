"""Ports for servers that are restarted at the same address."""

from __future__ import annotations

import random
import socket

# Below the ephemeral ports of the kernel, of which another test might get one while the server is away.
_NOT_EPHEMERAL = range(15_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """A port that is free, that the kernel does not assign by itself, and that nobody here got before."""
    for port in random.SystemRandom().sample(_NOT_EPHEMERAL, 100):
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port
    raise AssertionError("100 ports are taken")
