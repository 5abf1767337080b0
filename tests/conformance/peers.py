# SPDX-License-Identifier: GPL-3.0-or-later
"""The two roles of the conformance suite: a scripted client in front of coapd, a scripted server in front of coapctl."""
import contextlib
import os
import random
import socket
import subprocess
import time

from coap import *

WAIT = 3          # seconds until something that must come is missed
SILENCE = 0.5     # how long nothing must come
PATIENCE = 20


class Failure(Exception):
    pass


def check(held, what):
    if not held:
        raise Failure(what)


def expect(message, kind=None, wanted=None, **fields):
    """Compares a message with what it must be; fields are id and token."""
    check(message is not None, "nothing came")
    if kind is not None:
        check(message.type == kind, f"{message} instead of {TYPES[kind]}")
    if wanted is not None:
        codes = wanted.split("|")
        check(code_text(message.code) in codes, f"{message} instead of {wanted}")
    for name, value in fields.items():
        check(getattr(message, name) == value, f"another {name}")
    return message


class Endpoint:
    """A UDP socket with one peer, and what went over it."""

    def __init__(self, sock):
        self.socket = sock
        self.peer = None
        self.next_id = random.randrange(1 << 16)
        self.received = self.sent = 0

    def new_id(self):
        self.next_id = (self.next_id + 1) & 0xffff
        return self.next_id

    def send_bytes(self, data):
        self.sent += len(data)
        self.socket.sendto(data, self.peer)

    def send(self, message):
        self.send_bytes(message.write())
        return message

    def receive_bytes(self, seconds=WAIT):
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data, self.peer = self.socket.recvfrom(65536)
        except (socket.timeout, ConnectionRefusedError):
            return None
        self.received += len(data)
        return data

    def receive(self, seconds=WAIT):
        data = self.receive_bytes(seconds)
        return None if data is None else parse(data)

    def silent(self, seconds=SILENCE):
        message = self.receive(seconds)
        check(message is None, f"{message} instead of silence")

    def empty(self, kind, message):
        self.send(Message(kind, EMPTY, message.id))

    def ack(self, message):
        self.empty(ACK, message)


