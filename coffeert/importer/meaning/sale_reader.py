"""Reads the rows of a table as sales, once it is known how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from coffeert.domain.orders import MAX_TEXT_LENGTH
from coffeert.importer.meaning.amounts import AmountReader, PercentReader, PiecesReader
from coffeert.importer.meaning.drinks import MAX_NAME_LENGTH, NO_DRINK, DrinkReader
from coffeert.importer.meaning.key_decision import is_rounded
from coffeert.importer.meaning.line_money import (
    Faults,
    LineAmounts,
    Money,
    SkippedKind,
    signed_money,
)
from coffeert.importer.meaning.memory import remember
from coffeert.importer.meaning.moments import MomentReader
from coffeert.importer.meaning.receipts import ReceiptPositions
from coffeert.importer.meaning.row_kinds import has_total_label, is_heading
from coffeert.importer.meaning.statuses import Kind, StateReader
from coffeert.importer.rows import Cell, RejectedRow, SaleLine, SkippedRow, TableRow
from coffeert.importer.spelling.cell_text import (
    Fault,
    cell_text,
    is_cut_number,
    is_missing,
    number_text,
)
from coffeert.importer.spelling.currency_signs import currencies_of

_NAMELESS_REFUND = Fault(
    "is a refund that names no drink: --refund-drink NAME stores such refunds under a name, such as Refund"
)


class Given(NamedTuple):
    """What stands for a missing value, if anything does.

    `refund_drink` is what refunds are of that name no drink; `menu`: without a price, the menu's is meant.
    """

    store: str | None = None
    drink: str | None = None
    refund_drink: str | None = None
    quantity: int | None = None
    price: int | None = None
    menu: bool = False


@dataclass(slots=True, kw_only=True)
class SaleReader:
    """Reads rows; columns are positions, -1 for none.

    `one_store` is the store of every row, whatever the row says. `rounded` are columns of keys with too few
    digits.
    """

    columns: Sequence[str]
    day: int = -1
    clock: int = -1
    zone: int = -1
    store: int = -1
    quantity: int = -1
    price: int = -1
    total: int = -1
    discount: int = -1
    currency_column: int = -1
    receipt: int = -1
    receipt_line: int = -1
    order_id: int = -1
    rounded: frozenset[int] = frozenset()
    one_store: str | None = None
    given: Given
    moments: MomentReader
    drinks: DrinkReader
    pieces: PiecesReader
    prices: AmountReader
    totals: AmountReader
    discounts: AmountReader | PercentReader
    in_percent: bool = False
    currency: str | None
    states: StateReader
    _stores: dict[Cell, str | Fault] = field(default_factory=dict)
    _monies: dict[tuple[Kind, str, object], Money | Faults | SkippedKind] = field(
        default_factory=dict
    )
    _money_cells: Callable[[tuple[Cell, ...]], object] = field(init=False)
    _positions: ReceiptPositions = field(default_factory=ReceiptPositions)

    def __post_init__(self) -> None:
        """Choose the cells that an amount depends on."""
        columns = (self.quantity, self.price, self.total, self.discount, self.currency_column)
        used = [index for index in columns if index >= 0]
        self._money_cells = itemgetter(*used) if used else _nothing

    def from_the_beginning(self) -> SaleReader:
        """Return a reader that has not counted any line yet."""
        return replace(self, _positions=ReceiptPositions())

    def read(self, row: TableRow) -> SaleLine | RejectedRow | SkippedRow:
        """Return what a row is."""
        line, cells = row
        receipt, receipt_line = self._receipt(cells, line)
        state = self.states.read(cells)
        kind, reason = state.kind, state.reason
        drink = self.drinks.read(cells)
        if type(drink) is Fault and drink.no_sale:
            return SkippedRow(line, cells, drink)
        if kind is Kind.VOID:
            return SkippedRow(line, cells, reason)
        placed = self._placed_at(cells, line)
        store = self._store(cells)
        key = (kind, reason, self._money_cells(cells))
        money = self._monies.get(key)
        if money is None:
            money = self._money(cells, kind, reason)
            remember(self._monies, key, money)
        if drink is NO_DRINK:
            drink = self._unnamed(kind, money)
        if type(money) is SkippedKind:
            return SkippedRow(line, cells, money.reason)
        if (
            type(placed) is datetime
            and type(store) is str
            and type(drink) is str
            and type(money) is Money
            and not isinstance(receipt, Fault)
        ):
            return SaleLine(
                line,
                store,
                drink,
                *money,
                placed,
                receipt,
                receipt_line,
                self._order_id(cells),
            )
        return self._without(row, (placed, store, drink, money, receipt))

    def _without(self, row: TableRow, values: tuple[object, ...]) -> RejectedRow | SkippedRow:
        """Say why a row is no sale."""
        cells = row.cells
        if not any(map(cell_text, cells)):
            return SkippedRow(row.line, cells, "the row is empty")
        if isinstance(values[0], Fault):
            if is_heading(cells, self.columns):
                return SkippedRow(row.line, cells, "the row repeats the headings")
            if has_total_label(cells):
                return SkippedRow(row.line, cells, "the row holds sums")
        reasons = [
            reason
            for value in values
            for reason in (value if isinstance(value, Faults) else (value,))
            if isinstance(reason, Fault)
        ]
        return RejectedRow(row.line, cells, tuple(map(str, reasons)))

    def _placed_at(self, cells: tuple[Cell, ...], line: int) -> datetime | Fault:
        day = cells[self.day] if self.day >= 0 else ""
        if type(day) is not str:
            day = cell_text(day)
        clock: str | None = None
        if self.clock >= 0:
            cell = cells[self.clock]
            clock = cell if type(cell) is str else cell_text(cell)
        zone = cell_text(cells[self.zone]) if self.zone >= 0 else ""
        return self.moments.read(day, clock, zone, line)

    def _store(self, cells: tuple[Cell, ...]) -> str | Fault:
        if self.one_store is not None:
            return self.one_store
        cell = cells[self.store] if self.store >= 0 else None
        store = self._stores.get(cell)
        if store is None:
            store = self._store_named(cell_text(cell))
            remember(self._stores, cell, store)
        return store

    def _store_named(self, text: str) -> str | Fault:
        if is_missing(text):
            return self.given.store or Fault("has no store")
        if len(text) > MAX_NAME_LENGTH:
            return Fault(f"has a store whose name is longer than {MAX_NAME_LENGTH} characters")
        return text

    def _order_id(self, cells: tuple[Cell, ...]) -> str | None:
        if self.order_id < 0:
            return None
        return self._key(cells, self.order_id) or None

    def _receipt(self, cells: tuple[Cell, ...], line: int) -> tuple[str | Fault | None, str | None]:
        if self.receipt < 0:
            return None, None
        receipt = self._key(cells, self.receipt)
        if len(receipt) < 9 and is_missing(receipt):
            return None, None
        if len(receipt) > MAX_TEXT_LENGTH:
            return Fault(f"has a receipt number longer than {MAX_TEXT_LENGTH} characters"), None
        if self.receipt_line >= 0:
            own = self._key(cells, self.receipt_line)
            if not is_missing(own):
                return receipt, own
        return receipt, self._positions.position(receipt, line)

    def _key(self, cells: tuple[Cell, ...], column: int) -> str:
        """Return the number in a column, empty if a spreadsheet has cut it."""
        cell = cells[column]
        key = number_text(cell_text(cell))
        if is_cut_number(cell) or (column in self.rounded and key.isdecimal() and is_rounded(key)):
            return ""
        return key

    def _unnamed(self, kind: Kind, money: Money | Faults | SkippedKind) -> str | Fault:
        """Return what a row that names no drink is of."""
        if kind is Kind.REFUND or (type(money) is Money and money.quantity < 0):
            return self.given.refund_drink or self.given.drink or _NAMELESS_REFUND
        return self.given.drink or NO_DRINK

    def _foreign(self, cells: tuple[Cell, ...]) -> Fault | None:
        code = cell_text(cells[self.currency_column])
        if self.currency is None or is_missing(code) or self.currency in currencies_of(code):
            return None
        return Fault(f"is in another currency than {self.currency}")

    def _money(
        self, cells: tuple[Cell, ...], kind: Kind, reason: str
    ) -> Money | Faults | SkippedKind:
        pieces = self.pieces.read(cell_text(cells[self.quantity])) if self.quantity >= 0 else None
        if pieces is None:
            pieces = self.given.quantity
        price = self.prices.read(cell_text(cells[self.price])) if self.price >= 0 else None
        total = self.totals.read(cell_text(cells[self.total])) if self.total >= 0 else None
        if price is None and total is None:
            price = self.given.price
        discount = self._discount(cells)
        foreign = self._foreign(cells) if self.currency_column >= 0 else None
        values = (pieces, price, total, discount, foreign)
        faults = [value for value in values if isinstance(value, Fault)]
        if pieces is None:
            faults.insert(0, Fault("has no quantity"))
        if price is None and total is None and not self.given.menu:
            faults.append(Fault("has no price"))
        if faults:
            return Faults(faults)
        assert type(pieces) is int
        line = LineAmounts(pieces, *(a if type(a) is int else None for a in (price, total)))
        off = discount if type(discount) is int else 0
        return signed_money(line.after(line.share(off) if self.in_percent else off), kind, reason)

    def _discount(self, cells: tuple[Cell, ...]) -> int | Fault:
        if self.discount < 0:
            return 0
        return self.discounts.read(cell_text(cells[self.discount])) or 0


def _nothing(_: tuple[Cell, ...]) -> object:
    return None
