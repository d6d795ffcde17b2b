"""The account of the operating system that the servers run as.

PostgreSQL refuses to run as root, so the servers of root run as an existing account without privileges:
the owner of their data, or else the first of `CANDIDATES`. No account is ever created. The servers of any
other user run as that user.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from coffeert.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# `_postgres` is macOS's. `coffeert` may have been created for this program. Other services may run as
# `nobody` too, and could reach the data, so it comes last.
CANDIDATES = ("postgres", "_postgres", "coffeert", "nobody")

# Nothing of the caller's environment may influence a server, as PGPORT, PGSERVICE or a locale would.
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Account:
    """The account of the servers; `drops` if that is not the account of this process."""

    uid: int
    gid: int
    name: str
    drops: bool

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        output: IO[bytes] | int = subprocess.DEVNULL,
        inherit: Sequence[int] = (),
        timeout: float | None = None,
    ) -> int:
        """Run a program as this account, without a terminal, and return its exit status.

        `output` gets both its streams; of our descriptors it inherits only those in `inherit`.
        """
        completed = subprocess.run(  # noqa: S603 (our own programs, and no shell parses the arguments)
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=inherit,
            cwd="/",
            env=_ENVIRONMENT,
            start_new_session=True,  # Ctrl-C in the terminal must not reach the servers
            umask=0o077,
            user=self.uid if self.drops else None,
            group=self.gid if self.drops else None,
            extra_groups=[] if self.drops else None,
            timeout=timeout,
            check=False,
        )
        return completed.returncode

    def can_enter(self, directory: Path) -> bool:
        """Whether the kernel lets this account enter `directory`."""
        if not self.drops:
            return os.access(directory, os.X_OK)
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", directory]) == 0

    def can_run(self, program: Path) -> bool:
        """Whether `program --version` works for this account."""
        try:
            return self.run([program, "--version"]) == 0
        except PermissionError:
            return False

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal with the permissions of this account only; a process that is gone is ignored."""
        if self.drops:
            self.run(["/bin/sh", "-c", 'kill -s "$1" "$2"', "sh", number.name[3:], str(pid)])
            return
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def take(self, path: Path) -> None:
        """Make this account the owner of `path`, which this process has just created."""
        if self.drops:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def account_for(*existing: Path) -> Account:
    """Return the account for servers whose files are `existing`, as far as these exist already.

    Raises `EmbeddedError` if this is root and there is no account without privileges.
    """
    uid = os.geteuid()
    if uid != 0:
        return Account(uid, os.getegid(), _name(uid), drops=False)
    for path in existing:
        if (owner := _owner(path)) is not None:
            return owner
    for name in CANDIDATES:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, drops=True)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and there is no account that it could run as: run coffeert as "
        "another user, or create an account named coffeert."
    )


def _owner(path: Path) -> Account | None:
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if status.st_uid == 0:
        return None
    return Account(status.st_uid, status.st_gid, _name(status.st_uid), drops=True)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
