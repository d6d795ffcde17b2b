"""The SQL in `sql/`: where it lies, and its named queries."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


@cache
def sql_directory() -> Path:
    """Return the directory that holds `migrations` and `queries`.

    Inside the package once installed from a wheel, beside it in a checkout.
    """
    packaged = _PACKAGE / "sql"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "sql"


@cache
def sql(name: str) -> str:
    """Return the text of `sql/queries/<name>.sql`."""
    return (sql_directory() / "queries" / f"{name}.sql").read_text(encoding="utf-8")
