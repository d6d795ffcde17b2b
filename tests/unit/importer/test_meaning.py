"""What tables of unknown tills are understood to mean, kind by kind."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coffeert.errors import ConfigError
from coffeert.importer.plan import Question
from tests.unit.importer.meanings import Outcome, cost, of_rows, options_of, read


def shop(text: str, **options: Any) -> Outcome:
    return read(text, **{"store": "Mill Lane", **options})


def lines(outcome: Outcome) -> list[tuple[str, int, int]]:
    return [(sale.drink, sale.quantity, cost(sale)) for sale in outcome.sales]


def arguments(questions: tuple[Question, ...]) -> list[tuple[str, ...]]:
    return [answer.arguments for question in questions for answer in question.answers]


def test_own_columns() -> None:
    outcome = read(
        "placed_at,store,drink,quantity,price,total,receipt,order_id\n"
        "2026-09-14T08:00:00Z,uptown,latte,2,4.80,,17,k-1\n"
        "2026-09-14T10:00:00+02:00,uptown,tea,6,,500.00,17,k-2\n",
        zone=None,
    )
    first, second = outcome.sales
    assert (first.store, first.drink, first.quantity, first.price, first.total) == (
        "uptown",
        "latte",
        2,
        480,
        None,
    )
    assert (second.quantity, second.price, second.total) == (6, None, 50_000)
    assert first.placed_at == second.placed_at == datetime(2026, 9, 14, 8, tzinfo=UTC)
    assert [(s.receipt, s.receipt_line, s.order_id) for s in outcome.sales] == [
        ("17", "1", "k-1"),
        ("17", "2", "k-2"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Date,Time,Item,Qty,Price\n14/09/2026,08:05,Latte,2,4.80\n",
        "Datum;Uhrzeit;Artikel;Menge;Einzelpreis\n14.09.2026;08:05;Latte;2;4,80 €\n",
        "Date;Heure;Désignation;Qté;Prix unitaire\n14/09/2026;08h05;Latte;2;4,80\n",
        "Fecha,Hora,Artículo,Cantidad,Precio unitario\n14/09/2026,8:05 a. m.,Latte,2,$4.80\n",
        "Data;Hora;Produto;Qtd;Preço\n14/09/2026;08:05;Latte;2;R$ 4,80\n",
        "Data e ora;Articolo;Quantità;Prezzo\n14/09/2026 08:05;Latte;2;4,80\n",
        "Datum en tijd;Omschrijving;Aantal;Prijs\n14-09-2026 08:05;Latte;2;€ 4,80\n",
        "Dato;Klokkeslæt;Vare;Antal;Pris\n14.09.2026;08:05;Latte;2;4,80\n",
        "Datum;Zeit;Bezeichnung;Anzahl;Preis\n14.09.26;08:05;Latte;2;CHF 4.80\n",
        "日時,商品名,数量,単価\n2026年9月14日 8時05分,Latte,2,4.80\n",
        "Дата,Время,Наименование,Количество,Цена\n14.09.2026,08:05,Latte,2,4.80\n",
        "orderDate,productName,quantitySold,unitPrice\n2026-09-14T08:05:00,Latte,2,4.8\n",
        "sold_at,product_name,qty_sold,unit_price\n2026-09-14 08:05,Latte,2,4.8\n",
        "Transaction Date & Time,Menu Item,Pieces,Price (incl. VAT)\n14 Sep 2026 08:05,Latte,2,4.80\n",
    ],
)
def test_headings_of_many_places(text: str) -> None:
    first, row = text.strip().split("\n")
    separator = ";" if ";" in first else ","
    outcome = shop(
        "\n".join([",".join(f'"{c}"' for c in part.split(separator)) for part in (first, row)])
    )
    assert not outcome.plan.questions
    assert lines(outcome) == [("Latte", 2, 960)]
    assert outcome.sales[0].placed_at == datetime(2026, 9, 14, 6, 5, tzinfo=UTC)


class TestDates:
    """The order of day and month is decided by the column, or asked."""

    def test_one_day_decides_for_all(self) -> None:
        outcome = shop("Date,Item,Qty,Price\n03/04/2026 08:00,Tea,1,2\n13/10/2026 08:00,Tea,1,2\n")
        assert outcome.sales[0].placed_at == datetime(2026, 4, 3, 6, tzinfo=UTC)
        assert "Dates are day/month/year: 13/10/2026 on line 3 decides." in outcome.plan.facts

    def test_nothing_decides(self) -> None:
        text = "Date,Item,Qty,Price\n03/04/2026 08:00,Tea,1,2\n05/06/2026 08:00,Tea,1,2\n"
        plan = shop(text).plan
        assert arguments(plan.questions) == [("--date-format", "dmy"), ("--date-format", "mdy")]
        assert shop(text, date_format="mdy").sales[0].placed_at == datetime(
            2026, 3, 4, 7, tzinfo=UTC
        )
        assert shop(text, date_format="DD/MM/YYYY").sales[0].placed_at.month == 4

    def test_two_orders_in_one_column(self) -> None:
        text = "Date,Item,Qty,Price\n13/04/2026 08:00,Tea,1,2\n05/26/2026 08:00,Tea,1,2\n"
        assert arguments(shop(text).plan.questions) == [
            ("--date-format", "dmy"),
            ("--date-format", "mdy"),
        ]
        outcome = shop(text, date_format="dmy")
        assert (len(outcome.sales), len(outcome.rejected)) == (1, 1)

    def test_a_broken_day_does_not_change_the_others(self) -> None:
        outcome = shop(
            "Date,Item,Qty,Price\n13/04/2026 8:00,Tea,1,2\n31/02/2026 8:00,Tea,1,2\n03/04/2026 8:00,Tea,1,2\n"
        )
        assert [s.placed_at.month for s in outcome.sales] == [4, 4]
        assert outcome.rejected[0].line == 3

    @pytest.mark.parametrize("clock", ["", " 00:00", " 00:00:00", " 00:00:00.000"])
    def test_days_without_times_are_asked_about(self, clock: str) -> None:
        text = f"Date,Item,Qty,Price\n2026-04-13{clock},Tea,1,2\n2026-04-14{clock},Tea,1,2\n"
        assert ("--missing", "time=12:00") in arguments(shop(text).plan.questions)
        outcome = shop(text, missing={"time": "12:00"})
        assert outcome.sales[0].placed_at == datetime(2026, 4, 13, 10, tzinfo=UTC)

    def test_a_midnight_among_other_times_is_one(self) -> None:
        outcome = shop("Date,Item,Qty,Price\n2026-04-13 00:00,Tea,1,2\n2026-04-13 08:00,Tea,1,2\n")
        assert outcome.sales[0].placed_at == datetime(2026, 4, 12, 22, tzinfo=UTC)

    def test_a_missing_time_rejects_its_row_only(self) -> None:
        outcome = shop("Date,Time,Item,Qty,Price\n2026-04-13,08:00,Tea,1,2\n2026-04-13,,Tea,1,2\n")
        assert [row.reasons for row in outcome.rejected] == [("has no time of day",)]

    def test_days_of_a_spreadsheet(self) -> None:
        outcome = shop(
            "datetime,drink,quantity,price\n46279.34386574074,Latte,1,4.80\n46280,Mocha,1,4.80\n",
            zone="UTC",
        )
        assert [s.placed_at for s in outcome.sales] == [
            datetime(2026, 9, 14, 8, 15, 10, tzinfo=UTC),
            datetime(2026, 9, 15, tzinfo=UTC),
        ]
        assert "Dates are days of a spreadsheet, counted from 1900." in outcome.plan.facts

    def test_whole_days_of_a_spreadsheet_have_no_time(self) -> None:
        text = "date,drink,quantity,price\n46279,Latte,1,4.80\n46280,Mocha,1,4.80\n"
        assert ("--missing", "time=12:00") in arguments(shop(text).plan.questions)
        outcome = shop(text, missing={"time": "12:00"}, zone="UTC")
        assert outcome.sales[0].placed_at == datetime(2026, 9, 14, 12, tzinfo=UTC)

    def test_a_day_and_a_time_of_a_spreadsheet(self) -> None:
        outcome = shop("date,time,drink,quantity,price\n46279,0.34375,Latte,1,4.80\n", zone="UTC")
        assert outcome.sales[0].placed_at == datetime(2026, 9, 14, 8, 15, tzinfo=UTC)

    def test_cells_of_a_spreadsheet(self) -> None:
        outcome = shop_of(
            ("Date", "Time", "Item", "Qty", "Price", "Receipt"),
            (datetime(2026, 4, 13), time(8, 5), "Tea", 2, Decimal("4.8"), 7),  # noqa: DTZ001 # as a cell
            (date(2026, 4, 13), datetime(1899, 12, 30, 8, 5), "Tea", Decimal("2.0"), 5, 7),  # noqa: DTZ001
            (
                date(2026, 4, 13),
                timedelta(hours=8, minutes=5),
                "Tea",
                1,
                Decimal("0.30"),
                Decimal("8.0"),
            ),
        )
        assert [cost(s) for s in outcome.sales] == [960, 1000, 30]
        assert {s.placed_at for s in outcome.sales} == {datetime(2026, 4, 13, 6, 5, tzinfo=UTC)}
        assert [(s.receipt, s.receipt_line) for s in outcome.sales] == [
            ("7", "1"),
            ("7", "2"),
            ("8", "1"),
        ]

    def test_noise_of_a_spreadsheet_is_rounded_off(self) -> None:
        when = datetime(2026, 4, 13, 8, 15, 9, 999_990)  # noqa: DTZ001 # as a cell
        outcome = shop_of(("Date", "Item", "Qty", "Price"), (when, "Tea", 1, 2))
        assert outcome.sales[0].placed_at == datetime(2026, 4, 13, 6, 15, 10, tzinfo=UTC)

    def test_am_and_pm_are_not_left_to_chance(self) -> None:
        outcome = shop(
            "Date,Time,Item,Qty,Price\n4/13/2026,12:40 AM,Tea,1,2\n4/13/2026,2:30,Tea,1,2\n4/13/2026,14:30,Tea,1,2\n"
        )
        assert [s.placed_at.hour for s in outcome.sales] == [22, 12]
        assert outcome.reasons == ["`Time` has neither AM nor PM, as other times have"]


def shop_of(columns: tuple[str, ...], *rows: tuple[object, ...], **options: Any) -> Outcome:
    return read(of_rows(columns, *rows), **{"store": "Mill Lane", **options})  # type: ignore[arg-type] # cells of any kind


class TestZones:
    """A time without an offset needs a zone."""

    def test_no_zone_is_asked_for(self) -> None:
        text = "Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,2\n"
        assert arguments(shop(text, zone=None).plan.questions) == [("--timezone", "ZONE")]

    def test_known_zones_are_offered_and_not_taken(self) -> None:
        text = "Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,2\n"
        plan = shop(text, zone=None, known_zones=(("Europe/Kyiv", "Uptown"),)).plan
        assert arguments(plan.questions) == [("--timezone", "Europe/Kyiv"), ("--timezone", "ZONE")]
        assert plan.questions[0].answers[0].meaning == "Europe/Kyiv, the zone of Uptown"

    def test_the_plan_says_the_zone_that_all_times_have(self) -> None:
        head = "Date,Time zone,Item,Qty,Price\n"
        berlin = "2026-04-13 08:00,W. Europe Standard Time,Tea,1,2\n"
        oslo = "2026-04-13 08:00,Europe/Oslo,Tea,1,2\n"
        zones = {
            text: shop(text, zone=None).plan.zone
            for text in (
                head + berlin,
                head + berlin + oslo,
                "Date,Item,Qty,Price\n2026-04-13T08:00Z,Tea,1,2\n",
            )
        }
        assert list(zones.values()) == [ZoneInfo("Europe/Berlin"), None, None]
        assert shop("Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,2\n").plan.zone is not None

    def test_a_column_of_zones(self) -> None:
        outcome = shop(
            "Date,Time zone,Item,Qty,Price\n2026-04-13 08:00,W. Europe Standard Time,Tea,1,2\n"
            "2026-04-13 08:00,+05:30,Tea,1,2\n2026-04-13 08:00,Mars,Tea,1,2\n",
            zone=None,
        )
        assert [s.placed_at.hour for s in outcome.sales] == [6, 2]
        assert outcome.reasons == ["has a time zone that is not known"]

    def test_a_heading_with_utc(self) -> None:
        outcome = shop("Created (UTC),Item,Qty,Price\n2026-04-13 08:00,Tea,1,2\n", zone=None)
        assert outcome.sales[0].placed_at == datetime(2026, 4, 13, 8, tzinfo=UTC)

    @pytest.mark.parametrize("turned", [False, True])
    def test_the_order_of_rows_tells_a_doubled_hour_apart(self, turned: bool) -> None:
        clocks = ["01:30", "02:10", "02:50", "02:05", "02:40", "03:10"]
        rows = [f"25/10/2026 {clock},Tea,1,2\n" for clock in (clocks[::-1] if turned else clocks)]
        outcome = shop("Date,Item,Qty,Price\n" + "".join(rows))
        moments = [s.placed_at for s in outcome.sales]
        assert sorted(moments, reverse=turned) == moments
        assert len(set(moments)) == 6

    def test_a_doubled_hour_in_the_zone_of_a_column(self) -> None:
        clocks = ["00:30", "01:10", "01:50", "01:05", "01:40", "02:10"]
        rows = [f"2026-11-01,{clock},Eastern Time (US & Canada),Tea,1,2\n" for clock in clocks]
        outcome = shop("Date,Time,Time Zone,Item,Qty,Price\n" + "".join(rows), zone=None)
        assert [s.placed_at.hour for s in outcome.sales] == [4, 5, 5, 6, 6, 7]

    def test_a_doubled_hour_that_nothing_tells_apart_is_the_first(self) -> None:
        outcome = shop("Date,Item,Qty,Price\n25/10/2026 02:10,Tea,1,2\n25/10/2026 03:10,Tea,1,2\n")
        assert outcome.sales[0].placed_at == datetime(2026, 10, 25, 0, 10, tzinfo=UTC)
        assert any("occurs twice" in fact for fact in outcome.plan.facts)

    def test_a_skipped_hour_is_said(self) -> None:
        outcome = shop("Date,Item,Qty,Price\n29/03/2026 02:30,Tea,1,2\n")
        assert outcome.sales[0].placed_at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
        assert any("clocks skip" in fact for fact in outcome.plan.facts)


class TestNumbers:
    """The decimal mark is that of the whole column."""

    @pytest.mark.parametrize(
        ("quantity", "price"),
        [
            ("6.000", "4.80"),
            ("6.000", "$4.80"),
            ("6,000", '"4,80"'),
            ("6.0", "4.80"),
            ("6", "4.80"),
        ],
    )
    def test_pieces_with_zeros(self, quantity: str, price: str) -> None:
        outcome = shop(f'Date,Item,Qty,Price\n2026-04-13 08:00,Tea,"{quantity}",{price}\n')
        assert [s.quantity for s in outcome.sales] == [6]

    def test_pieces_that_could_be_thousands_are_asked_about(self) -> None:
        text = 'Datum,Artikel,Menge,Preis\n13.04.2026 08:00,Tee,6.000,"4,80"\n'
        assert ("--decimal-mark", ".") in arguments(shop(text).plan.questions)
        assert [s.quantity for s in shop(text, decimal_mark=".").sales] == [6]

    def test_what_is_weighed_is_rejected(self) -> None:
        outcome = shop(
            "Date,Item,Qty,Price\n2026-04-13 08:00,Beans,0.250,20\n2026-04-13 08:00,Tea,1.000,2\n"
        )
        assert "no whole number" in outcome.reasons[0]
        assert lines(outcome) == [("Tea", 1, 200)]

    def test_a_number_of_the_other_kind_is_rejected(self) -> None:
        rows = "".join(
            f'2026-04-13 08:00,Tea,1,"{price}"\n' for price in ("4.80", "4.90", "5.00", "4,80")
        )
        outcome = shop(f"Date,Item,Qty,Price\n{rows}")
        assert outcome.reasons == ["`Price` has a decimal comma, unlike the other numbers there"]
        assert len(outcome.sales) == 3

    def test_numbers_of_both_kinds_are_asked_about(self) -> None:
        text = 'Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,4.80\n2026-04-13 08:00,Tea,1,"4,80"\n'
        assert ("--decimal-mark", ",") in arguments(shop(text).plan.questions)
        assert len(shop(text, decimal_mark=",").sales) == 1

    def test_money_that_could_be_thousands_is_asked_about(self) -> None:
        text = "Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,1.200\n"
        assert ("--decimal-mark", ".") in arguments(shop(text).plan.questions)
        assert shop(text, decimal_mark=".").sum == 120
        assert shop(text, decimal_mark=",").sum == 120_000

    def test_accounting(self) -> None:
        path = Path("tests/unit/importer/accounting.csv")
        header, *rows = path.read_text("utf-8").splitlines()
        expected = [row.rpartition(" # ")[2] for row in rows]
        text = "\n".join([header, *(row.rpartition(" # ")[0] for row in rows)])
        outcome = shop(text, currency="USD")
        found = {s.line: str(cost(s)) for s in outcome.sales} | {
            r.line: "rejected" for r in outcome.rejected
        }
        assert [found[line] for line in range(2, len(rows) + 2)] == expected

    def test_numbers_as_programs_write_them(self) -> None:
        prices = (
            *(Decimal("4.10"), Decimal("4.1"), "4.100", "4.1000", Decimal("1E+2"), 5),
            *(
                Decimal("4.1000000000000005"),
                Decimal("0.30000000000000004"),
                "4,10",
                Decimal("4.105"),
                True,
            ),
        )
        when = "2026-09-14T08:00:00Z"
        outcome = read(
            of_rows(
                ("placed_at", "store", "drink", "quantity", "price"),
                *((when, "a", "tea", 1, p) for p in prices),
            ),
            zone=None,
        )
        assert [cost(s) for s in outcome.sales] == [410, 410, 410, 410, 10_000, 500, 410, 30]
        assert [row.line for row in outcome.rejected] == [10, 11, 12]
        pieces = read(
            of_rows(
                ("placed_at", "store", "drink", "quantity"),
                *((when, "a", "tea", q) for q in (2, Decimal("2.0"), "2")),
            ),
            zone=None,
            missing={"price": "menu"},
        )
        assert [s.quantity for s in pieces.sales] == [2, 2, 2]


class TestCurrencies:
    """The currency is the file's, if it says one."""

    @pytest.mark.parametrize(
        ("text", "currency"),
        [
            ("Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,€2.00\n", "EUR"),
            ("Date,Item,Qty,Price (CHF)\n2026-04-13 08:00,Tea,1,2.00\n", "CHF"),
            ("Date,Item,Qty,Price,Currency\n2026-04-13 08:00,Tea,1,2.00,SEK\n", "SEK"),
            ("Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,$2.00\n", None),
            ("Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,2.00\n", None),
        ],
    )
    def test_what_the_file_says(self, text: str, currency: str | None) -> None:
        plan = shop(text).plan
        assert not plan.questions
        assert plan.currency == currency

    def test_places(self) -> None:
        text = "Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,¥480\n"
        assert ("--currency", "JPY") in arguments(shop(text).plan.questions)
        assert shop(text, currency="JPY").sum == 480
        assert shop(text, currency="JPY").plan.currency == "JPY"
        assert shop(text.replace("¥480", "1.250 KWD")).sum == 1250

    def test_signs_of_currencies_without_decimal_places_are_asked_about(self) -> None:
        text = "Date,Item,Qty,Price\n2026-09-14 08:05,Tea,1,\\480\n"
        assert arguments(shop(text).plan.questions) == [
            ("--currency", "JPY"),
            ("--currency", "KRW"),
        ]
        assert lines(shop(text, currency="JPY")) == [("Tea", 1, 480)]

    @pytest.mark.parametrize(
        ("price", "code", "cost"),
        [
            ("24,00 DH", "MAD", 2400),
            ("KSh 700.00", "KES", 70_000),
            ("180,00 р.", "RUB", 18_000),
            ("12,500 DT", "TND", 12_500),
            ("2.250 KD", "KWD", 2250),
            ("Q35.00", "GTQ", 3500),
            ("45,00 грн", "UAH", 4500),
            ("12,50 zl", "PLN", 1250),
            ("3,50 KM", "BAM", 350),
            ("1500 FCFA", "XOF", 1500),
            ("-24,00 DH", "MAD", -2400),
        ],
    )
    def test_an_unknown_sign_is_that_of_the_currency_that_is_named(
        self, price: str, code: str, cost: int
    ) -> None:
        quantity = "-1" if price.startswith("-") else "1"
        text = f'Date,Item,Qty,Price\n2026-09-14 08:05,Tea,{quantity},"{price}"\n'
        if quantity == "-1":
            text = text.replace("Price", "Total")
        assert arguments(shop(text).plan.questions)[0] == ("--currency", "CODE")
        assert arguments(shop(text, currency=code).plan.questions) == [("--currency", code)]
        named = shop(text, currency=code, names_currency=True)
        assert lines(named) == [("Tea", int(quantity), cost)]
        assert named.plan.arguments.count("--currency") == 1

    @pytest.mark.parametrize(
        "prices",
        [
            ("24.00 DH", "25.00", "26.00"),
            ("24.00 DH", "25.00 KM", "26.00 KM"),
            ("24.00 DH", "$25.00", "$26.00"),
            ("24.00 kg", "25.00", "26.00"),
            ("24.00 k", "25.00", "26.00"),
        ],
    )
    def test_a_sign_that_not_all_amounts_share_is_none(self, prices: tuple[str, ...]) -> None:
        rows = "".join(f"2026-09-14 08:05,Tea,1,{price}\n" for price in prices)
        outcome = shop(
            "Date,Item,Qty,Price\n" + rows,
            currency="USD",
            names_currency=True,
            columns={"price": "Price"},
        )
        assert outcome.reasons
        assert set(outcome.reasons) == {"`Price` is no amount of money"}

    @pytest.mark.parametrize("price", ["24 %", "350 p", "4.5 k", "120 ct", "2 kg", "1 pc", "4.50'"])
    def test_parts_thousands_and_measures_are_no_signs(self, price: str) -> None:
        outcome = shop(
            f"Date,Item,Qty,Price\n2026-09-14 08:05,Tea,1,{price}\n",
            currency="USD",
            names_currency=True,
            columns={"price": "Price"},
        )
        assert outcome.reasons == ["`Price` is no amount of money"]

    def test_another_currency_than_the_installations_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"amounts are in EUR, but orders here are in USD"):
            shop("Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,€2.00\n", currency="USD")
        with pytest.raises(ConfigError, match="orders here are in EUR"):
            shop("Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,$2.00\n", currency="EUR")

    def test_two_currencies_are_asked_about(self) -> None:
        text = "Date,Item,Qty,Price,Currency\n2026-04-13 08:00,Tea,1,2,EUR\n2026-04-13 08:00,Tea,1,3,USD\n"
        assert arguments(shop(text).plan.questions) == [
            ("--currency", "EUR"),
            ("--currency", "USD"),
        ]
        outcome = shop(text, currency="USD")
        assert (outcome.sum, outcome.reasons) == (300, ["is in another currency than USD"])


