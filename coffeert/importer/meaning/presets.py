"""Known exports, described in TOML files: `presets/*.toml`, and those that a user writes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from coffeert.errors import ConfigError
from coffeert.importer.meaning.statuses import Kind
from coffeert.importer.plan import FIELDS
from coffeert.importer.spelling.cell_text import folded, heading_words
from coffeert.importer.spelling.vocabulary import plain
from coffeert.printable import printable

_TEXTS: Final = ("title", "refuse", "date_order", "decimal_mark", "inherit_by")
_LISTS: Final = (
    "header",
    "variants_without_meaning",
    "void_endings",
    "no_goods",
    "inherit",
    "facts",
)
_TABLES: Final = ("columns", "missing", "status", "flags")
_FLAGS: Final = {
    "void": Kind.VOID,
    "refunded": Kind.REFUNDED,
    "refund": Kind.REFUND,
    "given": Kind.GIVEN,
}
_WORDS: Final = {
    "sale": Kind.SALE,
    "refund": Kind.REFUND,
    "refunded": Kind.REFUNDED,
    "skip": Kind.VOID,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPreset:
    """How a known export is read.

    A table is recognised by having all headings of `header`. `refuse` says why such a file has no sales
    that can be read. `columns` lists, by field, the headings that can hold it; the first that the table has
    is taken. `status` says what the values of a column mean, `flags` what a yes in a column means.
    `inherit` are columns whose empty cells have the value of the row before, as long as the column
    `inherit_by` stays the same, or is itself empty. `date_order` and `decimal_mark` count if the file
    does not show its own.
    """

    name: str
    title: str
    header: tuple[str, ...]
    refuse: str = ""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    status: Mapping[str, Mapping[str, Kind]] = field(default_factory=dict)
    flags: Mapping[str, Kind | None] = field(default_factory=dict)
    variants_without_meaning: tuple[str, ...] = ()
    void_endings: tuple[str, ...] = ()
    no_goods: tuple[str, ...] = ()
    inherit: tuple[str, ...] = ()
    inherit_by: str = ""
    date_order: str = ""
    decimal_mark: str = ""
    facts: tuple[str, ...] = ()

    def matches(self, columns: Sequence[str]) -> bool:
        """Return whether a table has the preset's header."""
        return bool(self.header) and all(
            column_named(columns, name) is not None for name in self.header
        )

    def leaves_out(self, item: str) -> bool:
        """Return whether something that was sold is known to be none."""
        goods = map(folded, self.no_goods)
        return folded(item) in goods or item.endswith(self.void_endings)

    def column(self, columns: Sequence[str], name: str) -> int | None:
        """Return the column of a field."""
        found = (column_named(columns, heading) for heading in self.columns.get(name, ()))
        return next((index for index in found if index is not None), None)


def column_named(columns: Sequence[str], name: str) -> int | None:
    """Return the column of a heading; case, blanks and what no terminal shows make no difference.

    A name that ends with `(*)` is that of a heading with anything in brackets, as `Price (EUR)`.
    """
    if name.endswith("(*)"):
        words = heading_words(name)
        return next(
            (i for i, c in enumerate(columns) if "(" in c and heading_words(c) == words), None
        )
    if name in columns:
        return columns.index(name)
    wanted = folded(name)
    found = next((i for i, c in enumerate(columns) if folded(c) == wanted), None)
    if found is not None:
        return found
    return next((i for i, c in enumerate(columns) if folded(printable(c)) == wanted), None)


def recognised(columns: Sequence[str]) -> ExportPreset | None:
    """Return the known export that a table is: of those that match, the one with the longest header.

    One without sales goes first: what it has beside them is the surer mark.
    """
    found = [preset for preset in known_presets().values() if preset.matches(columns)]
    return max(
        found,
        key=lambda preset: (bool(preset.refuse), len(preset.header), preset.name),
        default=None,
    )


