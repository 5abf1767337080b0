# SPDX-License-Identifier: GPL-3.0-or-later
"""The ETSI test purposes for a server (TP_CoAP_...). Where RFC 7252 says otherwise than the file, the RFC is tested."""
import os
import struct

from peers import *

QUICK = ("--separate-delay", 600)
MALFORMED = "RST|silence"


def raw(first, code_byte, rest=b""):
    """A function that sends a header of these bytes, with a Message-ID of its own, and tells what came back."""
    def send(client):
        message_id = client.new_id()
        client.send_bytes(bytes([first, code_byte]) + struct.pack(">H", message_id) + rest)
        m = client.receive(SILENCE)
        if m is None:
            return "silence"
        check(m.id == message_id or m.type in (CON, NON), "another Message-ID")
        return "RST" if m.type == RST else str(m)
    return send


TEST = b"\xb4test"


def header(name, title, send, wanted):
    def run(place):
        client = place.client()
        seen = send(client)
        check(seen in wanted.split("|"), f"{seen} instead of {wanted}")
        expect(client.ask(GET, "test"), wanted="2.05")
        return seen
    row(f"MessageFormat_{name}", "server", title)(run)


header("Header_Version_001", "ping, version 1", raw(0x40, 0), "RST")
header("Header_Version_002", "version 3", raw(0xc0, 1, TEST), "silence")
header("Header_Type_CON_001", "CON GET", raw(0x40, 1, TEST), "ACK 2.05")
header("Header_Type_CON_002", "CON carrying 2.03", raw(0x40, code("2.03")), "RST")
header("Header_Type_CON_003", "CON 1.00", raw(0x40, code("1.00")), "RST")
header("Header_Type_NON_001", "NON GET", raw(0x50, 1, TEST), "NON 2.05")
header("Header_Type_NON_002", "NON 0.00 (RFC: silence or RST)", raw(0x50, 0), MALFORMED)
header("Header_Type_NON_003", "NON 2.03 (RFC: silence or RST)", raw(0x50, code("2.03")), MALFORMED)
header("Header_Type_NON_004", "NON 6.00 (RFC: silence or RST)", raw(0x50, code("6.00")), MALFORMED)
header("Header_Type_ACK_001", "ACK 0.02", raw(0x60, 2), "silence")
header("Header_Type_ACK_002", "ACK 7.00", raw(0x60, code("7.00")), "silence")
header("Header_Type_RST_001", "RST with a request code", raw(0x70, 1, TEST), "silence")
header("Header_TokenLength_001", "GET with a token of 2 bytes (RFC)", raw(0x42, 1, b"\x00\x01" + TEST), "ACK 2.05")
header("Header_TokenLength_002", "token longer than the datagram", raw(0x44, 1, b"\x01"), "RST")
header("Payload_Marker_ZeroLengt_001", "marker without payload", raw(0x40, 1, TEST + b"\xff"), "RST")


@row("MessageFormat_Header_TokenLength_003", "server", "TKL 9 to 15")
def token_length_003(place):
    client = place.client()
    seen = {raw(0x40 | length, 1, b"\x01" * 4)(client) for length in range(9, 16)}
    check(seen <= {"RST"}, f"{seen}")
    return "RST where the token is longer than the datagram"


def answers(name, title, wanted, method, path, payload=b"", before=None):
    def run(place):
        client = place.client()
        if before is not None:
            client.ask(*before)
        r = expect(client.ask(method, path, payload), wanted=wanted)
        return f"ACK {code_text(r.code)}, same Message-ID"
    row(name, "server", title)(run)


answers("MessageFormat_Header_Code_Content", "GET", "2.05", GET, "test")
answers("MessageFormat_Header_Code_NotFound", "GET of what is not there", "4.04", GET, "unknown")
answers("MessageFormat_Header_Code_MethodNotAllowed", "a method that is not allowed", "4.05", PUT, "link1")
answers("MessageFormat_Header_Code_Created", "PUT of something new", "2.01", PUT, "create1", b"x")
answers("MessageFormat_Header_Code_Changed", "PUT of something known", "2.04", PUT, "validate", b"x")
answers("MessageFormat_Header_Code_Deleted", "DELETE", "2.02", DELETE, "test")


def slow(name, title, wanted, method, path, before=None):
    def ask(client, method, path):
        m = client.request(method, path, b"x" if method in (POST, PUT) else b"")
        expect(client.receive(), ACK, "0.00", id=m.id)
        r = expect(client.receive(), CON, token=m.token)
        client.ack(r)
        return r

    def run(place):
        client = place.client(*QUICK)
        if before is not None:
            ask(client, *before)
        return f"empty ACK, then {expect(ask(client, method, path), CON, wanted)}"
    row(f"Server_Separate_Response_{name}", "server", title)(run)


slow("GET_001", "GET of a slow resource", "2.05", GET, "separate")
slow("POST_001", "slow POST that creates", "2.01", POST, "separate")
slow("POST_002", "slow POST that changes", "2.04", POST, "separate", (POST, "separate"))
slow("POST_003", "slow POST to a resource below", "2.04", POST, "separate/below", (POST, "separate/below"))
slow("POST_004", "slow POST that is not allowed", "4.05", POST, "separate/fixed")
slow("PUT_001", "slow PUT that creates", "2.01", PUT, "separate")
slow("PUT_002", "slow PUT that changes", "2.04", PUT, "separate", (PUT, "separate"))
slow("DELETE_001", "slow DELETE", "2.02", DELETE, "separate", (PUT, "separate"))
slow("DELETE_002", "slow DELETE of what is not there", "2.02", DELETE, "separate")


