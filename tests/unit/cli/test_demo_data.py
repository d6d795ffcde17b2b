"""Which data directories the demo takes for its own, and begins again in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from coffeert.cli import demo_data as module
from coffeert.cli.demo_data import DemoFailed, DemoRecord, History, demo_data, noon_zone
from coffeert.embedded import EmbeddedServices


@pytest.fixture(autouse=True)
def services(monkeypatch: pytest.MonkeyPatch) -> None:
    """No servers: these tests are about files only."""

    @contextmanager
    def none_started(path: Path, *, restart: bool) -> Iterator[EmbeddedServices]:
        yield EmbeddedServices("postgresql://", "redis://", path, None)

    monkeypatch.setattr(module, "embedded_services", none_started)
    monkeypatch.setattr(module, "make_history", lambda zone, until: History([], until))


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the account of the servers can reach, if this is root."""
    with TemporaryDirectory(prefix="coffeert-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def made(path: Path, *names: str) -> Path:
    for name in names:
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("kept")
    return path


CLUSTER = ("postgres/PG_VERSION", "postgres/global/pg_control", "postgres/base/1")
REMAINS = ("postgres/PG_VERSION", "postgres/base/1")


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("is_default", [False, True])
def test_data_that_are_not_the_demos_stay(place: Path, reset: bool, is_default: bool) -> None:
    path = made(place, *CLUSTER)
    with (
        pytest.raises(DemoFailed, match="not the demo's"),
        demo_data(path, "UTC", reset=reset, is_default=is_default),
    ):
        pass
    assert all((path / name).read_text() == "kept" for name in CLUSTER)


def test_what_is_no_whole_cluster_stays_in_a_directory_that_somebody_named(place: Path) -> None:
    path = made(place, *REMAINS)
    with pytest.raises(DemoFailed, match="not the demo's"), demo_data(path, "UTC", reset=False):
        pass
    assert all((path / name).read_text() == "kept" for name in REMAINS)


@pytest.mark.parametrize(
    ("names", "reset", "is_default"),
    [
        (REMAINS, True, False),
        (REMAINS, False, True),
        ((*CLUSTER, "log/demo.log"), False, False),
        ((*CLUSTER, "demo.json"), False, False),
    ],
)
def test_what_is_left_of_an_interrupted_demo_is_removed(
    place: Path, names: tuple[str, ...], reset: bool, is_default: bool
) -> None:
    path = made(place, *names)
    with demo_data(path, "UTC", reset=reset, is_default=is_default) as data:
        assert data.is_new
        assert not (path / "postgres").exists()


def test_interrupted_while_the_old_data_are_removed_it_begins_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(place, *CLUSTER)
    now = datetime.now(UTC)
    module._write(path, DemoRecord(noon_zone("UTC", now), now))
    removed = shutil.rmtree

    def interrupted(directory: Path) -> None:
        (directory / "PG_VERSION").unlink(missing_ok=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt), demo_data(path, "UTC", reset=True):
        pass
    monkeypatch.setattr(shutil, "rmtree", removed)
    with demo_data(path, "UTC", reset=False) as data:
        assert data.is_new
    assert not (path / "postgres").exists()
