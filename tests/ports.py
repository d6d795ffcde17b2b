"""Ports for servers that are to come back at the same address."""

from __future__ import annotations

import random
import socket

# Below those that the kernel gives to whoever asks for any port, or connects somewhere: one of these
# would be taken by another test while the server is away.
_KEPT_FREE = range(15_000, 32_000)


def free_port() -> int:
    """A port that nobody listens on, and that nobody is given by chance."""
    for port in random.SystemRandom().sample(_KEPT_FREE, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("100 ports are taken")
