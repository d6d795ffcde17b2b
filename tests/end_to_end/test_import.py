"""`coffeert import` and `coffeert imports` as a shop owner runs them."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.ledger import Ledger
from tests.end_to_end.processes import PROGRAM, START, Shell
from tests.waiting import POLL, eventually

HEADER = "placed_at,store,drink,quantity,price\n"
SALES = HEADER + "".join(
    f"2024-03-0{1 + number % 5}T10:{number % 60:02}:00Z,Uptown,Latte,1,4.80\n"
    for number in range(50)
)
CHUNKS = 41_000  # rows: three transactions


def sales(rows: int) -> str:
    """A file of so many different sales."""
    return HEADER + "".join(
        f"2024-03-{1 + row // 86_400:02}T{row // 3600 % 24:02}:{row // 60 % 60:02}:{row % 60:02}Z,"
        f"Uptown,Latte,{1 + row % 3},4.80\n"
        for row in range(rows)
    )


async def imports(shell: Shell) -> list[dict[str, object]]:
    """What `coffeert imports` lists."""
    listed = await shell.run("imports", "--json")
    assert listed.code == 0, listed.err
    found: list[dict[str, object]] = json.loads(listed.out)
    return found


@pytest.mark.long
async def test_nothing_is_stored_without_a_yes(shell: Shell, books: Ledger) -> None:
    shell.write("sales.csv", SALES)
    looked = await shell.run("import", "sales.csv")
    assert looked.code == 2
    assert "50 orders" in looked.out
    assert looked.err.endswith("Nothing was stored; --yes stores these 50 orders without asking.\n")
    dry = await shell.run("import", "sales.csv", "--dry-run", "--yes")
    assert (dry.code, dry.out.splitlines()[-1]) == (0, "Nothing was stored.")
    assert await books.count() == 0
    assert await imports(shell) == []


@pytest.mark.long
async def test_a_file_is_stored_counted_listed_and_taken_back(shell: Shell, books: Ledger) -> None:
    shell.write("sales.csv", SALES)
    done = await shell.run("import", "sales.csv", "--yes", "--source", "till 1")
    assert done.code == 0, done.err
    assert "Stored 50 orders as import 1" in done.out
    assert "and counted" in done.out
    assert (await shell.run("verify")).code == 0
    (one,) = await imports(shell)
    assert (one["state"], one["orders"], one["amount"]) == ("loaded", 50, 50 * 480)
    shown = await shell.run("imports", "show", "1")
    assert "uptown" in shown.out
    assert "till 1" in (await shell.run("imports")).out
    refused = await shell.run("imports", "undo", "1")
    assert refused.code == 2
    assert "--yes" in refused.err
    undone = await shell.run("imports", "undo", "1", "--yes")
    assert "Import 1 is taken back: 50 orders voided, and counted." in undone.out
    assert (await shell.run("imports", "undo", "1", "--yes")).code == 0
    assert await books.count() == 100
    assert (await shell.run("verify")).code == 0
    assert "Stored 50 orders as import 2" in (await shell.run("import", "sales.csv", "--yes")).out
    assert (await shell.run("imports", "show", "9")).err.startswith(
        "coffeert: There is no import 9;"
    )


@pytest.mark.long
async def test_the_command_names_a_file_that_looks_like_an_option(shell: Shell) -> None:
    shell.write("-sales.csv", SALES)
    looked = await shell.run("import", "--dry-run", "--json", "--", "-sales.csv")
    command = shlex.split(json.loads(looked.out)["command"])
    again = await shell.run(*command[1:], "--dry-run", "--json")
    assert json.loads(again.out)["days"] == json.loads(looked.out)["days"]


@pytest.mark.long
async def test_another_currency_is_refused_before_anything_is_asked(shell: Shell) -> None:
    shell.write("first.csv", SALES)
    assert (await shell.run("import", "first.csv", "--yes")).code == 0
    shell.write("sales.csv", "Date,Item,Qty,Price (EUR)\n01/02/2024 10:00,Latte,1,4.80\n")
    refused = await shell.run("import", "sales.csv")
    assert "amounts are in EUR, and those that are stored in no currency yet" in refused.err
    assert "does not say" not in refused.err
    assert (await shell.run("menu", "currency", "USD")).code == 0
    refused = await shell.run("import", "sales.csv")
    assert refused.err == "coffeert: The file's amounts are in EUR, but orders here are in USD.\n"
    named = await shell.run("import", "first.csv", "--currency", "EUR")
    assert "amounts are in EUR, and this installation's in USD" in named.err


@pytest.mark.long
async def test_days_times_and_refunds_are_the_owners(shell: Shell) -> None:
    shell.write(
        "sales.csv",
        "Date,Item,Qty,Price\n2024-03-01 20:30,Tea,1,2.00\n2024-03-01 23:30,Tea,-1,2.00\n",
    )
    options = ("--store", "Kiosk", "--timezone", "America/New_York", "--yes")
    done = await shell.run("import", "sales.csv", *options)
    assert "  2024-03-01  1 order, 1 refund  0 pieces  0.00\n" in done.out, done
    assert "Stored 1 order, 1 refund as import 1" in done.out
    assert "coffeert status --at 2024-03-01\n" in done.out
    listed = (await shell.run("imports")).out
    assert listed.count("2024-03-01") == 2
    assert "2024-03-02" not in listed
    shown = (await shell.run("imports", "show", "1")).out
    assert "2024-03-01 20:30:00" in shown
    assert "America/New_York" in shown
    undone = await shell.run("imports", "undo", "1", "--yes")
    assert "Import 1 is taken back: 1 order, 1 refund voided, and counted." in undone.out


@pytest.mark.long
async def test_the_command_of_the_preview_reads_the_same(shell: Shell) -> None:
    shell.write("my sales.csv", SALES.replace("Uptown,", "").replace("store,", ""))
    looked = await shell.run("import", "my sales.csv", "--store", "Uptown", "--json", "--dry-run")
    command = shlex.split(json.loads(looked.out)["command"])
    assert command[:3] == ["coffeert", "import", "my sales.csv"]
    done = await shell.run(*command[1:], "--yes", "--json")
    report = json.loads(done.out)
    assert (report["stored"]["orders"], report["stored"]["counted"]) == (50, True)
    assert report["command"] == json.loads(looked.out)["command"]


@pytest.mark.long
async def test_equal_rows_of_another_file_are_a_question(shell: Shell, books: Ledger) -> None:
    shell.write("a.csv", SALES)
    shell.write("b.csv", SALES + "2024-03-09T10:00:00Z,Uptown,Latte,1,4.80\n")
    assert (await shell.run("import", "a.csv", "--yes")).code == 0
    asked = await shell.run("import", "b.csv", "--yes")
    assert asked.code == 2
    assert "Nothing was stored: 50 rows equal sales of a.csv imported on " in asked.err
    assert "the same sales again (--same), or another till's (--source NAME)?" in asked.err
    assert await books.count() == 50
    assert "Stored 1 order as" in (await shell.run("import", "b.csv", "--yes", "--same")).out
    undone = await shell.run("imports", "undo", "1", "--yes")
    assert "Import 2 (b.csv) was stored with --same: sales that it shares" in undone.out
    assert (await books.count(), (await shell.run("import", "b.csv", "--yes")).code) == (101, 0)


@pytest.mark.long
async def test_equal_rows_of_another_till_are_other_sales(shell: Shell) -> None:
    shell.write("a.csv", SALES)
    shell.write("b.csv", SALES + "2024-03-09T10:00:00Z,Uptown,Latte,1,4.80\n")
    assert (await shell.run("import", "a.csv", "--yes")).code == 0
    refused = await shell.run("import", "a.csv", "--yes", "--source", "till 2")
    assert "This very file is import 1 already, without --source" in refused.err
    told = await shell.run("import", "b.csv", "--yes", "--source", "till 2")
    assert "another till's, since the source is till 2; stored." in told.out
    assert "Stored 51 orders" in told.out


@pytest.mark.long
async def test_rejected_rows_can_be_corrected_and_loaded(
    shell: Shell, books: Ledger, directory: Path
) -> None:
    bad = "2024-03-09T10:00:00Z,Uptown,Latte,1,cheap\n1999-03-09T10:00:00Z,Uptown,Latte,1,4.80\n"
    shell.write("sales.csv", SALES + bad)
    first = await shell.run("import", "sales.csv", "--yes")
    assert first.code == 1
    assert "2 lines cannot be stored" in first.out
    rejects = directory / "sales.csv.rejects.csv"
    lines = rejects.read_text("utf-8-sig").splitlines()
    assert lines[0] == "coffeert_line,coffeert_reasons," + HEADER.strip()
    assert [line.split(",")[0] for line in lines[1:]] == ["52", "53"]
    rejects.write_text(
        rejects.read_text("utf-8-sig").replace("cheap", "4.80").replace("1999-", "2009-")
    )
    corrected = await shell.run("import", "sales.csv.rejects.csv", "--yes")
    assert "Stored 2 orders" in corrected.out, corrected
    assert await books.count() == 52
    # What its owner has corrected is not overwritten.
    again = await shell.run("import", "sales.csv", "--yes")
    assert "to be corrected: sales.csv.rejects.2.csv" in again.out
    chosen = await shell.run("import", "sales.csv", "--rejects", "sales.csv.rejects.csv")
    assert (chosen.code, "is there already, with other content" in chosen.err) == (2, True)


@pytest.mark.long
async def test_killed_in_the_middle_and_repeated_it_is_exact(shell: Shell, books: Ledger) -> None:
    shell.write("sales.csv", sales(CHUNKS))
    command = shell.start("import", "sales.csv", "--yes")
    await eventually_stored(books, 20_000)
    await command.killed()
    (one,) = await imports(shell)
    stored = await books.count()
    assert 20_000 <= stored < CHUNKS
    assert (one["state"], one["orders"]) == ("incomplete", stored)
    done = await shell.run("import", "sales.csv", "--yes")
    assert "as import 1" in done.out, done
    assert await books.count() == CHUNKS
    (one,) = await imports(shell)
    assert (one["state"], one["orders"]) == ("loaded", CHUNKS)
    undoing = shell.start("imports", "undo", "1", "--yes")
    await eventually_stored(books, CHUNKS + 20_000)
    await undoing.killed()
    assert "half undone" in (await shell.run("imports")).out
    assert (await shell.run("imports", "undo", "1", "--yes")).code == 0
    assert await books.count() == 2 * CHUNKS
    assert (await shell.run("verify")).code == 0


async def eventually_stored(books: Ledger, orders: int) -> None:
    """Wait until so many orders are stored; all rows are read before the first is."""
    async with asyncio.timeout(4 * START):
        while await books.count() < orders:
            await asyncio.sleep(POLL)


@pytest.mark.long
async def test_an_interrupt_ends_it_between_chunks(shell: Shell, books: Ledger) -> None:
    rows = 2 * CHUNKS  # more than are stored while the signal is on its way on a busy machine
    shell.write("sales.csv", sales(rows))
    command = shell.start("import", "sales.csv", "--yes")
    await eventually_stored(books, 20_000)
    command.signal(signal.SIGINT)
    ended = await command.ended()
    stored = await books.count()
    assert stored < rows
    assert ended.code == 130
    assert f"Interrupted: {stored:,} orders are stored as import 1" in ended.out
    assert "Traceback" not in ended.err
    again = shell.start("import", "sales.csv", "--yes")
    assert (await again.ended(within=180)).code == 0
    assert await books.count() == rows


@pytest.mark.long
async def test_two_at_once_store_it_once(shell: Shell, books: Ledger) -> None:
    shell.write("sales.csv", sales(CHUNKS))
    both = [shell.start("import", "sales.csv", "--yes") for _ in range(2)]
    codes = sorted([(await one.ended()).code for one in both])
    assert codes in ([0, 0], [0, 9])
    assert any("Another import, or an undo, is at work here" in one.err for one in both) == (
        codes == [0, 9]
    )
    assert await books.count() == CHUNKS
    assert len(await imports(shell)) == 1


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, shell: Shell, *arguments: str) -> None:
        self._descriptor, other = pty.openpty()
        clean = {name: value for name, value in os.environ.items() if "COFFEERT_" not in name}
        ours = {f"COFFEERT_{name.upper()}": value for name, value in shell.settings.items()}
        self.process = subprocess.Popen(
            [*PROGRAM, *arguments],
            stdin=other,
            stdout=other,
            stderr=other,
            cwd=shell.directory,
            env=clean | ours | {"TERM": "xterm"},
            start_new_session=True,
        )
        os.close(other)
        os.set_blocking(self._descriptor, False)
        self.text = ""

    async def asked(self, text: str) -> None:
        """Wait until the screen has shown a text."""
        await eventually(lambda: text in self._read(), within=30)

    def answer(self, text: str) -> None:
        self.text = ""
        os.write(self._descriptor, text.encode() + b"\n")

    async def ended(self) -> int:
        await eventually(lambda: self._read() is None or self.process.poll() is not None, within=30)
        self._read()
        return self.process.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._descriptor)

    def _read(self) -> str:
        try:
            while data := os.read(self._descriptor, 65_536):
                self.text += data.decode(errors="replace")
        except OSError:  # nothing now, or the other side is closed
            pass
        return self.text


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Closes what a test puts in."""
    found: list[Terminal] = []
    yield found
    for terminal in found:
        terminal.close()


