"""What the empty screen says helps against what is wrong."""

from __future__ import annotations

import pytest

from coffeert.tui.model.data_status import DataStatus
from coffeert.tui.render.badges import reason_text
from coffeert.tui.render.glyphs import ASCII
from coffeert.tui.render.notice import notice_lines


@pytest.mark.parametrize(
    ("reason", "help_"),
    [
        ("asks for a token, or for another one than was given", "export COFFEERT_TOKEN"),
        ("answers, but the proxy in front of it does not pass WebSocket upgrades", "Upgrade"),
        ("has a certificate of a CA unknown here", "export COFFEERT_CA_FILE"),
        ("does not answer", "coffeert serve"),
    ],
)
def test_what_to_do_follows_from_the_reason(reason: str, help_: str) -> None:
    status = DataStatus("starting", reason=reason, retry_in=30)
    lines = notice_lines(status, "http://shop.example/coffee", 100, ASCII)
    text = "\n".join("".join(span.text for span in line) for line in lines)
    assert f"The server {reason}." in text
    assert help_ in text
    assert "Trying again in 30 s." in text


def test_a_question_ends_as_one() -> None:
    status = DataStatus("lost", reason="has answered 401 for 20 s: is the token still right?")
    assert reason_text(status) == "The server has answered 401 for 20 s: is the token still right?"
