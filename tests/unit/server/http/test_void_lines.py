"""Lines of a batch may be carried out with the voids last, part by part, and mean the same."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from coffeert.domain.orders import Draft, Void
from coffeert.server.http.batch import _voids_last

_ids = st.integers(1, 3).map(lambda number: UUID(int=number))
_orders = st.builds(
    lambda order_id, quantity: Draft("uptown", "latte", quantity, order_id=order_id),
    _ids,
    st.integers(1, 2),
)
_lines = st.lists(_orders | st.builds(Void, _ids), max_size=16)


class Table:
    """What is stored, and what each line was answered."""

    def __init__(self) -> None:
        self._stored: dict[UUID, int] = {}
        self._voided: set[UUID] = set()

    def carry_out(self, line: Draft | Void) -> str:
        if isinstance(line, Void):
            if line.order_id not in self._stored:
                return "404"
            outcome = "replayed" if line.order_id in self._voided else "voided"
            self._voided.add(line.order_id)
            return outcome
        assert line.order_id is not None
        if line.order_id in self._stored:
            return "replayed" if self._stored[line.order_id] == line.quantity else "409"
        self._stored[line.order_id] = line.quantity
        return "stored"


@given(_lines)
def test_a_batch_does_what_its_lines_do_one_by_one(lines: list[Draft | Void]) -> None:
    alone, together = Table(), Table()
    expected = [alone.carry_out(line) for line in lines]
    answered: list[str] = []
    for begin, end in _voids_last(lines):
        part = range(begin, end)
        outcomes = {
            index: together.carry_out(lines[index])
            for index in sorted(part, key=lambda index: isinstance(lines[index], Void))
        }
        answered += [outcomes[index] for index in part]
    assert answered == expected


def test_orders_alone_are_one_part() -> None:
    lines = [Draft("uptown", "latte", order_id=UUID(int=number)) for number in range(1, 9)]
    assert list(_voids_last([*lines, Void(UUID(int=1))])) == [(0, 9)]
