"""The sums that a file states itself."""

from __future__ import annotations

from collections.abc import Mapping

from coffeert.importer.meaning.amounts import AmountReader
from coffeert.importer.meaning.survey import Survey
from coffeert.importer.spelling.cell_text import cell_text


def stated_totals(
    seen: Survey, columns: tuple[str, ...], amounts: Mapping[int, AmountReader]
) -> dict[str, int]:
    """Return the sum that totals rows state for each column of amounts, in minor units.

    If there are several such rows, the last one counts if it stands at the end and is the sum of the others
    or the only one after the last sale; else their sum does, as they are sums of groups.
    """
    found = {}
    for index, reader in amounts.items():
        stated = [
            amount
            for row in seen.totals
            if type(amount := reader.read(cell_text(row.cells[index]))) is int
        ]
        if not stated:
            continue
        *groups, last = stated
        final = seen.totals_at_the_end > 0 and (not groups or sum(groups) == last)
        final = final or seen.totals_at_the_end > 1
        found[columns[index]] = last if final else sum(stated)
    return found
