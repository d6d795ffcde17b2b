"""Each known export, with the header that real files have, and rows of our own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from coffeert.errors import ConfigError
from coffeert.importer.meaning.presets import known_presets, preset_named, read_preset, recognised
from tests.unit.importer.meanings import cost, read, table

SQUARE_24 = (
    "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Modifiers Applied,Gross Sales,Discounts,Net Sales,Tax,"
    "Transaction ID,Payment ID,Device Name,Notes,Details,Event Type,Location,Dining Option,Customer ID,Customer Name,"
    "Customer Reference ID"
)
SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Taxes,Total,Created at,Lineitem quantity,"
    "Lineitem name,Lineitem price,Cancelled at,Refunded Amount,Location,Id,Lineitem discount"
)
LOYVERSE = (
    "Date,Receipt number,Receipt type,Category,SKU,Item,Variant,Modifiers applied,Quantity,Gross sales,Discounts,"
    "Net sales,Cost of goods,Gross profit,Taxes,Dining option,POS,Store,Cashier name,Customer name,Customer contacts,"
    "Comment,Status"
)
VEND = (
    "Sale Date,Sale Time,Invoice Number,Line Type,Customer Code,Customer Name,Customer Email,Do not email,Sale Note,"
    "Quantity,Price,Tax,Discount,Loyalty,Total,Paid,Details,Register,User,Status,Product Sku"
)


@dataclass(frozen=True)
class Case:
    """An export, and what it means: drinks with pieces and cost, the first moment, rows left out."""

    preset: str
    text: str
    lines: list[tuple[str, int, int]]
    first: datetime
    skipped: int = 0
    rejected: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    receipts: list[tuple[str | None, str | None]] | None = None


CASES = [
    Case(
        "coffeert-export",
        """order_id,store,drink,quantity,price,placed_at,received_at,voids,total,source,receipt
0192f1aa-0000-7000-8000-000000000001,uptown,latte,2,4.80,2026-09-14T08:00:00+00:00,2026-09-14T08:00:00+00:00,,,,
0192f1aa-0000-7000-8000-000000000002,uptown,latte,6,4.17,2026-09-14T08:05:00+00:00,2026-09-14T08:05:00+00:00,,25.00,till,17
0192f1aa-0000-7000-8000-000000000003,uptown,latte,-2,4.80,2026-09-14T08:00:00+00:00,2026-09-14T08:06:00+00:00,0192f1aa-0000-7000-8000-000000000001,,,
""",
        [("latte", 2, 960), ("latte", 6, 2500), ("latte", -2, -960)],
        datetime(2026, 9, 14, 8, 0, tzinfo=UTC),
        receipts=[(None, None), ("17", "1"), (None, None)],
    ),
    Case(
        "square-items",
        f"""{SQUARE_24},Unit,Count,GTIN,Itemization Type,Commission,Employee,Fulfillment Note,Channel,Token,Card Brand,PAN Suffix
2026-07-18,12:59:30,Eastern Time (US & Canada),Bar,Latte,1.0,Large,,"Oat, Vanilla",$8.00,$0.00,$8.00,$0.64,t1,p1,,"",,Payment,Harbor,,,,,ea,1,,,,,,,,,
2026-07-18,12:59:30,Eastern Time (US & Canada),Bar,Latte,1.0,Large,,"Oat, Vanilla",$8.00,$0.00,$8.00,$0.64,t1,p1,,"",,Payment,Harbor,,,,,ea,1,,,,,,,,,
2026-07-18,11:00:00,Eastern Time (US & Canada),Bar,Beans,12.0,Regular,,,"$1,149.00",-$149.00,"$1,000.00",$0.00,t2,p2,,"",,Payment,Harbor,,,,,ea,12,,,,,,,,,
2026-07-18,10:00:00,Eastern Time (US & Canada),Bar,Mocha,-1.0,,,,-$6.00,$0.00,-$6.00,$0.00,t3,p3,,"",,Refund,Harbor,,,,,ea,-1,,,,,,,,,
2026-07-18,09:00:00,Eastern Time (US & Canada),Bar,Tea (Voided),1.0,,,,$3.00,$0.00,$3.00,$0.00,t4,p4,,"",,Payment,Harbor,,,,,ea,1,,,,,,,,,
""",
        [
            ("Latte - Large", 1, 800),
            ("Latte - Large", 1, 800),
            ("Beans", 12, 100_000),
            ("Mocha", -1, -600),
        ],
        datetime(2026, 7, 18, 16, 59, 30, tzinfo=UTC),
        skipped=1,
        options={"zone": None},
        receipts=[("t1", "1"), ("t1", "2"), ("t2", "1"), ("t3", "1")],
    ),
    Case(
        "square-items",  # opened and saved by a spreadsheet
        f"""{SQUARE_24}
