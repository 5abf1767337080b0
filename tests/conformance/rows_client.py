# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of CORE, BLOCK and OBS that concern a client: coapctl in front of a scripted server."""
from peers import *


def uri(server, path):
    return f"coap://127.0.0.1:{server.port}/{path}"


def asks(name, title, method, command, arguments, kind, wanted, payload=b"", status=0):
    def run(place):
        server = place.server()
        process = place.coapctl(command, *arguments, uri(server, "test"))
        m = server.expect_request(kind, method, "test")
        check(m.payload == (b"sent" if "-p" in arguments else b""), "another payload")
        server.answer(m, wanted, payload, content_format=0) if payload else server.answer(m, wanted)
        out = finish(process, status)
        check(payload in out, "the payload is not shown")
        return f"{TYPES[kind]} {code_text(method)}, ends with {status}"
    row(name, "client", title)(run)


PAYLOAD = ("-p", "sent", "-c", "text")
asks("TD_COAP_CORE_01", "CON GET", GET, "get", (), CON, "2.05", b"shown")
asks("TD_COAP_CORE_02", "CON DELETE", DELETE, "delete", (), CON, "2.02")
asks("TD_COAP_CORE_03", "CON PUT", PUT, "put", PAYLOAD, CON, "2.04")
asks("TD_COAP_CORE_04", "CON POST", POST, "post", PAYLOAD, CON, "2.01")
asks("TD_COAP_CORE_05", "NON GET", GET, "get", ("-n",), NON, "2.05", b"shown")
asks("TD_COAP_CORE_06", "NON DELETE", DELETE, "delete", ("-n",), NON, "2.02")
asks("TD_COAP_CORE_07", "NON PUT", PUT, "put", ("-n", *PAYLOAD), NON, "2.04")
asks("TD_COAP_CORE_08", "NON POST", POST, "post", ("-n", *PAYLOAD), NON, "2.01")


def separate(place, response_first):
    server = place.server()
    process = place.coapctl("get", uri(server, "separate"))
    m = server.expect_request(CON, GET, "separate")
    if not response_first:
        server.empty(ACK, m)
    r = server.answer(m, "2.05", b"later", kind=CON)
    expect(server.receive(), ACK, "0.00", id=r.id)
    if response_first:
        server.empty(ACK, m)
    check(finish(process).startswith(b"later"), "not shown")
    return "the response is acknowledged and shown"


row("TD_COAP_CORE_09", "client", "separate response")(lambda place: separate(place, False))
row("TD_COAP_CORE_09 swapped", "client", "separate response before its ACK")(lambda place: separate(place, True))


@row("TD_COAP_CORE_10", "client", "tokens")
def core_10(place):
    server, tokens = place.server(), set()
    for _ in range(8):
        process = place.coapctl("get", uri(server, "test"))
        m = server.expect_request(CON, GET, "test")
        check(1 <= len(m.token) <= 8, f"token of {len(m.token)} bytes")
        tokens.add(m.token)
        server.send(Message(NON, code("2.05"), server.new_id(), bytes(reversed(m.token)), [], b"wrong"))
        server.answer(m, "2.05", b"right")
        check(finish(process).startswith(b"right"), "the wrong response was taken")
    check(len(tokens) == 8, "a token twice")
    return "each request has another; a response with another token is not taken"


row("TD_COAP_CORE_11", "client", "separate response with a token")(lambda place: separate(place, False))


@row("TD_COAP_CORE_12", "client", "a response without a token")
def core_12(place):
    server = place.server()
    process = place.coapctl("get", uri(server, "test"))
    m = server.expect_request(CON, GET, "test")
    server.send(Message(ACK, code("2.05"), m.id, b"", [], b"wrong"))
    server.answer(m, "2.05", b"right")
    check(finish(process).startswith(b"right"), "the wrong response was taken")
    return "our client always has a token; a response without it is not taken"


@row("TD_COAP_CORE_13", "client", "path of three segments")
def core_13(place):
    server = place.server()
    process = place.coapctl("get", uri(server, "seg1/seg2/seg3"))
    m = server.expect_request(CON, GET, "seg1/seg2/seg3")
    server.answer(m, "2.05", b"x")
    finish(process)
    return "three Uri-Path"


