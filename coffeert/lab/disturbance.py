"""Other programs on the machine: a target missed beside them says nothing about ours."""

from __future__ import annotations

import asyncio
from statistics import median

import psutil
from msgspec.structs import replace

from coffeert.lab.results import Experiment, Verdict

ALLOWED = 0.3
"""Cores that other programs, and the lab's own watching, may use beside a verdict."""

_SAMPLE = 0.5


async def others_now() -> float:
    """Return the cores in use while the lab does nothing."""
    psutil.cpu_percent()
    await asyncio.sleep(_SAMPLE)
    return float(psutil.cpu_percent()) / 100 * (psutil.cpu_count() or 1)


def others_during(*experiments: Experiment) -> float:
    """Return the cores that other programs used during measurements, the median of them."""
    found = [
        one.evidence.others_cores
        for experiment in experiments
        for one in experiment.measurements
        if one.evidence is not None
    ]
    return median(found) if found else 0.0


def fair(verdict: Verdict, others: float) -> Verdict:
    """Withhold the verdict on a target that was missed beside other programs; what holds, holds."""
    if verdict.held != "fails" or verdict.certain or others <= ALLOWED:
        return verdict
    reason = f"missed, while other programs used {others:.1f} cores"
    note = f"{verdict.note}; {reason}" if verdict.note else reason
    return replace(verdict, held="no verdict", note=note)
