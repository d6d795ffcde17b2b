"""Record what real HTTP clients and reverse proxies send when they order coffee.

Run it as `python capture.py` to renew every file in recorded/, or name
the ones you want: `python capture.py curl "nginx_*"`. A client or proxy that is
not installed is skipped, and its file stays as it is.

Each file says, for one client, which packets its requests came in:

    single       two POSTs of one order, one after the other
    batch        one POST of two orders as lines of JSON
    get          one GET of the menu
    preflight    the OPTIONS requests a browser asked first (browsers only)
    other        whatever else came: the page itself, an icon
    connections  how many connections the two POSTs of `single` used

A request is a list of packets, and a packet is text in which every character
is one byte (latin-1). A server that reads quickly gets each packet by itself; a
slower one gets several at once. Root is needed, to look at the packets.

On Debian, this gets everything:

    apt-get install --no-install-recommends curl wget nodejs golang-go ruby php-cli php-curl
        openjdk-17-jdk-headless libokhttp-java chromium nginx-light haproxy caddy
    pip install requests httpx aiohttp    (in a venv; name its python with --python)
    npm install axios                     (name its node_modules folder in NODE_PATH)
"""

import argparse
import fnmatch
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clients import CLIENTS, PROXIES, THROUGH_PROXIES
from recorder import Recorder

HERE = Path(__file__).resolve().parent
SNIPPETS = HERE / "snippets"
PORT = 8765  # the port that the recorded bytes name, whatever port was used


def filled(command, fill):
    """Put the real values in place of {url}, {tmp} and so on."""
    for name, value in fill.items():
        command = [part.replace("{" + name + "}", str(value)) for part in command]
    return command


def start(command, tmp):
    """Start a command in the snippets folder, as leader of a process group of its own."""
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    env |= {"XDG_CONFIG_HOME": tmp, "XDG_DATA_HOME": tmp}
    with open(f"{tmp}/output.log", "a") as log:
        return subprocess.Popen(
            command,
            cwd=SNIPPETS,
            env=env,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def stop(process):
    """End a process that we started, and what it started itself."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def version(command, python):
    """Ask a program for its version; None means that it is not installed."""
    try:
        result = subprocess.run(
            filled(command, {"python": python}),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except FileNotFoundError:
        return None
    found = re.search(r"\d+(\.\d+)+", result.stdout)
    return found[0] if found and result.returncode == 0 else None


def run(recorder, client, proxy, python):
    """Let one client send everything once, through a proxy if one is given; give what was seen."""
    recorder.forget()
    back = front = recorder.port
    if proxy:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            front = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="capture-", ignore_cleanup_errors=True) as tmp:
        fill = {
            "url": f"http://127.0.0.1:{front}",
            "front": front,
            "back": back,
            "tmp": tmp,
            "python": python,
        }
        processes = []
        try:
            if proxy:
                config = Path(tmp, proxy[3])
                config.write_text(filled([(SNIPPETS / proxy[3]).read_text()], fill)[0])
                processes.append(start([*proxy[2], str(config)], tmp))
                wait_for(front)
            for command in client[2]:
                processes.append(start(filled(command, fill), tmp))
                limit = time.monotonic() + 60
                while (
                    processes[-1].poll() is None
                    and not recorder.done.is_set()
                    and time.monotonic() < limit
                ):
                    time.sleep(0.05)
        finally:
            for process in reversed(processes):
                stop(process)
        requests = list(recorder.requests())
        if {"single", "batch", "get"} - {label for label, *_ in requests}:
            print(Path(tmp, "output.log").read_text(), file=sys.stderr)
            raise SystemExit(f"{client[0]} did not send everything; its output is above")
    return requests, {front, back}


def wait_for(port):
    """Wait until a proxy listens."""
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)


def record(name, title, client, proxy, options, recorder):
    """Run one client and write its file."""
    requests, ports = run(recorder, client, proxy, options.python)
    content = {
        "client": title,
        "connections": len({port for label, port, *_ in requests if label == "single"}),
    }
    print(f"{name}: {title}, {content['connections']} connection(s)")
    for label, _, reads, packets, gap in requests:
        texts = [data.decode("latin-1") for data in packets]
        if texts[0].startswith("GET /done "):
            continue
        for port in ports:
            texts = [text.replace(f":{port}", f":{PORT}") for text in texts]
        content.setdefault(label, []).append(texts)
        print(f"    {label}: {len(packets)} packet(s) in {gap:.1f} ms, {reads} read(s)", flush=True)
    path = HERE / "recorded" / f"{name}.json"
    path.write_text(json.dumps(content, indent=1) + "\n")


def main():
    """Record every client, then the proxies, as far as they are installed."""
    parser = argparse.ArgumentParser(description="Record what HTTP clients and proxies send.")
    parser.add_argument(
        "names", nargs="*", default=["*"], help="which files to renew, without .json"
    )
    parser.add_argument(
        "--python", default=sys.executable, help="the Python that has requests, httpx, aiohttp"
    )
    options = parser.parse_args()
    (HERE / "recorded").mkdir(exist_ok=True)
    try:
        recorder = Recorder(PORT)
    except OSError:
        recorder = Recorder(0)
    table = [(name, client, None) for name, client in CLIENTS.items()]
    for proxy_name, proxy in PROXIES.items():
        table += [(f"{proxy_name}__{name}", CLIENTS[name], proxy) for name in THROUGH_PROXIES]
    for name, client, proxy in table:
        if not any(fnmatch.fnmatch(name, wanted) for wanted in options.names):
            continue
        versions = [version(one[1], options.python) for one in (client, proxy) if one]
        if None in versions:
            print(f"{name}: not installed, skipped")
            continue
        title = f"{client[0]} {versions[0]}" + (
            f" through {proxy[0]} {versions[1]}" if proxy else ""
        )
        record(name, title, client, proxy, options, recorder)


if __name__ == "__main__":
    main()