1/13/23,2:30:00 PM,Pacific Time (US & Canada),Bar,Latte,2,Large,,,$8.00 ,$0.00 ,$8.00 ,,t1,p1,,,,Payment,Harbor,,,,
1/12/23,2:30:00 PM,Pacific Time (US & Canada),Bar,Latte,-1,Large,,,($4.00),$0.00 ,($4.00),,t1,p1,,,,Refund,Harbor,,,,
""",
        [("Latte - Large", 2, 800), ("Latte - Large", -1, -400)],
        datetime(2023, 1, 13, 22, 30, tzinfo=UTC),
        options={"zone": None},
    ),
    Case(
        "toast-items",
        """Location,Order Id,Order #,Sent Date,Order Date,Check Id,Server,Table,Dining Area,Service,Dining Option,Item Selection Id,Item Id,Master Id,SKU,PLU,Menu Item,Menu Subgroup(s),Menu Group,Menu,Sales Category,Gross Price,Discount,Net Price,Qty,Tax,Void?,Deferred,Tax Exempt,Tax Inclusion Option,Dining Option Tax,Tab Name
Mill Lane,1300000015734303101,1,10/8/26 12:19 AM,10/8/26 12:18 AM,1,A,4,,,,1300000015734303102,1,1,,,Cortado,,,,Coffee,28.00,0.00,28.00,2.0,1.99000000,false,false,,,,
Mill Lane,1300000015734303101,1,10/8/26 5:19 PM,10/8/26 5:18 PM,1,A,4,,,,1300000015734303103,1,1,,,Cortado,,,,Coffee,"1,013.00",0.00,"1,013.00",1.0,0,true,false,,,,
Mill Lane,1300000015734303102,2,10/8/26 5:19 PM,10/8/26 5:18 PM,1,A,4,,,,1300000015734303104,1,1,,,Cookie,,,,Food,4.00,4.00,0.00,1.0,0,false,false,,,,
Mill Lane,1300000015734303102,2,10/8/26 5:19 PM,10/8/26 5:18 PM,1,A,4,,,,1300000015734303105,1,1,,,Gift card,,,,Food,50.00,0.00,50.00,1.0,0,false,true,,,,
""",
        [("Cortado", 2, 2800), ("Cookie", 1, 0)],
        datetime(2026, 10, 8, 4, 18, tzinfo=UTC),
        skipped=2,
        options={"zone": "America/New_York"},
        receipts=[
            ("1300000015734303101", "1300000015734303102"),
            ("1300000015734303102", "1300000015734303104"),
        ],
    ),
    Case(
        "shopify-orders",
        f"""{SHOPIFY}
#1001,a@b,paid,2026-09-10 09:00:00 -0400,fulfilled,USD,15.50,1.24,16.74,2026-09-10 09:00:00 -0400,2,Latte - Large,5.50,,0.00,Pier,1,1.00
#1001,a@b,,,,,,,,2026-09-10 09:00:00 -0400,1,Cookie,4.50,,,,,
#1002,,refunded,2026-09-10 10:00:00 -0400,fulfilled,USD,5.50,0.44,5.94,2026-09-10 10:00:00 -0400,1,Latte,5.50,,5.94,Pier,2,
#1002,,,,,,,,,,1,Cookie,4.50,,,,,
#1003,,paid,2026-09-10 11:00:00 -0400,,USD,5.50,0.44,5.94,2026-09-10 11:00:00 -0400,1,Latte,5.50,2026-09-11 09:00:00 -0400,0,Pier,3,
""",
        [("Latte - Large", 2, 1000), ("Cookie", 1, 450)],
        datetime(2026, 9, 10, 13, tzinfo=UTC),
        skipped=3,
        options={"zone": None},
        receipts=[("#1001", "1"), ("#1001", "2")],
    ),
    Case(
        "loyverse-items",
        f"""{LOYVERSE}
