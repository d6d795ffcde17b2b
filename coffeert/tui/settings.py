"""The terminal's own settings, in a TOML file: alerts, saved views, keys.

```toml
[alerts]
rush = "orders_per_min > 130 for 30s"
[views]
uptown = "store:uptown -tea"
[keys]
"orders.freeze" = "p"
```
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from coffeert.alert_rules import Rule, parse_rule
from coffeert.errors import ConfigError
from coffeert.tui.bindings import KEY_IDS
from coffeert.tui.model.filter import FilterError, parse_filter
from coffeert.tui.model.saved_views import SavedView

SETTINGS_FILE: Final = "coffeert-tui.toml"
_SECTIONS: Final = frozenset({"alerts", "views", "keys"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The names of alerts and views are the viewer's own."""

    alerts: Mapping[str, Rule] = field(default_factory=dict)
    views: Mapping[str, SavedView] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)


def settings_path(given: Path | None) -> Path | None:
    """Return the file to read: the one given, or the working directory's, or the user's."""
    if given is not None:
        return given
    from platformdirs import user_config_path

    places = (Path(SETTINGS_FILE), user_config_path("coffeert") / SETTINGS_FILE)
    return next((place for place in places if place.is_file()), None)


def load_settings(path: Path | None) -> Settings:
    """Read the settings; raises `ConfigError` naming what cannot be used."""
    if path is None:
        return Settings()
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from None
    if "rewind" in table:
        raise ConfigError(f"{path}: leave [rewind] out: the server keeps the past now.")
    unknown = sorted(table.keys() - _SECTIONS)
    if unknown:
        raise ConfigError(f"{path}: [{unknown[0]}] is unknown; use {', '.join(sorted(_SECTIONS))}.")
    try:
        return Settings(
            {name: parse_rule(text) for name, text in _strings(table, "alerts")},
            {name: _view(text) for name, text in _strings(table, "views")},
            {name: _key(name, text) for name, text in _strings(table, "keys")},
        )
    except (ConfigError, FilterError) as error:
        raise ConfigError(f"{path}: {error}") from None


def _strings(table: Mapping[str, object], section: str) -> list[tuple[str, str]]:
    entries = table.get(section, {})
    if not isinstance(entries, dict) or not all(isinstance(v, str) for v in entries.values()):
        raise ConfigError(f'[{section}] takes entries such as name = "text".')
    return list(entries.items())


def _view(text: str) -> SavedView:
    return SavedView(filter=parse_filter(text).text())


def _key(name: str, text: str) -> str:
    if name not in KEY_IDS:
        raise ConfigError(f"{name} is no action; known are {', '.join(sorted(KEY_IDS))}.")
    return text