@pytest.mark.long
async def test_on_a_terminal_it_asks(
    shell: Shell, books: Ledger, terminals: list[Terminal]
) -> None:
    shell.write("sales.csv", SALES.replace("Uptown,", "").replace("store,", "").replace("Z,", ","))
    terminal = Terminal(shell, "import", "sales.csv")
    terminals.append(terminal)
    await terminal.asked("5) another store")
    assert "Opening the file" in terminal.text
    assert "Looking through the file" in terminal.text
    terminal.answer("Kiosk")
    await terminal.asked("Which, or the zone itself")
    terminal.answer("Europe/Kyiv")
    await terminal.asked("Store 50 orders? [y/N]")
    assert "as they would be stored (times of Europe/Kyiv):" in terminal.text
    assert "2024-03-01 10:00:00  kiosk" in terminal.text
    assert "Days of Kiosk begin at 00:00 in Europe/Kyiv." in terminal.text
    assert terminal.text.count("Columns used") == 0, "was said before the questions"
    terminal.answer("n")
    assert await terminal.ended() == 1
    assert "Nothing was stored." in terminal.text
    assert await books.count() == 0


@pytest.mark.long
async def test_on_a_terminal_equal_rows_are_asked_about(
    shell: Shell, books: Ledger, terminals: list[Terminal]
) -> None:
    shell.write("a.csv", SALES)
    shell.write("b.csv", SALES + "\n")
    assert (await shell.run("import", "a.csv", "--yes")).code == 0
    terminal = Terminal(shell, "import", "b.csv")
    terminals.append(terminal)
    await terminal.asked("the same sales again")
    await terminal.asked("Which")
    terminal.answer("2")
    await terminal.asked("Name")
    terminal.answer("till 2")
    await terminal.asked("Store 50 orders? [y/N]")
    terminal.answer("y")
    assert await terminal.ended() == 0, terminal.text
    assert "Stored 50 orders" in terminal.text
    assert await books.count() == 100