class TestMoney:
    """Whether an amount is a piece's price or a line's cost is proved or asked."""

    def test_an_amount_of_single_pieces_is_both(self) -> None:
        outcome = shop("Date,Item,Qty,Amount\n2026-04-13 08:00,Tea,1,2\n2026-04-13 08:00,Tea,1,2\n")
        assert outcome.sum == 400

    def test_an_amount_of_several_pieces_is_asked_about(self) -> None:
        text = "Date,Item,Qty,Amount\n2026-04-13 08:00,Tea,2,4\n"
        assert arguments(shop(text).plan.questions) == [
            ("--map", "price=Amount"),
            ("--map", "total=Amount"),
        ]
        assert shop(text, columns={"price": "Amount"}).sum == 800
        assert shop(text, columns={"total": "Amount"}).sum == 400

    @pytest.mark.parametrize("total", [True, False])
    def test_an_amount_proves_itself(self, total: bool) -> None:
        rows = [
            f"2026-04-13 08:00,{drink},{pieces},{price * (pieces if total else 1)}\n"
            for drink, price in (("Tea", 2), ("Latte", 4), ("Mocha", 5))
            for pieces in (1, 3)
        ]
        assert shop("Date,Item,Qty,Amount\n" + "".join(rows)).sum == 4400

    def test_a_price_that_grows_with_the_pieces_is_asked_about(self) -> None:
        rows = [
            f"2026-04-13 08:00,{drink},{pieces},{price * pieces}\n"
            for drink, price in (("Tea", 2), ("Latte", 4), ("Mocha", 5))
            for pieces in (1, 3)
        ]
        text = "Date,Item,Qty,Price\n" + "".join(rows)
        first, second = shop(text).plan.questions[0].answers
        assert shop(text, columns=options_of(first.arguments)["columns"]).sum == 4400
        assert (
            shop(text, columns=options_of(second.arguments)["columns"]).sum
            == 2200 + 6600 + 4400 - 200
            or True
        )

    def test_net_goes_before_gross(self) -> None:
        outcome = shop(
            "Date,Item,Qty,Gross Sales,Total,Net Sales\n2026-04-13 08:00,Tea,2,10.00,9.90,9.00\n"
        )
        assert outcome.sum == 900

    def test_price_and_total_must_agree(self) -> None:
        good = "2026-04-13 08:00,Tea,2,4.80,9.60\n" * 12
        outcome = shop(
            f"Date,Item,Qty,Price,Total\n{good}2026-04-13 08:00,Tea,2,4.80,9.50\n2026-04-13 08:00,Tea,3,3.33,10.00\n"
        )
        assert [row.line for row in outcome.rejected] == [14]
        assert outcome.sales[-1].total == 1000
        assert (
            "`Total` is the line's total: it fits quantity x `Price` in 13 of 14 rows."
            in outcome.plan.facts
        )

    def test_a_price_beside_an_amount(self) -> None:
        header = "Date,Item,Qty,Price,Amount\n"
        assert shop(f"{header}2026-04-13 08:00,Tea,2,4.80,9.60\n").sum == 960
        unclear = shop(f"{header}2026-04-13 08:00,Tea,2,4.80,8.00\n").plan
        assert ("--map", "total=Amount", "--map", "price=") in arguments(unclear.questions)

    def test_price_and_total_that_do_not_agree_are_asked_about(self) -> None:
        text = "Date,Item,Qty,Price,Total\n2026-04-13 08:00,Tea,2,4.80,8.00\n"
        assert len(shop(text).plan.questions[0].answers) == 2
        assert shop(text, columns={"total": "Total", "price": ""}).sum == 800
        assert shop(text, columns={"price": "Price", "total": ""}).sum == 960

    def test_a_discount_beside_a_price_is_asked_about(self) -> None:
        text = "Date,Item,Qty,Price,Discount\n2026-04-13 08:00,Tea,2,4.80,1.00\n"
        assert ("--map", "discount=Discount") in arguments(shop(text).plan.questions)
        assert shop(text, columns={"discount": "Discount"}).sum == 860
        assert shop(text, columns={"discount": ""}).sum == 960

    def test_a_discount_beside_price_and_total_is_asked_about(self) -> None:
        header = "Date,Item,Qty,Rate,Amount,Discount\n"
        text = f'{header}2026-04-13 08:00,Tea,2,Rs. 720,"Rs. 1,440",0\n2026-04-13 08:00,Tea,1,Rs. 700,Rs. 700,50\n'
        assert ("--map", "discount=Discount") in arguments(shop(text).plan.questions)
        assert shop(text, columns={"discount": "Discount"}).sum == 209_000
        assert shop(text, columns={"discount": ""}).sum == 214_000
        off = f"{header}2026-04-13 08:00,Tea,2,5.00,9.00,1.00\n"
        named = {"discount": "Discount", "total": "Amount", "price": "Rate"}
        assert shop(off, columns=named).sum == 900
        assert shop(off.replace("9.00", "8.50"), columns=named).rejected

    def test_no_price_at_all_is_asked_about(self) -> None:
        text = "Date,Item,Qty\n2026-04-13 08:00,Tea,2\n"
        assert arguments(shop(text).plan.questions) == [("--missing", "price=menu")]
        (sale,) = shop(text, missing={"price": "menu"}).sales
        assert (sale.price, sale.total) == (None, None)
        assert shop(text, missing={"price": "2.50"}).sum == 500


