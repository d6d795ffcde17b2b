"""The cookie of the page: who can make one, and for how long it opens anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.server.http.read_cookie import ReadCookie

NOW = 1_795_000_000.0
DAY = 86400.0
TOKEN = "reads-only-0123456789"


def cookie(token: str = TOKEN, lifetime: float = DAY, *, at: float = NOW) -> ReadCookie:
    return ReadCookie(token, lifetime, clock=lambda: at)


OURS = cookie()


def value_of(field: str) -> str:
    return field.split(";")[0].partition("=")[2]


VALUE = value_of(OURS.field(secure=False))


def test_every_process_with_the_same_token_verifies_it() -> None:
    other = cookie()
    assert other.name == OURS.name
    assert other.valid_until(VALUE) == NOW + DAY


def test_another_token_ends_it() -> None:
    other = cookie("another-0123456789")
    assert other.name != OURS.name
    assert other.valid_until(VALUE) is None


@pytest.mark.parametrize(("passed", "valid"), [(0, True), (DAY - 1, True), (DAY, False)])
def test_it_expires(passed: float, valid: bool) -> None:
    assert (cookie(at=NOW + passed).valid_until(VALUE) is not None) is valid


def test_a_shorter_lifetime_ends_what_was_made_under_a_longer_one() -> None:
    assert cookie(lifetime=3600).valid_until(VALUE) is None


@given(st.text() | st.from_regex(r"[0-9]{1,14}\.[A-Za-z0-9_-]{43}", fullmatch=True))
def test_nothing_made_up_opens_anything(value: str) -> None:
    assert value == VALUE or OURS.valid_until(value) is None


@given(st.integers(0, len(VALUE) - 1), st.characters(max_codepoint=0x7E, min_codepoint=0x21))
def test_no_changed_one_opens_anything(at: int, character: str) -> None:
    changed = VALUE[:at] + character + VALUE[at + 1 :]
    assert changed == VALUE or OURS.valid_until(changed) is None


@pytest.mark.parametrize(
    "value", ["", ".", "1795086400", f"{VALUE}x", "٣.x", f"{10**13}.x", "\udcff"]
)
def test_odd_values_open_nothing(value: str) -> None:
    assert OURS.valid_until(value) is None


@pytest.mark.parametrize(
    ("framed", "secure", "attributes"),
    [
        (False, False, "HttpOnly; SameSite=Strict"),
        (False, True, "HttpOnly; SameSite=Strict; Secure"),
        (True, False, "HttpOnly; SameSite=None; Secure; Partitioned"),
    ],
)
def test_scripts_and_other_sites_do_not_get_it(framed: bool, secure: bool, attributes: str) -> None:
    made = ReadCookie(TOKEN, DAY, framed=framed, clock=lambda: NOW)
    assert made.field(secure=secure).endswith(f"; Max-Age=86400; {attributes}")
    assert made.clearing_field(secure=secure) == f"{made.name}=; Max-Age=0; {attributes}"