7/28/26 1:33 PM,2-1678,Sale,Bar,10,Latte,Large,,1.000,148.88,0.00,148.88,0,0,0,,POS 1,Main,A,,,,Closed
7/28/26 1:35 PM,2-1679,Sale,Bar,10,Latte,,,6.000,600.00,100.00,500.00,0,0,0,,POS 1,Main,A,,,,Closed
7/28/26 1:36 PM,2-1680,Refund,Bar,10,Latte,,,1.000,148.88,0.00,-148.88,0,0,0,,POS 1,Main,A,,,,Closed
7/28/26 1:36 PM,2-1681,Refund,Bar,10,Latte,,,-1.000,-148.88,0.00,-148.88,0,0,0,,POS 1,Main,A,,,,Closed
7/28/26 1:37 PM,2-1682,Sale,Bar,10,Latte,,,1.000,148.88,0.00,148.88,0,0,0,,POS 1,Main,A,,,,Cancelled
""",
        [
            ("Latte - Large", 1, 14_888),
            ("Latte", 6, 50_000),
            ("Latte", -1, -14_888),
            ("Latte", -1, -14_888),
        ],
        datetime(2026, 7, 28, 6, 33, tzinfo=UTC),
        skipped=1,
        options={"zone": "Asia/Bangkok"},
    ),
    Case(
        "loyverse-items-es",
        """Fecha,Número de recibo,Tipo de recibo,Categoria,REF,Artículo,Variante,Modificadores aplicados,Cantidad,Ventas brutas,Descuentos,Ventas netas,Costo de los bienes,Beneficio bruto,Impuestos,TPV,Tienda,Nombre del cajero,Nombre del cliente,Contactos del cliente,Comentario,Estado
19/9/2026 8:15 p. m.,1-1,Venta,Bar,1,Café,,,1.000,45.00,0.00,45.00,0,0,0,T,Centro,C,,,,Cerrado
1/9/2026 8:15 a. m.,1-2,Reembolso,Bar,1,Café,,,1.000,45.00,0.00,45.00,0,0,0,T,Centro,C,,,,Cerrado
""",
        [("Café", 1, 4500), ("Café", -1, -4500)],
        datetime(2026, 9, 20, 2, 15, tzinfo=UTC),
        options={"zone": "America/Mexico_City"},
    ),
    Case(
        "sumup-sales",
        """Account,Date,Time,Type,Transaction ID,Receipt Number,Payment Method,Quantity,Description,Currency,Price (Gross),Price (Net),Tax,Tax rate,Transaction refunded
a@b,15.03.23,11:53,Sales,TE1,S1,Cash,2,Kaffee ,CHF,7.00,6.50,0.50,7.7%,
a@b,15.03.23,12:53,Refund,TE1,S1,Cash,1,,CHF,-7.00,-6.50,0.50,7.7%,
""",
        [("Kaffee", 2, 700)],
        datetime(2023, 3, 15, 10, 53, tzinfo=UTC),
        rejected=1,  # it does not say what came back
        options={"zone": "Europe/Zurich", "store": "Lola"},
    ),
    Case(
        "sumup-sales-de",
        """Datum,Typ,Transaktionsnummer,Zahlungsmethode,Menge,Beschreibung,Category,Sku,Währung,Preis vor Rabatt,Rabatt,Preis (brutto),Preis (netto),Steuer,Steuersatz,Konto
"24.03.2026, 12:32",Verkauf,T1,Bar,2,Kaffee,,,CHF,7.50,0.50,7.00,6.5,0.5,8.1%,x
"24.03.2026, 12:35",Rückerstattung,T1,Bar,1,,,,CHF,-7.00,0.00,-7.00,6.5,0.5,8.1%,x
""",
        [("Kaffee", 2, 700), ("Erstattung", -1, -700)],
        datetime(2026, 3, 24, 11, 32, tzinfo=UTC),
        options={"zone": "Europe/Zurich", "store": "Lola", "missing": {"drink": "Erstattung"}},
    ),
    Case(
        "clover-line-items",
        """Line Item Date,Order Employee ID,Order Employee Name,Order Employee Custom ID,Item ID,Item Product Code,Item SKU,Order ID,Item Name,Currency,Per Unit Quantity,Item Unit,Item Revenue,Modifiers,Modifiers Revenue,Total Revenue,Discounts,Total Discount,Order Discounts,Order Discount Proportion,Item Total,Item Tax Rate,Item Fee,Tax Amount,Item Total with Tax/Fee Amount,Refunded,Exchanged,Order Payment State,Service Charge