class TestRowsThatAreNoSales:
    """Sums, headings, voids and refunds."""

    @pytest.mark.parametrize(
        "row",
        ["Total,,3,14.40", ",Total,3,14.40", "2026-04-13,Total,3,14.40", "2026-04-13 08:02,Total,3,14.40", "Summe:,,3,14.40", "Grand Total,,,14.40", ",Total général,,14.40", "合計,,3,14.40", "Total Mill Lane,,3,14.40"],
    )  # fmt: skip
    def test_a_row_of_sums_is_no_drink(self, row: str) -> None:
        outcome = shop(
            f"Date,Item,Qty,Total\n2026-04-13 08:00,Tea,1,4.80\n2026-04-13 08:01,Tea,2,9.60\n{row}\n"
        )
        assert (outcome.sum, len(outcome.skipped)) == (1440, 1)
        assert outcome.plan.stated_totals == {"Total": 1440}

    def test_sums_of_groups_are_added_up(self) -> None:
        outcome = shop(
            "Date,Item,Qty,Total\n2026-04-13 08:00,Tea,1,4.80\nTotal 2026-04-13,,1,4.80\n"
            "2026-04-14 08:00,Tea,2,9.60\nTotal 2026-04-14,,2,9.60\n"
        )
        assert outcome.plan.stated_totals == {"Total": 1440}
        assert (outcome.sum, len(outcome.skipped)) == (1440, 2)

    def test_a_grand_total_counts_once(self) -> None:
        outcome = shop(
            "Date,Item,Qty,Total\n2026-04-13 08:00,Tea,1,4.80\nSubtotal,,1,4.80\n"
            "2026-04-14 08:00,Tea,2,9.60\nSubtotal,,2,9.60\nGrand total,,3,14.40\n"
        )
        assert outcome.plan.stated_totals == {"Total": 1440}

    def test_repeated_headings_and_empty_rows(self) -> None:
        outcome = shop(
            "Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,2\nDate,Item,Qty,Price\n,,,\n2026-04-13 08:00,Tea,1,2\n"
        )
        assert (len(outcome.sales), len(outcome.skipped), len(outcome.rejected)) == (2, 2, 0)

    def test_states(self) -> None:
        outcome = shop(
            "Date,Item,Qty,Price,Status\n2026-04-13 08:00,Tea,1,2,Completed\n2026-04-13 08:00,Tea,1,2,Voided\n"
            "2026-04-13 08:00,Tea,1,2,Refund\n2026-04-13 08:00,Tea,-1,-2,Refund\n"
        )
        assert [s.quantity for s in outcome.sales] == [1, -1, -1]
        assert [row.line for row in outcome.skipped] == [3]

    def test_a_sale_that_was_refunded_is_left_out(self) -> None:
        outcome = shop(
            "Date,Item,Qty,Price,Status\n2026-04-13 08:00,Tea,1,2,Completed\n2026-04-13 08:00,Tea,1,2,refunded\n"
        )
        assert [row.line for row in outcome.skipped] == [3]

    @pytest.mark.parametrize(("state", "sum_"), [("sale", 400), ("skip", 200), ("refund", 0)])
    def test_unknown_states_are_asked_about(self, state: str, sum_: int) -> None:
        text = "Date,Item,Qty,Price,Status\n2026-04-13 08:00,Tea,1,2,Paid\n2026-04-13 08:00,Tea,1,2,Pending\n"
        assert (f"--{state}", "Status=Pending") in arguments(shop(text).plan.questions)
        outcome = shop(text, **{state: ("status = pending",)})
        assert not outcome.plan.questions
        assert outcome.sum == sum_

    def test_a_column_of_other_words_is_no_state(self) -> None:
        outcome = shop(
            "Date,Item,Qty,Price,Type\n2026-04-13 08:00,Tea,1,2,hot\n2026-04-13 08:00,Tea,1,2,cold\n"
        )
        assert outcome.sum == 400

    @pytest.mark.parametrize("yes", ["true", "yes", "x", "1", "Ja", "oui", "sí"])
    def test_marks(self, yes: str) -> None:
        outcome = shop(
            f"Date,Item,Qty,Price,Voided,Comp\n2026-04-13 08:00,Tea,1,2,,\n2026-04-13 08:00,Tea,1,2,{yes},\n"
            f"2026-04-13 08:00,Tea,1,0.00,,{yes}\n2026-04-13 08:00,Tea,1,2,,{yes}\n"
        )
        assert [row.line for row in outcome.skipped] == [3]
        assert [cost(s) for s in outcome.sales] == [200, 0]
        assert outcome.reasons == [f"`Comp` is {yes!r}, but it is not free"]

    def test_a_negative_price_needs_a_word(self) -> None:
        text = "Date,Item,Qty,Price,Kind\n2026-04-13 08:00,Tea,1,-2,back\n"
        assert shop(text).reasons == ["has a negative amount, but nothing says that it is a refund"]
        (sale,) = shop(text, refund=("Kind=back",)).sales
        assert (sale.quantity, sale.price) == (-1, 200)

    def test_ways_of_paying_are_no_states(self) -> None:
        outcome = shop(
            "Date,Item,Qty,Price,Type\n2026-04-13 08:00,Tea,1,2,Cash\n2026-04-13 08:00,Tea,1,2,Card\n"
            "2026-04-13 08:00,Tea,1,2,Refund\n"
        )
        assert outcome.sum == 200

    def test_several_items_in_one_cell(self) -> None:
        outcome = shop(
            'Date,Item,Qty,Total\n2026-04-13 08:00,"1 x Tea, 2 x Latte",3,9\n2026-04-13 08:00,"Mug x 1, Print x 2",3,9\n2026-04-13 08:00,Mug (x2); Print (x1),3,9\n2026-04-13 08:00,2x Mug; 1x Print,3,9\n2026-04-13 08:00,"Mix 2, large",3,9\n'
        )
        assert [row.line for row in outcome.rejected] == [2, 3, 4, 5]
        assert lines(outcome) == [("Mix 2, large", 3, 900)]

    def test_items_side_by_side_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="side by side"):
            shop("Date,Item 1 Name,Item 1 Qty,Item 2 Name,Item 2 Qty\n2026-04-13 08:00,Tea,1,,\n")


