"""Which existing account the servers of root run as; none is created."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from coffeert.embedded.service_account import CANDIDATES, account_for
from coffeert.errors import EmbeddedError

UIDS = {"postgres": 101, "_postgres": 216, "coffeert": 998, "nobody": 65534}


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """The accounts of a machine on which this process is root and must not run anything."""
    existing = dict(UIDS)

    def getpwnam(name: str) -> pwd.struct_passwd:
        return pwd.struct_passwd((name, "x", existing[name], existing[name], "", "/", "/bin/false"))

    def run(*arguments: object, **options: object) -> None:
        raise AssertionError(f"runs {arguments}")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    monkeypatch.setattr(subprocess, "run", run)
    return existing


def test_candidates_are_taken_in_order_as_far_as_they_exist(
    accounts: dict[str, int], tmp_path: Path
) -> None:
    for name in CANDIDATES:
        account = account_for(tmp_path / "absent")
        assert (account.name, account.uid, account.drops) == (name, UIDS[name], True)
        del accounts[name]
    with pytest.raises(EmbeddedError, match=r"no account .*create an account named coffeert\.$"):
        account_for(tmp_path / "absent")


def test_the_owner_of_the_data_comes_first_even_if_its_account_is_gone(
    accounts: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned_by_root = type("Status", (), {"st_uid": 0, "st_gid": 0})()
    owned = type("Status", (), {"st_uid": 4321, "st_gid": 4321})()
    statuses = {tmp_path / "run": owned, tmp_path: owned_by_root}

    def lstat(path: Path) -> object:
        if path not in statuses:
            raise FileNotFoundError
        return statuses[path]

    monkeypatch.setattr(Path, "lstat", lstat)
    account = account_for(tmp_path / "postgres", tmp_path / "run", tmp_path)
    assert (account.uid, account.gid, account.name, account.drops) == (4321, 4321, "4321", True)
    assert account_for(tmp_path).name == "postgres"


def test_any_other_user_runs_its_own_servers(
    accounts: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    account = account_for(tmp_path)
    assert (account.uid, account.drops) == (1234, False)
