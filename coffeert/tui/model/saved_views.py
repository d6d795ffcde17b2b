"""Saved views: filters with a name, from the settings and saved from the screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from coffeert.errors import ConfigError
from coffeert.tui.model.filter import EVERYTHING, Filter

MAX_NAME_LENGTH: Final = 24
MAX_VIEWS: Final = 50


class SavedViews:
    """Those of the settings file first, then those saved from the screen."""

    def __init__(self, from_settings: Mapping[str, Filter]) -> None:
        self._from_settings = dict(from_settings)
        self._own: dict[str, Filter] = {}

    def __iter__(self) -> Iterator[str]:
        yield from {**self._from_settings, **self._own}

    def __len__(self) -> int:
        return len({**self._from_settings, **self._own})

    def __getitem__(self, name: str) -> Filter:
        return {**self._from_settings, **self._own}[name]

    @property
    def own(self) -> Mapping[str, Filter]:
        """The views saved from the screen, which are kept for the next start."""
        return self._own

    def restore(self, own: Mapping[str, Filter]) -> None:
        """Take over what was kept from the last time."""
        self._own = dict(list(own.items())[:MAX_VIEWS])

    def name_of(self, wanted: Filter) -> str:
        """Return the name of the view with this filter; "" if there is none."""
        return next((name for name in self if wanted and self[name] == wanted), "")

    def after(self, wanted: Filter) -> tuple[str, Filter]:
        """Return the view after that with this filter; after the last comes everything, with no name."""
        names = [*self, ""]
        current = self.name_of(wanted)
        following = names[(names.index(current) + 1) % len(names)]
        return following, self[following] if following else EVERYTHING

    def save(self, name: str, wanted: Filter) -> None:
        """Keep a filter under a name; raises `ConfigError`."""
        name = name.strip()
        if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
            raise ConfigError(f"A view's name has 1 to {MAX_NAME_LENGTH} printable characters.")
        if not wanted:
            raise ConfigError("Everything is shown: filter with / first, then save that.")
        if name in self._from_settings:
            raise ConfigError(f"{name} stands in coffeert-tui.toml: change it there.")
        if name not in self._own and len(self._own) >= MAX_VIEWS:
            raise ConfigError(f"There are {MAX_VIEWS} views: remove one first.")
        self._own[name] = wanted

    def remove(self, name: str) -> bool:
        """Forget a view that was saved from the screen; return whether there was one."""
        return self._own.pop(name, None) is not None
