"""Encodings: certain ones, the plausible one, and those that only the owner knows."""

import codecs
from pathlib import Path

import pytest

from coffeert.errors import ConfigError
from coffeert.importer.table.code_pages import implausible_word
from tests.unit.importer.tables import read_text, rows_of

TEXT = "Zeit;Artikel;Preis\n08:00;Café crème;4,80 €\n08:05;Süßer Brauner;3,90 €\n"
CELLS = rows_of(("08:00", "Café crème", "4,80 €"), ("08:05", "Süßer Brauner", "3,90 €"))


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_unicode(tmp_path: Path, mark: bytes, codec: str, end: str) -> None:
    read = read_text(tmp_path, mark + TEXT.replace("\n", end).encode(codec))
    assert read.columns == ("Zeit", "Artikel", "Preis")
    assert read.cells == CELLS
    assert read.arguments == ()


def test_utf_16_without_mark_in_another_alphabet(tmp_path: Path) -> None:
    text = "時刻\t商品\t数量\n08:00\t抹茶ラテ\t1\n08:05\tコーヒー\t2\n"
    assert read_text(tmp_path, text.encode("utf-16-le")).cells[0] == ("08:00", "抹茶ラテ", "1")


def test_windows_1252_is_said_with_examples(tmp_path: Path) -> None:
    read = read_text(tmp_path, TEXT.encode("cp1252"))
    assert read.cells == CELLS
    fact = next(fact for fact in read.facts if "Windows-1252" in fact)
    assert "`Café` in line 2" in fact
    assert "--encoding" in fact
    assert read.arguments == ("--encoding", "cp1252")


@pytest.mark.long
def test_the_whole_file_decides(tmp_path: Path) -> None:
    ascii_part = "08:00;Latte;4,80\n" * 200_000
    text = f"Zeit;Artikel;Preis\n{ascii_part}08:01;Café;4,80\n"
    for codec in ("cp1252", "utf-8"):
        read = read_text(tmp_path, text.encode(codec))
        assert read.cells[-1] == ("08:01", "Café", "4,80")


@pytest.mark.parametrize(
    "text",
    [
        "Prix €;Café;crème brûlée;thé à la menthe;Été;déjà vu;l’eau;n°;Noël;cœur;créée;maïs;Où",
        "Größe;Süßspeise;Käse;Weißbier;Öl;Äpfel;Übergröße;„;".replace("„;", ""),
        "piñata;café con leche;Qué;jalapeño;1º;2ª;pingüino;Ñandú",
        "pão;maçã;ções;coração;café da manhã;chá",
        "caffè;tè;più;perché;È;città",
        "Smørrebrød;Rødgrød;Æble;blåbær;øl;kål;Räksmörgås;ål;Pöytä;ääntä;ideeën",
        "£4.80;¥500;±;½;“quoted”;Nestlé®;5 µ".replace(";5 µ", ""),
        "1\xa0234,50\xa0€",
    ],
)
def test_western_words_are_plausible(tmp_path: Path, text: str) -> None:
    read = read_text(
        tmp_path, ("Wert;Zahl\n" + "".join(f"{w};1\n" for w in text.split(";"))).encode("cp1252")
    )
    assert [cells[0] for cells in read.cells] == text.split(";")


@pytest.mark.parametrize(
    ("codec", "words"),
    [
        ("mac_roman", ["Café", "thé", "crème", "Süßes", "piñata"]),
        ("cp850", ["Café", "Käse", "Süßes", "crème", "Brötchen"]),
        ("cp437", ["Café", "Käse", "Brötchen"]),
        ("cp1250", ["żurek", "biała", "káva s čokoládou", "řízek", "ťuk", "šunka"]),
        ("cp1251", ["Латте", "кофе", "Чай"]),
        ("cp1253", ["Καφές", "τσάι"]),
        ("cp1254", ["Çay açık", "İçecek", "kahve şekerli", "ılık"]),
        ("cp932", ["抹茶ラテ", "コーヒー"]),
        ("gb18030", ["拿铁", "咖啡"]),
        ("cp949", ["커피", "라떼"]),
        ("cp1255", ["קפה"]),
        ("cp1256", ["قهوة"]),
        ("cp874", ["กาแฟ"]),
    ],
)
def test_other_code_pages_are_never_read_as_windows_1252(
    tmp_path: Path, codec: str, words: list[str]
) -> None:
    for word in words:
        text = f"Time,Item,Qty\n08:00,Latte,1\n08:05,{word},2\n"
        with pytest.raises(
            ConfigError, match=r"neither UTF-8 nor Windows-1252.*line 3.*--encoding"
        ):
            read_text(tmp_path, text.encode(codec))
        assert read_text(tmp_path, text.encode(codec), encoding=codec).cells[1][1] == word