16-Dec-2023 02:44 AM EST,E,N,,I1,,,O1,Latte,USD,,,4.50,Oat (X) $0.50,0.50,5.00,,0,,0,5.00,,,0.3,5.3,false,false,Paid,False
16-Dec-2023 02:44 AM EST,E,N,,I1,,,O1,Latte,USD,,,4.50,Oat (X) $0.50,0.50,5.00,,0,,0,5.00,,,0.3,5.3,false,false,Paid,False
16-Dec-2023 02:44 AM EST,E,N,,I1,,,O1,Latte,USD,,,4.50,,,4.50,,0,,0,4.50,,,0.3,4.8,true,false,Paid,False
16-Dec-2023 02:44 AM EST,E,N,,I1,,,O1,Gratuity,USD,,,4.50,,,4.50,,0,,0,4.50,,,0.3,4.8,false,false,Paid,True
""",
        [("Latte", 1, 500), ("Latte", 1, 500)],
        datetime(2023, 12, 16, 7, 44, tzinfo=UTC),
        skipped=2,
        options={"zone": "America/New_York", "store": "Main"},
    ),
    Case(
        "zettle",
        """Date,Time,Receipt number,Name,Variant,SKU,Quantity,Price (GBP),Discount (GBP),Final price (GBP),Staff
2024-01-13,08:05,101,Flat White,Large,,2,8.20,1.00,7.20,A
2024-01-13,08:06,102,Flat White,Large,,-2,-8.20,-1.00,-7.20,A
""",
        [("Flat White - Large", 2, 720), ("Flat White - Large", -2, -720)],
        datetime(2024, 1, 13, 8, 5, tzinfo=UTC),
        options={"zone": "Europe/London", "store": "Main"},
    ),
    Case(
        "zettle-da",
        """Dato,Tid,Kvitteringsnummer,Navn,Variant,Antal,Pris (DKK),Rabat (DKK),Endelig pris (DKK),Kostpris,Personale
13-01-2018,08:05,101,Kaffe,,2,"60,00","0,00","60,00",,A
""",
        [("Kaffe", 2, 6000)],
        datetime(2018, 1, 13, 7, 5, tzinfo=UTC),
        options={"zone": "Europe/Copenhagen", "store": "Main"},
    ),
    Case(
        "lightspeed-x",
        f"""{VEND}
2024-03-13,08:05:10,1001,Sale,,,,,,3,10.00,1.50,0,0,11.50,11.50,2 X Latte + 1 X Tea,Main Register,Ann,CLOSED,
,,,Sale Line,,,,,,2,3.50,0.35,0,0,7.70,,Latte,,,,L1
,,,Sale Line,,,,,,1,3.00,0.80,0,0,3.80,,Tea,,,,T1
,,,Payment,,,,,,,,,,,,11.50,Cash,,,,
2024-03-13,08:09:10,1002,Sale,,,,,,1,3.00,0.80,0,0,3.80,3.80,1 X Tea,Main Register,Ann,VOIDED,
,,,Sale Line,,,,,,1,3.00,0.80,0,0,3.80,,Tea,,,,T1
""",
        [("Latte", 2, 700), ("Tea", 1, 300)],
        datetime(2024, 3, 12, 19, 5, 10, tzinfo=UTC),
        skipped=4,
        options={"zone": "Pacific/Auckland", "store": "Main"},
        receipts=[("1001", "2"), ("1001", "3")],
    ),
    Case(
        "lightspeed-x-receipts",
        """Date,Time,Receipt Number,Line Type,Customer Name,Note,Quantity,Subtotal,Sales Tax,Discount,Loyalty,Sale total,Paid,Details,Register,User,Status,Sku,AccountCodeSale,AccountCodePurchase
