"""The server that capture.py lets the clients talk to, and the watcher of the packets it gets."""

import re
import socket
import struct
import threading
import time
from collections import defaultdict
from pathlib import Path

PAGE = Path(__file__).resolve().parent / "snippets" / "page.html"
LABELS = {"/api/orders": "single", "/api/orders/batch": "batch", "/api/menu": "get"}


class Recorder:
    """A small HTTP server that answers every request and remembers the packets of it.

    Two quick writes by a client may come out of one recv() or of two, as chance
    will have it. So the packets are taken from the loopback interface itself:
    there, they are always as the client sent them. That needs root.
    """

    def __init__(self, port):
        self.socket = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(0x0800))
        self.wire.bind(("lo", 0))
        self.forget()
        threading.Thread(target=self.watch, daemon=True).start()
        threading.Thread(target=self.accept, daemon=True).start()

    def forget(self):
        """Start over; `done` is set when somebody asks for /done."""
        self.seen, self.packets, self.done = [], defaultdict(dict), threading.Event()

    def watch(self):
        """Keep what each packet to the server carries, by the client's port and the sequence number."""
        while True:
            packet = self.wire.recv(1 << 17)[14:]
            tcp = packet[(packet[0] & 15) * 4 : int.from_bytes(packet[2:4], "big")]
            if packet[9] != socket.IPPROTO_TCP or len(tcp) < 20:
                continue
            source, target, sequence, _, offset = struct.unpack_from("!HHIIB", tcp)
            data = tcp[(offset >> 4) * 4 :]
            if target == self.port and data:
                self.packets[source].setdefault(sequence, (time.perf_counter(), data))

    def accept(self):
        """Give every connection a thread of its own."""
        while True:
            conn, address = self.socket.accept()
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(conn, address[1]), daemon=True).start()

    def serve(self, conn, client):
        """Read requests from one connection, one after the other, and answer each."""
        reads, continued = [], False
        while data := conn.recv(65536):
            reads.append(data)
            head, blank, body = b"".join(reads).partition(b"\r\n\r\n")
            if not blank:
                continue
            fields = dict(re.findall(rb"\r\n([^:\r]+):[ \t]*([^\r]*)", head.lower()))
            if b"transfer-encoding" in fields:
                whole = body.endswith(b"0\r\n\r\n")
            else:
                whole = len(body) >= int(fields.get(b"content-length", 0))
            if not whole:
                if fields.get(b"expect") == b"100-continue" and not continued:
                    conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                    continued = True
                continue
            method, target, version = head.split(b"\r\n")[0].decode("latin-1").split(" ")
            label = "preflight" if method == "OPTIONS" else LABELS.get(target, "other")
            self.seen.append((label, client, reads))
            close = version == "HTTP/1.0" and fields.get(b"connection") != b"keep-alive"
            close = close or fields.get(b"connection") == b"close"
            conn.sendall(answer(method, target, close))
            if target == "/done":
                self.done.set()
            if close:
                break
            reads, continued = [], False
        conn.close()

    def requests(self):
        """Give each request as (label, client's port, how many reads, its packets, first to last in ms)."""
        time.sleep(0.1)  # the watcher may be a little behind the server
        left = {client: list(packets.values()) for client, packets in self.packets.items()}
        for label, client, reads in self.seen:
            packets, size = [], len(b"".join(reads))
            while sum(len(data) for _, data in packets) < size:
                packets.append(left[client].pop(0))
            texts = [data for _, data in packets]
            if b"".join(texts) != b"".join(reads):
                raise SystemExit("the packets are not what the server read")
            yield label, client, len(reads), texts, (packets[-1][0] - packets[0][0]) * 1000


def answer(method, target, close):
    """Give the bytes that answer a request; pages of other origins may read them too."""
    status, kind, body = "201 Created", "application/json", b'{"accepted":true}'
    if method == "GET":
        status, body = "200 OK", b'{"drinks":["latte","mocha"]}'
        if target == "/" or target.startswith("/?"):
            kind, body = "text/html; charset=utf-8", PAGE.read_bytes()
        elif target not in LABELS and target != "/done":
            status, body = "404 Not Found", b"{}"
    allow = "".join(
        f"Access-Control-Allow-{name}: *\r\n" for name in ("Origin", "Methods", "Headers")
    )
    connection = "Connection: close\r\n" if close else ""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{allow}{connection}\r\n"
    return head.encode() + body