@row("TD_COAP_CORE_14", "client", "query of two arguments")
def core_14(place):
    server = place.server()
    process = place.coapctl("get", uri(server, "query?first=1&second=2"))
    m = server.expect_request(CON, GET, "query")
    check(m.all(URI_QUERY) == [b"first=1", b"second=2"], f"{m.all(URI_QUERY)}")
    server.answer(m, "2.05", b"x")
    finish(process)
    return "two Uri-Query"


@row("TD_COAP_CORE_15", "client", "request and response lost")
def core_15(place):
    server = place.server()
    process = place.coapctl("get", uri(server, "test"))
    first = server.expect_request(CON, GET, "test")
    second = server.expect_request(CON, GET, "test", seconds=4)
    check(first == second, "the repetition differs")
    server.answer(second, "2.05", b"once")
    check(finish(process).count(b"once") == 1, "shown more than once")
    return "sent again, equal; one answer shown"


@row("TD_COAP_CORE_16", "client", "separate response, its ACK and ours lost")
def core_16(place):
    server = place.server()
    process = place.coapctl("observe", "-t", 8, uri(server, "separate"))
    m = server.expect_request(CON, GET, "separate")
    r = server.answer(m, "2.05", b"once", kind=CON, observe=1)      # the request's ACK is lost
    expect(server.receive(), ACK, "0.00", id=r.id)        # this one, too
    server.send(r)
    expect(server.receive(), ACK, "0.00", id=r.id)
    server.silent(4)
    process.terminate()
    out, _ = process.communicate(timeout=PATIENCE)
    check(out.count(b"once") == 1, "shown more than once")
    return "a response stops the request's retransmission; its repetition is acknowledged and shown once"


@row("TD_COAP_CORE_17", "client", "NON GET, NON response much later")
def core_17(place):
    server = place.server()
    process = place.coapctl("get", "-n", uri(server, "separate"))
    m = server.expect_request(NON, GET, "separate")
    time.sleep(1)
    server.answer(m, "2.05", b"later")
    check(b"later" in finish(process), "not shown")
    server.silent()
    return "shown; nothing is acknowledged"


@row("TD_COAP_CORE_18", "client", "2.01 with Location-Path")
def core_18(place):
    server = place.server()
    process = place.coapctl("post", "-v", "-p", "new", uri(server, "test"))
    m = server.expect_request(CON, POST, "test")
    server.answer(m, "2.01", options=[(LOCATION_PATH, part) for part in (b"location1", b"location2", b"location3")])
    out, err = process.communicate(timeout=PATIENCE)
    check(process.returncode == 0 and b"/location1/location2/location3" in out + err, f"{(out + err)[:80]}")
    return "the location is shown"


@row("TD_COAP_CORE_19", "client", "2.01 with Location-Query")
def core_19(place):
    server = place.server()
    process = place.coapctl("post", "-v", "-p", "new", uri(server, "location-query"))
    m = server.expect_request(CON, POST, "location-query")
    server.answer(m, "2.01", options=[(LOCATION_QUERY, b"first=1"), (LOCATION_QUERY, b"second=2")])
    out, err = process.communicate(timeout=PATIENCE)
    check(process.returncode == 0 and b"?first=1&second=2" in out + err, f"{(out + err)[:80]}")
    return "the location is shown"


@row("TD_COAP_CORE_20", "client", "Accept")
def core_20(place):
    server = place.server()
    for name, number in (("text", 0), ("xml", 41)):
        process = place.coapctl("get", "-a", name, uri(server, "multi-format"))
        m = server.expect_request(CON, GET, "multi-format")
        check(m.number(ACCEPT) == number, f"Accept {m.number(ACCEPT)}")
        server.answer(m, "2.05", b"x", content_format=number)
        finish(process)
    process = place.coapctl("get", "-a", "cbor", uri(server, "multi-format"))
    server.answer(server.expect_request(), "4.06")
    finish(process, 4)
    return "Accept 0 and 41; 4.06 ends with 4"