class Client(Endpoint):
    """A scripted client."""

    def __init__(self, port, sock=None):
        super().__init__(sock or socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.bind(("127.0.0.1", 0))
        self.peer = ("127.0.0.1", port)

    def request(self, method, path, payload=b"", kind=CON, options=(), token=None, query=(), **numbers):
        """A request message that has been sent. `path` is text with slashes."""
        m = Message(kind, method, self.new_id(), os.urandom(4) if token is None else token, list(options), payload)
        m.options += [(URI_PATH, part.encode()) for part in path.split("/") if part]
        m.options += [(URI_QUERY, part.encode()) for part in query]
        m.options += [(OPTIONS[name], uint(value)) for name, value in numbers.items()]
        return self.send(m)

    def ask(self, method, path, payload=b"", seconds=WAIT, **more):
        """The response, which must belong to the request: piggybacked to CON, NON to NON."""
        m = self.request(method, path, payload, **more)
        r = self.receive(seconds)
        check(r is not None, f"no response to {m} /{path}")
        check(r.token == m.token, "another token")
        if m.type == CON:
            expect(r, ACK, id=m.id)
        else:
            expect(r, NON)
        return r

    def read(self, path, size=1024, method=GET, **more):
        """A whole body, block by block."""
        body, number, etag = b"", 0, None
        while True:
            r = expect(self.ask(method, path, options=[(BLOCK2, block(number, False, size))], **more), wanted="2.05|2.04")
            b = r.block(BLOCK2)
            if b is None:
                return r.payload
            check(b.number == number and b.size <= size, f"block {b} instead of {number}/{size}")
            check(not b.more or len(r.payload) == b.size, "a block that is not full")
            check(number == 0 or r.one(ETAG) == etag, "another ETag")
            etag, size = r.one(ETAG), b.size
            body += r.payload
            if not b.more:
                return body
            number += 1

    def write(self, method, path, body, size=1024, tag=None, **more):
        """Sends a body block by block; the response to the last."""
        number = 0
        while True:
            part, has_more = body[number * size:(number + 1) * size], (number + 1) * size < len(body)
            r = self.ask(method, path, part, options=[(BLOCK1, block(number, has_more, size))], **more)
            b = r.block(BLOCK1)
            check(b is not None and b.number == number, f"Block1 {b} instead of {number}")
            if not has_more:
                return r
            expect(r, wanted="2.31|2.04")
            check(b.size <= size, "a larger block")
            number, size = (number + 1) * size // b.size, b.size


OPTIONS = {"accept": ACCEPT, "observe": OBSERVE, "content_format": CONTENT_FORMAT, "size1": SIZE1, "size2": SIZE2,
           "no_response": NO_RESPONSE}


class Server(Endpoint):
    """A scripted server."""

    def __init__(self):
        super().__init__(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def expect_request(self, kind=CON, method=GET, path=None, seconds=WAIT):
        m = self.receive(seconds)
        check(m is not None, "no request came")
        check(m.type == kind, f"{m} instead of {TYPES[kind]}")
        check(m.code == method, f"method {code_text(m.code)} instead of {code_text(method)}")
        check(path is None or m.path == path.split("/"), f"path {m.path}")
        return m

    def answer(self, request, wanted, payload=b"", kind=None, options=(), **numbers):
        """A response: piggybacked to CON and NON to NON unless `kind` says otherwise."""
        kind = (ACK if request.type == CON else NON) if kind is None else kind
        m = Message(kind, code(wanted), request.id if kind == ACK else self.new_id(), request.token, list(options), payload)
        m.options += [(OPTIONS[name], uint(value)) for name, value in numbers.items()]
        return self.send(m)


def free_port():
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers_ping(process, port):
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as s:
        client = Client(port, s)
        for _ in range(200):
            client.send(Message(CON, EMPTY, client.new_id()))
            m = client.receive(0.1)
            if process.poll() is not None:
                return False
            if m is not None:
                return True
            time.sleep(0.02)
    return False


class Place:
    """Where a row runs: the build, and the processes that it has started."""

    def __init__(self, build):
        self.build = build
        self.stack = contextlib.ExitStack()

    def coapd(self, *options, trusts=True):
        """Starts coapd; gives its port when it answers. It gives strangers long answers only when it `trusts` them."""
        options = [*(("--no-echo",) if trusts else ()), *map(str, options)]
        for _ in range(5):    # another process may have taken the port meanwhile
            port = free_port()
            process = subprocess.Popen([self.build / "cli/coapd", "--listen", f"127.0.0.1:{port}", *options],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.stack.callback(self.end, process)
            if answers_ping(process, port):
                self.process = process
                return port
        raise Failure("coapd does not start")

    def client(self, *options, trusts=True):
        """A scripted client of a coapd of its own."""
        self.port = self.coapd(*options, trusts=trusts)
        return self.another()

    def another(self):
        client = Client(self.port)
        self.stack.callback(client.socket.close)
        return client

    def server(self):
        server = Server()
        self.stack.callback(server.socket.close)
        return server

    def coapctl(self, *arguments):
        process = subprocess.Popen([self.build / "cli/coapctl", *map(str, arguments)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.stack.callback(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE)


def finish(process, status=0, seconds=PATIENCE):
    """The standard output of a coapctl that must end with this status."""
    out, err = process.communicate(timeout=seconds)
    check(process.returncode == status, f"status {process.returncode} instead of {status}: {err.decode(errors='replace')[:100]}")
    return out


# ---- rows ----

ROWS = []


def row(name, role, title):
    """Registers a function as the test of a row; it gets a Place and returns what was seen, in short."""
    def register(function):
        ROWS.append((name, role, title, function))
        return function
    return register


def proven_by(name, role, title, test, case):
    """A row that takes too long in real time: a test in virtual time proves it, which is run here."""
    def run(place):
        program = place.build / "tests" / test
        check(program.exists(), f"{test} has not been built")
        result = subprocess.run([program], capture_output=True, text=True, timeout=300,
                                env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"})
        lines = (result.stdout + result.stderr).splitlines()
        check(any(line.startswith("ok ") and line.endswith(f" {case}") for line in lines), f"{case} has not passed")
        return f"in virtual time: {test} {case}"
    ROWS.append((name, role, title, run))


class Later(Exception):
    """The row waits for something that is not there yet."""


def later(name, role, title, reason):
    def run(place):
        raise Later(reason)
    ROWS.append((name, role, title, run))