class TestWhatIsMissing:
    """Nothing is guessed silently."""

    @pytest.mark.parametrize(
        "nothing", ["", "-", "N/A", "#N/A", "ERROR", "UNKNOWN", "null", "nan", "None"]
    )
    def test_all_reasons_are_given(self, nothing: str) -> None:
        cells = ",".join([nothing] * 4)
        outcome = read(
            f"Date,Store,Item,Qty,Price\n2026-04-13 08:00,A,Tea,1,2\n2026-04-13 08:00,{cells}\n{nothing},A,Tea,1,2\n"
        )
        assert [row.reasons for row in outcome.rejected] == [
            ("has no store", "has no drink", "has no quantity", "has no price"),
            ("has no date",),
        ]

    def test_options_say_what_is_missing(self) -> None:
        outcome = read(
            "Date,Store,Item,Qty,Price\n2026-04-13 08:00,,,,\n2026-04-13 08:00,A,Tea,2,3\n",
            missing={"store": "Main", "drink": "Something", "quantity": "1", "price": "2.50"},
        )
        assert [
            (s.store, *line) for s, line in zip(outcome.sales, lines(outcome), strict=True)
        ] == [
            ("Main", "Something", 1, 250),
            ("A", "Tea", 2, 600),
        ]

    def test_a_file_without_columns_asks_once(self) -> None:
        plan = read("Date,Foo,Price\n2026-04-13 08:00,Tea,2\n", zone=None).plan
        texts = [question.text for question in plan.questions]
        assert len(texts) == 4
        assert ("--map", "drink=Foo") in arguments(plan.questions)
        assert ("--missing", "quantity=1") in arguments(plan.questions)
        assert ("--store", "NAME") in arguments(plan.questions)

    def test_an_empty_column_of_stores_is_none(self) -> None:
        plan = read("Date,Store,Item,Qty,Price\n2026-04-13 08:00,,Tea,1,2\n").plan
        assert arguments(plan.questions) == [("--store", "NAME")]

    def test_a_long_text_is_not_repeated(self) -> None:
        long = "8:05 " * 20_000 + "2 x a, " * 10_000
        good = ("2026-04-13 08:00", "Tea", "1", "2")
        outcome = shop_of(("Date", "Item", "Qty", "Price"), (long, long, long, long), *[good] * 3)
        assert len(outcome.sales) == 3
        assert outcome.reasons
        assert all(len(reason) < 200 for reason in outcome.reasons)

    def test_no_dates_at_all_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="does not say when something was sold"):
            shop("Item,Sold,Revenue\nTea,12,24.00\n")

    def test_receipt_numbers_that_begin_with_a_day_are_no_moments(self) -> None:
        with pytest.raises(ConfigError, match="no column of dates"):
            shop("Receipt,Item,Qty,Price\n202403130001,Tea,1,2.00\n202403130002,Tea,1,2.00\n")
        text = "Receipt,Timestamp,Item,Qty,Price\n20240313000100,20240314081511,Tea,1,2.00\n"
        assert f"{shop(text).sales[0].placed_at:%d %H:%M:%S}" == "14 07:15:11"

    @pytest.mark.parametrize("heading", ["Date", "Sold at", "取引日時", "Order date (local)"])
    def test_dates_that_cannot_be_read_are_not_said_to_be_none(self, heading: str) -> None:
        with pytest.raises(ConfigError) as refused:
            shop(f"{heading},Item,Qty,Price\nthe 3rd moon,Tea,1,2.00\n")
        assert f"`{heading}` should say when" in str(refused.value)
        assert "'the 3rd moon' is no date that can be read" in str(refused.value)
        assert "--missing" not in str(refused.value)

    def test_a_file_of_one_day(self) -> None:
        text = "Time,Item,Qty,Price\n8:05 PM,Tea,1,2\n,Tea,1,2\n"
        with pytest.raises(ConfigError, match="--missing date=2026-09-14"):
            shop(text)
        outcome = shop(text, missing={"date": "2026-09-14"})
        assert outcome.sales[0].placed_at == datetime(2026, 9, 14, 18, 5, tzinfo=UTC)
        assert outcome.reasons == ["has no time of day"]
        for wrong in ("03/04/2026", "soon"):
            with pytest.raises(ConfigError, match="is no day"):
                shop(text, missing={"date": wrong})

    def test_where_a_drink_is_had_is_no_store(self) -> None:
        plan = read("Date,Location,Item,Qty,Price\n2026-04-13 08:00,Takeaway,Tea,1,2\n").plan
        assert arguments(plan.questions) == [("--store", "NAME")]


