"""A short part of `make fuzz`, for every run of CI."""

from __future__ import annotations

import random
import time

import pytest

from tests.fuzz.surfaces import SURFACES
from tests.fuzz.target import fuzzed_server

SECONDS = 1.0


@pytest.mark.long
async def test_no_input_breaks_anything() -> None:
    async with fuzzed_server() as target:
        for name, surface in SURFACES.items():
            tally = await surface(random.Random(name), time.monotonic() + SECONDS, target)
            assert tally.tried > 0
            assert not tally.crashes, f"{name}: {tally.crashes[:3]}"
