"""Which rows of a file are stored already, and which equal sales of other imports."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

from coffeert.errors import ImportRefused
from coffeert.postgres.import_staging import Fate, StagedRange, Staging
from coffeert.postgres.imports import Import, find_import, half_undone, list_imports
from coffeert.postgres.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the keys of a file's rows have met.

    `earlier` is the import that the file goes on with. `undecided` are rows, by import, that equal its
    sales and may be those; `elsewhere` are rows that equal sales of another source, and are stored all the
    same. `others` are all imports.
    """

    source: str
    same: bool
    earlier: Import | None
    rows: int
    fates: list[Fate]
    undecided: dict[int, int] = field(default_factory=dict)
    elsewhere: dict[int, int] = field(default_factory=dict)
    others: dict[int, Import] = field(default_factory=dict)

    @property
    def new(self) -> int:
        """How many orders are to be stored."""
        return self.rows - sum(fate.rows for fate in self.fates)

    def count(self, *fates: str) -> int:
        """Return how many rows have one of these fates."""
        return sum(fate.rows for fate in self.fates if fate.fate in fates)


async def identify(
    connection: Connection,
    staging: Staging,
    staged: StagedRange,
    digest: bytes,
    *,
    source: str,
    same: bool,
) -> Identity:
    """Name the staged rows, and compare them with what is stored; can be repeated for another source.

    Raises `ImportRefused` if the file was imported with other options or as that of another source, or an
    undo is not complete.
    """
    number = await half_undone(connection)
    if number is not None:
        raise ImportRefused(
            f"Import {number} is half taken back: `coffeert imports undo {number}` goes on with that."
        )
    others = {found.id: found for found in await list_imports(connection)}
    twin = next(
        (one for one in others.values() if one.is_file(digest) and one.source != source), None
    )
    if twin is not None:
        raise ImportRefused(_under_another_source(twin))
    earlier = await find_import(connection, digest, source)
    own = 0
    if earlier is not None:
        own, same = earlier.id, same or earlier.same
    await staging.derive_keys(source, own_ids=staged.own_ids)
    await staging.find_stored(own)
    if earlier is not None:
        unread = await staging.count_unread(own)
        if unread:
            raise ImportRefused(_read_otherwise(earlier, unread))
    candidates = await staging.candidates(source, own, staged)
    comparable = {found.id for found in candidates if found.comparable}
    if comparable:
        same_source = {found.id for found in candidates if found.same_source}
        await staging.match(comparable, same_source=same_source)
    fates = await staging.fates()
    undecided: dict[int, int] = {}
    elsewhere: dict[int, int] = {}
    if not same:
        equal = {
            fate.import_id: fate.rows
            for fate in fates
            if fate.fate == "equal" and fate.import_id is not None
        }
        ask = {found.id for found in candidates if found.same_source or not source}
        undecided = {number: rows for number, rows in equal.items() if number in ask}
        # A named source is another till than one that was not named.
        elsewhere = {number: rows for number, rows in equal.items() if number not in ask}
        await staging.release_equal(elsewhere.keys())
        fates = await staging.fates()
    elsewhere |= await staging.count_equal_elsewhere(
        [found.id for found in candidates if not found.comparable]
    )
    return Identity(
        source=source,
        same=same,
        earlier=earlier,
        rows=staged.rows,
        fates=fates,
        undecided=undecided,
        elsewhere=elsewhere,
        others=others,
    )


def _under_another_source(twin: Import) -> str:
    named = f"with --source {shlex.quote(twin.source)}" if twin.source else "without --source"
    return (
        f"This very file is import {twin.id} already, {named}: no two tills write the same bytes. If the "
        f"source was wrong, take that import back first (`coffeert imports undo {twin.id}`)."
    )


def _read_otherwise(earlier: Import, orders: int) -> str:
    return (
        f"This file is import {earlier.id}, and with these options {orders:,} of its orders would be "
        f"others: take it back first (`coffeert imports undo {earlier.id}`), or repeat it with the options "
        f"that it was read with (`coffeert imports show {earlier.id}`)."
    )
