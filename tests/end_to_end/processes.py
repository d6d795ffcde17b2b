"""The system as its users run it: `coffeert ...` in processes of its own, ended whatever happens."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from types import MappingProxyType

import msgspec

from coffeert.inject import InjectionReport
from tests.end_to_end.forked import Forked
from tests.waiting import eventually

START, END = 30.0, 40.0  # seconds
PROGRAM = (sys.executable, "-m", "coffeert")
_SERVES = "coffeert serves "
_ROOT_NOTICE = re.compile(
    r"coffeert: Running as root, so the embedded servers run as the account [^\n]+\.\n"
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def report(self) -> InjectionReport:
        """Read standard output, which must be one JSON object and nothing else."""
        return msgspec.json.decode(self.out, type=InjectionReport)


class Command:
    """A command that was started; what it writes goes to files, so that it never has to wait."""

    def __init__(self, process: subprocess.Popen[bytes] | Forked, out: Path, err: Path) -> None:
        self.process = process
        self._out = out
        self._err = err

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    @property
    def complaints(self) -> str:
        """Standard error without the line on the account of the embedded servers, if this is root."""
        return _ROOT_NOTICE.sub("", self.err, count=1) if os.geteuid() == 0 else self.err

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: Signals) -> None:
        self.process.send_signal(number)

    async def says(self, text: str, *, within: float = START) -> str:
        """Wait until standard output has a line with this text, and return that line."""

        def found() -> str | None:
            lines = self.out.splitlines(keepends=True)
            return next((line for line in lines if text in line and line.endswith("\n")), None)

        await eventually(lambda: found() or not self.running, within=within)
        line = found()
        assert line is not None, f"ended with {self.process.poll()}: {self.out}{self.err}"
        return line

    async def url(self) -> str:
        """Wait until the server serves, and return its URL."""
        return (await self.says(_SERVES)).split(_SERVES)[1].split()[0]

    async def ended(self, within: float = END) -> Ended:
        """Wait until the command has ended by itself."""
        await eventually(lambda: not self.running, within=within)
        assert self.process.returncode is not None
        return Ended(self.process.returncode, self.out, self.err)

    async def stopped(self) -> Ended:
        """Ask the command to end, as a supervisor would, and wait until it has."""
        self.signal(signal.SIGTERM)
        return await self.ended()

    async def killed(self) -> None:
        """Kill the command without warning."""
        self.signal(signal.SIGKILL)
        await self.ended()


class Shell:
    """A directory to run commands in, with settings in their environment.

    Commands are forked, unless they need another program or other variables, or `forks` is False.
    """

    def __init__(
        self, directory: Path, settings: Mapping[str, str], *, forks: bool = sys.platform == "linux"
    ) -> None:
        self.directory = directory
        self._forks = forks
        self.settings = dict(settings)
        self.commands: list[Command] = []

    def start(
        self,
        *arguments: str,
        settings: Mapping[str, str] = MappingProxyType({}),
        program: tuple[str, ...] = PROGRAM,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> Command:
        """Start `coffeert` with arguments, with settings in addition to those of the shell."""
        clean = {name: value for name, value in os.environ.items() if "COFFEERT_" not in name}
        ours = {f"COFFEERT_{n.upper()}": v for n, v in (self.settings | dict(settings)).items()}
        number = len(self.commands)
        out, err = self.directory / f"{number}.out", self.directory / f"{number}.err"
        environment = clean | ours | dict(variables)
        process: subprocess.Popen[bytes] | Forked
        with out.open("wb") as out_file, err.open("wb") as err_file:
            if self._forks and program == PROGRAM and not variables:
                process = Forked(arguments, self.directory, environment, out, err)
            else:
                process = subprocess.Popen(
                    [*program, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=out_file,
                    stderr=err_file,
                    cwd=self.directory,
                    env=environment,
                    start_new_session=True,
                )
        command = Command(process, out, err)
        self.commands.append(command)
        return command

    async def run(
        self, *arguments: str, settings: Mapping[str, str] = MappingProxyType({})
    ) -> Ended:
        """Run a command to its end."""
        return await self.start(*arguments, settings=settings).ended()

    async def serve(
        self, *arguments: str, port: int = 0, variables: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[Command, str]:
        """Start a server, by default with a short interval of aggregation, and wait until it serves."""
        defaults = (
            () if "--aggregation-interval" in arguments else ("--aggregation-interval", "0.2")
        )
        options = ("serve", "--port", str(port), *defaults, *arguments)
        server = self.start(*options, variables=variables)
        return server, await server.url()

    def write(self, name: str, text: str) -> None:
        """Write a file into the directory."""
        (self.directory / name).write_text(text)

    def close(self) -> None:
        """End whatever still runs."""
        for command in self.commands:
            if command.running:
                command.signal(signal.SIGCONT)
                command.signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        for command in self.commands:
            with suppress(subprocess.TimeoutExpired):
                command.process.wait(max(0.1, deadline - time.monotonic()))
            if command.running:
                command.process.kill()
                command.process.wait()


def children(pid: int) -> set[int]:
    """The living children of a process."""
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def running() -> set[int]:
    """All processes of the machine."""
    return {int(place.name) for place in Path("/proc").glob("[0-9]*")}


def naming(directory: Path) -> dict[int, str]:
    """The processes whose command line or environment names a directory, by id."""
    found = {}
    for pid in running() - {os.getpid()}:
        try:
            words = b"".join(
                Path(f"/proc/{pid}", part).read_bytes() for part in ("cmdline", "environ")
            )
        except OSError:  # it has ended meanwhile, or belongs to somebody else
            continue
        if os.fsencode(directory) in words:
            found[pid] = words.replace(b"\0", b" ").decode(errors="replace")
    return found


def nothing_left(directory: Path) -> None:
    """Assert that no process and no socket belongs to a directory."""
    assert naming(directory) == {}
    assert not [path for path in directory.rglob("*") if path.is_socket()]
