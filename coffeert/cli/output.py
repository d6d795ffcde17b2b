"""Text that is safe to print."""

from __future__ import annotations


def printable(text: str) -> str:
    """Replace what could steer a terminal; the text may hold a stranger's values."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
