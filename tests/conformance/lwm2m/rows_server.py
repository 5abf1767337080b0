# SPDX-License-Identifier: GPL-3.0-or-later
"""Our server with a scripted device: registration, every operation in every format, observations, Send, the queue."""
import formats
from formats import *
from parties import *
from peers import row

S = "server"
TEMPERATURE = {"/3303/0/5700": 21.5, "/3303/0/5701": "Cel"}


def done(call, status=200):
    found, body = call.result()
    check(found == status, f"status {found} instead of {status}: {body}")
    return body


def told(body):
    return {one["path"]: one["value"] for one in body["values"]}


def listed(manager):
    status, body = manager.ask("GET", f"/devices/{EP}")
    check(status == 200, f"status {status}")
    return body


# ---- registration ----

@row("int-101", S, "Register")
def _(place):
    m = place.manager()
    d = m.device()
    check(d.location.startswith("rd/"), f"location {d.location}")
    body = listed(m)
    check(body["registration"]["state"] == "registered" if "registration" in body else body["state"] == "registered", f"{body}")
    return "2.01 with Location-Path /rd/x; listed"


@row("int-102, int-104", S, "Update")
def _(place):
    m = place.manager()
    d = m.device()
    expect(d.ask(POST, d.location, query=["lt=120"]), wanted="2.04")
    check("120" in json.dumps(listed(m)), "the lifetime is not shown")
    expect(d.ask(POST, d.location), wanted="2.04")
    expect(d.ask(POST, d.location, b"</1/0>,</3303/0>,</3303/1>", format=LINKS), wanted="2.04")
    return "a new lifetime, nothing new, a new list: 2.04"


@row("int-103", S, "De-register")
def _(place):
    m = place.manager()
    d = m.device()
    expect(d.ask(DELETE, d.location), wanted="2.02")
    expect(d.ask(POST, d.location), wanted="4.04")
    expect(d.ask(DELETE, d.location), wanted="4.04")
    return "2.02; then its location is 4.04"


@row("int-105", S, "an Update of nobody")
def _(place):
    d = place.manager().device(registers=False)
    expect(d.ask(POST, "rd/nobody"), wanted="4.04")
    expect(d.ask(DELETE, "rd/nobody"), wanted="4.04")
    return "4.04"


@row("int-101 again", S, "Register of a name that is registered")
def _(place):
    m = place.manager()
    d = m.device()
    first = d.location
    d.register("</1/0>")
    check(d.location != first, "the same location")
    expect(d.ask(POST, first), wanted="4.04")
    expect(d.ask(POST, d.location), wanted="2.04")
    return "2.01 with another location; the old one is 4.04"


@row("int-101 bad", S, "Register that makes no sense")
def _(place):
    d = place.manager().device(registers=False)
    for query, wanted in ((("lt=300", "lwm2m=1.1"), "4.03"), ((f"ep={EP}", "lt=300"), "4.00"),
                          ((f"ep={EP}", "lt=x", "lwm2m=1.1"), "4.00"), ((f"ep={EP}", "lt=300", "lwm2m=9.0"), "4.12"), ((f"ep={EP}", "lt=300", "lwm2m=x"), "4.00"),
                          ((f"ep={EP}", "lt=300", "lwm2m=1.1", "b=XYZ"), "4.00"), ((f"ep={EP}", "lwm2m=1.1"), "4.00")):
        r = d.ask(POST, "rd", b"</1/0>", query, LINKS)
        check(code_text(r.code) == wanted, f"{query}: {r} instead of {wanted}")
    r = d.ask(POST, "rd", b"<1/0", (f"ep={EP}", "lt=300", "lwm2m=1.1"), LINKS)
    expect(r, wanted="4.00")
    r = d.ask(POST, "rd", b"</1/0>", (f"ep={EP}", "lt=300", "lwm2m=1.1"), TLV)
    expect(r, wanted="4.15")
    return ("a name neither said nor proved: 4.03; no version, no lifetime or none that is a number, an unknown binding, "
            "links that are none: 4.00; another version: 4.12; not in the format of links: 4.15")


@row("int-101 versions", S, "Register of 1.0, 1.1 and 1.2")
def _(place):
    m = place.manager()
    for version in ("1.0", "1.1", "1.2"):
        m.device(version=version)
    m.device(query=(f"ep={EP}", "lwm2m=1.0", "b=UQ"))
    return "2.01 each; 1.0 may leave the lifetime out"