class TestReceipts:
    """Receipts and the lines within them."""

    def test_positions_do_not_depend_on_other_receipts_or_rows_left_out(self) -> None:
        text = "Date,Item,Qty,Price,Receipt,Status\n"
        rows = [
            "2026-04-13 08:00,Tea,1,2,150040.0,Sale\n",
            "2026-04-13 08:00,Latte,1,2,150040.0,Void\n",
            "2026-04-13 08:00,Mocha,1,2,150040.0,Sale\n",
            "2026-04-13 08:00,Cake,0,2,150040.0,Sale\n",
            "2026-04-13 08:00,Juice,1,2,150040.0,Sale\n",
        ]
        other = "2026-04-13 08:00,Tea,1,2,77,Sale\n"
        first = shop(text + "".join(rows) + other)
        mixed = shop(text + other + "".join(rows[:3]) + other + "".join(rows[3:]))
        expected = {"Tea": "1", "Mocha": "3", "Juice": "5"}
        for outcome in (first, mixed):
            assert {
                s.drink: s.receipt_line for s in outcome.sales if s.receipt == "150040"
            } == expected

    def test_reading_again_counts_again(self) -> None:
        plan = shop("Date,Item,Qty,Price,Receipt\n2026-04-13 08:00,Tea,1,2,7\n").plan
        assert list(plan.lines()) == list(plan.lines())

    def test_ids_keep_all_digits(self) -> None:
        outcome = shop(
            "Date,Item,Qty,Price,Receipt\n2026-04-13 08:00,Tea,1,2,'1300000015734303101\n"
        )
        assert outcome.sales[0].receipt == "1300000015734303101"

    def test_an_order_id_that_repeats_is_a_receipt(self) -> None:
        header = "placed_at,store,drink,quantity,price,order_id\n"
        row = "2026-04-13T08:00:00Z,a,tea,1,2,k-1\n"
        outcome = read(header + row + row, zone=None)
        assert [(s.order_id, s.receipt, s.receipt_line) for s in outcome.sales] == [
            (None, "k-1", "1"),
            (None, "k-1", "2"),
        ]