def options(name, title, wanted, method, path, extra=(), payload=b"", **numbers):
    def run(place):
        return str(expect(place.client().ask(method, path, payload, options=extra, **numbers), wanted=wanted))
    row(f"Server_Options_{name}", "server", title)(run)


options("UriHost_001", "GET with Uri-Host", "2.05", GET, "test", [(URI_HOST, b"localhost")])
options("UriHost_002", "GET without Uri-Host", "2.05", GET, "test")
options("UriPath_001", "GET with one segment", "2.05", GET, "test")
options("UriPath_002", "GET with three segments", "2.05", GET, "seg1/seg2/seg3")
options("UriPath_003", "POST with three segments", "2.04", POST, "seg1/seg2/seg3", payload=b"x")
options("UriPath_004", "PUT with three segments", "2.04", PUT, "seg1/seg2/seg3", payload=b"x")
options("UriQuery_001", "GET with Uri-Query", "2.05", GET, "query", [(URI_QUERY, b"first=1")])
options("ProxyUri_001", "Proxy-Uri to a server that is no proxy (RFC)", "5.05", GET, "",
        [(PROXY_URI, b"coap://127.0.0.1/test")])
options("ProxyUri_002", "Proxy-Uri with Uri-Host (RFC)", "5.05", GET, "",
        [(PROXY_URI, b"coap://127.0.0.1/test"), (URI_HOST, b"localhost")])
options("ContentFormat_001", "PUT with Content-Format", "2.04", PUT, "multi-format", payload=b"x", content_format=0)
options("ContentFormat_002", "PUT without Content-Format", "2.04", PUT, "multi-format", payload=b"x")
options("ContentFormat_003", "PUT with an unsupported one (RFC)", "4.15", PUT, "multi-format", payload=b"x", content_format=60)
options("ContentAccept_001", "Accept that is supported", "2.05", GET, "multi-format", accept=41)
options("ContentAccept_002", "Accept that is not supported", "4.06", GET, "multi-format", accept=60)
options("LocationPathLocationQuery_002", "option 128 is elective (RFC)", "2.05", GET, "test", [(128, b"x")])
options("IfNoneMatch_001", "PUT of something new", "2.01", PUT, "create1", [(IF_NONE_MATCH, b"")], b"x")
options("IfNoneMatch_002", "PUT of something known (RFC)", "4.12", PUT, "validate", [(IF_NONE_MATCH, b"")], b"x")
options("Critical_001", "an unknown critical option (RFC)", "4.02", GET, "test", [(65001, b"x")])


@row("Server_Options_MaxAgeFresh_001", "server", "GET of what is fresh for a time that is not 60 s")
def max_age_001(place):
    r = place.client("--observe-interval", 5000).ask(GET, "obs")
    check(r.number(MAX_AGE) == 5, f"Max-Age {r.number(MAX_AGE)}")
    return "2.05 with Max-Age 5"


@row("Server_Options_MaxAge_002", "server", "GET of what is fresh for 60 s")
def max_age_002(place):
    check(place.client().ask(GET, "test").number(MAX_AGE) in (None, 60), "another Max-Age")
    return "2.05 without Max-Age"


@row("Server_Options_ETagResponse_001", "server", "GET")
def etag_response(place):
    check(place.client().ask(GET, "validate").one(ETAG), "no ETag")
    return "2.05 with ETag"


@row("Server_Options_EtagRequest_001", "server", "GET with ETag")
def etag_request(place):
    client = place.client()
    etag = client.ask(GET, "validate").one(ETAG)
    return str(expect(client.ask(GET, "validate", options=[(ETAG, b"other"), (ETAG, etag)]), wanted="2.03"))


@row("Server_Options_LocationPathLocationQuery_001", "server", "POST that creates")
def location(place):
    client = place.client()
    check(client.ask(POST, "test", b"x").all(LOCATION_PATH), "no Location-Path")
    check(client.ask(POST, "location-query").all(LOCATION_QUERY), "no Location-Query")
    return "2.01 with Location-Path, 2.01 with Location-Query"


@row("Server_Options_IfMatch_001", "server", "PUT with the right ETag")
def if_match_001(place):
    client = place.client()
    etag = client.ask(GET, "validate").one(ETAG)
    return str(expect(client.ask(PUT, "validate", b"x", options=[(IF_MATCH, etag)]), wanted="2.04"))


@row("Server_Options_IfMatch_002", "server", "PUT with a stale ETag (RFC)")
def if_match_002(place):
    return str(expect(place.client().ask(PUT, "validate", b"x", options=[(IF_MATCH, b"stale")]), wanted="4.12"))


@row("Server_Options_Size1__001", "server", "Size1 that fits")
def size1_001(place):
    client = place.client()
    r = client.ask(PUT, "large-update", b"#" * 64, options=[(BLOCK1, block(0, True, 64))], size1=65)
    expect(r, wanted="2.31")
    return str(r)


@row("Server_Options_Size1__002", "server", "Size1 that is too large")
def size1_002(place):
    client = place.client()
    r = client.ask(PUT, "large-update", b"#" * 64, options=[(BLOCK1, block(0, True, 64))], size1=1 << 24)
    expect(r, wanted="4.13")
    check(r.number(SIZE1), "no Size1")
    return f"{r} with Size1"


@row("Server_Options_Size2_001", "server", "Size2 0 in a GET")
def size2_001(place):
    r = expect(place.client("--large", 5000).ask(GET, "large", size2=0), wanted="2.05")
    check(r.number(SIZE2) == 5000, f"Size2 {r.number(SIZE2)}")
    return "2.05 with Size2 5000"
