"""A process of its own that holds the embedded servers until its standard input ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn

import coffeert
from coffeert.embedded import embedded_services

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PATIENCE = 30.0  # seconds


class Holder:
    """The holding process, seen from the test that started it."""

    def __init__(
        self,
        data_dir: Path,
        *,
        python: Sequence[str] = (sys.executable,),
        script: Path = Path(__file__),
        environment: Mapping[str, str] | None = None,
        user: int | None = None,
        group: int | None = None,
    ) -> None:
        paths = [str(Path(coffeert.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        self.process = subprocess.Popen(
            [*python, str(script), str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(environment or {})},
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
        )

    def wait_attached(self) -> dict[str, str]:
        """The addresses that it got."""
        line = _pipe(self.process.stdout).readline()
        if not line:
            raise AssertionError(self.finish())
        addresses: dict[str, str] = json.loads(line)
        return addresses

    def kill(self) -> None:
        """Kill it, so that it cannot leave cleanly."""
        self.process.kill()
        self.finish()

    def interrupt(self, number: signal.Signals) -> None:
        """What a terminal's Ctrl-C, or a shutdown, sends to the process and all in its group."""
        os.killpg(self.process.pid, number)
        self.finish()

    def leave(self) -> None:
        """Lets it leave as a command that is done does."""
        complaint = self.finish()
        assert self.process.returncode == 0, complaint

    def finish(self) -> str:
        """Ends its input, waits for its end, and returns what it wrote to standard error."""
        return self.process.communicate(timeout=PATIENCE)[1]


@contextmanager
def holding(data_dir: Path) -> Iterator[Holder]:
    """A holder that has attached, and that is gone after the block, one way or the other."""
    holder = Holder(data_dir)
    try:
        holder.wait_attached()
        yield holder
    finally:
        if holder.process.poll() is None:
            holder.leave()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def _hold(data_dir: Path) -> None:
    with embedded_services(data_dir) as services:
        addresses = {"database_url": services.database_url, "redis_url": services.redis_url}
        sys.stdout.write(json.dumps(addresses) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


def _terminate(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    _hold(Path(sys.argv[1]))
