"""The four shops of the demo: when each is open, when its customers come, and what they drink."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from coffeert.domain.menu import Drink

CURRENCY: Final = "EUR"

DRINKS: Final = (
    Drink("espresso", "Espresso", 260),
    Drink("americano", "Americano", 340),
    Drink("cortado", "Cortado", 390),
    Drink("flat-white", "Flat White", 450),
    Drink("cappuccino", "Cappuccino", 430),
    Drink("latte", "Latte", 480),
    Drink("oat-latte", "Oat Latte", 530),
    Drink("mocha", "Mocha", 520),
    Drink("tea", "Tea", 320),
    Drink("chai", "Chai", 460),
    Drink("hot-chocolate", "Hot Chocolate", 440),
    Drink("lemonade", "Lemonade", 380),
)

MORNING_ENDS, AFTERNOON_BEGINS = 11.0, 14.0
TASTES: Final[Mapping[str, tuple[float, float, float]]] = {
    "espresso": (5.0, 2.6, 0.8),
    "americano": (3.2, 1.6, 0.8),
    "cortado": (1.8, 1.2, 0.8),
    "flat-white": (3.6, 2.6, 1.4),
    "cappuccino": (3.4, 2.4, 1.6),
    "latte": (3.8, 3.6, 2.6),
    "oat-latte": (1.8, 2.0, 1.6),
    "mocha": (0.4, 0.9, 1.5),
    "tea": (0.7, 1.2, 3.4),
    "chai": (0.3, 0.7, 1.7),
    "hot-chocolate": (0.2, 0.6, 1.6),
    "lemonade": (0.05, 1.0, 1.4),
}
"""How often each drink is ordered in the morning, around noon and in the afternoon."""


class Peak(NamedTuple):
    """A rush: `height` times the base rate on top of it, at `hour`, `width` hours wide (one sigma)."""

    hour: float
    width: float
    height: float


class Hours(NamedTuple):
    """Opening hours, as hours of the local day."""

    opens: float
    closes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopHabits:
    """One shop. `customers` a usual Wednesday, `weekdays` relative to that from Monday on.

    `tastes` multiplies `TASTES`. `opens_late` is on what share of days it opens up to `late_minutes` late.
    `slow_till` is the till whose orders arrive a minute or so after they were placed.
    """

    code: str
    name: str
    customers: int
    weekdays: tuple[float, float, float, float, float, float, float]
    hours: Hours
    saturday: Hours
    sunday: Hours
    peaks: tuple[Peak, ...]
    weekend_peaks: tuple[Peak, ...]
    tastes: Mapping[str, float] = field(default_factory=dict)
    opens_late: float = 0.0
    late_minutes: tuple[int, int] = (10, 40)
    slow_till: int = 0

    def hours_on(self, weekday: int) -> Hours:
        """Return the hours of a weekday, 0 for Monday."""
        return {5: self.saturday, 6: self.sunday}.get(weekday, self.hours)

    def peaks_on(self, weekday: int) -> tuple[Peak, ...]:
        """Return the rushes of a weekday, 0 for Monday."""
        return self.weekend_peaks if weekday >= 5 else self.peaks


SHOPS: Final = (
    ShopHabits(
        code="central",
        name="Central",
        customers=1240,
        weekdays=(0.96, 0.98, 1.0, 1.03, 1.1, 0.82, 0.42),
        hours=Hours(6.5, 20),
        saturday=Hours(8, 20),
        sunday=Hours(9, 18),
        peaks=(Peak(8.2, 0.75, 3.4), Peak(12.6, 0.8, 3.2), Peak(16.5, 1.2, 0.7)),
        weekend_peaks=(Peak(11.0, 1.6, 1.6), Peak(15.0, 1.5, 1.0)),
    ),
    ShopHabits(
        code="downtown",
        name="Downtown",
        customers=900,
        weekdays=(1.02, 1.03, 1.0, 0.99, 0.84, 0.3, 0.14),
        hours=Hours(6, 17.5),
        saturday=Hours(9, 16),
        sunday=Hours(10, 15),
        peaks=(Peak(7.8, 0.6, 6.0), Peak(12.4, 0.6, 3.4)),
        weekend_peaks=(Peak(11.5, 1.5, 1.0),),
        tastes={"espresso": 1.6, "americano": 1.5, "flat-white": 1.2, "mocha": 0.5, "tea": 0.7},
    ),
    ShopHabits(
        code="uptown",
        name="Uptown",
        customers=760,
        weekdays=(0.92, 0.95, 1.0, 1.0, 1.12, 1.45, 0.7),
        hours=Hours(7.5, 19),
        saturday=Hours(8, 19),
        sunday=Hours(9, 17),
        peaks=(Peak(9.4, 1.1, 1.8), Peak(12.9, 0.9, 2.0), Peak(15.4, 1.0, 1.1)),
        weekend_peaks=(Peak(10.8, 1.4, 2.2), Peak(14.8, 1.6, 1.2)),
        tastes={"oat-latte": 1.7, "cappuccino": 1.3, "chai": 1.3, "espresso": 0.7},
    ),
    ShopHabits(
        code="southend",
        name="Southend",
        customers=480,
        weekdays=(0.85, 0.9, 1.0, 1.0, 1.15, 1.4, 0.8),
        hours=Hours(8, 19.5),
        saturday=Hours(8.5, 20),
        sunday=Hours(9.5, 18.5),
        peaks=(Peak(9.0, 0.9, 1.0), Peak(12.8, 1.0, 1.7), Peak(16.2, 1.3, 1.5)),
        weekend_peaks=(Peak(11.6, 1.6, 1.5), Peak(15.8, 1.6, 1.8)),
        tastes={"tea": 1.5, "lemonade": 2.0, "hot-chocolate": 1.3, "espresso": 0.6},
        opens_late=0.35,
        slow_till=2,
    ),
)
