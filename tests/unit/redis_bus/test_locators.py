"""Which of several answers holds, and what is said if there is none."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from coffeert.redis_bus import locators
from coffeert.redis_bus.address import RedisNode
from coffeert.redis_bus.locators import Located, Locator

FIRST, SECOND, THIRD = (RedisNode(f"h{number}", 1) for number in (1, 2, 3))
OLD, NEW, REPLICA = (RedisNode(name, 2) for name in ("old", "new", "replica"))


class Told(Locator):
    """Gives the answers it was told; an exception is raised."""

    who = "nobody says"

    def __init__(self, **answers: Located | Exception) -> None:
        super().__init__((FIRST, SECOND, THIRD), {})
        self.asked: list[str] = []
        self.answers = answers

    async def _ask(self, node: RedisNode) -> Located:
        self.asked.append(node.host)
        answer = self.answers[node.host]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_the_latest_answer_holds() -> None:
    for first, last in ((Located(4, OLD), Located(5, NEW)), (Located(5, NEW), Located(4, OLD))):
        told = Told(h1=first, h2=OSError("away"), h3=last)
        assert await told.locate() == NEW


async def test_nodes_that_were_told_of_are_asked_as_well() -> None:
    told = Told(
        h1=Located(1, OLD, (OLD, REPLICA)), h2=OSError("away"), h3=OSError("away"),
        old=OSError("away"), replica=Located(2, NEW),
    )  # fmt: skip
    assert await told.locate() == OLD
    told.answers["h1"] = OSError("away")
    assert await told.locate() == NEW
    assert sorted(told.asked) == ["h1", "h1", "h2", "h2", "h3", "h3", "old", "replica"]


async def test_who_says_nothing_is_named_with_the_reason() -> None:
    told = Told(h1=OSError("away."), h2=ValueError("no number"), h3=OSError("away"))
    with pytest.raises(RedisConnectionError) as nowhere:
        await told.locate()
    assert (
        str(nowhere.value) == "nobody says where our keys are (h1:1, h3:1: away; h2:1: no number)"
    )


async def test_nobody_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locators, "_TIMEOUT_SECONDS", 0.05)

    class Silent(Told):
        async def _ask(self, node: RedisNode) -> Located:
            if node == FIRST:
                await asyncio.Event().wait()
            return await super()._ask(node)

    assert await Silent(h2=Located(1, NEW), h3=Located(0, OLD)).locate() == NEW