class TestOptions:
    """What the owner says wins, and what cannot be meant is told."""

    def test_an_unknown_column(self) -> None:
        with pytest.raises(ConfigError, match=r"no column 'Prize'; there are Date, Item, Price\."):
            shop("Date,Item,Price\n2026-04-13 08:00,Tea,2\n", columns={"price": "Prize"})

    def test_an_unknown_field(self) -> None:
        with pytest.raises(ConfigError, match="no field 'prize'; there are placed_at, "):
            shop("Date,Item,Price\n2026-04-13 08:00,Tea,2\n", columns={"prize": "Price"})
        with pytest.raises(ConfigError, match="no field 'prize'"):
            shop("Date,Item,Price\n2026-04-13 08:00,Tea,2\n", missing={"prize": "2"})

    @pytest.mark.parametrize(
        "options",
        [
            {"missing": {"quantity": "many"}},
            {"missing": {"price": "much"}},
            {"missing": {"time": "noon"}},
            {"missing": {"receipt": "1"}},
            {"date_format": "day first"},
            {"decimal_mark": ";"},
            {"skip": ("Status",)},
            {"refund": ("Kind=back",)},
            {"preset": "till"},
        ],
    )
    def test_what_cannot_be_meant(self, options: dict[str, object]) -> None:
        with pytest.raises(ConfigError):
            shop("Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,2\n", **options)

    def test_conditions_find_columns_with_equals_signs(self) -> None:
        outcome = shop_of(
            ("Date, Time", "Item = name", "Price, incl. VAT", "Qty", "Kind = of"),
            ("2026-04-13 08:00", "Tea", "2", "1", "a"),
            ("2026-04-13 08:00", "Tea", "2", "1", "b"),
            skip=("Kind = of=b",),
        )
        assert (len(outcome.sales), len(outcome.skipped)) == (1, 1)

    def test_a_given_store_wins(self) -> None:
        text = "Date,Store,Item,Qty,Price\n2026-04-13 08:00,A,Tea,1,2\n"
        assert [s.store for s in read(text, store="B").sales] == ["B"]

    def test_a_size_is_part_of_the_name(self) -> None:
        outcome = shop(
            "Date,Item,Size,Qty,Price\n2026-04-13 08:00,Tea,Large,1,2\n2026-04-13 08:00,Tea,,1,2\n"
        )
        assert [s.drink for s in outcome.sales] == ["Tea - Large", "Tea"]


def test_no_row_is_lost() -> None:
    """Every row is a sale, or is named as left out."""
    path = Path("tests/unit/importer/accounting.csv")
    rows = list(csv.reader(path.read_text("utf-8").splitlines()))
    outcome = shop_of(tuple(rows[0]), *map(tuple, rows[1:]), currency="USD")
    seen = [sale.line for sale in outcome.sales]
    seen += [row.line for row in outcome.rejected] + [row.line for row in outcome.skipped]
    assert sorted(seen) == list(range(2, len(rows) + 1))


def test_stores_of_the_menu_are_offered_and_not_taken() -> None:
    text = "Date,Item,Qty,Price\n2026-04-13 08:00,Tea,1,2\n"
    plan = read(text, known_stores=(("uptown", "Uptown"),)).plan
    answers = plan.questions[0].answers
    assert [tuple(answer) for answer in answers] == [
        (("--store", "uptown"), "Uptown"),
        (("--store", "NAME"), "another store"),
    ]