2024-03-13,08:05:10,1001,Sale,,,2,7.00,0.70,0,0,7.70,7.70,2 X Latte,Main Register,Ann,CLOSED,,,
,,,Sale Line,,,2,7.00,0.70,0,0,7.70,,Latte,,,,L1,,
""",
        [("Latte", 2, 700)],
        datetime(2024, 3, 12, 19, 5, 10, tzinfo=UTC),
        skipped=1,
        options={"zone": "Pacific/Auckland", "store": "Main"},
    ),
    Case(
        "shopkeep",
        """Time,Register Name/Number,Cashier Name,Operation Type,Store Code,UPC,Line Item,Department,Category,Supplier,Supplier Code,Cost,Price,Quantity,Modifiers,Subtotal,Discounts,Net Total,Tax,Total Due,Transaction ID,Customer ID
2019-01-13 08:05:00 -0500,R1,Ann,Sale,1,,Latte,Coffee,Hot,,,1,4.00,2,,8.00,1.00,7.00,.5,7.5,T-1,
2019-01-13 08:09:00 -0500,R1,Ann,Return,1,,Latte,Coffee,Hot,,,1,4.00,1,,-4.00,0.00,-4.00,.5,7.5,T-2,
""",
        [("Latte", 2, 700), ("Latte", -1, -400)],
        datetime(2019, 1, 13, 13, 5, tzinfo=UTC),
        options={"zone": None, "store": "Main"},
    ),
    Case(
        "maven-coffee-shop",
        """transaction_id,transaction_date,transaction_time,transaction_qty,store_id,store_location,product_id,unit_price,product_category,product_type,product_detail
1,1/1/2023,7:06:11,2,5,Lower Manhattan,32,3,Coffee,Gourmet,Ethiopia Rg
2,1/2/2023,7:08:56,2,5,Lower Manhattan,57,"3,1",Tea,Chai,Spicy Chai Lg
""",
        [("Ethiopia Rg", 2, 600), ("Spicy Chai Lg", 2, 620)],
        datetime(2023, 1, 1, 12, 6, 11, tzinfo=UTC),
        options={"zone": "America/New_York"},
    ),
    Case(
        "french-bakery",
        """,date,time,ticket_number,article,Quantity,unit_price
0,2021-01-02,08:38,150040.0,BAGUETTE,1.0,"0,90 €"
1,2021-01-02,08:38,150040.0,PAIN AU CHOCOLAT,3.0,"1,20 â‚¬"
4,2021-01-02,09:14,150041.0,PAIN,-2.0,"1,15 €"
""",
        [("BAGUETTE", 1, 90), ("PAIN AU CHOCOLAT", 3, 360), ("PAIN", -2, -230)],
        datetime(2021, 1, 2, 7, 38, tzinfo=UTC),
        options={"zone": "Europe/Paris", "store": "Boulangerie"},
        receipts=[("150040", "1"), ("150040", "2"), ("150041", "1")],
    ),
    Case(
        "breadbasket",
        """Date,Time,Transaction,Item
2016-10-30,09:58:11,1,Bread
2016-10-30,10:05:34,2,Scandinavian
2016-10-30,10:05:34,2,Scandinavian
2016-10-30,10:05:34,2,NONE
2016-10-30,10:05:34,2,Adjustment
""",
        [("Bread", 1, 350), ("Scandinavian", 1, 350), ("Scandinavian", 1, 350)],
        datetime(2016, 10, 30, 9, 58, 11, tzinfo=UTC),
        skipped=1,
        rejected=1,
        options={"zone": "Europe/London", "store": "Main", "missing": {"price": "3.50"}},
    ),
    Case(
        "bread-basket",
        """Transaction,Item,date_time,period_day,weekday_weekend
1,Bread,05-11-2016 09:58,morning,weekend
""",
        [("Bread", 1, 350)],
        datetime(2016, 11, 5, 9, 58, tzinfo=UTC),
        options={"zone": "Europe/London", "store": "Main", "missing": {"price": "3.50"}},
    ),
    Case(
        "bakery",
        """TransactionNo,Items,DateTime,Daypart,DayType
1,Bread,2016-10-30 13:05:00,Morning,Weekend
""",
        [("Bread", 1, 350)],
        datetime(2016, 10, 30, 13, 5, tzinfo=UTC),
        options={"zone": "Europe/London", "store": "Main", "missing": {"price": "3.50"}},
    ),
    Case(
        "dirty-cafe",
        """Transaction ID,Item,Quantity,Price Per Unit,Total Spent,Payment Method,Location,Transaction Date
