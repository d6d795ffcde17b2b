"""The data directory of the embedded servers, and which account may reach it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from platformdirs import user_data_path

from coffeert.embedded.service_account import Account, account_for
from coffeert.errors import EmbeddedError

SYSTEM_DIRECTORY = Path("/var/lib/coffeert")
_CLUSTER = "postgres"
_MAX_SOCKET_PATH_BYTES = 100  # the limits are 107 (Linux) and 103 (macOS)
_LONGEST_SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """A data directory and the account that its servers run as.

    The directory itself holds the locks and logs of this process; `cluster` and `sockets` belong to the
    account.
    """

    path: Path
    account: Account

    @classmethod
    def at(cls, path: Path | None = None) -> DataDirectory:
        """Return the data directory at `path` (default: this user's), created if it is absent.

        Raises `EmbeddedError` if the account that the servers run as cannot reach it, or if this process
        cannot use it.
        """
        path = (path or default_path()).expanduser().resolve()
        directory = cls(path, account_for(path / _CLUSTER, path / "run", path))
        nearest = _nearest_existing(path)
        if not nearest.is_dir():
            raise EmbeddedError(f"{nearest} is not a directory, so it cannot hold the data.")
        directory._require_reachable(nearest)
        if os.statvfs(nearest).f_flag & os.ST_RDONLY:
            raise EmbeddedError(f"The data directory {path} is on a read-only file system.")
        if not path.exists():
            absent = [each for each in (path, *path.parents) if not each.exists()]
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if directory.account.drops:  # the account must get through, whatever our umask is
                for each in absent:
                    each.chmod(0o755)
        if not os.access(path, os.W_OK | os.X_OK):
            raise EmbeddedError(f"The data directory {path} belongs to another user.")
        return directory

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data."""
        return self.path / _CLUSTER

    @property
    def sockets(self) -> Path:
        """The directory of the Unix sockets; one elsewhere if its path is too long for a socket's name."""
        run = self.path / "run"
        if _fits_a_socket(run):
            return run
        name = f"coffeert-{blake2b(os.fsencode(self.path), digest_size=8).hexdigest()}"
        if run.is_symlink() and (chosen := run.readlink()).name == name:
            return chosen  # by another process, whose TMPDIR may differ
        temporary = Path(tempfile.gettempdir()).resolve() / name
        if self.account.drops or not _fits_a_socket(temporary):
            temporary = Path("/tmp", name)  # noqa: S108 (made private, and refused if it is not)
        return temporary

    def make_sockets(self) -> Path:
        """Create the directory of the sockets, private to the account.

        Raises `EmbeddedError` if another account could have put one there.
        """
        sockets, run = self.sockets, self.path / "run"
        if sockets != run and not (run.is_symlink() and run.readlink() == sockets):
            run.unlink(missing_ok=True)
            run.symlink_to(sockets)
        sockets.mkdir(mode=0o700, exist_ok=True)
        if not self._is_private(sockets):
            raise EmbeddedError(f"{sockets} is not a private directory of {self.account.name}.")
        self.account.take(sockets)
        return sockets

    def remove_sockets(self) -> None:
        """Remove a directory of sockets outside the data directory, once no server runs."""
        sockets = self.sockets
        if sockets != self.path / "run" and sockets.exists() and self._is_private(sockets):
            shutil.rmtree(sockets)

    def log(self, name: str) -> Path:
        return self.path / "log" / name

    def new_log(self, name: str) -> BinaryIO:
        """Open an empty log, keeping that of the previous start as `<name>.1`."""
        path = self.log(name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if path.exists() and path.stat().st_size:
            path.replace(path.with_name(f"{name}.1"))
        path.unlink(missing_ok=True)
        return path.open("xb")

    def _is_private(self, directory: Path) -> bool:
        status = directory.lstat()
        closed = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
        return closed and status.st_uid in {os.geteuid(), self.account.uid}

    def _require_reachable(self, path: Path) -> None:
        if self.account.can_enter(path):
            return
        if not self.account.drops:
            raise EmbeddedError(f"You may not enter {path}, so it cannot hold a data directory.")
        raise EmbeddedError(
            f"PostgreSQL does not run as root but as the account {self.account.name}, which may "
            f"not enter {path}. Choose a data directory that it can reach, such as "
            f"{SYSTEM_DIRECTORY}."
        )


def default_path() -> Path:
    """Return the data directory that is used if none is set."""
    return SYSTEM_DIRECTORY if os.geteuid() == 0 else user_data_path("coffeert")


def has_cluster(path: Path) -> bool:
    """Whether PostgreSQL's data are at `path`; or may be, where this process may not look."""
    try:
        (path.expanduser() / _CLUSTER).stat()
    except FileNotFoundError:
        return False
    except OSError:
        pass
    return True


def _nearest_existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if _exists(each))


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:  # absent, or inside a directory that we may not enter
        return False
    return True


def _fits_a_socket(directory: Path) -> bool:
    # libpq, PostgreSQL and asyncpg read a comma as the start of another host or directory, and
    # PostgreSQL a quotation mark as the start of a quoted one.
    text = os.fspath(directory)
    try:
        length = len((directory / _LONGEST_SOCKET_NAME).as_posix().encode())
    except UnicodeEncodeError:
        return False  # bytes that are no text cannot be written in a URL
    return length <= _MAX_SOCKET_PATH_BYTES and not set(text) & set(',"\n')
