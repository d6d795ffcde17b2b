"""From orders sent and pictures seen to how long each order took to be seen."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from coffeert.lab.load import Probe
from coffeert.lab.screen import Sighting


class Delays(NamedTuple):
    """Seconds until each acknowledged probe was seen, and how many never were.

    `whole`: from when it was due. `shown`: from when its 201 arrived, 0 where the screen was first.
    """

    whole: list[float]
    shown: list[float]
    unseen: int


def delays(probes: Sequence[Probe], sightings: Sequence[Sighting]) -> Delays:
    """Find when each acknowledged probe was seen.

    Probes of a drink that are stored out of turn are told apart by number only: the n-th acknowledged
    is paired with the n-th seen, which leaves the sum, and nearly every single delay, as it was.
    """
    seen: dict[str, tuple[list[int], list[float]]] = {}
    for sighting in sightings:
        counts, moments = seen.setdefault(sighting.drink, ([], []))
        counts.append(sighting.orders)
        moments.append(sighting.at)
    numbers: dict[str, int] = {}
    took: list[float] = []
    shown: list[float] = []
    unseen = 0
    for probe in sorted((p for p in probes if p.answered), key=lambda p: p.answered):
        number = numbers[probe.drink] = numbers.get(probe.drink, 0) + 1
        counts, moments = seen.get(probe.drink, ([], []))
        at = bisect_left(counts, number)
        if at == len(counts):
            unseen += 1
        else:
            took.append(moments[at] - probe.due)
            shown.append(max(0.0, moments[at] - probe.answered))
    return Delays(took, shown, unseen)