TXN_1961373,Coffee,2.0,2.0,4.0,Credit Card,Takeaway,2023-09-08
TXN_4271903,Cookie,4.0,1.0,ERROR,Credit Card,In-store,2023-07-19
TXN_7034554,UNKNOWN,2.0,5.0,10.0,UNKNOWN,UNKNOWN,ERROR
TXN_1,Salad,,5.0,10.0,UNKNOWN,UNKNOWN,2023-04-27
""",
        [("Coffee", 2, 400), ("Cookie", 4, 400)],
        datetime(2023, 9, 8, 11, tzinfo=UTC),
        rejected=2,
        options={"zone": "Europe/London", "store": "Main", "missing": {"time": "12:00"}},
    ),
    Case(
        "vending-machine",
        """date,datetime,cash_type,card,money,coffee_name
2024-03-01,2024-03-01 10:15:50.520,card,ANON-1,38.7,Latte
2024-03-01,2024-03-01 12:19:22.539,cash,,40.0,Cocoa
""",
        [("Latte", 1, 3870), ("Cocoa", 1, 4000)],
        datetime(2024, 3, 1, 8, 15, 50, 520_000, tzinfo=UTC),
        options={"zone": "Europe/Kyiv", "store": "Machine"},
    ),
    Case(
        "vending-machine-2",
        """hour_of_day,cash_type,money,coffee_name,Time_of_Day,Weekday,Month_name,Weekdaysort,Monthsort,Date,Time
10,card,38.7,Latte,Morning,Fri,Mar,5,3,2024-03-01,10:15:50.520000
""",
        [("Latte", 1, 3870)],
        datetime(2024, 3, 1, 8, 15, 50, 520_000, tzinfo=UTC),
        options={"zone": "Europe/Kyiv", "store": "Machine"},
    ),
    Case(
        "ibm-coffee-shop",
        """transaction_id,transaction_date,transaction_time,sales_outlet_id,staff_id,customer_id,instore_yn,order,line_item_id,product_id,quantity,line_item_amount,unit_price,promo_item_yn
7,2019-04-01,12:04:43,3,12,558,N,1,1,52,1,2.5,2.5,N
11,2019-04-01,15:54:39,3,17,781,N,1,1,27,2,7,3.5,N
""",
        [("52", 1, 250), ("27", 2, 700)],
        datetime(2019, 4, 1, 16, 4, 43, tzinfo=UTC),
        options={"zone": "America/New_York"},
    ),
    Case(
        "uci-online-retail",
        """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,WHITE HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom
C536379,D,WHITE HOLDER,-1,12/1/2010 9:41,2.55,14527,United Kingdom
""",
        [("WHITE HOLDER", 6, 1530), ("WHITE HOLDER", -1, -255)],
        datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
        options={"zone": "Europe/London", "store": "Main"},
    ),
    Case(
        "uci-online-retail-2",
        """Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country
536365,85123A,WHITE HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom
""",
        [("WHITE HOLDER", 6, 1530)],
        datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
        options={"zone": "Europe/London", "store": "Main"},
    ),
]

CASES += [
    Case(
        "square-items",  # with fewer columns, and elsewhere
        """Date,Time,Category,Item,Qty,Price Point Name,SKU,Modifiers Applied,Product Sales,Discounts,Net Sales,Tax,Gross Sales,Location
13/12/2024,18:01,Drinks,Flat White,2,Regular,SKU1,,$9.00,-$1.00,$8.00,$0.80,$8.80,Uptown
""",
        [("Flat White", 2, 800)],
        datetime(2024, 12, 13, 7, 1, tzinfo=UTC),
        options={"zone": "Australia/Sydney"},
    ),
    Case(
        "toast-items",  # some columns left out
        """Order Id,Order #,Sent Date,Item Id,Menu Item,Menu Subgroup(s),Menu Group,Menu,Sales Category,Gross Price,Discount,Net Price,Qty,Tax,Void?
