"""Sales written as tills and spreadsheets of many places write them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from coffeert.importer.plan import Question
from tests.unit.importer.meanings import MemoryTable

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC")
DAYS = {
    "dmy": ("%d/%m/%Y", "%d.%m.%Y", "%d.%m.%y", "%d-%m-%Y", "%d %b %Y"),
    "mdy": ("%m/%d/%Y", "%m/%d/%y", "%b %d, %Y"),
    "ymd": ("%Y-%m-%d", "%Y/%m/%d"),
}
CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
HEADINGS = {
    "en": ("Date", "Time", "Location", "Item", "Qty", "Price", "Line total", "Type", "Receipt"),
    "de": ("Datum", "Uhrzeit", "Filiale", "Artikel", "Menge", "Einzelpreis", "Gesamt", "Typ", "Beleg"),
    "fr": ("Date", "Heure", "Magasin", "Article", "Quantité", "Prix unitaire", "Total", "Type", "Ticket"),
    "es": ("Fecha", "Hora", "Tienda", "Artículo", "Cantidad", "Precio", "Importe total", "Tipo", "Recibo"),
    "pt": ("Data", "Hora", "Loja", "Produto", "Qtd", "Preço", "Valor total", "Tipo", "Pedido"),
    "ja": ("日付", "時刻", "店舗", "商品名", "数量", "単価", "合計", "区分", "レシート番号"),
}  # fmt: skip
MONEY = (  # sign or code before, after, decimal mark, group mark, currency, its places
    ("", "", ".", ",", None, 2),
    ("$", "", ".", ",", None, 2),
    ("$", "", ".", "", "USD", 2),
    ("", " €", ",", ".", None, 2),
    ("", " €", ",", "\u202f", "EUR", 2),
    ("", "€", ",", " ", None, 2),
    ("CHF ", "", ".", "’", None, 2),
    ("R$ ", "", ",", ".", "BRL", 2),
    ("£", "", ".", ",", "GBP", 2),
    ("¥", "", ".", ",", "JPY", 0),
    ("", "", ",", ".", None, 2),
    ("", " KWD", ".", ",", None, 3),
    ("", " zł", ",", "\u00a0", None, 2),
)


@dataclass(frozen=True)
class Sale:
    """A sale as it was; `void` is none."""

    at: datetime
    store: str
    drink: str
    quantity: int
    price: int
    void: bool = False


@dataclass(frozen=True)
class Dialect:
    """How sales are written."""

    language: str
    zone: str
    order: str
    day: str
    clock: str
    columns: str
    before: str
    after: str
    mark: str
    group: str
    currency: str | None
    places: int
    pieces: str
    money: str
    refunds: str
    negative: str
    receipts: bool
    extras: frozenset[str]

    def amount(self, minor: int) -> str:
        """Write an amount."""
        unit = 10**self.places
        whole, rest = divmod(abs(minor), unit)
        text = f"{whole:,}".replace(",", self.group)
        if self.places:
            text += f"{self.mark}{rest:0{self.places}d}"
        text = f"{self.before}{text}{self.after}"
        if minor >= 0:
            return text
        return {
            "minus": f"-{text}",
            "typographic": f"\u2212{text}",
            "brackets": f"({text})",
            "after": f"{text}-",
        }[self.negative]

    def quantity(self, pieces: int) -> str:
        """Write a number of pieces."""
        return f"{pieces}{self.mark}{self.pieces}" if self.pieces else str(pieces)

    def moment(self, at: datetime) -> tuple[str, ...]:
        """Write day and time, in one cell or in two."""
        if self.columns == "offset":
            return (at.replace(tzinfo=ZoneInfo(self.zone)).isoformat(),)
        if self.columns == "serial":
            days = (at - datetime(1899, 12, 30)) / (datetime(1899, 12, 31) - datetime(1899, 12, 30))  # noqa: DTZ001
            return (f"{days:.11f}",)
        parts = (at.strftime(self.day), at.strftime(self.clock))
        return (
            parts
            if self.columns == "two"
            else (", ".join(parts) if self.columns == "comma" else " ".join(parts),)
        )

    def table(self, sales: list[Sale]) -> MemoryTable:
        """Write sales as a table."""
        day, clock, store, item, qty, price, total, kind, receipt = HEADINGS[self.language]
        headings = [day, clock] if self.columns == "two" else [f"{day} {clock}"]
        headings += [store, item, qty]
        headings += [price] if self.money in ("price", "both") else []
        headings += [total] if self.money in ("total", "both") else []
        states = self.refunds == "state" or any(sale.void for sale in sales)
        headings += [kind] if states else []
        headings += [receipt] if self.receipts else []
        rows = [self._row(sale, number // 2, states=states) for number, sale in enumerate(sales)]
        if "heading" in self.extras:
            rows.insert(len(rows) // 2, list(headings))
        if "total" in self.extras and self.money != "price":
            rows.append(self._totals(sales, headings, total))
        if "blank" in self.extras:
            rows.append([""] * len(headings))
        return MemoryTable(tuple(headings), tuple(tuple(row) for row in rows))

    def _row(self, sale: Sale, receipt: int, *, states: bool) -> list[str]:
        sign = -1 if self.refunds == "state" and sale.quantity < 0 else 1
        pieces = sale.quantity * sign  # a state says it, so the number need not
        row = [*self.moment(sale.at), sale.store, sale.drink, self.quantity(pieces)]
        if self.money in ("price", "both"):
            row.append(self.amount(sale.price))
        if self.money in ("total", "both"):
            row.append(self.amount(sale.quantity * sale.price))
        if states:
            row.append("Void" if sale.void else "Refund" if sale.quantity < 0 else "Sale")
        return [*row, f"R{1000 + receipt}"] if self.receipts else row

    def _totals(self, sales: list[Sale], headings: list[str], total: str) -> list[str]:
        row = [""] * len(headings)
        row[0] = "Total"
        row[headings.index(total)] = self.amount(stated(sales))
        return row

    def answers(self, questions: tuple[Question, ...]) -> dict[str, Any]:
        """Answer questions with the truth, as options."""
        found: dict[str, Any] = {}
        for question in questions:
            names = {argument for answer in question.answers for argument in answer.arguments}
            if "--date-format" in names:
                found["date_format"] = self.order
            elif "--decimal-mark" in names:
                found["decimal_mark"] = self.mark
            elif "--currency" in names:
                found["currency"] = self.currency
            elif "--map" in names and self.money in ("price", "total"):
                wanted = next(
                    a
                    for answer in question.answers
                    for a in answer.arguments
                    if a.startswith(f"{self.money}=")
                )
                found["columns"] = {self.money: wanted.partition("=")[2]}
                found["columns"]["total" if self.money == "price" else "price"] = ""
            else:
                raise AssertionError(question)
        return found


def stated(sales: list[Sale]) -> int:
    """Return what the sales cost together, as a till adds them up."""
    return sum(sale.quantity * sale.price for sale in sales if not sale.void)


@st.composite
def dialects(draw: st.DrawFn) -> Dialect:
    """Any dialect."""
    order = draw(st.sampled_from(sorted(DAYS)))
    before, after, mark, group, currency, places = draw(st.sampled_from(MONEY))
    return Dialect(
        language=draw(st.sampled_from(sorted(HEADINGS))),
        zone=draw(st.sampled_from(ZONES)),
        order=order,
        day=draw(st.sampled_from(DAYS[order])),
        clock=draw(st.sampled_from(CLOCKS)),
        columns=draw(st.sampled_from(["one", "two", "comma", "offset", "serial"])),
        before=before,
        after=after,
        mark=mark,
        group=group,
        currency=currency,
        places=places,
        pieces=draw(st.sampled_from(["", "", "0", "00", "000"])),
        money=draw(st.sampled_from(["price", "total", "both"])),
        refunds=draw(st.sampled_from(["sign", "state"])),
        negative=draw(st.sampled_from(["minus", "typographic", "brackets", "after"])),
        receipts=draw(st.booleans()),
        extras=draw(st.frozensets(st.sampled_from(["heading", "total", "blank"]))),
    )


@st.composite
def sales(draw: st.DrawFn) -> list[Sale]:
    """Some sales, of which some are refunds, and some are void."""
    prices = draw(st.lists(st.integers(1, 3_000_000), min_size=4, max_size=4))
    drinks = ("Latte", "Café crème", "Flat White, large", "抹茶ラテ")
    rows = draw(
        st.lists(
            st.tuples(
                st.datetimes(datetime(2021, 1, 1), datetime(2026, 10, 1)),  # noqa: DTZ001 # a store's clock
                st.integers(6, 21),
                st.sampled_from(["Uptown", "Pier 7", "Ångström"]),
                st.integers(0, 3),
                st.integers(1, 12),
                st.sampled_from([1, 1, 1, 1, -1]),
                st.sampled_from([False, False, False, True]),
            ),
            min_size=1,
            max_size=12,
        )
    )
    return [
        Sale(
            at.replace(hour=hour, second=0, microsecond=0),
            store,
            drinks[drink],
            pieces * sign,
            prices[drink],
            void and sign > 0,
        )
        for at, hour, store, drink, pieces, sign, void in rows
    ]