def register_many(d):
    """Ten thousand object instances, in blocks; the answer that ends it, and how many blocks it took."""
    body = ",".join(f"</3303/{i}>" for i in range(10000)).encode()
    query = [f"ep={EP}", "lt=300", "lwm2m=1.1"]
    number, r = 0, None
    while r is None or code_text(r.code) == "2.31":
        part, rest = body[number * 1024:(number + 1) * 1024], body[(number + 1) * 1024:]
        options = [(URI_PATH, b"rd"), *((URI_QUERY, q.encode()) for q in query), (CONTENT_FORMAT, uint(LINKS)),
                   (BLOCK1, block(number, bool(rest), 1024))]
        d.send(Message(CON, POST, d.new_id(), b"many", options, part))
        r = d.receive()
        check(r is not None, "no answer")
        number += 1
    return r, number


@row("int-101 ten thousand", S, "Register with ten thousand instances")
def _(place):
    d = place.manager().device(registers=False)
    r, number = register_many(d)
    expect(r, wanted="4.13")
    d.register("</1/0>")
    return f"4.13 after {number} blocks; a reasonable Register afterwards is 2.01"


@row("int-101 ten thousand", S, "the same from a hundred addresses")
def _(place):
    m = place.manager()
    check_flat(m.process, lambda: expect(register_many(m.device(registers=False))[0], wanted="4.13"), 100)
    m.device()
    return "4.13 each, in memory that does not grow; a reasonable Register afterwards is 2.01"


# ---- reading, in each format ----

FORMATS = [(TLV, "1.1"), (SENML_JSON, "1.1"), (SENML_CBOR, "1.1"), (LWM2M_CBOR, "1.2"), (JSON, "1.0")]


def each_format(name, title, formats_=FORMATS):
    def register(function):
        for format, version in formats_:
            @row(name, S, f"{title} in {NAMES[format]}")
            def run(place, format=format, version=version):
                device = place.manager().device(version=version, ct=[format])
                return function(device, format)
        return function
    return register


def answer_read(d, path, format, values, wanted_path=None):
    request = d.expect_request(GET, wanted_path or path)
    accept = request.number(ACCEPT)
    check(accept in (None, format), f"Accept {accept}")
    d.answer(request, "2.05", formats.write(format, path, values), format)


@each_format("int-203, int-231, int-232", "Read of a resource")
def _(d, format):
    call = d.manager.read("/3303/0/5700")
    answer_read(d, "/3303/0/5700", format, {"/3303/0/5700": 21.5})
    check(told(done(call)) == {"/3303/0/5700": 21.5}, "another value")
    return "the value, as a number"


@each_format("int-222, int-223", "Read of an instance and of an object")
def _(d, format):
    for path in ("/3303/0", "/3303"):
        call = d.manager.read(path)
        answer_read(d, path, format, TEMPERATURE)
        check(told(done(call)) == TEMPERATURE, "other values")
    return "number and text"


@each_format("int-225", "Read of every type")
def _(d, format):
    values = {"/3/0/0": "maker", "/3/0/9": 77, "/3/0/13": 1700000000, "/3/0/11/0": 1, "/3/0/11/3": 2}
    call = d.manager.read("/3/0")
    answer_read(d, "/3/0", format, values)
    check(told(done(call)) == values, f"{call.result()}")
    return "text, integer, time, resource instances"


@row("int-201", S, "Read of a resource that comes as text, as CBOR")
def _(place):
    d = place.manager().device()
    for format in (TEXT, CBOR):
        call = d.manager.read("/3303/0/5700")
        answer_read(d, "/3303/0/5700", format, {"/3303/0/5700": 21.5})
        check(told(done(call)) == {"/3303/0/5700": 21.5}, "another value")
    return "understood whatever was asked for"


@row("int-204 failed", S, "Read that the device refuses")
def _(place):
    d = place.manager().device()
    for code_, status in (("4.04", 404), ("4.05", 502), ("4.01", 502), ("5.00", 502)):
        call = d.manager.read("/3303/0/5700")
        d.answer(d.expect_request(GET, "/3303/0/5700"), code_, b"because")
        body = done(call, status)
        check(code_ in json.dumps(body), f"{body} does not say {code_}")
    return "404 for 4.04, 502 for others; what the device said is passed on"


