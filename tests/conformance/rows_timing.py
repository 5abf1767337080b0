# SPDX-License-Identifier: GPL-3.0-or-later
"""The transmission parameters of RFC 7252 section 4.8, over real sockets where that takes less than a minute."""
from peers import *

EARLY, LATE = 0.05, 0.6    # how much a loaded machine may shift a datagram


def times(receive, count, limit):
    """When `count` datagrams came, counted from the first; and that they are equal."""
    seen = []
    start = None
    while len(seen) < count:
        data = receive(limit)
        check(data is not None, f"only {len(seen)} sent")
        start = time.monotonic() if start is None else start
        seen.append((time.monotonic() - start, data))
    return [at for at, _ in seen], {data for _, data in seen}


def check_doubling(at):
    gaps = [b - a for a, b in zip(at, at[1:])]
    check(2 - EARLY <= gaps[0] <= 3 + LATE, f"first gap {gaps[0]:.2f} s")
    for one, two in zip(gaps, gaps[1:]):
        check(abs(two - 2 * one) < LATE, f"gap {two:.2f} s after {one:.2f} s")


@row("RFC7252 4.8 retransmission", "client", "a server that never answers")
def client_times(place):
    server = place.server()
    process = place.coapctl("get", "-t", 93, f"coap://127.0.0.1:{server.port}/test")
    at, datagrams = times(server.receive_bytes, 5, 30)
    process.terminate()
    check(len(datagrams) == 1, "repetitions differ")
    check_doubling(at)
    check(30 - LATE <= at[-1] <= 45 + LATE, f"last one after {at[-1]:.1f} s")
    return "first again after 2 to 3 s, each gap doubled, the fifth and last after 30 to 45 s; the same bytes"


@row("RFC7252 4.8 retransmission", "server", "a client that never acknowledges a separate response")
def server_times(place):
    client = place.client("--separate-delay", 600)
    m = client.request(GET, "separate")
    expect(client.receive(), ACK, "0.00", id=m.id)
    at, datagrams = times(client.receive_bytes, 5, 30)
    check(len(datagrams) == 1, "repetitions differ")
    check_doubling(at)
    return "first again after 2 to 3 s, each gap doubled, five in all"


client_times.is_slow = server_times.is_slow = True


@row("RFC7252 4.8 give-up", "client", "a server that never answers, and a shorter patience")
def client_gives_up(place):
    server = place.server()
    process = place.coapctl("get", "-t", 3, f"coap://127.0.0.1:{server.port}/test")
    finish(process, 3)
    return "ends with status 3"


@row("RFC7252 4.5 deduplication", "server", "the same POST a hundred times")
def deduplication(place):
    client = place.client()
    m = client.request(POST, "counter")
    first = client.receive()
    for _ in range(99):
        client.send(m)
        check(client.receive() == first, "another answer")
    check(client.ask(GET, "counter").payload == b"1", "run more than once")
    return "run once, the same answer each time"


@row("RFC7252 4.5 deduplication NON", "server", "the same NON POST a hundred times")
def deduplication_non(place):
    client = place.client()
    m = client.request(POST, "counter", kind=NON)
    for _ in range(99):
        client.send(m)
    client.receive()
    client.silent(0.3)
    check(client.ask(GET, "counter").payload == b"1", "run more than once")
    return "run once, answered once"


proven_by("RFC7252 4.8 give-up", "both", "given up after 62 to 93 s", "coap/test_retransmit",
          "a_message_is_sent_at_0_2_6_14_30_and_given_up_at_62")
proven_by("RFC7252 4.8 derived", "both", "MAX_TRANSMIT_SPAN, MAX_TRANSMIT_WAIT, EXCHANGE_LIFETIME, NON_LIFETIME",
          "coap/test_retransmit", "derived_figures_are_those_of_the_rfc")
proven_by("RFC7252 4.8 lifetimes", "server", "duplicates are known for 247 and 145 s", "coap/test_dedup",
          "entries_last_247_seconds_when_confirmable_and_145_when_not")
proven_by("RFC7252 4.7 NSTART", "client", "one outstanding interaction with a server", "coap/test_endpoint",
          "no_more_than_nstart_requests_are_outstanding_and_all_are_answered_in_turn")
proven_by("RFC7641 4.5 a day", "server", "a confirmable notification every 24 hours", "coap/test_endpoint_observe",
          "once_a_day_a_notification_is_confirmable")
proven_by("RFC7252 8.2 leisure", "server", "answers to a group are spread", "coap/test_group",
          "the_leisure_is_long_enough_for_all_members")
