# SPDX-License-Identifier: GPL-3.0-or-later
"""What strangers send: answers to addresses that are not verified stay short, and bad packets leave nothing behind."""
import pathlib
import select

from peers import *

LISTENS = 48    # seconds; longer than MAX_TRANSMIT_SPAN, after which nothing is sent again
FACTOR = 3      # the most bytes for one byte that RFC 9175 lets a stranger have


def overhear(clients, seconds):
    """Counts what comes to sockets that never acknowledge."""
    ends = time.monotonic() + seconds
    by_socket = {client.socket: client for client in clients}
    while (left := ends - time.monotonic()) > 0:
        for ready in select.select(list(by_socket), [], [], left)[0]:
            by_socket[ready].receive_bytes(0.1)


REQUESTS = {
    "ping": lambda c: c.send(Message(CON, EMPTY, c.new_id())),
    "GET /.well-known/core": lambda c: c.request(GET, ".well-known/core", token=b""),
    "GET /large": lambda c: c.request(GET, "large", token=b""),
    "GET /large NON": lambda c: c.request(GET, "large", token=b"", kind=NON),
    "GET /separate": lambda c: c.request(GET, "separate", token=b""),
    "GET /obs, Observe 0": lambda c: c.request(GET, "obs", token=b"", observe=0),
    "GET /obs-large, Observe 0": lambda c: c.request(GET, "obs-large", token=b"", observe=0),
    "GET of what is not there": lambda c: c.request(GET, "unknown", token=b""),
    "POST /large-post": lambda c: c.request(POST, "large-post", b"x" * 64, token=b""),
}


@row("Amplification", "server", "a stranger's requests, answers counted until nothing is sent again")
def amplification(place):
    clients = [place.client("--observe-interval", 1000, trusts=False)]
    clients += [place.another() for _ in range(len(REQUESTS) - 1)]
    for client, request in zip(clients, REQUESTS.values()):
        request(client)
    overhear(clients, LISTENS)
    for client, name in zip(clients, REQUESTS):
        check(client.received <= FACTOR * client.sent, f"{name}: {client.received} bytes for {client.sent}")
    return f"at most {FACTOR} bytes for one, for " + "; ".join(REQUESTS)


amplification.is_slow = True


@row("Amplification, Echo", "server", "a stranger who repeats the Echo")
def echo(place):
    client = place.client(trusts=False)
    m = client.request(GET, ".well-known/core")
    r = expect(client.receive(), ACK, "4.01", id=m.id, token=m.token)
    check(r.one(ECHO) and 1 <= len(r.one(ECHO)) <= 40, "no Echo")
    check(client.received <= client.sent + 16 + len(r.one(ECHO)), "a long refusal")
    expect(client.ask(GET, ".well-known/core", options=[(ECHO, r.one(ECHO))]), wanted="2.05")
    thief = place.another()
    expect(thief.ask(GET, ".well-known/core", options=[(ECHO, r.one(ECHO))]), wanted="4.01")
    return "4.01 with Echo; 2.05 with it; 4.01 with somebody else's"


BAD = [bytes.fromhex(text) for text in (
    "4d011234", "4e01123400", "40011234e0fef3", "4001123410e0fef300", "400112340effff", "40011234b5616263", "40011234ff",
    "4401123401", "49011234010203", "40011234d0ffe0fef2", "40011234f0", "41001234", "50601234")]
FLOOD = 100000
GROWTH_KIB = 256


def resident_kib(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


@row("Bad packets", "server", "100,000 packets that broke other stacks")
def bad_packets(place):
    client = place.client()
    before = None
    for number in range(FLOOD):
        client.send_bytes(BAD[number % len(BAD)])
        if number % 32 == 31:
            while client.receive_bytes(0.001) is not None:
                pass
        if number == FLOOD // 10:
            before = resident_kib(place.process)
    while client.receive_bytes(0.2) is not None:
        pass
    growth = resident_kib(place.process) - before
    check(growth <= GROWTH_KIB, f"{growth} KiB more")
    expect(client.ask(GET, "test"), wanted="2.05")
    return "answered by RST or not at all; memory stays; the next GET is answered"


bad_packets.is_slow = True