NONSENSE = ((b"\x81\xa1", SENML_CBOR), (b"\xc8\x00\xff", TLV), (b"[", SENML_JSON), (b"\xff" * 5, LWM2M_CBOR),
            (b"\xc8\x00\xffonly this", TLV), (b"\x9b" + b"\xff" * 8, SENML_CBOR), (b"\xbb" + b"\xff" * 8, LWM2M_CBOR),
            (b'[{"n":"/4/0/0","v":1}]', SENML_JSON), (tlv_write("/3303/0", {"/3303/0/5700": b"abc"}), TLV), (b"x", 9999))


def answer_nonsense(d):
    for payload, format in NONSENSE:
        call = d.manager.read("/3303/0")
        d.answer(d.expect_request(GET, "/3303/0"), "2.05", payload, format)
        body = done(call, 502)
        check(body["error"] in ("unreadable", "unusable"), f"{body}")


@row("", S, "Read answered with nonsense")
def _(place):
    d = place.manager().device(ct=[SENML_CBOR, TLV])
    answer_nonsense(d)
    call = d.manager.read("/3303/0/5701")
    d.answer(d.expect_request(GET, "/3303/0/5701"), "2.05", b"Cel", TEXT)
    check(told(done(call)) == {"/3303/0/5701": "Cel"}, "it does not recover")
    return ("cut off, more announced than there is, another path, another type, an unknown format: 502 unreadable; the next "
            "Read is as ever")


@row("", S, "the same forty times over")
def _(place):
    d = place.manager().device(ct=[SENML_CBOR, TLV])
    check_flat(d.manager.process, lambda: answer_nonsense(d), 40)
    return "the memory does not grow"


# ---- writing ----

@each_format("int-205, int-215", "Write of a resource")
def _(d, format):
    call = d.manager.call("PUT", f"/devices/{EP}/resources", {"path": "/1/0/lifetime", "value": 600})
    request = d.expect_request(PUT, "/1/0/1")
    got = formats.read(request.number(CONTENT_FORMAT), "/1/0/1", request.payload, {"/1/0/1": 0}) \
        if request.number(CONTENT_FORMAT) != JSON else json.loads(request.payload)
    check("600" in str(got), f"{got}")
    d.answer(request, "2.04")
    done(call, 204)
    return f"PUT in {NAMES[request.number(CONTENT_FORMAT)]}"


@each_format("int-215, int-220", "Write of an instance, partial and whole", FORMATS[:4])
def _(d, format):
    wanted = {"/1/0/1": 600, "/1/0/6": True}
    for method, http in ((POST, "PATCH"), (PUT, "PUT")):
        call = d.manager.call(http, f"/devices/{EP}/resources",
                              {"path": "/1/0", "values": [{"path": "1", "value": 600}, {"path": "6", "value": True}]})
        request = d.expect_request(method, "/1/0")
        check(request.number(CONTENT_FORMAT) == format, f"format {request.number(CONTENT_FORMAT)}")
        got = formats.read(format, "/1/0", request.payload, wanted)
        check(got == wanted, f"{got}")
        d.answer(request, "2.04")
        done(call, 204)
    return "POST and PUT with both values"


@each_format("", "Write of a resource instance", FORMATS[:4])
def _(d, format):
    call = d.manager.call("PUT", f"/devices/{EP}/resources", {"path": "/16/0/0/1", "value": "maker"})
    request = d.expect_request(PUT, "/16/0/0/1")
    told_in = request.number(CONTENT_FORMAT)
    got = formats.read(told_in, "/16/0/0/1", request.payload, {"/16/0/0/1": ""})
    check(got == {"/16/0/0/1": "maker"}, f"{got}")
    d.answer(request, "2.04")
    done(call, 204)
    return f"PUT in {NAMES[told_in]}"


