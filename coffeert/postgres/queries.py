"""The SQL in `sql/`: its directory, and its queries by name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def sql_directory() -> Path:
    """Return the directory of the migrations and queries.

    It is inside the package once installed from a wheel, and beside it in a checkout.
    """
    packaged = _PACKAGE / "sql"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "sql"


@cache
def sql(name: str) -> str:
    """Return a query: a section of a file in `sql/`, or `sql/queries/<name>.sql`.

    Raises `KeyError` if there is none of this name.
    """
    return read_queries()[name]


@cache
def read_queries() -> dict[str, str]:
    """Read all queries by name; raises `ValueError` if two have the same name."""
    found = [
        (path.stem, path.read_text(encoding="utf-8"))
        for path in sorted(sql_directory().glob("queries/*.sql"))
    ]
    for path in sorted(sql_directory().glob("*.sql")):
        _, *sections = _NAME.split(path.read_text(encoding="utf-8"))
        found += zip(sections[::2], (text.rstrip() for text in sections[1::2]), strict=True)
    queries = dict(found)
    if len(queries) < len(found):
        raise ValueError("two queries have the same name")
    return queries
