"""What `coffeert inject` refuses before it talks to anyone."""

from __future__ import annotations

import pytest

from coffeert.cli import cli, run
from coffeert.client.url import DEFAULT_URL
from tests.ports import free_port


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server is where the command would look for one."""
    monkeypatch.delenv("COFFEERT_URL", raising=False)
    monkeypatch.setenv("COFFEERT_PORT", str(free_port()))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rate", "5", "--count", "5", "--duration", "5s"), "at most two"),
        (("--profile", "siesta"), "no profile 'siesta'"),
        (("--via", "pigeon"), "no transport 'pigeon'"),
        (("--file", "-", "--seed", "1"), "--seed goes without --file"),
        (("--file", "-", "--duration", "1s"), "--duration goes without --file"),
        (("--file", "-", "--speed", "1", "--rate", "1"), "--speed or --rate, not both"),
        (("--speed", "2"), "--speed goes with --file"),
        (("--file", __file__), "coffeert import"),
        (("--url", "http://me:s3cret@localhost"), "COFFEERT_TOKEN"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(cli, ["inject", *arguments])
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert words in err
    assert "s3cret" not in err
    assert err.startswith("coffeert: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        ("0s", "must be above zero"),
        ("-1s", "such as 500ms, 20s"),
        ("5 parsecs", "such as 500ms, 20s"),
    ],
)
def test_a_duration_is_a_number_with_a_unit(
    duration: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cli, ["inject", "--duration", duration]) == 2
    assert words in capsys.readouterr().err


def test_a_server_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["inject", "--count", "1"]) == 3
    err = capsys.readouterr().err
    assert "does not answer" in err
    assert err.count("\n") == 1
    assert DEFAULT_URL not in err


def test_help_says_what_a_seed_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["inject", "--help"]) == 0
    assert "a repetition adds nothing" in " ".join(capsys.readouterr().out.split())
