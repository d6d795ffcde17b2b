"""Which server a command without `--url` means."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coffeert.cli.server_address import announced, announced_url, find_server
from coffeert.config import Config, load_config
from tests.ports import free_port


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PORT", "HOST", "URL"):
        monkeypatch.delenv(f"COFFEERT_{name}", raising=False)
    monkeypatch.setenv("COFFEERT_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    return tmp_path


def usual_port(port: int, data_dir: Path) -> Config:
    """Settings whose port nobody has named."""
    named = {**dict(load_config()), "port": port}
    return Config.model_construct(_fields_set={"data_dir"}, **named)


@contextmanager
def listening(answer: bytes, kind: str = "application/json") -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            """Be quiet."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_what_is_announced_is_so_until_the_block_ends_and_only_once(tmp_path: Path) -> None:
    assert announced_url(tmp_path) is None
    with announced(tmp_path, "http://127.0.0.1:4000"):
        assert announced_url(tmp_path) == "http://127.0.0.1:4000"
        with announced(tmp_path, "http://127.0.0.1:5"):
            assert announced_url(tmp_path) == "http://127.0.0.1:4000"
    assert announced_url(tmp_path) is None
    with announced(tmp_path, "http://a:1"):
        assert announced_url(tmp_path) == "http://a:1", "nothing is left of a longer one"


def test_the_usual_address_if_nothing_is_announced(data_dir: Path) -> None:
    assert find_server(load_config()) == "http://127.0.0.1:8765"


def test_an_address_of_the_settings_is_the_one(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COFFEERT_PORT", "9001")
    with announced(data_dir, "http://127.0.0.1:4000"):
        assert find_server(load_config()) == "http://127.0.0.1:9001"
    monkeypatch.delenv("COFFEERT_PORT")
    monkeypatch.setenv("COFFEERT_HOST", "::")
    monkeypatch.setenv("COFFEERT_TOKEN", "secret")
    assert find_server(load_config()) == "http://[::1]:8765"


def test_a_server_of_the_data_directory_goes_before_the_demos(data_dir: Path) -> None:
    demo, own = "http://127.0.0.1:4001", "http://127.0.0.1:4000"
    with announced(data_dir / "demo", demo), announced(data_dir, own):
        assert find_server(load_config()) == "http://127.0.0.1:4000"


@pytest.mark.parametrize(
    ("answer", "kind", "ours"),
    [
        (b'{"stores":[],"drinks":[]}', "application/json", True),
        (b'{"title":"Unauthorized"}', "application/problem+json", True),
        (b"<html>", "text/html", False),
        (b'{"stores', "application/json", False),
    ],
)
def test_the_demos_server_unless_one_of_ours_is_at_the_usual_address(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes, kind: str, ours: bool
) -> None:
    demo = "http://127.0.0.1:4001"
    with listening(answer, kind) as port, announced(data_dir / "demo", demo):
        usual = f"http://127.0.0.1:{port}"
        config = usual_port(port, data_dir)
        assert find_server(config) == (usual if ours else demo)


def test_the_demos_server_if_nothing_listens_at_the_usual_address(data_dir: Path) -> None:
    config = usual_port(free_port(), data_dir)
    with announced(data_dir / "demo", "http://127.0.0.1:4001"):
        assert find_server(config) == "http://127.0.0.1:4001"
