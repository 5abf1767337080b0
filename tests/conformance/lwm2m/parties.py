# SPDX-License-Identifier: GPL-3.0-or-later
"""The two roles: a scripted server in front of agentd, a scripted device in front of mgmtd."""
import concurrent.futures
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import formats
import matrix
import peers
from coap import *
from peers import Failure, check, expect

OBJECTS = pathlib.Path(__file__).resolve().parent.parent.parent.parent / "docs/objects"
EP = "pump-1"
KEY = "sixteen bytes ok"
START_S = 20
GROWTH_KIB = 64


def free_tcp_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def resident_kib(process):
    lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def check_flat(process, do, times):
    """Does it that often; only the first quarter may make the process larger."""
    for i in range(times):
        if i == times // 4:
            before = resident_kib(process)
        do()
    grown = resident_kib(process) - before
    check(grown <= GROWTH_KIB, f"it grew by {grown} KiB")


class Place(peers.Place):
    """Where a row runs: a folder, and the processes that it has started."""

    def __init__(self, build):
        super().__init__(build)
        self.folder = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory()))

    def start(self, name, *command):
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True,
                                   stderr=(self.folder / f"{name}.log").open("w"))
        self.stack.callback(self.end, process)
        return process

    def config(self, name, sections):
        path = self.folder / name
        path.write_text("".join(f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
                                for section, keys in sections.items()))
        path.chmod(0o600)
        return path

    def agent(self, registers=True, program=None, comes="server", **sections):
        return Agent(self, registers, program, comes, sections)

    def run(self, *command):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
        check(done.returncode == 0, done.stderr)

    def manager(self, **sections):
        return Manager(self, sections)


# ---- our agent, and the server that talks with it ----

