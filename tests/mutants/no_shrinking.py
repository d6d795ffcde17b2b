"""A plugin for pytest: a counterexample is enough, the smallest one is not looked for."""

from __future__ import annotations

from hypothesis import Phase, settings

settings.register_profile(
    "mutants", phases=(Phase.explicit, Phase.generate), deadline=None, database=None
)
settings.load_profile("mutants")
