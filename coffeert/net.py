"""Whether an address or a host name stands for this machine."""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::[0-9]{0,5})?", re.ASCII)


@lru_cache(64)  # asked of every request, and clients differ little
def name_of(host: str) -> str:
    """Return the name in a `Host` field, without port and final dot, in lower case; empty if it is none."""
    match = _HOST.fullmatch(host)
    return "" if match is None else match[1].strip("[]").lower().removesuffix(".")


def is_local_address(address: str) -> bool:
    """Return True if the address of a peer is a loopback address; a Unix socket's is empty."""
    return not address or _is_loopback(address.partition("%")[0])


@lru_cache(64)
def is_local_host(host: str) -> bool:
    """Return True if a host, with or without a port, always means this machine (RFC 6761, 6.3)."""
    if _is_loopback(host):
        return True
    name = name_of(host)
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def network_address() -> str | None:
    """Return this machine's address in the network that leads outside; `None` if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # for documentation (RFC 5737); UDP sends nothing yet
        except OSError:
            return None
        address: str = probe.getsockname()[0]
    return None if _is_loopback(address) else address


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