@each_format("", "Write of a multiple resource, partial and whole", [(TLV, "1.2"), (SENML_JSON, "1.2"), (SENML_CBOR, "1.2"), (LWM2M_CBOR, "1.2")])
def _(d, format):
    wanted = {"/16/0/0/0": "host", "/16/0/0/3": "maker"}
    for method, http in ((POST, "PATCH"), (PUT, "PUT")):
        call = d.manager.call(http, f"/devices/{EP}/resources",
                              {"path": "/16/0/0", "values": [{"path": "0", "value": "host"}, {"path": "3", "value": "maker"}]})
        request = d.expect_request(method, "/16/0/0")
        told_in = request.number(CONTENT_FORMAT)
        got = formats.read(told_in, "/16/0/0", request.payload, wanted)
        check(got == wanted, f"{got}")
        d.answer(request, "2.04")
        done(call, 204)
    return f"POST and PUT with both instances, in {NAMES[told_in]}"


@each_format("", "Write and Read of octets", FORMATS[:4])
def _(d, format):
    call = d.manager.call("PUT", f"/devices/{EP}/resources", {"path": "/5/0/0", "value": "AP8A"})
    request = d.expect_request(PUT, "/5/0/0")
    told_in = request.number(CONTENT_FORMAT)
    got = formats.read(told_in, "/5/0/0", request.payload, {"/5/0/0": b""})
    check(got == {"/5/0/0": b"\0\xff\0"}, f"{got}")
    d.answer(request, "2.04")
    done(call, 204)
    call = d.manager.read("/19/0/0/1")
    answer_read(d, "/19/0/0/1", format, {"/19/0/0/1": b"\0\xff\0"})
    check(done(call)["values"][0]["value"] == "AP8A", f"{call.result()}")
    return f"PUT in {NAMES[told_in]}"


@row("int-256", S, "what the definition of the object forbids")
def _(place):
    m = place.manager()
    d = m.device()
    for body in ({"path": "/1/0/0", "value": 9}, {"path": "/1/0/1", "value": "soon"}, {"path": "/1/0/1", "value": 1.5},
                 {"path": "/1/0/4", "value": 1}, {"path": "/3303/0/5700", "value": 3}):
        status, answer = m.ask("PUT", f"/devices/{EP}/resources", body)
        check((status, answer["error"]) == (422, "bad_operation"), f"{body}: {status} {answer}")
    d.silent()
    return "read-only, a wrong type, executable: 422, and nothing travels"


@row("int-241", S, "Execute with arguments")
def _(place):
    d = place.manager().device(links="</1/0>,</3/0>")
    d.settle()
    call = d.manager.call("POST", f"/devices/{EP}/execute", {"path": "/3/0/reboot", "arguments": "0='x',2"})
    request = d.expect_request(POST, "/3/0/4")
    check(request.payload == b"0='x',2" and request.number(CONTENT_FORMAT) in (None, TEXT), f"{request.payload}")
    d.answer(request, "2.04")
    done(call, 204)
    status, _body = d.manager.ask("POST", f"/devices/{EP}/execute", {"path": "/3/0/4", "arguments": "x"})
    check(status in (400, 422), f"status {status}")
    return "as text; bad ones do not travel"


@each_format("int-1630", "Create", FORMATS[:4])
def _(d, format):
    call = d.manager.call("POST", f"/devices/{EP}/resources",
                          {"path": "/3303", "instance": 2, "values": [{"path": "5701", "value": "Cel"}]})
    request = d.expect_request(POST, "/3303")
    got = formats.read(format, "/3303", request.payload, {"/3303/2/5701": ""})
    check(request.number(CONTENT_FORMAT) == format and got == {"/3303/2/5701": "Cel"}, f"{got}")
    d.answer(request, "2.01")
    check(done(call, 201) == {"path": "/3303/2"}, "another path")
    return "with its number and values"


@row("int-1635", S, "Delete")
def _(place):
    d = place.manager().device()
    call = d.manager.call("DELETE", f"/devices/{EP}/resources?path=/3303/0")
    d.answer(d.expect_request(DELETE, "/3303/0"), "2.02")
    done(call, 204)
    return "DELETE; 204"


