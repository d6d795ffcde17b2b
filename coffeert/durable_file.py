"""Replacing a small file so that a crash leaves the old one or the new one."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file; returns when the new content is on disk. Raises `OSError`."""
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    flush_directory(path.parent)


def flush_directory(path: Path) -> None:
    """Have the names in a directory on disk. Raises `OSError`."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
