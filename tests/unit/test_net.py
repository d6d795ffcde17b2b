"""Addresses and names of this machine."""

from __future__ import annotations

import pytest

from coffeert.net import is_local_address, is_local_host


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("", True),
        ("192.0.2.1", False),
        ("fe80::1%eth0", False),
        ("::", False),
        ("localhost", False),
    ],
)
def test_this_machine_is_known_by_its_addresses(address: str, *, local: bool) -> None:
    assert is_local_address(address) is local


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("localhost.", True),
        ("LOCALHOST:8765", True),
        ("till.localhost:1", True),
        ("127.0.0.1", True),
        ("127.0.0.1:8765", True),
        ("::1", True),
        ("[::1]:8765", True),
        ("", False),
        ("0.0.0.0", False),
        ("localhost.example", False),
        ("evil.example:8765", False),
        ("[", False),
        ("notlocalhost", False),
    ],
)
def test_this_machine_is_known_by_its_names(host: str, *, local: bool) -> None:
    assert is_local_host(host) is local