def with_option(name, title, method, arguments, number, values, wanted, status):
    def run(place):
        server = place.server()
        process = place.coapctl(*arguments, uri(server, "validate"))
        m = server.expect_request(CON, method, "validate")
        check(m.all(number) == values, f"{m.all(number)}")
        server.answer(m, wanted)
        finish(process, status)
        return f"sent; {wanted} ends with {status}"
    row(name, "client", title)(run)


with_option("TD_COAP_CORE_21", "GET with ETag", GET, ("get", "--option", "ETag=0x0102"), ETAG, [b"\1\2"], "2.03", 0)
with_option("TD_COAP_CORE_22", "PUT with If-Match", PUT, ("put", "-p", "x", "--option", "If-Match=0x0102"), IF_MATCH, [b"\1\2"],
            "4.12", 4)
with_option("TD_COAP_CORE_23", "PUT with If-None-Match", PUT, ("put", "-p", "x", "--option", "If-None-Match"), IF_NONE_MATCH,
            [b""], "4.12", 4)


@row("TD_COAP_CORE_31", "client", "ping")
def core_31(place):
    server = place.server()
    process = place.coapctl("ping", f"coap://127.0.0.1:{server.port}")
    m = expect(server.receive(), CON, "0.00")
    server.empty(RST, m)
    finish(process)
    return "4 bytes; RST is the answer"


# ---- blocks ----


