"""The caretaker: ends the servers of a run whose process was killed, and removes their files.

Run as `python -m coffeert.lab.caretaker DIRECTORY`. The lab holds the other end of its standard input,
which the kernel closes with the lab, however it ends. A run that ends by itself has left nothing to do.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coffeert.embedded import PostgresServer, ValkeyServer

_LEAVE_TIMEOUT = 10.0


@contextmanager
def cared_for(directory: Path) -> Iterator[None]:
    """Have the embedded servers in a directory ended, should this process be killed in the block."""
    caretaker = subprocess.Popen(  # noqa: S603  # this interpreter, and a module of ours
        [sys.executable, "-m", "coffeert.lab.caretaker", str(directory)],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the lab, which then ends its servers itself
    )
    assert caretaker.stdin is not None
    try:
        yield
    finally:
        caretaker.stdin.close()
        caretaker.wait(_LEAVE_TIMEOUT)


def _take_care(directory: Path) -> None:
    sys.stdin.buffer.read()
    if directory.exists():
        ValkeyServer(directory).stop()
        PostgresServer(directory).stop("immediate")
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    _take_care(Path(sys.argv[1]))
