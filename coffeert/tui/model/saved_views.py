"""Saved views: what the screen shows, by name, from the settings and saved from the screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from coffeert.errors import ConfigError

MAX_NAME_LENGTH: Final = 24
MAX_VIEWS: Final = 50


class SavedView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a view is of; what is `None` stays as it is when the view is shown.

    `filter` is as it is typed, `opened` the store and drink drilled down to, as a filter.
    """

    range: str | None = None
    compare: str | None = None
    filter: str | None = None
    opened: str | None = None
    tab: str | None = None
    sort: str | None = None
    metric: str | None = None

    def is_shown(self, present: SavedView) -> bool:
        """Return True if the screen, which shows all of `present`, shows this view."""
        shown = msgspec.structs.asdict(present)
        return all(
            wanted in (None, shown[name]) for name, wanted in msgspec.structs.asdict(self).items()
        )

    def words(self) -> str:
        """Say what the view is of."""
        told = [self.range, self.compare and f"vs {self.compare}", self.opened, self.filter]
        told += [self.tab and f"tab {self.tab}", self.metric, self.sort and f"by {self.sort}"]
        return ", ".join(text for text in told if text)


EVERYTHING_SHOWN: Final = SavedView(filter="", opened="")
"""The view without a name: everything of the range that is shown."""


class SavedViews:
    """Those of the settings file first, then those saved from the screen."""

    def __init__(self, from_settings: Mapping[str, SavedView]) -> None:
        self._from_settings = dict(from_settings)
        self._own: dict[str, SavedView] = {}

    def __iter__(self) -> Iterator[str]:
        yield from {**self._from_settings, **self._own}

    def __len__(self) -> int:
        return len({**self._from_settings, **self._own})

    def __getitem__(self, name: str) -> SavedView:
        """Return a view by its name; that of no name is `EVERYTHING_SHOWN`."""
        return {**self._from_settings, **self._own, "": EVERYTHING_SHOWN}[name]

    @property
    def own(self) -> Mapping[str, SavedView]:
        """The views saved from the screen, which are kept for the next start."""
        return self._own

    def restore(self, own: Mapping[str, SavedView]) -> None:
        """Take over what was kept from the last time."""
        self._own = dict(list(own.items())[:MAX_VIEWS])

    def name_of(self, present: SavedView) -> str:
        """Return the name of the view that is shown, of several the one that says most; "" if none is."""
        shown = [name for name in self if self[name].is_shown(present)]
        return max(shown, key=lambda name: len(self[name].words()), default="")

    def after(self, present: SavedView) -> SavedView:
        """Return the view after the one that is shown; after the last comes everything."""
        names = [*self, ""]
        return self[names[(names.index(self.name_of(present)) + 1) % len(names)]]

    def save(self, name: str, view: SavedView) -> None:
        """Keep a view under a name; raises `ConfigError`."""
        name = name.strip()
        if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
            raise ConfigError(f"A view's name has 1 to {MAX_NAME_LENGTH} printable characters.")
        if name in self._from_settings:
            raise ConfigError(f"{name} stands in coffeert-tui.toml: change it there.")
        if name not in self._own and len(self._own) >= MAX_VIEWS:
            raise ConfigError(f"There are {MAX_VIEWS} views: remove one first.")
        self._own[name] = view

    def remove(self, name: str) -> bool:
        """Forget a view that was saved from the screen; return whether there was one."""
        return self._own.pop(name, None) is not None
