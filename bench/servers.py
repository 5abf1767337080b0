# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that benchmarks start: ours, other people's, and the bare echo that is the ceiling.

Each runs as a process of its own, on one core when there are two, and is asked over loopback until it answers."""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "build/peers"
SERVER_CORE, LOAD_CORE = 0, 1

GET, POST, PUT = 1, 2, 3


def prepare_build(build, targets):
    """A release build in `build`, optimised as a whole; made when it is missing."""
    how = ["--buildtype=release", "-Db_lto=true", "-Dtests=false"]
    command = ["configure", *how, build] if (build / "build.ninja").exists() else ["setup", *how, build, ROOT]
    subprocess.run(["meson", *command], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", build, *targets], check=True, stdout=subprocess.DEVNULL)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def process_memory(pid):
    """Resident bytes."""
    return int(re.search(r"^VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1]) * 1024


def process_cpu(pid):
    """Seconds of processor time, user and system."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def on_core(core, command):
    cores = os.sched_getaffinity(0)
    if shutil.which("taskset") and {SERVER_CORE, LOAD_CORE} <= cores:
        return ["taskset", "-c", str(core), *map(str, command)]
    return [str(part) for part in command]


def ask(port, method, path, payload=b"", timeout=0.2):
    """One confirmable request, as bytes; the code and payload of its piggybacked response, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect(("127.0.0.1", port))
        message = bytes([0x42, method]) + os.urandom(4)
        for index, segment in enumerate(path.split("/")):
            message += bytes([(0xb0 if index == 0 else 0) | len(segment)]) + segment.encode()
        message += b"\xff" + payload if payload else b""
        try:
            s.send(message)
            response = s.recv(2048)
        except OSError:
            return None
    return response[1], response[6:].partition(b"\xff")[2]


class Server:
    """How to start one, and how long it takes until it runs at its speed."""

    def __init__(self, name, command, warm_up):
        self.name, self.command, self.warm_up = name, command, warm_up

    @contextlib.contextmanager
    def running(self):
        port = free_port()
        process = subprocess.Popen(on_core(SERVER_CORE, self.command(port)), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.wait(process, port)
            yield process.pid, port
        finally:
            process.kill()
            process.wait()

    def wait(self, process, port):
        """Until it answers; the value that is read later is put at the same time."""
        for _ in range(100):
            if process.poll() is not None:
                sys.exit(f"{self.name} ended at once with status {process.returncode}")
            if ask(port, PUT, "test", b"hello world") is not None:
                return
            time.sleep(0.05)
        sys.exit(f"{self.name} does not answer")


def ours(build):
    return Server("ours", lambda port: [build / "cli/coapd", "--listen", f"127.0.0.1:{port}"], 0.3)


def ceiling(build):
    return Server("ceiling", lambda port: [build / "bench/echo", port], 0.3)


def libcoap():
    for name in ("coap-server-notls", "coap-server"):
        if shutil.which(name):
            return Server("libcoap", lambda port, name=name: [name, "-A", "127.0.0.1", "-p", port, "-d", "10"], 1.0)
    return None


def installed(peer, command, name, warm_up):
    return Server(name, command, warm_up) if (PEERS / peer / ".installed").exists() else None


def others(wanted=None):
    """The peers that could be had, and those that could not, with the reason. `wanted` names some of them."""
    if wanted is None:
        command = [ROOT / "tests/interop/peers/install", PEERS, "node", "java", "go"]
        reasons = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines()
    else:
        reasons = []
    classes = f"{PEERS}/java/classes:{PEERS}/java/lib/*"
    found = [
        libcoap(),
        installed("java", lambda port: ["java", "-cp", classes, "Peer", "server", port], "Californium", 6.0),
        installed("go", lambda port: [PEERS / "go/server", port], "go-coap", 1.0),
        installed("node", lambda port: ["node", PEERS / "node/server.js", port], "node-coap", 2.0),
    ]
    if found[0] is None:
        reasons.append("libcoap: coap-server is not installed (Debian: libcoap3-bin)")
    return [server for server in found if server and (wanted is None or server.name in wanted)], reasons
