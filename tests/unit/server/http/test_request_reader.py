"""Requests for orders are framed exactly as llhttp sees them, and nothing else is taken for one."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.server.http.request_head import RecentHeads, Unsupported
from coffeert.server.http.request_reader import BATCHES, ORDERS, FramedRequest, RequestReader

BODY = b'{"store":"uptown","drink":"latte"}'
HEADERS = {
    "Host": "127.0.0.1:8765",
    "Content-Type": "application/json",
    "Content-Length": str(len(BODY)),
}


def request(headers: dict[str, str] | None = None, body: bytes = BODY) -> bytes:
    lines = (f"{name}: {value}\r\n" for name, value in (HEADERS | (headers or {})).items())
    return b"POST /api/orders HTTP/1.1\r\n" + "".join(lines).encode() + b"\r\n" + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = WHOLE[: -len(BODY)].replace(b"Content-Length: 34", b"Transfer-Encoding: chunked")
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


WHOLE = request()
CHUNKED = chunked(BODY[:10], BODY[10:11], BODY[11:])


def new_reader(recent: RecentHeads | None = None) -> RequestReader:
    return RequestReader({ORDERS: 1024, BATCHES: 4096}, recent or RecentHeads())


def read_all(*pieces: bytes) -> list[FramedRequest]:
    """Read every request of what arrives in pieces; raises `Unsupported`."""
    reader, requests = new_reader(), []
    for piece in pieces:
        reader.receive(piece)
        while (read := reader.read()) is not None:
            requests.append(read)
            reader.consume()
            if not reader.pending:
                break
    return requests


def read_one(*pieces: bytes) -> FramedRequest:
    (read,) = read_all(*pieces)
    return read


def test_what_a_request_says_is_read() -> None:
    said = {"Idempotency-Key": "k ", "AUTHORIZATION": "Bearer t", "Connection": "Keep-Alive"}
    read = read_one(request(said | {"Origin": "http://x", "Via": "1.1 x"}))
    assert read.body == BODY
    assert (read.idempotency_key, read.head.authorization) == ("k", "Bearer t")
    assert (read.head.origin, read.head.host) == ("http://x", "127.0.0.1:8765")
    assert (read.head.target, read.head.version, read.head.keep_alive) == (ORDERS, "1.1", True)


@pytest.mark.parametrize(
    ("data", "keep_alive"),
    [
        (WHOLE, True),
        (request({"Connection": "close"}), False),
        (request({"Connection": "close, x"}), False),
        (WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"), False),
        (request({"Connection": "keep-alive"}).replace(b"HTTP/1.1", b"HTTP/1.0"), True),
        (WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Host", b"Toast"), False),
    ],
)
def test_whether_the_connection_stays_open_is_read(data: bytes, *, keep_alive: bool) -> None:
    assert read_one(data).head.keep_alive is keep_alive


ORDINARY = {
    "baggage": "a=b",
    "cf-ray": "1",
    "sec-fetch-mode": "cors",
    "X-Request-Id": "7",
    "x-amzn-trace-id": "Root=1",
    "Cookie": "a=b",
    "X-Empty": "",
    "X-Strange": "caf\u00e9\t\u00ff",
    "Accept": "a" * 4000,
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_fields_change_nothing(name: str) -> None:
    assert read_one(request({name: ORDINARY[name]})) == read_one(WHOLE)


def test_fields_that_mean_nothing_may_come_twice() -> None:
    assert read_one(request({"Via": "a", "via": "b"})) == read_one(WHOLE)


@pytest.mark.parametrize("data", [WHOLE, CHUNKED, WHOLE.replace(b"/orders", b"/orders/batch")])
def test_a_request_is_read_however_it_is_cut(data: bytes) -> None:
    whole = read_one(data)
    assert whole.body == BODY
    for at in range(len(data) + 1):
        assert read_one(data[:at], data[at:]) == whole
    assert read_one(*(data[at : at + 1] for at in range(len(data)))) == whole


@given(
    st.lists(
        st.tuples(
            st.sampled_from([WHOLE, CHUNKED, request({"X-Request-Id": "1"}), chunked()]),
            st.binary(min_size=1, max_size=60),
        ),
        min_size=1,
        max_size=8,
    ),
    st.lists(st.integers(1, 700), max_size=10),
)
def test_pipelined_requests_are_framed_exactly(
    made: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    sent, bodies = b"", []
    for data, body in made:
        if data is CHUNKED:
            sent += chunked(body, b"\n\r\n") if body else chunked(b"\n\r\n")
            bodies.append(body + b"\n\r\n")
        elif b"chunked" in data:
            sent += data
            bodies.append(b"")
        else:
            length = b"Content-Length: %d\r\n" % len(body)
            sent += data[: -len(BODY)].replace(b"Content-Length: 34\r\n", length) + body
            bodies.append(body)
    pieces = []
    for cut in cuts:
        pieces.append(sent[:cut])
        sent = sent[cut:]
    assert [read.body for read in read_all(*pieces, sent)] == bodies


UNSUPPORTED = [
    WHOLE.replace(b"POST", b"GET "),
    WHOLE.replace(b"POST", b"PUT"),
    WHOLE.replace(b"/api/orders", b"/api/orders/x"),
    WHOLE.replace(b"/api/orders", b"/api/orders?"),
    WHOLE.replace(b"/api/orders", b"http://x/api/orders"),
    WHOLE.replace(b"HTTP/1.1", b"HTTP/2.0"),
    WHOLE.replace(b"HTTP/1.1", b"HTTP/0.9"),
    WHOLE.replace(b"HTTP/1.1", b"HTTP/1.2"),
    WHOLE.replace(b" HTTP/1.1", b""),
    WHOLE.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n"),
    WHOLE.replace(b"8765\r\n", b"8765\n"),
    WHOLE.replace(b"8765\r\n", b"8765\r"),
    WHOLE.replace(b"Host", b"Toast"),
    b"\r\n" + WHOLE,
    request({"Content-Length": f"+{len(BODY)}"}),
    request({"Content-Length": "1_0"}, b"{}        "),
    request({"Content-Length": f"{len(BODY)}, {len(BODY)}"}),
    request({"Content-Length": "0x22"}),
    request({"Content-Length": "-1"}),
    request({"Content-Length": "1025"}, b" " * 1025),
    request({"content-length": str(len(BODY))}),  # beside the other
    request({"Content-length": "5"}),
    request({"Transfer-Encoding": "chunked"}),  # and a length
    request({"Content-Encoding": "gzip"}),
    request({"Content-Encoding": "identity"}),
    request({"Expect": "100-continue"}),
    request({"Upgrade": "websocket", "Connection": "Upgrade"}),
    request({"Upgrade": "h2c"}),
    request({"Idempotency-Key": "a", "idempotency-key": "b"}),
    request({"host": "b"}),
    request({"content-type": "b"}),
    request({"Origin": "a", "origin": "a"}),
    request({"User-Agent": "a", "user-agent": "a"}),
    request({"Authorization": "caf\u00e9"}),
    request({"Host ": "x"}),
    request({"": "x"}),
    request({"Via": "a\r\n folded"}),
    request({"Via": "a\x00b"}),
    request({"Via": "a\x01b"}),
    request({"Via": "a" * 8192}),
    WHOLE.replace(b"Host: ", b"Host\x00: "),
    WHOLE.replace(b"\r\nContent-Length: 34", b""),
    request({f"X-{number}": "x" for number in range(101)}),
    CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0"),
    CHUNKED.replace(b"chunked", b"gzip, chunked"),
    CHUNKED.replace(b"chunked", b"chunked, chunked"),
    CHUNKED.replace(b"chunked", b"identity"),
    CHUNKED.replace(b"chunked", b"xchunked"),
    CHUNKED.replace(b"a\r\n", b"a\n", 1),
    CHUNKED.replace(b"\r\na\r\n", b"\r\nZZ\r\n", 1),
    CHUNKED.replace(b"\r\na\r\n", b"\r\n0xa\r\n", 1),
    CHUNKED.replace(b"\r\na\r\n", b"\r\n-a\r\n", 1),
    chunked(b" " * 1025),
    chunked(*[b" "] * 1024),
    b"\x16\x03\x01\x02\x00",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"x",
]


@pytest.mark.parametrize("data", UNSUPPORTED, ids=lambda data: repr(data[:90]))
def test_what_is_in_any_doubt_is_left_alone_with_all_its_bytes(data: bytes) -> None:
    for at in (0, 1, 20, len(data) // 2, len(data) - 1):
        reader = new_reader()
        reader.receive(data[:at])
        try:
            assert reader.read() is None
        except Unsupported:
            reader = new_reader()
        if at and not reader.pending:
            assert reader.take_rest() == b""
            continue
        reader.receive(data[at:] if reader.pending else data)
        with pytest.raises(Unsupported):
            reader.read()
        assert reader.take_rest() == data


@pytest.mark.parametrize("data", [b"\x16\x03\x01", b"BREW /", b"POST /api/orders HTTP/1.1\r\nA :"])
def test_what_cannot_become_a_request_is_left_alone_at_once(data: bytes) -> None:
    with pytest.raises(Unsupported):
        read_all(data)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_part_is_no_request(length: int) -> None:
    assert read_all(WHOLE[:length]) == []


@given(st.integers(0, len(WHOLE) - len(BODY) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_after_a_changed_head_what_follows_is_framed_as_before(
    at: int, put: bytes, removed: int
) -> None:
    """Whatever is taken for a request ends where the body ends, or not at all."""
    changed = WHOLE[:at] + put + WHOLE[at + removed :]
    reader = new_reader()
    reader.receive(changed + WHOLE)
    try:
        read = reader.read()
        if read is None:
            return
        reader.consume()
        following = reader.read()
    except Unsupported:
        return
    head = changed.index(b"\r\n\r\n") + 4
    assert read.body == (changed + WHOLE)[head : head + len(read.body)]
    if len(read.body) == len(BODY):
        assert following is not None
        assert following.body == BODY


def test_a_known_head_is_read_by_its_bytes_alone() -> None:
    reader = new_reader()
    for piece in (WHOLE, WHOLE[:40], WHOLE[40:], WHOLE, WHOLE + WHOLE[:-1]):
        reader.receive(piece)
        read = reader.read()
        if read is not None:
            assert read == read_one(WHOLE)
            reader.consume()
    assert reader.read() is None
    assert reader.take_rest() == WHOLE[:-1]


OTHERS = {
    "X-Request-Id": "2",
    "Via": "1.1 y",
    "Idempotency-Key": "k2",
    "Connection": "close",
    "Host": "elsewhere",
    "Authorization": "Bearer t",
    "Content-Type": "text/plain",
    "Origin": "http://y",
    "Expect": "100-continue",
    "Upgrade": "h2c",
    "Content-Encoding": "gzip",
    "idempotency-key": "k3",
}


@given(
    st.lists(
        st.dictionaries(st.sampled_from(sorted(OTHERS)), st.just(None), max_size=4),
        min_size=2,
        max_size=6,
    )
)
def test_what_is_remembered_of_a_connection_changes_no_reading(said: list[dict[str, None]]) -> None:
    """A request is read as if it were the first, whatever came before it, here or elsewhere."""
    recent = RecentHeads()
    reader = new_reader(recent)
    for names in said:
        data = request({"X-Request-Id": "1"} | {name: OTHERS[name] for name in names})
        data = data.replace(b"34", b"34 ") if "Via" in names else data
        try:
            expected = read_one(data)
        except Unsupported:
            expected = None
        reader.receive(data)
        try:
            read = reader.read()
        except Unsupported:
            assert expected is None
            reader = new_reader(recent)
            continue
        assert read == expected
        if not expected or not expected.head.keep_alive or "Via" in names:
            reader = new_reader(recent)
        else:
            reader.consume()


VARYING = (
    "X-Request-Id",
    "X-Forwarded-For",
    "Authorization",
    "Idempotency-Key",
    "Via",
    "via",
    "Origin",
)
VALUES = ("aaaa", "bbbb", "aaab", "a b ", "ab", "")


@given(
    st.permutations([*HEADERS.items(), ("X-Request-Id", "aaaa"), ("Authorization", "aaaa")]),
    st.lists(
        st.tuples(
            st.booleans(),  # in the same order as before?
            st.sampled_from([BODY, BODY + b" ", BODY + 70 * b" ", b"", b" "]),
            st.lists(st.tuples(st.sampled_from(VARYING), st.sampled_from(VALUES)), max_size=3),
        ),
        min_size=2,
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_what_varied_before_may_not_hide_what_varies_now(
    fields: list[tuple[str, str]],
    said: list[tuple[bool, bytes, list[tuple[str, str]]]],
    random: Random,
) -> None:
    """A request is read as if it were the first, also if a value moved to where another one varied."""
    reader = new_reader()
    for same_order, body, values in said:
        if not same_order:
            random.shuffle(fields)
        replaced = dict(values) | {"Content-Length": str(len(body))}
        lines = [(name, replaced.pop(name, value)) for name, value in fields] + list(
            replaced.items()
        )
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        data = b"POST /api/orders HTTP/1.1\r\n" + head.encode() + b"\r\n" + body
        try:
            expected = read_one(data)
        except Unsupported:
            expected = None
        reader.receive(data)
        try:
            read = reader.read()
        except Unsupported:
            assert expected is None
            return
        assert read == expected
        reader.consume()


def test_a_head_with_another_number_key_and_length_is_read_without_the_parser() -> None:
    reader = new_reader()
    for number in range(12):
        body = BODY + number % 2 * 70 * b" " + number * b" "
        varied = {"X-Request-Id": f"{number:032x}", "Idempotency-Key": f"{number:036}"}
        reader.receive(request(varied | {"Content-Length": str(len(body))}, body))
        read = reader.read()
        assert read is not None
        assert read.idempotency_key == f"{number:036}"
        assert read.body == body
        # Of the first two of each size it is learnt what differs.
        assert reader._headers_complete == (number < 4)
        reader.consume()


def test_what_one_connection_has_learnt_others_read_without_the_parser() -> None:
    recent = RecentHeads()
    for number in range(20):
        body = BODY + number % 2 * 70 * b" "
        varied = {"X-Request-Id": f"{number:032x}", "Content-Length": str(len(body))}
        reader = new_reader(recent)
        reader.receive(request(varied, body))
        read = reader.read()
        assert read is not None
        assert read.body == body
        assert reader._headers_complete == (number < 4)


def test_only_the_heads_that_were_sent_last_are_remembered() -> None:
    recent = RecentHeads()

    def parses(client: int) -> bool:
        reader = new_reader(recent)
        reader.receive(request({"Authorization": f"Bearer {client}"}))
        read = reader.read()
        assert read is not None
        assert read.head.authorization == f"Bearer {client}"
        return reader._headers_complete

    assert all(parses(client) for client in range(8))
    assert not any(parses(client) for client in range(8))
    assert parses(8)
    assert not any(parses(client) for client in range(1, 9))
    assert parses(0)


def test_a_value_that_stands_where_another_one_varied_is_read() -> None:
    """The same fields in another order: what varied lay where the token lies now."""
    number, token = "X-Request-Id-", "Authorization"  # of equal length
    said = [
        {number: "aaaa", token: "aaaa"},
        {number: "bbbb", token: "aaaa"},
        {token: "aaaa", number: "cccc"},
        {token: "bbbb", number: "cccc"},
    ]
    reader = new_reader()
    for fields in said:
        reader.receive(request(fields))
        read = reader.read()
        assert read is not None
        assert read.head.authorization == fields[token]
        reader.consume()


def test_an_empty_body_is_left_to_aiohttp() -> None:
    """It ends with the head, and by then llhttp has forgotten whether the connection stays open."""
    with pytest.raises(Unsupported):
        read_one(request({"Content-Length": "0", "Connection": "keep-alive"}, b""))


def test_a_length_of_thousands_of_digits_is_left_to_aiohttp() -> None:
    zeros = 4400 * "0"
    with pytest.raises(Unsupported):
        read_one(request({"Content-Length": f"{zeros}{len(BODY)}"}))
    reader = new_reader()
    reader.receive(WHOLE + request({"Content-Length": f"{zeros}{len(BODY)}"}))
    assert reader.read() is not None
    reader.consume()
    with pytest.raises(Unsupported):
        reader.read()
