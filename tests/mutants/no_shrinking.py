"""A plugin for pytest: a counterexample is enough, the smallest one is not looked for."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings

settings.register_profile(
    "mutants", phases=(Phase.explicit, Phase.generate), deadline=None, database=None
)


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Take the place of the profile that the suite has loaded."""
    settings.load_profile("mutants")
