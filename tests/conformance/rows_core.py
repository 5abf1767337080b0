# SPDX-License-Identifier: GPL-3.0-or-later
"""TD_COAP_CORE, our server: messages, methods and options (RFC 7252)."""
from peers import *

QUICK = ("--separate-delay", 600)


@row("TD_COAP_CORE_01", "server", "CON GET /test")
def core_01(place):
    r = expect(place.client().ask(GET, "test"), wanted="2.05")
    check(r.payload and r.number(CONTENT_FORMAT) is not None, "no payload or no Content-Format")
    return "ACK 2.05 with Content-Format and payload"


@row("TD_COAP_CORE_02", "server", "CON DELETE /test")
def core_02(place):
    r = expect(place.client().ask(DELETE, "test"), wanted="2.02")
    check(r.payload or r.one(CONTENT_FORMAT) is None, "a Content-Format without payload")
    return "ACK 2.02"


def put(place, kind):
    client = place.client()
    first = expect(client.ask(PUT, "test", b"one", kind=kind, content_format=0), wanted="2.01")
    second = expect(client.ask(PUT, "test", b"two", kind=kind, content_format=0), wanted="2.04")
    check(client.ask(GET, "test").payload == b"two", "another value")
    check(kind == CON or first.id != second.id, "the same Message-ID twice")
    return f"{TYPES[first.type]} 2.01, then 2.04; the value is there"


row("TD_COAP_CORE_03", "server", "CON PUT /test")(lambda place: put(place, CON))


def post(place, kind):
    client = place.client()
    r = expect(client.ask(POST, "test", b"new", kind=kind, content_format=0), wanted="2.01|2.04")
    check(all(b"/" not in value for value in r.all(LOCATION_PATH)), "a slash in a Location-Path")
    return f"{r}"


row("TD_COAP_CORE_04", "server", "CON POST /test")(lambda place: post(place, CON))


@row("TD_COAP_CORE_05", "server", "NON GET /test")
def core_05(place):
    client = place.client()
    ids = {expect(client.ask(GET, "test", kind=NON), wanted="2.05").id for _ in range(3)}
    check(len(ids) == 3, "a Message-ID twice")
    return "NON 2.05, own Message-IDs"


@row("TD_COAP_CORE_06", "server", "NON DELETE /test")
def core_06(place):
    expect(place.client().ask(DELETE, "test", kind=NON), wanted="2.02")
    return "NON 2.02"


row("TD_COAP_CORE_07", "server", "NON PUT /test")(lambda place: put(place, NON))
row("TD_COAP_CORE_08", "server", "NON POST /test")(lambda place: post(place, NON))


def separate(place, token):
    client = place.client(*QUICK)
    m = client.request(GET, "separate", token=token)
    expect(client.receive(), ACK, "0.00", id=m.id)
    r = expect(client.receive(), CON, "2.05", token=token)
    check(r.payload, "no payload")
    client.ack(r)
    client.silent(2.5 if token else SILENCE)
    return "empty ACK, then CON 2.05; silence after its ACK"


row("TD_COAP_CORE_09", "server", "CON GET /separate")(lambda place: separate(place, b""))


@row("TD_COAP_CORE_10", "server", "CON GET with tokens of 1 to 8 bytes")
def core_10(place):
    client = place.client()
    for length in range(1, 9):
        expect(client.ask(GET, "test", token=bytes(range(length))), wanted="2.05")
    return "each comes back"


row("TD_COAP_CORE_11", "server", "CON GET /separate with a token")(lambda place: separate(place, b"12345678"))


@row("TD_COAP_CORE_12", "server", "CON GET without a token")
def core_12(place):
    expect(place.client().ask(GET, "test", token=b""), wanted="2.05")
    return "ACK 2.05, empty token"


@row("TD_COAP_CORE_13", "server", "GET /seg1/seg2/seg3")
def core_13(place):
    client = place.client()
    expect(client.ask(GET, "seg1/seg2/seg3"), wanted="2.05")
    expect(client.ask(GET, "", options=[(URI_PATH, b"seg1/seg2/seg3")]), wanted="4.04")
    return "2.05; 4.04 for one segment with slashes"


@row("TD_COAP_CORE_14", "server", "GET /query?first=1&second=2")
def core_14(place):
    r = expect(place.client().ask(GET, "query", query=["first=1", "second=2"]), wanted="2.05")
    check(r.payload == b"first=1\nsecond=2\n", "the arguments are not told apart")
    return "2.05, two arguments"


@row("TD_COAP_CORE_15", "server", "request and response lost")
def core_15(place):
    client = place.client()
    m = client.request(POST, "counter")
    first = client.receive()          # this one is taken as lost
    client.send(m)
    expect(client.receive(), ACK, "2.04", id=m.id, token=m.token)
    check(first.code == code("2.04") and client.ask(GET, "counter").payload == b"1", "run more than once")
    return "the repeated request gets the same response; run once"


