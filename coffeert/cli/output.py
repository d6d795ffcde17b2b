"""Text that is safe to print."""

from __future__ import annotations


def printable(text: str) -> str:
    """Replace characters that could control the terminal; data may hold them."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