@row("int-260", S, "Discover and Write-Attributes")
def _(place):
    d = place.manager().device()
    call = d.manager.call("GET", f"/devices/{EP}/links?path=/3303/0")
    request = d.expect_request(GET, "/3303/0")
    check(request.number(ACCEPT) == LINKS, "not for links")
    d.answer(request, "2.05", b"</3303/0>,</3303/0/5700>;pmin=10;gt=22.5,</3303/0/5701>", LINKS)
    links = {one["path"]: one.get("attributes", {}) for one in done(call)["links"]}
    check(links["/3303/0/5700"] == {"pmin": 10, "gt": 22.5}, f"{links}")
    call = d.manager.call("PUT", f"/devices/{EP}/attributes", {"path": "/3303/0/5700", "attributes": {"pmin": 5, "gt": None}})
    request = d.expect_request(PUT, "/3303/0/5700")
    check(sorted(request.all(URI_QUERY)) == [b"gt", b"pmin=5"] and not request.payload, f"{request.all(URI_QUERY)}")
    d.answer(request, "2.04")
    done(call, 204)
    return "links with attributes; pmin set and gt unset by the query"


# ---- composite operations ----

def each_composite(name, title):
    return each_format(name, title, [(SENML_JSON, "1.1"), (SENML_CBOR, "1.1"), (LWM2M_CBOR, "1.2")])


@each_composite("int-229, int-236", "Read-Composite")
def _(d, format):
    call = d.manager.read("/3303/0/5700", "/1/0/1")
    request = d.expect_request(FETCH, "/")
    asked = request.number(CONTENT_FORMAT)
    check(asked in (SENML_JSON, SENML_CBOR), f"asked in {asked}")
    d.answer(request, "2.05", formats.write(format, "/", {"/3303/0/5700": 21.5}), format)
    check(told(done(call)) == {"/3303/0/5700": 21.5}, "other values")
    return f"FETCH, asked in {NAMES[asked]}; what is missing is left out"


@each_composite("int-230", "Write-Composite")
def _(d, format):
    call = d.manager.call("PATCH", f"/devices/{EP}/resources",
                          {"values": [{"path": "/1/0/1", "value": 300}, {"path": "/1/0/6", "value": False}]})
    request = d.expect_request(IPATCH, "/")
    got = formats.read(request.number(CONTENT_FORMAT), "/", request.payload)
    check(got == {"/1/0/1": 300, "/1/0/6": False}, f"{got}")
    d.answer(request, "2.04")
    done(call, 204)
    return f"iPATCH in {NAMES[request.number(CONTENT_FORMAT)]}"


# ---- reporting ----

def observed(manager):
    status, body = manager.ask("GET", f"/devices/{EP}/observations")
    check(status == 200, f"status {status}")
    return body["observations"]


def wait_reports(manager, count):
    for _ in range(100):
        found = observed(manager)
        if found and found[0].get("reports", 0) >= count:
            return found[0]
        time.sleep(0.03)
    raise Failure(f"{count} reports did not arrive: {found}")


def begin(d, format, path="/3303/0/5700", value=21.5):
    call = d.manager.call("POST", f"/devices/{EP}/observations", {"paths": [path]})
    request = d.expect_request(GET, path)
    check(request.number(OBSERVE) == 0, "no Observe")
    d.answer(request, "2.05", formats.write(format, path, {path: value}), format, observe=1)
    body = done(call, 201)
    check(told(body) == {path: value}, "another first report")
    return request, body["id"]


@each_format("int-301, int-303", "Observe, Notify and Cancel")
def _(d, format):
    request, number = begin(d, format)
    before = wait_reports(d.manager, 1)["reports"]
    d.notify(request, 2, {"/3303/0/5700": 22.5}, format, "/3303/0/5700")
    one = wait_reports(d.manager, before + 1)
    check(told(one) == {"/3303/0/5700": 22.5}, f"{one}")
    d.notify(request, 1, {"/3303/0/5700": 1.0}, format, "/3303/0/5700")    # older: overtaken on the way
    time.sleep(0.2)
    check(told(observed(d.manager)[0]) == {"/3303/0/5700": 22.5}, "an old notification counts")
    call = d.manager.call("DELETE", f"/devices/{EP}/observations/{number}")
    m = d.expect_request(GET, "/3303/0/5700")
    check(m.number(OBSERVE) == 1 and m.token == request.token, "no cancellation of this observation")
    d.answer(m, "2.05", formats.write(format, "/3303/0/5700", {"/3303/0/5700": 22.5}), format)
    done(call, 204)
    d.notify(request, 3, {"/3303/0/5700": 5.0}, format, "/3303/0/5700")
    r = d.receive()
    check(r is not None and r.type == RST, f"{r} instead of RST")
    return "the newest value counts; Observe 1 with the same token; RST to what comes afterwards"


