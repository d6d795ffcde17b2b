"""Where the server is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ServerAddress:
    """The URL of the server shown; another one as long as none has answered and one is found elsewhere.

    `number` is its own among several, such as `2/3`.
    """

    url: str
    number: str = ""

    @property
    def name(self) -> str:
        """The URL as people write it: without the scheme."""
        return self.url.removeprefix("http://").removeprefix("https://").rstrip("/")
