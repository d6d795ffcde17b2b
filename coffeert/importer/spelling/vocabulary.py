"""The words that files use, by language and meaning: `data/*.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def vocabulary(name: str) -> dict[str, Any]:
    """Return a file of `data/` by its name without `.toml`."""
    text = files("coffeert.importer.spelling").joinpath(f"data/{name}.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def words(name: str, *keys: str) -> frozenset[str]:
    """Return the entries of a list in a file of `data/`, in lower case."""
    found: Any = vocabulary(name)
    for key in keys:
        found = found[key]
    return frozenset(word.casefold() for word in found)