def test_proposals_read_as_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--encoding mac_roman \(`Café`\)"):
        read_text(tmp_path, "Time,Item\n08:00,Café\n08:05,Tea\n".encode("mac_roman"))
    with pytest.raises(ConfigError, match=r"--encoding cp1251 \(`Латте`\)"):
        read_text(tmp_path, "Time,Item\n08:00,Латте\n08:05,Tea\n".encode("cp1251"))


def test_a_word_with_a_capital_within_is_no_western_word() -> None:
    assert implausible_word("cafÉ")
    assert not implausible_word("CAFÉ")


@pytest.mark.parametrize("stated", ["utf-8", "ascii", "utf-16", "shift_jis"])
def test_wrong_stated_encoding_is_told_with_the_line(tmp_path: Path, stated: str) -> None:
    with pytest.raises(ConfigError, match=rf"is not {stated}: line [123]"):
        read_text(tmp_path, TEXT.encode("cp1252") + b"\xff", encoding=stated)


def test_stated_encoding_wins(tmp_path: Path) -> None:
    text = "Time;Item\n08:00;Łódź\n08:05;Tea\n"
    read = read_text(tmp_path, text.encode("cp1250"), encoding="Windows-1250")
    assert read.cells[0] == ("08:00", "Łódź")
    assert read.arguments == ("--encoding", "Windows-1250")


@pytest.mark.parametrize("stated", ["utf-8", "UTF-8-sig", "utf8"])
def test_stated_utf_8_with_its_mark(tmp_path: Path, stated: str) -> None:
    read = read_text(tmp_path, codecs.BOM_UTF8 + TEXT.encode(), encoding=stated)
    assert read.columns[0] == "Zeit"


@pytest.mark.parametrize("stated", ["utf-16", "UTF16", "utf-16-le"])
def test_stated_utf_16_with_its_mark(tmp_path: Path, stated: str) -> None:
    read = read_text(tmp_path, codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), encoding=stated)
    assert read.columns[0] == "Zeit"
    assert read.cells == CELLS


@pytest.mark.parametrize("stated", ["klingon", "base64", "rot13", "", "idna", "\0"])
def test_unknown_encoding(tmp_path: Path, stated: str) -> None:
    with pytest.raises(ConfigError, match="no encoding known here"):
        read_text(tmp_path, TEXT, encoding=stated)


def test_mark_of_utf_8_before_text_of_a_code_page(tmp_path: Path) -> None:
    read = read_text(tmp_path, codecs.BOM_UTF8 + b"sep=;\n" + TEXT.encode("cp1252"))
    assert read.columns == ("Zeit", "Artikel", "Preis")
    assert read.cells == CELLS


def test_damaged_utf_8_costs_the_damaged_rows_only(tmp_path: Path) -> None:
    rows = "".join(f"08:00,Café {number},1\n" for number in range(40))
    data = f"Time,Item,Qty\n{rows}".encode() + b"08:01,Caf\xe9,1\n08:02,Tea,1\n"
    read = read_text(tmp_path, data)
    assert len(read.cells) == 41
    assert list(read.rejected) == [42]
    assert not any("quotation" in fact for fact in read.facts)
    assert any("damaged in 1 places, first in line 42" in fact for fact in read.facts)


def test_text_mangled_throughout_is_repaired(tmp_path: Path) -> None:
    mangled = TEXT.encode().decode("cp1252")
    assert "â‚¬" in mangled
    read = read_text(tmp_path, mangled)
    assert read.cells == CELLS
    assert any("`CafÃ©` in line 2 is read as `Café`" in fact for fact in read.facts)


def test_mangled_mark_is_dropped(tmp_path: Path) -> None:
    read = read_text(tmp_path, ("\ufeff" + TEXT).encode().decode("cp1252"))
    assert read.columns[0] == "Zeit"


def test_text_mangled_in_parts_is_left_and_told(tmp_path: Path) -> None:
    text = "Zeit;Artikel\n08:00;CafÃ©\n08:01;Thé\n"
    read = read_text(tmp_path, text)
    assert read.cells == rows_of(("08:00", "CafÃ©"), ("08:01", "Thé"))
    assert any("`CafÃ©` in line 2" in fact and "left as they are" in fact for fact in read.facts)


@pytest.mark.parametrize("text", ["Café", "Ångström £5", "Â", "naïve à â", "日本語", "Škoda"])
def test_proper_text_is_not_repaired(tmp_path: Path, text: str) -> None:
    read = read_text(tmp_path, f"Time,Item\n08:00,{text}\n08:05,Tea\n")
    assert read.cells[0] == ("08:00", text)
    assert read.facts == ()