@each_format("", "Observe of an object, an instance and a resource instance")
def _(d, format):
    for path, values in (("/3303", TEMPERATURE), ("/3303/0", TEMPERATURE), ("/3/0/11/1", {"/3/0/11/1": 4})):
        call = d.manager.call("POST", f"/devices/{EP}/observations", {"paths": [path]})
        request = d.expect_request(GET, path)
        check(request.number(OBSERVE) == 0, "no Observe")
        d.answer(request, "2.05", formats.write(format, path, values), format, observe=1)
        check(told(done(call, 201)) == values, f"{path}: {call.result()}")
    return "the values, below what was asked for"


@row("int-301 CON", S, "a confirmable notification")
def _(place):
    d = place.manager().device()
    request, _number = begin(d, SENML_CBOR)
    m = d.notify(request, 2, {"/3303/0/5700": 22.5}, SENML_CBOR, "/3303/0/5700")
    m.type, m.id = CON, d.new_id()
    m.options = [(number, uint(3) if number == OBSERVE else value) for number, value in m.options]
    d.send(m)
    expect(d.receive(), ACK, "0.00", id=m.id)
    return "acknowledged"


@row("", S, "an observation that the device does not take, and one that it ends")
def _(place):
    d = place.manager().device()
    call = d.manager.call("POST", f"/devices/{EP}/observations", {"paths": ["/3303/0/5700"]})
    request = d.expect_request(GET, "/3303/0/5700")
    d.answer(request, "4.05")
    done(call, 502)
    check(not observed(d.manager), "it is listed")
    request, _number = begin(d, SENML_CBOR)
    d.send(Message(NON, code("4.04"), d.new_id(), request.token))
    for _ in range(50):
        if not observed(d.manager) or observed(d.manager)[0]["state"] != "established":
            break
        time.sleep(0.05)
    else:
        raise Failure("it is still established")
    return "502 and not listed; after a 4.04 no longer established"


@each_composite("int-304, int-305", "Observe-Composite")
def _(d, format):
    call = d.manager.call("POST", f"/devices/{EP}/observations", {"paths": ["/3303/0/5700", "/1/0/1"]})
    request = d.expect_request(FETCH, "/")
    check(request.number(OBSERVE) == 0, "no Observe")
    d.answer(request, "2.05", formats.write(format, "/", {"/3303/0/5700": 21.5, "/1/0/1": 300}), format, observe=1)
    number = done(call, 201)["id"]
    d.notify(request, 2, {"/3303/0/5700": 23.5, "/1/0/1": 300}, format, "/")
    one = wait_reports(d.manager, 2)
    check(told(one) == {"/3303/0/5700": 23.5, "/1/0/1": 300}, f"{one}")
    call = d.manager.call("DELETE", f"/devices/{EP}/observations/{number}")
    m = d.expect_request(FETCH, "/")
    check(m.number(OBSERVE) == 1 and m.token == request.token and m.payload == request.payload, "no cancellation of this one")
    d.answer(m, "2.05", formats.write(format, "/", {"/1/0/1": 300}), format)
    done(call, 204)
    return "FETCH with Observe 0, and with 1 and the same body"


@each_composite("int-306", "Send")
def _(d, format):
    expect(d.ask(POST, "dp", formats.write(format, "/", {"/3303/0/5700": 24.5}), format=format), wanted="2.04")
    one = observed(d.manager)[0]
    check(one["state"] == "sent" and told(one) == {"/3303/0/5700": 24.5}, f"{one}")
    return "2.04; the value is kept"


def answer_below(d, method, wanted, path, values=None, **how):
    """Answers the next request, which has the alternate path in front; gives back what it carried."""
    m = d.expect_request(method, "/lwm2m" + path)
    body = b"" if values is None else formats.write(SENML_CBOR, "/", {"/lwm2m" + path: value for path, value in values.items()})
    d.answer(m, wanted, body, SENML_CBOR if values else None, **how)
    return formats.read(SENML_CBOR, "/", m.payload) if m.payload and m.number(CONTENT_FORMAT) == SENML_CBOR else None


