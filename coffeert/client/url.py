"""The server's URL, as a user gives it."""

from __future__ import annotations

import re
from typing import Final

from yarl import URL

from coffeert.errors import ConfigError

DEFAULT_URL: Final = "http://127.0.0.1:8765"
# Anything else could be a control character, which would reach the terminal in a message.
_HOST: Final = re.compile(r"[0-9A-Za-z._:%-]+")
_HEADER_SAFE: Final = re.compile(r"[!-~]*")
_SOCKET_SCHEMES = {"http": "ws", "https": "wss"}


def parse_server_url(text: str) -> URL:
    """Parse `http(s)://host[:port][/path]`; raises `ConfigError` for anything else.

    A path is that under which a proxy publishes the server; a slash at its end is dropped.

    The token is never part of it: a URL ends up in logs and in the list of processes.
    """
    try:
        url = URL(text)
        port = url.explicit_port
    except ValueError:
        raise ConfigError(
            f"The server's URL cannot be read; it looks like {DEFAULT_URL}."
        ) from None
    if url.user is not None or url.password is not None:
        raise ConfigError(
            "The server's URL holds a user or a password; give the token in COFFEERT_TOKEN instead."
        )
    if url.scheme not in _SOCKET_SCHEMES:
        raise ConfigError(f"The server's URL begins with http:// or https://, as in {DEFAULT_URL}.")
    if not _HOST.fullmatch(url.raw_host or "") or port == 0:
        raise ConfigError(f"The server's URL names no host and port; it looks like {DEFAULT_URL}.")
    if url.raw_query_string or url.raw_fragment:
        raise ConfigError(
            "The server's URL ends with its host and port, or with the path under which it is published."
        )
    return url.origin().with_path(url.raw_path.rstrip("/"), encoded=True)


def token_headers(token: str | None) -> dict[str, str]:
    """Return the headers that carry a token; raises `ConfigError` for one that no header can hold."""
    if token is None:
        return {}
    if not _HEADER_SAFE.fullmatch(token):
        raise ConfigError(
            "The token may hold only letters, digits and signs of ASCII, without spaces and line ends: "
            "it travels in a header."
        )
    return {"Authorization": f"Bearer {token}"}


def socket_url(server: URL, *, epoch: str = "", version: int = 0) -> URL:
    """Return the dashboard's WebSocket URL; `epoch` and `version` ask to resume from there."""
    url = server.with_scheme(_SOCKET_SCHEMES[server.scheme]) / "ws/dashboard"
    return url.with_query(epoch=epoch, version=version) if epoch else url
