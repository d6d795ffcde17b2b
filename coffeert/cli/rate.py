"""Rates on the command line."""

from __future__ import annotations

from typing import Any

import click

_MOST = 1_000_000.0


class RateParam(click.ParamType[float]):
    """A number above zero that something can really be done at, such as orders a second."""

    name = "rate"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the number; not a number, nothing and infinity are none."""
        try:
            rate = float(value)
        except ValueError:
            rate = 0.0
        if not 0 < rate <= _MOST:
            self.fail(f"must be a number above 0 and at most {_MOST:,.0f}.", param, ctx)
        return rate
