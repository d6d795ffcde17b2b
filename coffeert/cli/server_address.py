"""Where a server of this machine can be reached, by the settings or by the data directory that it uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from coffeert.config import Config
from coffeert.embedded.data_directory import default_path
from coffeert.embedded.lease import FileLock, is_held_exclusively

DEMO_DIRECTORY: Final = "demo"
"""The demo's data directory, inside the one of the settings."""

_FILE: Final = "server.url"
_MAX_URL_BYTES: Final = 1024
_PROBE_SECONDS: Final = 0.5
# Where a server that listens on every address can be reached from this machine.
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (read, not listened on)


@contextmanager
def announced(data_dir: Path, url: str) -> Iterator[None]:
    """Write a server's URL into its data directory while the block runs.

    The file is locked, so a killed server is announced no longer. If another server is announced there,
    that one stays.
    """
    with FileLock(data_dir / _FILE) as lock:
        if lock.try_exclusive():
            os.ftruncate(lock.fileno(), 0)
            os.pwrite(lock.fileno(), url.encode(), 0)
        yield


def announced_url(data_dir: Path) -> str | None:
    """Return the URL of the server that uses a data directory now, if there is one."""
    path = data_dir / _FILE
    with suppress(OSError, UnicodeDecodeError):
        if is_held_exclusively(path):
            with path.open("rb") as file:
                return file.read(_MAX_URL_BYTES).decode() or None
    return None


def configured_url(config: Config) -> str:
    """Return the URL of a server that runs here under the same settings."""
    host = _LOOPBACK.get(config.host, config.host)
    return f"http://[{host}]:{config.port}" if ":" in host else f"http://{host}:{config.port}"


def find_server(config: Config) -> str:
    """Return the URL of the server that a command without `--url` means.

    That of the settings, if they name an address. Otherwise the server that uses the data directory, or
    else one at the usual address, or else the demo's.
    """
    usual = configured_url(config)
    if {"host", "port"} & config.model_fields_set:
        return usual
    data_dir = config.data_dir or default_path()
    if (own := announced_url(data_dir)) is not None:
        return own
    demo = announced_url(data_dir / DEMO_DIRECTORY)
    return usual if demo is None or demo == usual or _is_coffeert(usual) else demo


def _is_coffeert(url: str) -> bool:
    """Whether what listens there is a server of ours: another program may have taken the port."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", "/api/menu")
        response = connection.getresponse()
        refused = response.headers.get_content_type() == "application/problem+json"
        return refused or response.read(_MAX_URL_BYTES).startswith(b'{"stores":')
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
