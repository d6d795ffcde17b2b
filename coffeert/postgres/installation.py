"""What holds for all stores of an installation: the currency."""

from __future__ import annotations

import asyncpg

from coffeert.domain.currency import check_currency
from coffeert.errors import FieldError, Invalid
from coffeert.postgres.errors import translate_errors
from coffeert.postgres.pool import Connection
from coffeert.postgres.queries import sql


async def load_currency(connection: Connection) -> str | None:
    """Read the currency's code; `None`: none is set, and amounts have two decimal places."""
    with translate_errors():
        currency: str | None = await connection.fetchval(sql("load_currency"))
    return currency


async def set_currency(connection: Connection, code: str) -> None:
    """Set the currency; raises `Invalid` if orders that are stored would mean something else then."""
    check_currency(code)
    with translate_errors():
        try:
            await connection.execute(sql("set_currency"), code)
        except asyncpg.RestrictViolationError as error:
            reason: str = error.args[0]
            raise Invalid(
                f"{reason[0].upper()}{reason[1:]}.", errors=(FieldError("currency", reason),)
            ) from None
