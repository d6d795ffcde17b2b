"""A file that keeps how far a reader of the feed has come."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from coffeert.durable_file import replace_file
from coffeert.errors import ConfigError

_MAX_BYTES: Final = 256


class CursorFile:
    """Keeps one cursor; replaced as a whole, so that a crash leaves the old one or the new one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: str | None = None

    def read(self) -> str | None:
        """Return the cursor, `None` if there is no file yet; raises `ConfigError`."""
        try:
            with self._path.open("rb") as file:
                text = file.read(_MAX_BYTES).decode("ascii").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            text = ""
        if not text:
            raise ConfigError(f"{self._path} holds no cursor of a feed.")
        return text

    def write(self, cursor: str) -> None:
        """Keep a cursor; returns when it is on disk. Raises `ConfigError`."""
        if cursor == self._written:
            return
        try:
            replace_file(self._path, f"{cursor}\n".encode("ascii"))
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be written: {error.strerror}.") from None
        self._written = cursor