def serve_blocks(server, body, size, first=None):
    """Answers GETs with the blocks of a body until the last has been asked for; the numbers in their order."""
    numbers, done = [], False
    m = first
    while not done:
        m = server.expect_request(CON, GET) if m is None else m
        b = m.block(BLOCK2) or Block(0, False, size)
        at, width = b.number * b.size, min(b.size, size)
        check(at % width == 0, "between two blocks")
        done = at + width >= len(body)
        server.answer(m, "2.05", body[at:at + width],
                      options=[(BLOCK2, block(at // width, not done, width)), (ETAG, b"e")])
        numbers.append(at // width)
        m = None
    return numbers


def read(place, ours, theirs):
    server, body = place.server(), bytes(range(256)) * 4
    process = place.coapctl("get", *(("-b", ours) if ours else ()), uri(server, "large"))
    numbers = serve_blocks(server, body, theirs)
    check(numbers == list(range(len(numbers))), f"{numbers}")
    check(finish(process) == body, "another body")
    return f"{len(numbers)} blocks in order, whole"


row("TD_COAP_BLOCK_01", "client", "GET in blocks of 256")(lambda place: read(place, 256, 256))
row("TD_COAP_BLOCK_02", "client", "GET, the server chooses blocks of 128")(lambda place: read(place, None, 128))
row("TD_COAP_BLOCK_06", "client", "GET in blocks of 16")(lambda place: read(place, 16, 16))


def take_blocks(server, method, size):
    """Takes a body in blocks, answering 2.31; gives it and the last request."""
    body = b""
    while True:
        m = server.expect_request(CON, method)
        b = m.block(BLOCK1)
        check(b is not None and b.number * b.size == len(body), f"Block1 {b} behind {len(body)} bytes")
        check(not b.more or len(m.payload) == b.size, "a block that is not full")
        body += m.payload
        if not b.more:
            return body, m
        told = block(b.number, True, min(b.size, size))
        server.answer(m, "2.31", options=[(BLOCK1, told)])


def write(place, method, command, wanted, size):
    server, body = place.server(), "0123456789" * 100
    process = place.coapctl(command, "-b", 256, "-p", body, uri(server, "large-update"))
    got, last = take_blocks(server, method, size)
    b = last.block(BLOCK1)
    server.answer(last, wanted, options=[(BLOCK1, block(b.number, False, b.size))])
    finish(process)
    check(got == body.encode(), "another body")
    return "whole, in order"


row("TD_COAP_BLOCK_03", "client", "PUT in blocks")(lambda place: write(place, PUT, "put", "2.04", 256))
row("TD_COAP_BLOCK_04", "client", "POST in blocks")(lambda place: write(place, POST, "post", "2.01", 256))


@row("TD_COAP_BLOCK_03 smaller", "client", "PUT, the server asks for smaller blocks")
def block_03_smaller(place):
    server, body = place.server(), "0123456789" * 100
    process = place.coapctl("put", "-b", 256, "-p", body, uri(server, "large-update"))
    m = server.expect_request(CON, PUT)
    server.answer(m, "2.31", options=[(BLOCK1, block(0, True, 64))])
    got = m.payload
    while True:
        m = server.expect_request(CON, PUT)
        b = m.block(BLOCK1)
        check(b.size == 64 and b.number * 64 == len(got), f"Block1 {b} behind {len(got)} bytes")
        got += m.payload
        server.answer(m, "2.31" if b.more else "2.04", options=[(BLOCK1, block(b.number, b.more, 64))])
        if not b.more:
            break
    finish(process)
    check(got == body.encode(), "another body")
    return "goes on at number 4 of 64 bytes"


@row("TD_COAP_BLOCK_05", "client", "POST whose answer comes in blocks")
def block_05(place):
    server, body = place.server(), bytes(range(256)) * 2
    process = place.coapctl("post", "-b", 256, "-p", "0123456789" * 60, uri(server, "large-post"))
    _, last = take_blocks(server, POST, 256)
    b = last.block(BLOCK1)
    server.answer(last, "2.04", body[:256],
                  options=[(BLOCK1, block(b.number, False, 256)), (BLOCK2, block(0, True, 256)), (ETAG, b"e")])
    m = server.expect_request(CON, POST)
    b = m.block(BLOCK2)
    check(b.number == 1 and b.size == 256 and not m.payload, f"Block2 {b}, {len(m.payload)} bytes")
    server.answer(m, "2.04", body[256:], options=[(BLOCK2, block(1, False, 256)), (ETAG, b"e")])
    check(finish(process) == body, "another body")
    return "the rest by POST with Block2 and no payload"


@row("RFC7959 ETag changes", "client", "the body changes between two blocks")
def etag_changes(place):
    server, body = place.server(), b"b" * 200
    process = place.coapctl("get", "-b", 128, uri(server, "large"))
    m = server.expect_request(CON, GET)
    server.answer(m, "2.05", b"a" * 128, options=[(BLOCK2, block(0, True, 128)), (ETAG, b"a")])
    m = server.expect_request(CON, GET)
    server.answer(m, "2.05", body[128:], options=[(BLOCK2, block(1, False, 128)), (ETAG, b"b")])
    m = server.expect_request(CON, GET)
    check((m.block(BLOCK2) or Block(0, 0, 0)).number == 0, "goes on in the middle")
    serve_blocks(server, body, 128, m)
    check(finish(process).rstrip(b"\n") == body, "mixed")
    return "begins again and shows the new body alone"


# ---- observation ----


def observe(place, path, seconds=20):
    server = place.server()
    process = place.coapctl("observe", "-t", seconds, uri(server, path))
    m = server.expect_request(CON, GET, path)
    check(m.number(OBSERVE) == 0, "no Observe 0")
    return server, process, m


def stop(process):
    process.terminate()
    return process.communicate(timeout=PATIENCE)[0]


def notify(server, m, sequence, payload, kind=CON, options=()):
    n = server.answer(m, "2.05", payload, kind=kind, options=[*options], observe=sequence)
    if kind == CON:
        expect(server.receive(), ACK, "0.00", id=n.id)
    return n


@row("TD_COAP_OBS_01", "client", "CON notifications")
def obs_01(place):
    server, process, m = observe(place, "obs")
    notify(server, m, 10, b"state-1", kind=ACK)
    for sequence, text in ((11, b"state-2"), (13, b"state-4"), (12, b"state-3")):
        notify(server, m, sequence, text)
    notify(server, m, 14, b"state-5")
    out = stop(process)
    check(all(text in out for text in (b"state-1", b"state-2", b"state-4", b"state-5")), "not all shown")
    check(b"state-3" not in out, "an old state is shown")
    return "each acknowledged, the fresh ones shown"


@row("TD_COAP_OBS_02", "client", "NON notifications, a CON one among them")
def obs_02(place):
    server, process, m = observe(place, "obs-non")
    notify(server, m, 1, b"state-1", kind=ACK)
    notify(server, m, 2, b"state-2", kind=NON)
    server.silent(0.2)
    notify(server, m, 3, b"state-3")
    out = stop(process)
    check(all(text in out for text in (b"state-1", b"state-2", b"state-3")), "not all shown")
    return "shown; only the CON one acknowledged"


@row("TD_COAP_OBS_06", "client", "a notification after the client has gone and come back")
def obs_06(place):
    server, process, m = observe(place, "obs")
    notify(server, m, 1, b"state-1", kind=ACK)
    process.kill()
    process.communicate()
    again = place.coapctl("observe", "-t", 20, uri(server, "obs"))
    m2 = server.expect_request(CON, GET, "obs")
    notify(server, m2, 1, b"state-2", kind=ACK)
    n = Message(CON, code("2.05"), server.new_id(), m.token, [(OBSERVE, b"\2")], b"stale")
    server.send(n)
    expect(server.receive(), RST, "0.00", id=n.id)
    check(b"stale" not in stop(again), "shown")
    return "RST; nothing is shown"


@row("TD_COAP_OBS_08", "client", "the server ends it with 4.06")
def obs_08(place):
    server, process, m = observe(place, "obs")
    notify(server, m, 1, b"state-1", kind=ACK)
    n = server.answer(m, "4.06", kind=CON)
    expect(server.receive(), ACK, "0.00", id=n.id)
    finish(process, 4)
    return "acknowledged; ends with 4"


@row("TD_COAP_OBS_12", "client", "the client cancels")
def obs_12(place):
    server = place.server()
    process = place.coapctl("observe", "-t", 1, uri(server, "obs"))
    m = server.expect_request(CON, GET, "obs")
    notify(server, m, 1, b"state-1", kind=ACK)
    c = server.expect_request(CON, GET, "obs")
    check(c.number(OBSERVE) == 1 and c.token == m.token, "no Observe 1, or another token")
    server.answer(c, "2.05", b"state-2")
    finish(process)
    return "GET with Observe 1 and the same token"


@row("TD_COAP_OBS_13", "client", "notifications of more than one block")
def obs_13(place):
    server, process, m = observe(place, "obs-large")
    body = b"x" * 1024 + b"end"
    for sequence, kind in ((1, ACK), (2, CON)):
        notify(server, m, sequence, body[:1024], kind, [(BLOCK2, block(0, True, 1024)), (ETAG, b"e")])
        r = server.expect_request(CON, GET, "obs-large")
        check(r.block(BLOCK2).number == 1 and r.one(OBSERVE) is None and r.token != m.token, f"Block2 {r.block(BLOCK2)}")
        server.answer(r, "2.05", body[1024:], options=[(BLOCK2, block(1, False, 1024)), (ETAG, b"e")])
    time.sleep(0.3)
    check(stop(process).count(body) == 2, "not shown whole")
    return "the rest by plain GET with another token; shown whole"


@row("TD_COAP_OBS_14", "client", "a body that is now short, now long")
def obs_14(place):
    server, process, m = observe(place, "obs-pumping")
    notify(server, m, 1, b"short-1", kind=ACK)
    notify(server, m, 2, b"y" * 1024, CON, [(BLOCK2, block(0, True, 1024)), (ETAG, b"e")])
    r = server.expect_request(CON, GET, "obs-pumping")
    server.answer(r, "2.05", b"end", options=[(BLOCK2, block(1, False, 1024)), (ETAG, b"e")])
    notify(server, m, 3, b"short-2")
    time.sleep(0.3)
    out = stop(process)
    check(all(text in out for text in (b"short-1", b"yend", b"short-2")), "not all shown")
    return "all shown whole"


proven_by("TD_COAP_OBS_04", "client", "the server has lost its state", "coap/test_endpoint_observe",
          "a_client_that_hears_nothing_registers_again")
