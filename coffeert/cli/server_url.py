"""Where a command that is a client finds the server."""

from __future__ import annotations

from coffeert.config import Config

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (read, not listened on)


def server_url(config: Config, given: str | None) -> str:
    """Return the URL given, or that of a server which runs here under the same settings."""
    if given is not None:
        return given
    host = _EVERYWHERE.get(config.host, config.host)
    return f"http://[{host}]:{config.port}" if ":" in host else f"http://{host}:{config.port}"


def server_token(config: Config) -> str | None:
    """Return the token; it comes from the settings only, since flags show in the list of processes."""
    return None if config.token is None else config.token.get_secret_value()
