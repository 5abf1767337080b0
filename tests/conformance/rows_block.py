# SPDX-License-Identifier: GPL-3.0-or-later
"""TD_COAP_BLOCK, our server, and the rules of RFC 7959 that the plugtest leaves out."""
from peers import *

LARGE = 5000


def body_of(size):
    return bytes(b"abcdefghijklmnopqrstuvwxyz"[i % 26] for i in range(size))


def large(size):
    return b"".join(b"%062d.\n" % i for i in range(size // 64 + 1))[:size]


def early(place, size):
    client = place.client("--large", LARGE)
    check(client.read("large", size) == large(LARGE), "another body")
    return f"{-(-LARGE // size)} blocks of {size}, whole and in order"


row("TD_COAP_BLOCK_01", "server", "GET /large, early negotiation")(lambda place: early(place, 256))


@row("TD_COAP_BLOCK_02", "server", "GET /large, late negotiation")
def block_02(place):
    client = place.client("--large", LARGE)
    r = expect(client.ask(GET, "large"), wanted="2.05")
    b = r.block(BLOCK2)
    check(b.number == 0 and b.more and len(r.payload) == b.size, f"Block2 {b}")
    body, size = r.payload, 128
    while len(body) < LARGE:
        r = expect(client.ask(GET, "large", options=[(BLOCK2, block(len(body) // size, False, size))]), wanted="2.05")
        check(r.block(BLOCK2).number == len(body) // size, "another block")
        body += r.payload
    check(body == large(LARGE), "another body")
    return "first block of 1024 with M=1; went on in blocks of 128"


@row("TD_COAP_BLOCK_03", "server", "PUT /large-update")
def block_03(place):
    client, body = place.client(), body_of(3000)
    expect(client.write(PUT, "large-update", body, 256), wanted="2.04")
    check(client.read("large-update") == body, "another value")
    return "2.31 for each block, 2.04 for the last; the value is there"


@row("TD_COAP_BLOCK_04", "server", "POST /large-create")
def block_04(place):
    client, body = place.client(), body_of(3000)
    r = expect(client.write(POST, "large-create", body, 512), wanted="2.01")
    location = "/".join(value.decode() for value in r.all(LOCATION_PATH))
    check(location and client.read(location) == body, "nothing there")
    return f"2.31, 2.01 with /{location}; the value is there"


@row("TD_COAP_BLOCK_05", "server", "POST /large-post with a long answer")
def block_05(place):
    client, body = place.client(), body_of(3000)
    r = expect(client.write(POST, "large-post", body, 256), wanted="2.04")
    b = r.block(BLOCK2)
    check(r.block(BLOCK1) is not None and b is not None and b.number == 0 and b.more, "no Block1 or no Block2")
    answer = r.payload
    while b.more:
        r = expect(client.ask(POST, "large-post", options=[(BLOCK2, block(b.number + 1, False, b.size))]), wanted="2.04")
        b = r.block(BLOCK2)
        answer += r.payload
    check(answer == body.upper(), "another body")
    return "last block answered with Block1 and Block2; the rest by POST with Block2"


row("TD_COAP_BLOCK_06", "server", "GET /large in blocks of 16")(lambda place: early(place, 16))


@row("RFC7959 gap", "server", "a gap in Block1")
def gap(place):
    client = place.client()
    expect(client.ask(PUT, "large-update", body_of(64), options=[(BLOCK1, block(0, True, 64))]), wanted="2.31")
    expect(client.ask(PUT, "large-update", body_of(64), options=[(BLOCK1, block(2, True, 64))]), wanted="4.08")
    return "4.08"


@row("RFC7959 no first block", "server", "Block1 without block 0")
def no_first(place):
    expect(place.client().ask(PUT, "large-update", body_of(64), options=[(BLOCK1, block(1, True, 64))]), wanted="4.08")
    return "4.08"


@row("RFC7959 short block", "server", "M=1 with a block that is not full")
def short_block(place):
    expect(place.client().ask(PUT, "large-update", b"short", options=[(BLOCK1, block(0, True, 64))]), wanted="4.00")
    return "4.00"


@row("RFC7959 SZX 7", "server", "the reserved size exponent")
def szx_7(place):
    client = place.client()
    expect(client.ask(GET, "large", options=[(BLOCK2, b"\x07")]), wanted="4.00")
    expect(client.ask(PUT, "large-update", b"x", options=[(BLOCK1, b"\x07")]), wanted="4.00")
    return "4.00 in Block2 and in Block1"


@row("RFC7959 too large", "server", "Size1 over the limit")
def too_large(place):
    r = place.client().ask(PUT, "large-update", body_of(64), options=[(BLOCK1, block(0, True, 64))], size1=1 << 20)
    expect(r, wanted="4.13")
    check(r.number(SIZE1), "no Size1")
    return "4.13 with Size1 on the first block"


@row("RFC7959 ETag changes", "server", "the body changes between two blocks")
def etag_changes(place):
    client = place.client()
    first = client.ask(GET, "large-update", options=[(BLOCK2, block(0, False, 64))])
    place.another().write(PUT, "large-update", body_of(3000), 1024)
    second = client.ask(GET, "large-update", options=[(BLOCK2, block(1, False, 64))])
    check(first.one(ETAG) and first.one(ETAG) != second.one(ETAG), "the same ETag")
    return "another ETag, so that the client begins again"


@row("RFC7959 block 0 again", "server", "block 0 again in the middle")
def block_0_again(place):
    client, body = place.client(), body_of(192)
    for number in (0, 1, 0, 1):
        part = body[number * 64:number * 64 + 64] if number else b"#" * 64
        expect(client.ask(PUT, "large-update", part, options=[(BLOCK1, block(number, True, 64))]), wanted="2.31")
    expect(client.ask(PUT, "large-update", b"end", options=[(BLOCK1, block(2, False, 64))]), wanted="2.04")
    check(client.read("large-update") == b"#" * 64 + body[64:128] + b"end", "another value")
    return "the transfer starts afresh"


@row("RFC7959 two peers", "server", "two clients write at once")
def two_peers(place):
    one, two = place.client(), place.another()
    for number in range(3):
        for client, letter in ((one, b"1"), (two, b"2")):
            expect(client.ask(PUT, "large-update", letter * 64, options=[(BLOCK1, block(number, True, 64))]), wanted="2.31")
    expect(two.ask(PUT, "large-update", b"2", options=[(BLOCK1, block(3, False, 64))]), wanted="2.04")
    check(one.read("large-update") == b"2" * 193, "mixed")
    expect(one.ask(PUT, "large-update", b"1", options=[(BLOCK1, block(3, False, 64))]), wanted="2.04")
    check(one.read("large-update") == b"1" * 193, "mixed")
    return "never mixed"


@row("RFC7959 far block", "server", "Block2 behind the end, and at the last number there is")
def far_block(place):
    client = place.client("--large", LARGE)
    for value in (block(1000, False, 1024), b"\xff\xff\xf6"):
        expect(client.ask(GET, "large", options=[(BLOCK2, value)]), wanted="4.00|4.02")
    return "4.00"


proven_by("RFC7959 abandoned", "server", "an abandoned transfer is freed", "coap/test_endpoint_blocks",
          "an_abandoned_transfer_is_freed_and_its_place_serves_others")