5740022836216005,1,1/21/23 1:17 PM,5740019922563741,Wings,,Chicken,All Day,Food,14.75,0.00,14.75,1.0,0.88000000,false
""",
        [("Wings", 1, 1475)],
        datetime(2023, 1, 21, 18, 17, tzinfo=UTC),
        options={"zone": "America/New_York", "store": "Main"},
        receipts=[("5740022836216005", "1")],
    ),
    Case(
        "odoo-pos",
        """Order Ref,Date,Point of Sale,Order Lines/Product,Order Lines/Quantity,Order Lines/Unit Price,Status
O1,2026-04-13 08:00:00,Main,Latte,2.0,4.80,Paid
,,,Tea,1.0,2.90,
O2,2026-04-13 08:05:00,Main,Tea,1.0,2.90,Cancelled
""",
        [("Latte", 2, 960), ("Tea", 1, 290)],
        datetime(2026, 4, 13, 6, tzinfo=UTC),
        skipped=1,
        receipts=[("O1", "1"), ("O1", "2")],
    ),
    Case(
        "erpnext-items",
        """Item Code,Item Name,Item Group,Description,Invoice,Posting Date,Customer,Mode Of Payment,Company,Stock Qty,Stock UOM,Rate,Amount,Total Tax,Total,Currency
L1,Latte,Hot,Latte,INV-1,2026-04-13,B,Cash,Co,2,Nos,4.80,9.60,0.96,10.56,EUR
Hot,,,,,,,,,2,,,9.60,0.96,10.56,
Total,,,,,,,,,2,,,9.60,0.96,10.56,
""",
        [("Latte", 2, 960)],
        datetime(2026, 4, 13, 10, tzinfo=UTC),
        skipped=1,
        rejected=1,
        options={"store": "Main", "missing": {"time": "12:00"}},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.preset)
def test_known_exports(case: Case) -> None:
    found = recognised(table(case.text).columns)
    assert found is not None
    assert found.name == case.preset
    outcome = read(case.text, **case.options)
    assert not outcome.plan.questions
    assert [(s.drink, s.quantity, cost(s)) for s in outcome.sales] == case.lines
    assert outcome.sales[0].placed_at == case.first
    assert (len(outcome.skipped), len(outcome.rejected)) == (case.skipped, case.rejected)
    if case.receipts is not None:
        assert [(s.receipt, s.receipt_line) for s in outcome.sales] == case.receipts


REFUSED = {
    "square-transactions": "Date,Time,Time Zone,Gross Sales,Discounts,Net Sales,Gift Card Sales,Tax,Tip,Partial Refunds,"
    "Total Collected,Source,Card,Cash,Fees,Net Total,Transaction ID,Payment ID,Description,Event Type,Location",
    "toast-orders": "Location,Order Id,Order #,Checks,Opened,# of Guests,Tab Names,Server,Table,Amount,Tax,Tip,Total,"
    "Voided,Paid,Closed",
    "toast-payments": "Location,Payment Id,Order Id,Order #,Paid Date,Order Date,Check Id,Amount,Tip,Total,Refunded",
    "toast-modifiers": "Location,Order Id,Item Selection Id,Menu Item,Modifier Id,Modifier,Parent Menu Selection,Qty,Net Price,Void?",
    "loyverse-receipts": "Date,Receipt number,Receipt type,Gross sales,Discounts,Net sales,Taxes,Total collected,"
    "Payment type,Description,POS,Store,Status",
    "loyverse-receipts-es": "Fecha,Número de recibo,Tipo de recibo,Impuestos,Propinas,Total recaudado,Estado",
    "loyverse-item-summary": "Item name,SKU,Category,Items sold,Gross sales,Items refunded,Refunds,Discounts,Net sales",
    "sumup-transactions-de": "Datum,Transaktions-ID,Transaktionsart,Status,Beschreibung,Betrag inkl. MwSt.,Gebühr",
    "clover-orders": "Order Date,Order ID,Invoice Number,Order Number,Tax Amount,Tip,Order Total,Payments Total,Tender",
    "clover-payments": "Payment Date,Payment ID,Tender,Currency,Amount,Tax Amount,Order ID,Order Date,Result",
    "woocommerce-analytics": "Date,Order #,N. Revenue (formatted),Status,Customer,Product(s),Items sold,Net Sales",
    "woocommerce-sideways": "order_id,order_number,order_date,Product Item 1 Name,Product Item 1 Quantity",
    "stripe-payments": "id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Fee,Status",
    "stripe-balance": "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,description",
    "erpnext-pos-register": "Posting Date,Invoice,Customer,POS Profile,Cashier,Grand Total,Paid Amount,Is Return",
}


@pytest.mark.parametrize("name", REFUSED)
def test_exports_without_lines_are_refused_with_the_right_one(name: str) -> None:
    header = REFUSED[name]
    row = ",".join("1" for _ in header.split(","))
    with pytest.raises(ConfigError, match=r"(Export|Choose) ") as refusal:
        read(f"{header}\n{row}\n")
    assert str(refusal.value).startswith(f"This is {known_presets()[name].title}: ")


def test_every_preset_is_tried_here() -> None:
    tried = {case.preset for case in CASES} | REFUSED.keys() | {"toast-checks"}
    assert tried == known_presets().keys()


def test_columns_in_another_order_and_more_of_them_make_no_difference() -> None:
    case = next(case for case in CASES if case.preset == "french-bakery")
    rows = [line.split(",", 6) for line in case.text.strip().splitlines()]
    turned = "\n".join(",".join([*row[::-1], "new"]) for row in rows)
    assert [s.drink for s in read(turned, **case.options).sales] == [d for d, _, _ in case.lines]


def test_a_partly_refunded_order_is_asked_about() -> None:
    text = f"""{SHOPIFY}