def preset_named(name: str) -> ExportPreset:
    """Return a known preset, or that of a file; raises `ConfigError` if there is none."""
    if name in known_presets():
        return known_presets()[name]
    path = Path(name)
    if path.suffix != ".toml":
        there = ", ".join(known_presets())
        raise ConfigError(
            f"There is no preset {name!r}; there are {there}, and files that end in .toml."
        )
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"The preset {name} cannot be read: {error}.") from error
    return read_preset(path.stem, text)


def read_preset(name: str, text: str) -> ExportPreset:
    """Read a preset's TOML; raises `ConfigError` with a sentence for what is wrong with it."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The preset {name} is no TOML: {error}.") from error
    keys = {*_TEXTS, *_LISTS, *_TABLES}
    for key in table:
        if key not in keys:
            raise ConfigError(
                f"The preset {name} has an unknown key {key!r}; there are {', '.join(sorted(keys))}."
            )
    for kinds, wanted, meaning in (
        (_TEXTS, str, "a text"),
        (_LISTS, list, "a list"),
        (_TABLES, dict, "a table"),
    ):
        for key in kinds:
            if not isinstance(table.get(key, wanted()), wanted):
                raise ConfigError(f"In the preset {name}, {key} must be {meaning}.")
    return ExportPreset(
        name=name,
        title=table.get("title", name),
        columns={
            field: _headings(name, field, value)
            for field, value in table.get("columns", {}).items()
        },
        missing={
            _known_field(name, key): str(value) for key, value in table.get("missing", {}).items()
        },
        status={
            column: _meanings(name, column, value)
            for column, value in table.get("status", {}).items()
        },
        flags={
            column: _flag(name, column, value) for column, value in table.get("flags", {}).items()
        },
        refuse=table.get("refuse", ""),
        date_order=table.get("date_order", ""),
        decimal_mark=table.get("decimal_mark", ""),
        inherit_by=table.get("inherit_by", ""),
        header=_texts(table, "header"),
        variants_without_meaning=_texts(table, "variants_without_meaning"),
        void_endings=_texts(table, "void_endings"),
        no_goods=_texts(table, "no_goods"),
        inherit=_texts(table, "inherit"),
        facts=_texts(table, "facts"),
    )


@cache
def known_presets() -> dict[str, ExportPreset]:
    """Return the presets that come with coffeert, by name."""
    folder = files("coffeert.importer.meaning").joinpath("known")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {
        name.removesuffix(".toml"): read_preset(
            name.removesuffix(".toml"), folder.joinpath(name).read_text("utf-8")
        )
        for name in names
    }


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(map(str, table.get(key, ())))


def _known_field(preset: str, name: str) -> str:
    if name not in FIELDS:
        raise ConfigError(
            f"The preset {preset} names an unknown field {name!r}; there are {', '.join(FIELDS)}."
        )
    return name


def _headings(preset: str, name: str, value: Any) -> tuple[str, ...]:
    _known_field(preset, name)
    headings = [value] if isinstance(value, str) else value
    if not isinstance(headings, list) or not all(isinstance(heading, str) for heading in headings):
        raise ConfigError(
            f"In the preset {preset}, the column of {name} must be a heading or a list of them."
        )
    return tuple(headings)


def _meanings(preset: str, column: str, value: Any) -> Mapping[str, Kind]:
    if not isinstance(value, dict) or not all(
        key in _WORDS and isinstance(words, list) for key, words in value.items()
    ):
        raise ConfigError(
            f"In the preset {preset}, the status {column!r} must have lists named {', '.join(_WORDS)}."
        )
    return {plain(str(word)): _WORDS[key] for key, words in value.items() for word in words}


def _flag(preset: str, column: str, value: Any) -> Kind | None:
    if value == "void_if_filled":
        return None
    if value not in _FLAGS:
        there = ", ".join([*_FLAGS, "void_if_filled"])
        raise ConfigError(f"In the preset {preset}, the flag {column!r} must be one of {there}.")
    return _FLAGS[value]