class Agent(peers.Endpoint):
    """A real agentd, seen by its server. What it asks of the server is answered, and kept in `asked`."""

    def __init__(self, place, registers, program, comes, sections):
        """`comes` is the section that this server is in: "server", or "bootstrap"."""
        super().__init__(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.bind(("127.0.0.1", 0))
        place.stack.callback(self.socket.close)
        self.place, self.asked, self.notified, self.answers, self.files = place, [], [], {}, {}
        self.is_bootstrapping = False
        port = int(place.start("unwrap", place.build / "tests/conformance/unwrap", EP, KEY,
                               self.socket.getsockname()[1]).stdout.readline())
        self.uri = f"coaps://127.0.0.1:{port}"
        place.run(place.build / "cli/mgmtctl", "keygen", "--out", place.folder / "release")
        wanted = {
            "agent": {"endpoint": EP, "state_dir": place.folder / "state", "lifetime": 300},
            comes: {"uri": self.uri, "psk_identity": EP, "psk_key": KEY.encode().hex()},
            "device": {"manufacturer": "Fieldfare", "model": "F-1", "serial": "0815",
                       "vendor_id": "6ba7b810-9dad-51d1-80b4-00c04fd430c8",
                       "class_id": "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0"},
            "update": {"trust_anchors": place.folder / "release.pub"},
        }
        for name, keys in sections.items():
            wanted[name] = {**wanted.get(name, {}), **keys}
        config = place.config("agentd.ini", wanted)
        if program is not None:
            place.run(place.build / "agent/agentd", "--config", config, "--install", program, "--version-text", "1.0.0",
                      "--sequence", 1)
        self.process = place.start("agentd", place.build / "agent/agentd", "--config", config)
        self.rd = None
        if registers and comes == "server":
            self.rd = self.wait_asked(POST, "rd", START_S)
            self.wait_log("event=registered")

    def log(self):
        return (self.place.folder / "agentd.log").read_text()

    def wait_log(self, text, count=1):
        for _ in range(START_S * 50):
            if self.log().count(text) >= count:
                return
            time.sleep(0.02)
        raise Failure(f"agentd never says {text}: {self.log()[-900:]}")

    def wakeups(self):
        """How often the process has waited for something."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("nonvoluntary_ctxt_switches")[0].rsplit("voluntary_ctxt_switches:")[1])

    # what comes in

    def answer_ask(self, m):
        """A well-behaved server, which has `files`."""
        path = "/".join(m.path)
        if m.code == GET and path in self.files:
            self.answer_block(m, self.files[path])
            return
        code_, options = {
            (POST, "rd"): ("2.01", [(LOCATION_PATH, b"rd"), (LOCATION_PATH, b"7")]),
            (POST, "rd/7"): ("2.04", []),
            (DELETE, "rd/7"): ("2.02", []),
            (POST, "dp"): ("2.04", []),
            (POST, "bs"): ("2.04", []),
        }.get((m.code, path), ("4.04", []))
        code_ = self.answers.pop((m.code, path), code_)
        self.is_bootstrapping |= path == "bs" and code_ == "2.04"
        matrix.note_exchange("agent", m, code_, None)
        self.send(Message(ACK if m.type == CON else NON, code(code_), m.id, m.token, options))

    def answer_block(self, m, body):
        b = m.block(BLOCK2) or Block(0, False, 1024)
        part, rest = body[b.number * b.size:(b.number + 1) * b.size], body[(b.number + 1) * b.size:]
        options = [(BLOCK2, block(b.number, bool(rest), b.size)), (ETAG, b"1"), (SIZE2, uint(len(body)))]
        self.send(Message(ACK if m.type == CON else NON, code("2.05"), m.id, m.token, options, part))

    def take(self, seconds):
        """Takes in one message. False when there was none."""
        m = self.receive(seconds)
        if m is None:
            return False
        if 0 < m.code < 32:
            self.answer_ask(m)
            self.asked.append(m)
        elif m.code != EMPTY:
            if m.type == CON:
                self.ack(m)
            if m.number(OBSERVE) is not None:
                matrix.note("agent", "Notify", m.number(CONTENT_FORMAT), code_text(m.code))
            self.notified.append(m)
        else:
            self.notified.append(m)
        return True

    def wait_for(self, found, what, seconds):
        end = time.monotonic() + seconds
        while True:
            one = found()
            if one is not None:
                return one
            check(time.monotonic() < end, f"{what} did not come; {self.log()[-300:]}")
            self.take(max(end - time.monotonic(), 0.01))

    def wait_asked(self, method, path, seconds=peers.WAIT):
        """The next request of this kind; those before it are forgotten."""
        def found():
            while self.asked:
                m = self.asked.pop(0)
                if m.code == method and "/".join(m.path) == path:
                    return m
            return None
        return self.wait_for(found, f"{code_text(method)} /{path}", seconds)

    def wait_notification(self, token, seconds=peers.WAIT):
        def found():
            for i, m in enumerate(self.notified):
                if m.code != EMPTY and m.token == token:
                    return self.notified.pop(i)
            return None
        return self.wait_for(found, "a notification", seconds)

    def quiet(self, token, seconds):
        """Nothing is told under this token for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.take(end - time.monotonic())
        check(not any(m.token == token for m in self.notified), "a notification came")

    # what goes out

    def ask(self, method, path, payload=b"", format=None, accept=None, query=(), observe=None, token=None, seconds=peers.WAIT):
        """The response to a request, whole."""
        body, number = b"", 0
        while True:
            options = [(URI_PATH, part.encode()) for part in path.split("/") if part]
            options += [(URI_QUERY, part.encode()) for part in query]
            options += [] if format is None else [(CONTENT_FORMAT, uint(format))]
            options += [] if accept is None else [(ACCEPT, uint(accept))]
            options += [] if observe is None or number > 0 else [(OBSERVE, uint(observe))]
            options += [] if number == 0 else [(BLOCK2, block(number, False, size))]
            m = self.send(Message(CON, method, self.new_id(), os.urandom(4) if token is None or number > 0 else token,
                                  options, payload))
            r = self.wait_notification(m.token, seconds)
            first, asked = (r, m) if number == 0 else (first, asked)
            body += r.payload
            b = r.block(BLOCK2)
            if b is None or not b.more:
                first.payload = body
                matrix.note_exchange("agent", asked, code_text(first.code), first.number(CONTENT_FORMAT), self.is_bootstrapping)
                self.is_bootstrapping &= not (method == POST and asked.path == ["bs"] and first.code == code("2.04"))
                return first
            number, size = b.number + 1, b.size

    def ask_block(self, method, path, part, format, block1):
        """The response to one block of a request."""
        options = [(URI_PATH, piece.encode()) for piece in path.split("/") if piece]
        m = self.send(Message(CON, method, self.new_id(), os.urandom(4),
                              [*options, (CONTENT_FORMAT, uint(format)), (BLOCK1, block1)], part))
        r = self.wait_notification(m.token)
        matrix.note_exchange("agent", m, code_text(r.code), None)
        return r

    def read(self, path, accept=None, like=None, wanted="2.05", method=GET, payload=b"", format=None):
        """The values that a Read gives, by path."""
        r = expect(self.ask(method, path, payload, accept=accept, format=format), wanted=wanted)
        told = r.number(CONTENT_FORMAT)
        check(accept is None or told == accept, f"Content-Format {told} instead of {accept}")
        return formats.read(told, path, r.payload, like)

    def value(self, path, like=""):
        """One value, read as text."""
        return self.read(path, formats.TEXT, {path: like})[path]

    def write(self, path, values, format, method=PUT, wanted="2.04"):
        """`values` is one value for `path`, or a dict."""
        values = values if isinstance(values, dict) else {path: values}
        return expect(self.ask(method, path, formats.write(format, path, values), format), wanted=wanted)

    def links(self, path, query=()):
        r = expect(self.ask(GET, path, accept=formats.LINKS, query=query), wanted="2.05")
        check(r.number(CONTENT_FORMAT) == formats.LINKS, "no link format")
        return parse_links(r.payload.decode())


def parse_links(text):
    """{"/3/0": {"ver": "1.1"}, ...}"""
    found = {}
    for link in text.split(","):
        path, *attributes = link.split(";")
        check(path.startswith("<") and path.endswith(">"), f"no link: {link}")
        found[path[1:-1]] = {name: value.strip('"') for name, _, value in (a.partition("=") for a in attributes)}
    return found


# ---- our server, and a device that talks with it ----

class Manager:
    """A real mgmtd, seen by its operator."""

    def __init__(self, place, sections):
        self.place, self.http, self.coap = place, free_tcp_port(), peers.free_port()
        (place.folder / "psk").write_text(f"x:{'0f' * 16}:x\n")
        (place.folder / "psk").chmod(0o600)
        wanted = {
            "coap": {"listen": f"127.0.0.1:{peers.free_port()}", "plain_listen": f"127.0.0.1:{self.coap}",
                     "public_uri": f"coap://127.0.0.1:{self.coap}"},
            "dtls": {"psk_file": place.folder / "psk"},
            "http": {"listen": f"127.0.0.1:{self.http}"},
            "store": {"path": place.folder / "mgmtd.db"},
            "artifacts": {"path": place.folder / "artifacts"},
            "objects": {"path": OBJECTS},
        }
        for name, keys in sections.items():
            wanted[name] = {**wanted.get(name, {}), **keys}
        self.process = place.start("mgmtd", place.build / "server/mgmtd", "--config", place.config("mgmtd.ini", wanted))
        self.threads = place.stack.enter_context(concurrent.futures.ThreadPoolExecutor(4))
        self.wait_ready()
        self.token = (place.folder / "admin.token").read_text().strip()

    def log(self):
        return (self.place.folder / "mgmtd.log").read_text()

    def wait_ready(self):
        for _ in range(START_S * 50):
            if "event=ready" in self.log():
                return
            check(self.process.poll() is None, f"mgmtd has ended: {self.log()[-300:]}")
            time.sleep(0.02)
        raise Failure("mgmtd does not start")

    def ask(self, method, path, body=None):
        """The status and the JSON of an answer of the HTTP API."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}/api/v1{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            status, text = refused.code, refused.read()
        return status, json.loads(text) if text else None

    def call(self, method, path, body=None):
        """The same while the device goes on; its result() is the answer."""
        return self.threads.submit(self.ask, method, path, body)

    def read(self, *paths):
        query = "&".join("path=" + urllib.parse.quote(path) for path in paths)
        return self.call("GET", f"/devices/{EP}/resources?{query}")

    def device(self, **how):
        return Device(self, **how)


class Device(peers.Endpoint):
    """A scripted device, registered unless it is told to wait."""

    def __init__(self, manager, links="</1/0>,</3303/0>", registers=True, **how):
        super().__init__(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.bind(("127.0.0.1", 0))
        manager.place.stack.callback(self.socket.close)
        self.manager, self.peer = manager, ("127.0.0.1", manager.coap)
        self.location = None
        if registers:
            self.register(links, **how)

    def ask(self, method, path, payload=b"", query=(), format=None, accept=None, echo=None):
        options = [(URI_PATH, part.encode()) for part in path.split("/") if part]
        options += [(URI_QUERY, part.encode()) for part in query]
        options += [] if echo is None else [(ECHO, echo)]
        options += [] if format is None else [(CONTENT_FORMAT, uint(format))]
        options += [] if accept is None else [(ACCEPT, uint(accept))]
        m = self.send(Message(CON, method, self.new_id(), os.urandom(4), options, payload))
        r = self.receive()
        check(r is not None and r.token == m.token, f"no answer to {m} /{path}, but {r}")
        matrix.note_exchange("server", m, code_text(r.code), r.number(CONTENT_FORMAT))
        return r

    def register(self, links, version="1.1", ct=None, wanted="2.01", query=None):
        body = ("" if ct is None else f'</>;ct="{" ".join(map(str, ct))}",') + links
        query = (f"ep={EP}", "lt=300", f"lwm2m={version}", "b=U") if query is None else query
        r = expect(self.ask(POST, "rd", body.encode(), query, formats.LINKS), wanted=wanted)
        self.location = "/".join(part.decode() for part in r.all(LOCATION_PATH))
        return r

    def settle(self):
        """Has nothing of what the server asks of a new device."""
        while (m := self.receive(peers.SILENCE)) is not None:
            self.answer(m, "4.04")

    def expect_request(self, method, path, seconds=peers.WAIT):
        m = self.receive(seconds)
        check(m is not None, f"no {code_text(method)} /{path} came")
        check(m.code == method and "/".join(m.path) == path.strip("/"), f"{m} /{'/'.join(m.path)} instead of "
              f"{code_text(method)} {path}")
        return m

    def answer(self, request, wanted, payload=b"", format=None, **numbers):
        options = [] if format is None else [(CONTENT_FORMAT, uint(format))]
        options += [(OBSERVE, uint(numbers["observe"]))] if "observe" in numbers else []
        options += [(LOCATION_PATH, part.encode()) for part in numbers.get("location", "").split("/") if part]
        matrix.note_exchange("server", request, wanted, format)
        self.send(Message(ACK, code(wanted), request.id, request.token, options, payload))

    def notify(self, request, number, values, format, base):
        matrix.note("server", "Notify", format, "2.05")
        return self.send(Message(NON, code("2.05"), self.new_id(), request.token,
                                 [(OBSERVE, uint(number)), (CONTENT_FORMAT, uint(format))], formats.write(format, base, values)))
