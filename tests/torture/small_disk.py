"""A disk so small that it can be filled: memory, mounted where the account may do so."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PIECE = 1 << 16


class NoSmallDisk(Exception):
    """This account may not mount anything."""


class SmallDisk:
    """A mounted directory, and the file that fills it up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Take every free byte."""
        with suppress(OSError), self._ballast.open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(_PIECE))

    def empty(self) -> None:
        """Give them back."""
        self._ballast.unlink()


@contextmanager
def small_disk(size: str) -> Iterator[SmallDisk]:
    """A disk of `size`, such as `320m`; raises `NoSmallDisk`."""
    place = Path(tempfile.mkdtemp(prefix="coffeert-disk-", dir="/tmp"))
    place.chmod(0o711)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=711", "tmpfs", str(place)]
    try:
        if subprocess.run(mounting, check=False, capture_output=True).returncode:
            raise NoSmallDisk("a small disk cannot be mounted by this account")
        try:
            yield SmallDisk(place)
        finally:
            subprocess.run(["umount", "-l", str(place)], check=False)
    finally:
        place.rmdir()
