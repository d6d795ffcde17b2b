"""Files in the shapes of known tills, spreadsheets and public sets, with the rows that are in them."""

from pathlib import Path

import pytest

from tests.unit.importer.tables import read_text

SQUARE = (
    "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Modifiers Applied,Gross Sales,"
    "Event Type,Location\n"
    '2026-07-18,12:59:30,Pacific Time (US & Canada),Drinks,Cortado,1.0,Regular,,"Oat, Extra Shot",$5.25,'
    "Payment,Pier\n"
    '2026-07-18,12:58:01,Pacific Time (US & Canada),None,Beans,-1.0,"","",,"-$1,012.00",Refund,Pier\n'
    '2026-07-18,12:58:01,Pacific Time (US & Canada),None,Beans,-1.0,"","",,"-$1,012.00",Refund,Pier\n'
)  # fmt: skip
SQUARE_SAVED_BY_EXCEL = (
    "Date,Time,Item,Qty,Gross Sales,Notes\r\n"
    '1/13/23,2:30:00 PM,Mocha,1,"$1,149.00 ",\r\n'
    "12/27/2018,8:05:00 AM,Mocha,-1,($33.62),\r\n"
)
LOYVERSE_SPANISH = (
    "\ufeffFecha,Número de recibo,Tipo de recibo,Artículo,Cantidad,Ventas brutas,Tienda,Estado\n"
    "19/9/2026 8:15 p. m.,2-1678,Venta,Café de olla,6.000,148.88,Centro,Cerrado\n"
    "19/9/2026 8:16 p. m.,2-1679,Reembolso,Café de olla,1.000,-24.81,Centro,Cerrado\n"
)
SUMUP_GERMAN = (
    "Datum;Typ;Transaktionsnummer;Menge;Beschreibung;Preis (brutto);Steuersatz\r\n"
    '"24.03.2026, 12:32";Umsatz;TX1;2;Kaffee ;7,00;19%\r\n'
    '"24.03.2026, 12:40";Rückerstattung;TX1;1;;-7,00;19%\r\n'
)
ZETTLE_FRENCH = (
    "Rapport des ventes,,,,\nDu,01/09/2026,,,\nAu,30/09/2026,,,\n,,,,\nTVA,FR123,,,\n"
    'Date,Heure,Reçu n°,Nom,Prix final (EUR)\n14/09/2026,08:05,12,Thé,"3,40"\n'
    '14/09/2026,08:09,13,Noisette,"2,10"\n'
)
FRENCH_BAKERY = (
    ",date,time,ticket_number,article,Quantity,unit_price\n"
    '0,2026-01-02,08:38,150040.0,BAGUETTE,1.0,"0,90 €"\n1,2026-01-02,08:38,150040.0,PAIN,-1.0,"1,20 €"\n'
)
DIRTY = (
    "Transaction ID,Item,Quantity,Price Per Unit,Total Spent,Payment Method,Location,Transaction Date\n"
    "TXN_1961373,Coffee,2,2.0,4.0,Credit Card,Takeaway,2023-09-08\n"
    "TXN_4977031,ERROR,UNKNOWN,3.0,,Cash,In-store,ERROR\nTXN_4271903,UNKNOWN,ERROR,,ERROR,UNKNOWN,,UNKNOWN\n"
)
SWISS = (
    "sep=;\r\nDatum;Zeit;Filiale;Artikel;Anzahl;Betrag CHF\r\n"
    "14.09.26;08:05;Zürich;Café crème;1;1'024.50\r\n"
    "14.09.26;08:09;Zürich;Gipfeli;2;3.60\r\nTotal;;;;3;1'028.10\r\n"
)
RUSSIAN = (
    "Дата\tТовар\tКол-во\tСумма\r\n"
    "14.09.26 08:05\tЛатте\t1\t1 250,50\r\n14.09.26 08:09\tЧай\t2\t300,00\r\n"
)
JAPANESE = '日時,商品名,数量,金額\r\n2026/09/14 8:05,抹茶ラテ,1,"1,250"\r\n合計,,1,"1,250"\r\n'
ERPNEXT = (
    "Invoice,Posting Date,Customer,Grand Total\nSINV-1,2026-09-14,Ann,4.80\nSINV-2,2026-09-14,Bob,2.90\n"
    ",,,7.70\n,,,\nSINV-3,2026-09-15,Ann,4.80\n,,,4.80\n,,,\n"
)


TOAST = (
    "Location,Order Id,Order #,Sent Date,Item Selection Id,Menu Item,Gross Price,Discnt,Qty,Void?\r\n"
    "Mill Lane,900001,1,9/14/26 8:05 AM,1300000015734303101,Cortado,4.00,0.00,1.0,false\r\n"
    'Mill Lane,900002,2,9/14/26 12:41 AM,1300000015734303102,"Tea, green","1,013.00",0.00,1.0,true\r\n'
)


@pytest.mark.parametrize(
    ("text", "codec", "columns", "rows", "last"),
    [
        (SQUARE, "utf-8", 12, 3, "Pier"),
        (SQUARE_SAVED_BY_EXCEL, "ascii", 6, 2, ""),
        (LOYVERSE_SPANISH, "utf-8", 8, 2, "Cerrado"),
        (SUMUP_GERMAN, "cp1252", 7, 2, "19%"),
        (SUMUP_GERMAN, "utf-8", 7, 2, "19%"),
        (ZETTLE_FRENCH, "utf-8", 5, 2, "2,10"),
        (ZETTLE_FRENCH, "cp1252", 5, 2, "2,10"),
        (FRENCH_BAKERY, "utf-8", 7, 2, "1,20 €"),
        (FRENCH_BAKERY, "cp1252", 7, 2, "1,20 €"),
        (DIRTY, "utf-8", 8, 3, "UNKNOWN"),
        (SWISS, "cp1252", 6, 3, "1'028.10"),
        (SWISS, "utf-8-sig", 6, 3, "1'028.10"),
        (RUSSIAN, "utf-16", 4, 2, "300,00"),
        (JAPANESE, "utf-8-sig", 4, 2, "1,250"),
        (ERPNEXT, "utf-8", 4, 5, "4.80"),
        (TOAST, "utf-8", 10, 2, "true"),
    ],
)
def test_layouts(tmp_path: Path, text: str, codec: str, columns: int, rows: int, last: str) -> None:
    read = read_text(tmp_path, text.encode(codec))
    assert len(read.columns) == columns
    assert len(read.cells) == rows
    assert read.cells[-1][-1] == last
    assert (read.rejected, read.skipped) == ({}, {})


def test_the_mangled_bakery(tmp_path: Path) -> None:
    read = read_text(tmp_path, FRENCH_BAKERY.encode().decode("cp1252"))
    assert read.cells[0][-1] == "0,90 €"
    assert read.columns[0] == "column 1"


def test_rails_zones_and_quoted_lists_stay_whole(tmp_path: Path) -> None:
    cells = read_text(tmp_path, SQUARE).cells
    assert cells[0][2] == "Pacific Time (US & Canada)"
    assert cells[0][8] == "Oat, Extra Shot"
    assert cells[1] == cells[2]
    assert cells[1][9] == "-$1,012.00"