#1,,partially_refunded,,,USD,,,,2026-09-10 09:00:00 -0400,2,Latte,5.50,,5.50,Pier,1,
"""
    plan = read(text, zone=None).plan
    assert [question.answers[0].arguments for question in plan.questions] == [
        ("--sale", "Financial Status=partially_refunded")
    ]
    answered = read(text, zone=None, sale=("Financial Status=partially_refunded",))
    assert answered.sum == 1100


def test_the_same_export_can_be_read_without_its_preset() -> None:
    case = next(case for case in CASES if case.preset == "french-bakery")
    assert read(case.text, **case.options, preset="none").sum == read(case.text, **case.options).sum


MINE = """
title = "my till"
header = ["Kauf", "Was"]
date_order = "dmy"
facts = ["It is mine."]

[columns]
placed_at = "Kauf"
drink = ["Was", "Ware"]
total = "Geld"

[missing]
quantity = "1"
store = "Kiosk"

[status.Art]
sale = ["V"]
skip = ["S"]

[flags]
Weg = "void"
"""


def test_a_preset_of_the_owner(tmp_path: Path) -> None:
    path = tmp_path / "mytill.toml"
    path.write_text(MINE, "utf-8")
    outcome = read(
        "Kauf,Was,Geld,Art,Weg\n03/04/2026 08:00,Latte,4.80,V,\n03/04/2026 08:00,Tea,2.90,S,\n03/04/2026 08:00,Tea,2.90,V,x\n",
        preset=str(path),
    )
    assert [(s.store, s.drink, cost(s)) for s in outcome.sales] == [("Kiosk", "Latte", 480)]
    assert len(outcome.skipped) == 2
    assert "It is mine." in outcome.plan.facts
    assert outcome.plan.arguments[:2] == ("--preset", str(path))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("colums = {}", "unknown key 'colums'"),
        ("columns = 3", "columns must be a table"),
        ("header = 'Date'", "header must be a list"),
        ("[columns]\nprize = 'Preis'", "unknown field 'prize'"),
        ("[columns]\nprice = 3", "the column of price"),
        ("[missing]\nprize = '1'", "unknown field 'prize'"),
        ("[status.Art]\nvoid = ['S']", "lists named sale, refund"),
        ("[flags]\nWeg = 'gone'", "must be one of void"),
        ("header = [", "is no TOML"),
    ],
)
def test_a_wrong_preset_is_told_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=r"[Tt]he preset mine") as refusal:
        read_preset("mine", text)
    assert sentence in str(refusal.value)


def test_a_preset_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="there are bakery, "):
        preset_named("sqare")
    with pytest.raises(ConfigError, match="cannot be read"):
        preset_named("/nowhere/mine.toml")


def test_a_preset_that_does_not_fit_the_file() -> None:
    with pytest.raises(ConfigError, match="needs a column 'Item'"):
        read("Date,Qty\n2026-04-13 08:00,1\n", preset="square-items")