@row("", S, "an alternate path")
def _(place):
    m = place.manager()
    d = m.device(links='</lwm2m>;rt="oma.lwm2m";ct="112",</lwm2m/1/0>,</lwm2m/3303/0>,</4/0>')
    own = listed(m)
    check(own["alternate_path"] == "/lwm2m" and [o["object"] for o in own["objects"]] == [1, 3303], f"{own}")
    call = m.read("/3303/0/5700")
    answer_below(d, GET, "2.05", "/3303/0/5700", {"/3303/0/5700": 21.5})
    check(told(done(call)) == {"/3303/0/5700": 21.5}, "Read: other values")
    call = m.call("PATCH", f"/devices/{EP}/resources", {"values": [{"path": "/1/0/1", "value": 300}, {"path": "/1/0/6", "value": False}]})
    got = answer_below(d, IPATCH, "2.04", "")
    check(got == {"/lwm2m/1/0/1": 300, "/lwm2m/1/0/6": False}, f"Write-Composite: {got}")
    done(call, 204)
    call = m.read("/3303/0/5700", "/1/0/1")
    request = d.expect_request(FETCH, "/lwm2m")
    d.answer(request, "2.05", formats.write(SENML_CBOR, "/", {"/3303/0/5700": 1.5}), SENML_CBOR)    # some leave it out
    check(told(done(call)) == {"/3303/0/5700": 1.5}, "Read-Composite: other values")
    call = m.call("GET", f"/devices/{EP}/links?path=/3303/0")
    d.answer(d.expect_request(GET, "/lwm2m/3303/0"), "2.05", b"</lwm2m/3303/0>,</lwm2m/3303/0/5700>;pmin=10", LINKS)
    check([one["path"] for one in done(call)["links"]] == ["/3303/0", "/3303/0/5700"], "Discover: other paths")
    call = m.call("POST", f"/devices/{EP}/execute", {"path": "/1/0/8"})
    answer_below(d, POST, "2.04", "/1/0/8")
    done(call, 204)
    call = m.call("POST", f"/devices/{EP}/resources", {"path": "/3303", "values": [{"path": "5701", "value": "K"}]})
    answer_below(d, POST, "2.01", "/3303", location="/lwm2m/3303/7")
    check(done(call, 201) == {"path": "/3303/7"}, "Create: another path")
    request, number = observe_below(d)
    d.notify(request, 2, {"/lwm2m/3303/0/5700": 3.5}, SENML_CBOR, "/")
    check(told(wait_reports(m, 2)) == {"/3303/0/5700": 3.5}, "Notify: another value")
    expect(d.ask(POST, "dp", formats.write(SENML_CBOR, "/", {"/lwm2m/3303/0/5700": 4.5}), format=SENML_CBOR), wanted="2.04")
    expect(d.ask(POST, d.location, b"</1/0>,</3303/0>", format=LINKS), wanted="2.04")
    call = m.read("/3303/0/5700")
    answer_read(d, "/3303/0/5700", SENML_CBOR, {"/3303/0/5700": 5.5})
    check("alternate_path" not in listed(m) and told(done(call)) == {"/3303/0/5700": 5.5}, "the Update is not heard")
    for bad in ('</7>;rt="oma.lwm2m",</7/1/0>', '</a/7/b>;rt="oma.lwm2m",</a/7/b/1/0>', f'</{"a" * 40}>;rt="oma.lwm2m",</{"a" * 40}/1/0>'):
        expect(d.ask(POST, d.location, bad.encode(), format=LINKS), wanted="4.00")
    return "/lwm2m in front of Uri-Path and names, in every operation; left out of what is shown; numbers in it 4.00"


def observe_below(d):
    call = d.manager.call("POST", f"/devices/{EP}/observations", {"paths": ["/3303/0/5700"]})
    request = d.expect_request(GET, "/lwm2m/3303/0/5700")
    d.answer(request, "2.05", formats.write(SENML_CBOR, "/", {"/lwm2m/3303/0/5700": 2.5}), SENML_CBOR, observe=1)
    return request, done(call, 201)["id"]


def with_accounts(place):
    path = place.folder / "accounts"
    path.write_text(f"{EP}:101:300:new:{'0a' * 16}:coaps://192.0.2.1\n{EP}:102:60:newer:{'0b' * 16}:coaps://192.0.2.2\n")
    path.chmod(0o600)
    return place.manager(bootstrap={"accounts": path})


