"""Ends the embedded servers of a lab that was killed.

Run as `python -m coffeert.lab.cleanup DIRECTORY` it waits until the lab has ended, however it ends, stops
the embedded servers in the directory, and removes it. It loads only what that needs: each run starts it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coffeert.embedded import PostgresServer, ValkeyServer

_TIMEOUT_SECONDS = 10.0


@contextmanager
def cleanup_on_kill(directory: Path) -> Iterator[None]:
    """Have the embedded servers in a directory stopped if this process is killed in the block.

    This process holds the other end of the cleanup process's standard input, and the kernel closes it.
    """
    cleanup = subprocess.Popen(  # noqa: S603  # this interpreter and a module of ours
        [sys.executable, "-m", __name__, str(directory)],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the lab, which then stops its servers itself
    )
    assert cleanup.stdin is not None
    try:
        yield
    finally:
        cleanup.stdin.close()
        cleanup.wait(_TIMEOUT_SECONDS)


def _clean_up_after_parent(directory: Path) -> None:
    sys.stdin.buffer.read()
    if directory.exists():
        ValkeyServer(directory).stop()
        PostgresServer(directory).stop("immediate")
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    _clean_up_after_parent(Path(sys.argv[1]))
