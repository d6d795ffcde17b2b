"""Which clients get gzip."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from coffeert.server.http.responses import accepts_gzip


@pytest.mark.parametrize(
    ("fields", "accepted"),
    [
        ([], False),
        ([""], False),
        (["*"], False),
        (["br, zstd"], False),
        (["gzip"], True),
        (["GZip"], True),
        (["x-gzip"], True),
        (["deflate, gzip;q=1.0, *;q=0.5"], True),
        (["br", "gzip ; q=0.001"], True),
        (["gzip;q=0"], False),
        (["gzip; q=0.000, identity"], False),
        (["not-gzip"], False),
    ],
)
def test_gzip_is_for_those_who_name_it(fields: list[str], accepted: bool) -> None:
    headers = CIMultiDict(("Accept-Encoding", field) for field in fields)
    assert accepts_gzip(make_mocked_request("GET", "/", headers=headers)) is accepted