for format in COMPOSITE:
    def packs(place, format=format):
        d = with_accounts(place).device(registers=False)
        r = expect(d.ask(GET, "bspack", query=[f"ep={EP}"], accept=format), wanted="4.01")    # a stranger gets no long answer
        r = expect(d.ask(GET, "bspack", query=[f"ep={EP}"], accept=format, echo=r.one(ECHO)), wanted="2.05")
        got = formats.read(r.number(CONTENT_FORMAT), "/", r.payload)
        check(r.number(CONTENT_FORMAT) == format and len(got) == 22, f"{got}")
        check(got["/0/1/0"] == "coaps://192.0.2.1" and got["/0/2/5"] == b"\x0b" * 16 and got["/1/2/1"] == 60, f"{got}")
        expect(d.ask(GET, "bspack", query=[f"ep={EP}"], accept=TLV), wanted="4.06")
        expect(d.ask(POST, "bspack", query=[f"ep={EP}"]), wanted="4.05")
        expect(d.ask(GET, "bspack", query=["ep=nobody"]), wanted="4.00|4.03")
        return "both accounts, whole; another format 4.06, another method 4.05, for nobody 4.00"
    row("", S, f"Bootstrap-Pack-Request in {NAMES[format]}")(packs)


@row("int-306 bad", S, "Send that makes no sense")
def _(place):
    m = place.manager()
    d = m.device()
    expect(d.ask(POST, "dp", b"\x81\xa1", format=SENML_CBOR), wanted="4.00")
    expect(d.ask(POST, "dp", senml_write(SENML_CBOR, {"/4/0/0": 1}), format=SENML_CBOR), wanted="4.04")
    expect(d.ask(POST, "dp", b"1", format=TEXT), wanted="4.15|4.00")
    stranger = m.device(registers=False)
    expect(stranger.ask(POST, "dp", senml_write(SENML_CBOR, TEMPERATURE), format=SENML_CBOR), wanted="4.04|4.03|4.01|4.00")
    return "4.00; an object that is not registered 4.04; nobody's is refused"


@row("", S, "the history of an observed resource")
def _(place):
    m = place.manager()
    d = m.device(ct=[SENML_CBOR])
    request, _number = begin(d, SENML_CBOR)
    first = int(time.time()) - 100
    for n in range(4):
        pack = [{-2: "/3303/0/5700", -3: first + n, 2: 20.0 + n}]
        for _twice in range(2):
            d.send(Message(NON, code("2.05"), d.new_id(), request.token,
                           [(OBSERVE, uint(2 + 2 * n + _twice)), (CONTENT_FORMAT, uint(SENML_CBOR))], cbor_write(pack)))
    wait_reports(m, 9)
    for _ in range(60):
        status, body = m.ask("GET", f"/devices/{EP}/history?path=/temperature/0/sensor-value&step=raw")
        if len(body["points"]) == 5:
            break
        time.sleep(0.1)
    check(status == 200 and [p["value"] for p in body["points"]] == [20.0, 21.0, 22.0, 23.0, 21.5], f"{body}")
    status, body = m.ask("GET", f"/devices/{EP}/history?path=/3303/0/5700&step=hour")
    check(sum(p["count"] for p in body["points"]) == 5, f"{body}")
    for bad in ("", "?path=/3303/0", "?path=/x/y", "?path=/3303/0/5700&step=week", "?path=/3303/0/5700&since=x"):
        status, body = m.ask("GET", f"/devices/{EP}/history{bad}")
        check(status == 400, f"{bad}: {status} {body}")
    return "with the device's moments, in their order, what came twice once; in single values and by the hour"


# ---- the queue ----

@row("int-108, int-109", S, "a device that sleeps")
def _(place):
    m = place.manager()
    d = m.device(query=(f"ep={EP}", "lt=300", "lwm2m=1.1", "b=U", "Q"))
    status, body = m.ask("POST", f"/devices/{EP}/requests", {"operation": "read", "path": "/3303/0/5700"})
    check(status == 202, f"{status} {body}")
    answer_read(d, "/3303/0/5700", SENML_CBOR, {"/3303/0/5700": 21.5})
    for _ in range(50):
        body = m.ask("GET", f"/requests/{body['id']}")[1]
        if body["state"] == "done":
            break
        time.sleep(0.05)
    check(body["state"] == "done" and told(body) == {"/3303/0/5700": 21.5}, f"{body}")
    return "a request that is left is carried out while it is awake, and its result is kept"
