# SPDX-License-Identifier: GPL-3.0-or-later
"""TD_COAP_CORE_24 to 29: coapd as a reverse proxy in front of another coapd (RFC 7252 section 5.7.3)."""
from peers import *


def proxied(place):
    """A client of a proxy that shows a coapd of its own below /behind, and a client of that one."""
    origin = place.coapd()
    return place.client("--reverse", f"behind=coap://127.0.0.1:{origin}"), Client(origin)


def ask(client, method, path, payload=b"", **more):
    """The response, piggybacked or separate."""
    m = client.request(method, "behind/" + path, payload, **more)
    r = client.receive()
    if r is not None and r.type == ACK and r.code == EMPTY:
        r = client.receive()
    expect(r, token=m.token)
    if r.type == CON:
        client.ack(r)
    return r


@row("TD_COAP_CORE_24", "proxy", "POST that creates, through a reverse proxy")
def core_24(place):
    client, _ = proxied(place)
    r = expect(ask(client, POST, "test", b"new"), wanted="2.01")
    location = [value.decode() for value in r.all(LOCATION_PATH)]
    check(location == ["behind", "location1", "location2", "location3"], f"{location}")
    check(ask(client, GET, "/".join(location[1:])).payload == b"new", "nothing there")
    return "2.01 with Location-Path, below the proxy's own path"


@row("TD_COAP_CORE_25", "proxy", "Location-Query through a reverse proxy")
def core_25(place):
    client, _ = proxied(place)
    r = expect(ask(client, POST, "location-query"), wanted="2.01")
    check(r.all(LOCATION_QUERY) == [b"first=1", b"second=2"], "another location")
    return "2.01 with both Location-Query, unchanged"


@row("TD_COAP_CORE_26", "proxy", "Accept through a reverse proxy")
def core_26(place):
    client, _ = proxied(place)
    bodies = {}
    for accept in (0, 41):
        r = expect(ask(client, GET, "multi-format", accept=accept), wanted="2.05")
        check(r.number(CONTENT_FORMAT) == accept, "another format")
        bodies[r.payload] = accept
    check(len(bodies) == 2, "one body for both")
    expect(ask(client, GET, "multi-format", accept=60), wanted="4.06")
    return "2.05 in either format; 4.06"


@row("TD_COAP_CORE_27", "proxy", "If-Match through a reverse proxy")
def core_27(place):
    client, direct = proxied(place)
    etag = expect(ask(client, GET, "validate"), wanted="2.05").one(ETAG)
    check(etag, "no ETag")
    expect(ask(client, PUT, "validate", b"one", options=[(IF_MATCH, etag)]), wanted="2.04")
    fresh = expect(ask(client, GET, "validate"), wanted="2.05")
    check(fresh.one(ETAG) not in (None, etag) and fresh.payload == b"one", "the old value")
    expect(direct.ask(PUT, "validate", b"two"), wanted="2.04")
    expect(ask(client, PUT, "validate", b"three", options=[(IF_MATCH, fresh.one(ETAG))]), wanted="4.12")
    check(direct.ask(GET, "validate").payload == b"two", "the value was changed")
    return "2.04, another ETag; 4.12 with a stale one"


@row("TD_COAP_CORE_28", "proxy", "If-None-Match through a reverse proxy")
def core_28(place):
    client, _ = proxied(place)
    expect(ask(client, PUT, "create1", b"one", options=[(IF_NONE_MATCH, b"")]), wanted="2.01")
    expect(ask(client, PUT, "create1", b"two", options=[(IF_NONE_MATCH, b"")]), wanted="4.12")
    return "2.01, then 4.12"


@row("TD_COAP_CORE_29", "proxy", "Max-Age through a caching proxy")
def core_29(place):
    client, direct = proxied(place)
    first = expect(ask(client, GET, "validate"), wanted="2.05")
    expect(direct.ask(PUT, "validate", b"changed behind the cache"), wanted="2.04")
    time.sleep(2.2)
    second = expect(ask(client, GET, "validate"), wanted="2.05")
    check(second.payload == first.payload, "not from the cache")
    check(55 <= second.number(MAX_AGE) <= 58, f"Max-Age {second.number(MAX_AGE)}")
    return "the second GET is answered from the cache, with a smaller Max-Age"
