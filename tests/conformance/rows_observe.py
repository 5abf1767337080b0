# SPDX-License-Identifier: GPL-3.0-or-later
"""TD_COAP_OBS, our server (RFC 7641)."""
from peers import *

QUICK = ("--observe-interval", 300)


def register(client, path, kind=CON):
    r = expect(client.ask(GET, path, kind=kind, observe=0), wanted="2.05")
    check(r.number(OBSERVE) is not None, "no Observe")
    return r


def is_newer(a, b):
    """Whether Observe b is newer than a (RFC 7641 section 3.4)."""
    return a < b and b - a < 1 << 23 or a > b and a - b > 1 << 23


def notification(client, kind, first, seconds=WAIT, wanted="2.05"):
    m = expect(client.receive(seconds), kind, wanted, token=first.token)
    if kind == CON:
        client.ack(m)
    return m


def last_word(client, first, wanted):
    """The notification that ends it; those that were on their way before are passed over."""
    for _ in range(5):
        m = expect(client.receive(), CON, f"2.05|{wanted}", token=first.token)
        client.ack(m)
        if m.code == code(wanted):
            check(m.one(OBSERVE) is None, "Observe in the last word")
            client.silent(1)
            return
    raise Failure(f"no {wanted}")


@row("TD_COAP_OBS_01", "server", "CON GET /obs, Observe 0")
def obs_01(place):
    client = place.client(*QUICK)
    first = last = register(client, "obs")
    for _ in range(4):
        m = notification(client, CON, first)
        check(m.number(CONTENT_FORMAT) == first.number(CONTENT_FORMAT), "another format")
        check(is_newer(last.number(OBSERVE), m.number(OBSERVE)), "Observe does not grow")
        last = m
    return "ACK 2.05 with Observe; CON 2.05 with the same format and a growing Observe"


@row("TD_COAP_OBS_02", "server", "NON GET /obs-non, Observe 0")
def obs_02(place):
    client = place.client(*QUICK)
    first = register(client, "obs-non", NON)
    for _ in range(3):
        notification(client, NON, first)
    return "NON notifications"


@row("TD_COAP_OBS_05", "server", "the client is switched off")
def obs_05(place):
    client = place.client(*QUICK)
    first = register(client, "obs")
    one = expect(client.receive(), CON, "2.05", token=first.token)
    two = expect(client.receive(4), CON, "2.05", token=first.token)
    check(two.payload != one.payload, "not the latest value")
    check(is_newer(one.number(OBSERVE), two.number(OBSERVE)), "Observe does not grow")
    return "sent again with the latest value"


proven_by("TD_COAP_OBS_05", "server", "the client is switched off, to the end", "coap/test_endpoint_observe",
          "an_observer_who_never_answers_is_forgotten_after_the_last_timeout")


@row("TD_COAP_OBS_06", "server", "the client answers with RST")
def obs_06(place):
    client = place.client(*QUICK)
    first = register(client, "obs")
    m = expect(client.receive(), CON, "2.05", token=first.token)
    client.empty(RST, m)
    client.silent(1.5)
    return "nothing more"


@row("TD_COAP_OBS_07", "server", "the resource is deleted")
def obs_07(place):
    client = place.client("--observe-interval", 2000)
    first = register(client, "obs")
    expect(place.another().ask(DELETE, "obs"), wanted="2.02")
    last_word(client, first, "4.04")
    return "CON 4.04 without Observe; nothing more"


@row("TD_COAP_OBS_08", "server", "the resource changes its Content-Format")
def obs_08(place):
    client = place.client("--observe-interval", 2000)
    first = register(client, "obs")
    expect(place.another().ask(PUT, "obs", b"<x/>", content_format=41), wanted="2.04")
    last_word(client, first, "4.06")
    return "CON 4.06 without Observe; nothing more"


@row("TD_COAP_OBS_09", "server", "another client puts a value")
def obs_09(place):
    client = place.client("--observe-interval", 30000)
    first = register(client, "obs")
    expect(place.another().ask(PUT, "obs", b"put", content_format=0), wanted="2.04")
    m = notification(client, CON, first)
    check(m.payload == b"put", "another value")
    return "CON 2.05 with the value"


@row("TD_COAP_OBS_10", "server", "plain GET with another token meanwhile")
def obs_10(place):
    client = place.client("--observe-interval", 800)
    first = register(client, "obs")
    r = client.ask(GET, "obs")
    check(r.one(OBSERVE) is None, "Observe in a plain response")
    notification(client, CON, first)
    notification(client, CON, first)
    return "2.05 without Observe; notifications go on"


@row("TD_COAP_OBS_11", "server", "notifications over a lossy link")
def obs_11(place):
    client = place.client("--observe-interval", 100)
    first = register(client, "obs")
    lost = expect(client.receive(), CON, "2.05", token=first.token)
    client.silent(1.8)     # twenty changes meanwhile
    m = expect(client.receive(2), CON, "2.05", token=first.token)
    client.ack(m)
    check(is_newer(lost.number(OBSERVE), m.number(OBSERVE)), "an old state")
    notification(client, CON, first)
    return "one in flight; nothing else until it was sent again and acknowledged"


@row("TD_COAP_OBS_12", "server", "GET with Observe 1 and the same token")
def obs_12(place):
    client = place.client("--observe-interval", 800)
    first = register(client, "obs")
    r = expect(client.ask(GET, "obs", observe=1, token=first.token), wanted="2.05")
    check(r.one(OBSERVE) is None, "Observe in the response")
    client.silent(1.5)
    return "2.05 without Observe; nothing more"


@row("TD_COAP_OBS_13", "server", "/obs-large")
def obs_13(place):
    client = place.client("--observe-interval", 1000)
    first = register(client, "obs-large")
    b = first.block(BLOCK2)
    check(b is not None and b.number == 0 and b.more, f"Block2 {b}")
    m = notification(client, CON, first)
    b = m.block(BLOCK2)
    check(b is not None and b.number == 0 and b.more, f"Block2 {b}")
    rest = client.ask(GET, "obs-large", options=[(BLOCK2, block(1, False, b.size))])
    check(rest.one(ETAG) == m.one(ETAG) and rest.one(OBSERVE) is None, "the rest does not belong to it")
    number = m.payload.split(b" ")[0]
    lines = (m.payload + rest.payload).split(b"\n")
    check(all(line.split(b" ")[0] == number for line in lines), "two states mixed")
    return "Block2 in the first response and in notifications; the rest by plain GET, same ETag"


@row("TD_COAP_OBS_14", "server", "/obs-pumping")
def obs_14(place):
    client = place.client(*QUICK)
    first = register(client, "obs-pumping")
    kinds = set()
    for m in [first] + [notification(client, CON, first) for _ in range(4)]:
        b = m.block(BLOCK2)
        check((b is not None) == (len(m.payload) >= 1024), f"Block2 {b} with {len(m.payload)} bytes")
        kinds.add(b is not None)
    check(kinds == {True, False}, "always the same size")
    return "Block2 exactly when the body is long"