@row("TD_COAP_CORE_16", "server", "separate response, each message lost")
def core_16(place):
    client = place.client(*QUICK)
    m = client.request(GET, "separate")
    expect(client.receive(), ACK, "0.00", id=m.id)      # lost
    client.send(m)
    expect(client.receive(), ACK, "0.00", id=m.id)
    first = expect(client.receive(), CON, "2.05", token=m.token)    # lost
    second = expect(client.receive(3.5), CON, "2.05", token=m.token, id=first.id)
    client.ack(second)
    client.send(m)
    again = client.receive(0.5)
    check(again is None or again.type == ACK and again.code == EMPTY, "run again")
    return "ACK again for the repeated request; response sent again until acknowledged"


@row("TD_COAP_CORE_17", "server", "NON GET /separate")
def core_17(place):
    client = place.client(*QUICK)
    m = client.request(GET, "separate", kind=NON)
    expect(client.receive(), NON, "2.05", token=m.token)
    client.silent()
    return "no ACK; NON 2.05"


@row("TD_COAP_CORE_18", "server", "POST /test creating /location1/location2/location3")
def core_18(place):
    client = place.client()
    r = expect(client.ask(POST, "test", b"new"), wanted="2.01")
    check(r.all(LOCATION_PATH) == [b"location1", b"location2", b"location3"], "another location")
    check(client.ask(GET, "location1/location2/location3").payload == b"new", "nothing there")
    expect(client.ask(POST, "test", b"new"), wanted="2.04")
    return "2.01 with three Location-Path; the value is there; 2.04 the second time"


@row("TD_COAP_CORE_19", "server", "POST /location-query")
def core_19(place):
    r = expect(place.client().ask(POST, "location-query"), wanted="2.01")
    check(r.all(LOCATION_QUERY) == [b"first=1", b"second=2"], "another location")
    return "2.01 with first=1 and second=2"


@row("TD_COAP_CORE_20", "server", "GET /multi-format with Accept")
def core_20(place):
    client = place.client()
    bodies = []
    for accept in (0, 41):
        r = expect(client.ask(GET, "multi-format", accept=accept), wanted="2.05")
        check(r.number(CONTENT_FORMAT) == accept, "another format")
        bodies.append(r.payload)
    check(bodies[0] != bodies[1] and bodies[1].startswith(b"<"), "the same form")
    expect(client.ask(GET, "multi-format", accept=60), wanted="4.06")
    return "text, XML, 4.06 for another (RFC)"


@row("TD_COAP_CORE_21", "server", "validation of /validate")
def core_21(place):
    client = place.client()
    first = expect(client.ask(GET, "validate"), wanted="2.05")
    etag = first.one(ETAG)
    check(etag, "no ETag")
    valid = expect(client.ask(GET, "validate", options=[(ETAG, etag)]), wanted="2.03")
    check(valid.one(ETAG) == etag and not valid.payload, "another ETag, or a payload")
    expect(place.another().ask(PUT, "validate", b"changed"), wanted="2.04")
    fresh = expect(client.ask(GET, "validate", options=[(ETAG, etag)]), wanted="2.05")
    check(fresh.one(ETAG) not in (None, etag) and fresh.payload == b"changed", "not the new value")
    return "2.05, 2.03 without payload, 2.05 with another ETag after a change"


@row("TD_COAP_CORE_22", "server", "If-Match on /validate")
def core_22(place):
    client = place.client()
    etag = client.ask(GET, "validate").one(ETAG)
    expect(client.ask(PUT, "validate", b"one", options=[(IF_MATCH, etag)]), wanted="2.04")
    check(client.ask(GET, "validate").one(ETAG) != etag, "the same ETag after a change")
    expect(place.another().ask(PUT, "validate", b"two"), wanted="2.04")
    expect(client.ask(PUT, "validate", b"three", options=[(IF_MATCH, etag)]), wanted="4.12")
    check(client.ask(GET, "validate").payload == b"two", "the value was changed")
    expect(client.ask(PUT, "validate", b"four", options=[(IF_MATCH, b"")]), wanted="2.04")
    return "2.04; 4.12 with a stale ETag and the value unchanged"


@row("TD_COAP_CORE_23", "server", "If-None-Match on /create1")
def core_23(place):
    client = place.client()
    expect(client.ask(PUT, "create1", b"one", options=[(IF_NONE_MATCH, b"")]), wanted="2.01")
    expect(client.ask(PUT, "create1", b"two", options=[(IF_NONE_MATCH, b"")]), wanted="4.12")
    check(client.ask(GET, "create1").payload == b"one", "the value was changed")
    return "2.01, then 4.12"


@row("TD_COAP_CORE_31", "server", "ping")
def core_31(place):
    client = place.client()
    m = client.send(Message(CON, EMPTY, client.new_id()))
    expect(client.receive(), RST, "0.00", id=m.id)
    return "RST, 4 bytes"
