"""Other programs on the machine: a missed target may be theirs."""

from __future__ import annotations

from msgspec.structs import replace

from coffeert.lab.resource_usage import MAX_OTHER_CORES, withhold_if_disturbed
from coffeert.lab.results import Verdict


def test_a_target_missed_beside_other_programs_is_inconclusive() -> None:
    missed, met = Verdict("fast", "slow", "fail", "why"), Verdict("fast", "fast", "pass")
    assert withhold_if_disturbed(missed, MAX_OTHER_CORES) == missed
    assert withhold_if_disturbed(met, 1.5) == met
    by_cpu = replace(missed, undisturbed=True)  # CPU is counted for each process
    assert withhold_if_disturbed(by_cpu, 1.5) == by_cpu
    withheld = withhold_if_disturbed(missed, 1.5)
    assert withheld.outcome == "inconclusive"
    assert withheld.note == "why; missed, while other programs used 1.5 cores"
