"""When requests are due, and what becomes of those that find no connection."""

from __future__ import annotations

import asyncio
import contextlib
import math
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from coffeert.lab.load_generator import LoadGenerator, LoadJob, poisson
from tests.waiting import eventually


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.floats(50, 5_000))
def test_arrivals_are_those_of_a_poisson_process(seed: int, rate: float) -> None:
    moments = poisson(rate, 2.0, seed)
    assert moments == poisson(rate, 2.0, seed)
    assert all(0 <= earlier <= later < 2.0 for earlier, later in pairwise(moments))
    wanted = 2 * rate
    assert abs(len(moments) - wanted) < 7 * math.sqrt(wanted)  # a count's deviation is its root
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert 0.5 < deviation / mean < 1.7  # of exponential gaps it is 1, of a metronome's 0


async def test_who_finds_no_idle_connection_in_time_is_not_sent() -> None:
    answering: set[asyncio.StreamWriter] = set()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer each order 503, a fifth of a second after it came."""
        answering.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.startswith(b"GET"):  # an order, maybe behind the body of the one before
                    await asyncio.sleep(0.2)
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        answering.discard(writer)

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    job = LoadJob(host="127.0.0.1", port=port, connections=2, rate=100, seconds=1, patience=0.05)
    load = LoadGenerator(job)
    await load.connect()
    result = await load.run()
    await eventually(lambda: not answering)
    server.close()
    assert result.unsent > result.shed > 0
    assert result.sent == result.shed + result.unsent
    assert result.wrong == result.unanswered == 0
    assert result.send_delay_p99 < 0.1
