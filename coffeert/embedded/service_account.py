"""The operating system's account that the servers run as.

PostgreSQL refuses to run as root, so root's servers run as an account without privileges; everyone
else's run as themselves.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from coffeert.errors import EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CREATED = "coffeert"
CANDIDATES = ("postgres", "_postgres", CREATED)
LAST_RESORT = "nobody"

# Nothing of the caller's environment may steer a server: PGPORT, PGSERVICE or a locale would.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the servers; `drops` if that is not who we are."""

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
        """Runs a program as this account, away from our terminal, and returns its exit status.

        `output` gets both its streams; of our descriptors it sees only those in `inherit`.
        """
        completed = subprocess.run(  # noqa: S603 - our own programs, and no shell reads the words
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=inherit,
            cwd="/",
            env=ENVIRONMENT,
            start_new_session=True,  # the terminal's Ctrl-C is not meant for the servers
            umask=0o077,
            user=self.uid if self.drops else None,
            group=self.gid if self.drops else None,
            extra_groups=[] if self.drops else None,
            timeout=timeout,
            check=False,
        )
        return completed.returncode

    def can_enter(self, directory: Path) -> bool:
        """Whether this account may pass through `directory`, as the kernel sees it."""
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
        """Sends a signal with this account's rights only, whoever we are; a gone process is fine."""
        if self.drops:
            self.run(["/bin/sh", "-c", 'kill -s "$1" "$2"', "sh", number.name[3:], str(pid)])
            return
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def take(self, path: Path) -> None:
        """Makes this account the owner of `path`, which we have just created."""
        if self.drops:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def account_for(*existing: Path) -> Account:
    """The account for servers whose files are `existing`, as far as these are there already.

    Raises:
        EmbeddedError: we are root, and there is no account to become.
    """
    uid = os.geteuid()
    if uid != 0:
        return Account(uid, os.getegid(), _name(uid), drops=False)
    for path in existing:
        if (owner := _owner(path)) is not None:
            return owner
    entry = _first_entry(*CANDIDATES) or _create() or _first_entry(LAST_RESORT)
    if entry is None:
        raise EmbeddedError(
            "PostgreSQL does not run as root, and there is no account to run it as; "
            f"create one named {CREATED}."
        )
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, drops=True)


def _owner(path: Path) -> Account | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    if status.st_uid == 0:
        return None
    return Account(status.st_uid, status.st_gid, _name(status.st_uid), drops=True)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _first_entry(*names: str) -> pwd.struct_passwd | None:
    for name in names:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def _create() -> pwd.struct_passwd | None:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/"]
    try:
        subprocess.run(  # noqa: S603 - constant words
            [*command, "--shell", "/usr/sbin/nologin", CREATED],
            env=ENVIRONMENT,
            capture_output=True,
            check=False,
        )
    except OSError:  # absent, as on macOS, or out of our reach
        return None
    return _first_entry(CREATED)  # also there if another process was faster
