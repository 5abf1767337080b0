# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration, reading and writing with our agent (int-101 to int-281)."""
import json
import re
import signal
import socket
import threading
import time

import formats
from formats import *
from parties import *
from peers import row

C = "agent"

# What the rows write, with values of the types that they have.
SERVER = {"/1/0/0": 1, "/1/0/1": 300, "/1/0/2": 0, "/1/0/5": 86400, "/1/0/6": True, "/1/0/7": "U", "/1/0/23": True}
DEVICE = {"/3/0/0": "Fieldfare", "/3/0/1": "F-1", "/3/0/2": "0815", "/3/0/11/0": 0, "/3/0/16": "U"}


def within(part, whole):
    for path, value in part.items():
        check(path in whole, f"{path} is not among {sorted(whole)}")
        check(whole[path] == value, f"{path} is {whole[path]!r} instead of {value!r}")


# ---- registration ----

@row("int-101", C, "Register")
def _(place):
    a = place.agent()
    query = [q.decode() for q in a.rd.all(URI_QUERY)]
    links = parse_links(a.rd.payload.decode())
    check(a.rd.number(CONTENT_FORMAT) == LINKS, "not in the link format")
    for part in (f"ep={EP}", "lt=300", "lwm2m=1.1", "b=U"):
        check(part in query, f"no {part} in {query}")
    for path in ("/1/0", "/3/0", "/4/0", "/5/0"):
        check(path in links, f"no {path}")
    check("/0" not in links and "/0/0" not in links, "Security is listed")
    check(links["/"]["ct"].split() == ["60", "110", "112", "11542", "11544"], f"formats {links['/']}")
    return "ep, lt, lwm2m and b; instances and versions; formats; nothing of Security"


@row("int-102", C, "Update with a new lifetime")
def _(place):
    a = place.agent()
    a.write("/1/0/1", 120, TEXT)
    update = a.wait_asked(POST, "rd/7")
    check(update.all(URI_QUERY) == [b"lt=120"], f"{update.all(URI_QUERY)}")
    check(a.value("/1/0/1", 0) == 120, "another lifetime")
    return "the Update says lt=120 and nothing else"


@row("int-103", C, "De-register by Disable")
def _(place):
    a = place.agent()
    a.write("/1/0/5", 2, TEXT)
    expect(a.ask(POST, "/1/0/4"), wanted="2.04")
    a.wait_asked(DELETE, "rd/7")
    left = time.monotonic()
    a.wait_asked(POST, "rd", 10)
    check(time.monotonic() - left > 0.9, "it was not silent")
    return "2.04, then DELETE; registered again when the time is over"


@row("int-103", C, "De-register when it stops")
def _(place):
    a = place.agent()
    a.process.send_signal(signal.SIGTERM)
    a.wait_asked(DELETE, "rd/7")
    check(a.process.wait(5) == 0, f"status {a.process.returncode}")
    return "DELETE, and the end with status 0"


@row("int-104", C, "the trigger of an Update")
def _(place):
    a = place.agent()
    expect(a.ask(POST, "/1/0/8"), wanted="2.04")
    update = a.wait_asked(POST, "rd/7")
    check(not update.all(URI_QUERY) and not update.payload, "an Update with parameters")
    return "2.04; an Update without parameters"


@row("int-105", C, "an Update that is discarded")
def _(place):
    a = place.agent()
    a.answers[POST, "rd/7"] = "4.04"
    expect(a.ask(POST, "/1/0/8"), wanted="2.04")
    a.wait_asked(POST, "rd/7")
    a.wait_asked(POST, "rd")
    return "4.04: it registers anew"


@row("int-107", C, "the lifetime goes on")
def lifetime_goes_on(place):
    a = place.agent(agent={"lifetime": 10})
    a.wait_asked(POST, "rd/7", 10)
    a.wait_asked(POST, "rd/7", 10)
    return "lifetime of 10 s: an Update before it ends, twice"


lifetime_goes_on.is_slow = True


@row("int-108", C, "queue mode")
def _(place):
    a = place.agent(agent={"queue_mode": "yes"})
    query = a.rd.all(URI_QUERY)
    check(b"Q" in query and b"b=U" in query, f"{query}")
    expect(a.ask(PUT, "/26250/0", query=["pmin=2", "pmax=2"]), wanted="2.04")
    expect(a.ask(GET, "/26250/0", observe=0, accept=SENML_CBOR, token=b"watch"), wanted="2.05")
    expect(a.ask(GET, "/5/0", observe=0, accept=SENML_CBOR, token=b"five"), wanted="2.05")
    before = a.wakeups()
    for _ in range(3):
        a.wait_notification(b"watch", 4)
    count = a.wakeups() - before
    check(count <= 6, f"woken {count} times")
    return "Register with Q; the process wakes up for what it sends, and for nothing else"


@row("int-101 refused", C, "Register refused, and answered without a location")
def _(place):
    a = place.agent(registers=False)
    a.answers[POST, "rd"] = "4.03"
    a.wait_asked(POST, "rd", 20)
    m = a.send(Message(CON, GET, a.new_id(), b"????", [(URI_PATH, b"3"), (URI_PATH, b"0")]))
    a.quiet(m.token, 1)
    a.wait_asked(POST, "rd", 20)
    a.send(m)
    expect(a.wait_notification(m.token), wanted="2.05")
    return "tries again after a while; what is asked of it is ignored until the 2.01"


# ---- reading ----

@row("int-201", C, "Read of resources as text")
def _(place):
    a = place.agent()
    for path in ("/3/0/0", "/3/0/1", "/3/0/2"):
        check(a.value(path) == DEVICE[path], path)
    return "manufacturer, model, serial number"


def reads_device(name, format):
    @row(name, C, f"Read of an instance in {NAMES[format]}")
    def _(place):
        within(DEVICE, place.agent().read("/3/0", format, DEVICE))
        return "the resources of Device"


reads_device("int-203", TLV)
reads_device("int-204, int-231", SENML_JSON)
reads_device("int-232", SENML_CBOR)
reads_device("", LWM2M_CBOR)


@row("int-204", C, "JSON of LwM2M 1.0 is not spoken by a client of 1.1")
def _(place):
    expect(place.agent().ask(GET, "/3/0", accept=JSON), wanted="4.06")
    return "4.06"


@row("int-222", C, "Read of objects")
def _(place):
    a = place.agent()
    within(SERVER, a.read("/1", SENML_CBOR))
    within(DEVICE, a.read("/3", SENML_CBOR))
    return "Server, Device"


@row("int-223", C, "Read of instances")
def _(place):
    a = place.agent()
    within(SERVER, a.read("/1/0", SENML_CBOR))
    within(DEVICE, a.read("/3/0", SENML_CBOR))
    return "Server, Device"


@row("int-224", C, "Read of a resource")
def _(place):
    check(place.agent().read("/1/0/1", SENML_CBOR) == {"/1/0/1": 300}, "not the lifetime alone")
    return "the lifetime"


@row("int-225", C, "Read of a resource instance")
def _(place):
    check(place.agent().read("/3/0/11/0", SENML_CBOR) == {"/3/0/11/0": 0}, "not the one alone")
    return "an error code"


@row("int-229, int-280", C, "Read-Composite")
def _(place):
    a = place.agent()
    question = senml_write(SENML_CBOR, {"/3": None, "/1/0": None})
    told = a.read("/", SENML_CBOR, method=FETCH, payload=question, format=SENML_CBOR)
    within({**SERVER, **DEVICE}, told)
    check(all(path.startswith(("/3/", "/1/0/")) for path in told), "more than was asked")
    question = senml_write(SENML_JSON, {"/1/0/1": None, "/3/0/11/0": None})
    told = a.read("/", SENML_JSON, method=FETCH, payload=question, format=SENML_JSON)
    check(told == {"/1/0/1": 300, "/3/0/11/0": 0}, f"{told}")
    return "an object and an instance; a resource and a resource instance: exactly those"


@row("int-235", C, "Read-Composite of everything")
def _(place):
    told = place.agent().read("/", SENML_CBOR, method=FETCH, payload=senml_write(SENML_CBOR, {"/": None}),
                              format=SENML_CBOR)
    within({**SERVER, **DEVICE}, told)
    check(not any(path.startswith(("/0/", "/21/")) for path in told), "keys are told")
    return "all objects, but nothing of Security"


@row("int-236, int-281", C, "Read-Composite of what is partly there")
def _(place):
    question = senml_write(SENML_CBOR, {"/1/0/1": None, "/3/0/9": None, "/77/0": None})
    told = place.agent().read("/", SENML_CBOR, method=FETCH, payload=question, format=SENML_CBOR)
    check(told == {"/1/0/1": 300}, f"{told}")
    return "2.05 with what is there"


@row("int-237", C, "Read without Accept")
def _(place):
    r = expect(place.agent().ask(GET, "/3/0"), wanted="2.05")
    within(DEVICE, formats.read(r.number(CONTENT_FORMAT), "/3/0", r.payload, DEVICE))
    return NAMES[r.number(CONTENT_FORMAT)]


@row("", C, "Read of what is not there")
def _(place):
    a = place.agent()
    for path in ("/77", "/3/9", "/3/0/99", "/3/0/11/9"):
        expect(a.ask(GET, path), wanted="4.04")
    expect(a.ask(GET, "/3/0/4"), wanted="4.05")
    return "object, instance, resource, resource instance: 4.04; what is executable: 4.05"


@row("int-221", C, "Security is closed")
def _(place):
    a = place.agent()
    for path in ("/0", "/0/0", "/0/0/5"):
        expect(a.ask(GET, path), wanted="4.01")
    expect(a.ask(PUT, "/0/0/0", b"coap://x", TEXT), wanted="4.01")
    expect(a.ask(PUT, "/0/0", query=["pmin=1"]), wanted="4.01")
    expect(a.ask(GET, "/0", accept=LINKS), wanted="4.01")
    expect(a.ask(DELETE, "/0/0"), wanted="4.01")
    return "Read, Write, Write-Attributes, Discover, Delete: 4.01"


# ---- writing ----

def writes_resources(name, format):
    @row(name, C, f"Write of resources in {NAMES[format]}")
    def _(place):
        a = place.agent()
        for path, value in (("/1/0/2", 101), ("/1/0/3", 1010), ("/1/0/5", 2000), ("/1/0/6", False)):
            a.write(path, value, format)
            check(a.read(path, format, {path: value}) == {path: value}, f"{path} is another")
        return "/1/0/2, /1/0/3, /1/0/5, /1/0/6: read back in the same format"


writes_resources("int-205", TEXT)
writes_resources("int-211, int-212", CBOR)
writes_resources("int-233", SENML_CBOR)
writes_resources("int-234", SENML_JSON)
writes_resources("", TLV)
writes_resources("", LWM2M_CBOR)


def writes_instance(name, format):
    @row(name, C, f"partial Write and replacement of an instance in {NAMES[format]}")
    def _(place):
        a = place.agent()
        a.write("/1/0/2", 7, TEXT)
        a.write("/1/0", {"/1/0/1": 200, "/1/0/6": False}, format, POST)
        check(a.wait_asked(POST, "rd/7").all(URI_QUERY) == [b"lt=200"], "no Update with the lifetime")
        within({"/1/0/1": 200, "/1/0/2": 7, "/1/0/6": False}, a.read("/1/0", SENML_CBOR))
        a.write("/1/0", {"/1/0/1": 100, "/1/0/6": True, "/1/0/7": "U"}, format, PUT)
        check(a.wait_asked(POST, "rd/7").all(URI_QUERY) == [b"lt=100"], "no Update with the lifetime")
        after = a.read("/1/0", SENML_CBOR)
        within({"/1/0/1": 100, "/1/0/6": True}, after)
        check(after.get("/1/0/2", 0) == 0, "what was left out is still there")
        return "the first keeps the rest, the second resets it; the lifetime goes out with an Update"


writes_instance("int-215", TLV)
writes_instance("int-220", SENML_JSON)
writes_instance("", SENML_CBOR)
writes_instance("", LWM2M_CBOR)


@row("int-226", C, "partial Write")
def _(place):
    a = place.agent()
    a.write("/1/0", {"/1/0/1": 86400, "/1/0/6": False}, SENML_CBOR, POST)
    within({**SERVER, "/1/0/1": 86400, "/1/0/6": False}, a.read("/1/0", SENML_CBOR))
    return "lifetime and a flag; the others are what they were"


@row("int-227", C, "Write of the lifetime")
def _(place):
    a = place.agent()
    a.write("/1/0/1", 63, SENML_CBOR)
    check(a.wait_asked(POST, "rd/7").all(URI_QUERY) == [b"lt=63"], "another Update")
    return "2.04, and an Update with it"


@row("int-228", C, "Write of a resource instance")
def _(place):
    a = place.agent()
    a.write("/16", {"/16/0/0/0": "host", "/16/0/0/1": "maker"}, SENML_CBOR, POST, "2.01")
    a.write("/16/0/0/0", "other", TEXT)
    check(a.read("/16/0", SENML_CBOR) == {"/16/0/0/0": "other", "/16/0/0/1": "maker"}, "another portfolio")
    return "only that one changes"


@row("int-230", C, "Write-Composite")
def _(place):
    a = place.agent()
    a.write("/16", {"/16/0/0/0": "host"}, SENML_CBOR, POST, "2.01")
    wanted = {"/1/0/1": 3600, "/1/0/6": False, "/16/0/0/0": "a", "/16/0/0/1": "b", "/16/0/0/2": "c", "/16/0/0/3": "d"}
    a.write("/", wanted, SENML_CBOR, IPATCH)
    within(wanted, a.read("/", SENML_CBOR, method=FETCH, format=SENML_CBOR,
                          payload=senml_write(SENML_CBOR, {"/1/0": None, "/16": None})))
    return "lifetime, a flag and a portfolio at once"


def reads_everywhere(a, path, accept, fits, observe=None):
    """A Read or the begin and the end of an observation; a format that does not fit is refused."""
    r = expect(a.ask(GET, path, accept=accept, observe=observe, token=b"each"), wanted="2.05" if fits else "4.06")
    if not fits:
        return
    check(r.number(CONTENT_FORMAT) == accept, f"{path} in {r.number(CONTENT_FORMAT)} instead of {accept}")
    check(formats.read(accept, path, r.payload), f"{path}: no values")
    if observe is not None:
        expect(a.ask(GET, path, observe=1, accept=accept, token=b"each"), wanted="2.05")


@row("", C, "Read and Observe of every level in every format")
def _(place):
    a = place.agent()
    for path in ("/3", "/3/0", "/3/0/11", "/3/0/0", "/3/0/11/0"):
        is_single = path in ("/3/0/0", "/3/0/11/0")
        for accept in (TEXT, OPAQUE, CBOR, TLV, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR):
            fits = accept in (SINGLE if is_single else SEVERAL)
            reads_everywhere(a, path, accept, fits)
            reads_everywhere(a, path, accept, fits, observe=0)
    return "what cannot hold it is 4.06: text, octets and CBOR are for one value, octets for opaque ones alone"


@row("", C, "Write of a resource instance and partial Write of a resource in every format")
def _(place):
    a = place.agent()
    a.write("/16", {"/16/0/0/0": "host", "/16/0/0/1": "maker"}, SENML_CBOR, POST, "2.01")
    for format in SINGLE:
        a.write("/16/0/0/0", NAMES[format], format)
        check(a.read("/16/0", SENML_CBOR) == {"/16/0/0/0": NAMES[format], "/16/0/0/1": "maker"}, f"{NAMES[format]}: another portfolio")
    for format in SEVERAL:
        a.write("/16/0/0", {"/16/0/0/1": "maker", "/16/0/0/2": NAMES[format]}, format, POST)
        check(a.read("/16/0", SENML_CBOR) == {"/16/0/0/0": NAMES[SINGLE[-1]], "/16/0/0/1": "maker", "/16/0/0/2": NAMES[format]},
              f"{NAMES[format]}: another portfolio")
        a.write("/16/0/0", {"/16/0/0/0": NAMES[SINGLE[-1]], "/16/0/0/1": "maker"}, format, PUT)
        check("/16/0/0/2" not in a.read("/16/0", SENML_CBOR), f"{NAMES[format]}: what was left out is still there")
    return "PUT changes that one, or replaces all; POST keeps the others"


@row("", C, "composite operations in every format")
def _(place):
    a = place.agent()
    names = {"/1/0/1": None, "/3/0/0": None}
    for format in (SENML_JSON, SENML_CBOR):
        for accept in COMPOSITE:
            question = dict(payload=senml_write(format, names), format=format, accept=accept)
            r = expect(a.ask(FETCH, "/", **question), wanted="2.05")
            check(set(formats.read(accept, "/", r.payload)) == set(names), f"{NAMES[format]}, {NAMES[accept]}: other values")
            expect(a.ask(FETCH, "/", observe=0, token=b"each", **question), wanted="2.05")
            expect(a.ask(FETCH, "/", observe=1, token=b"each", **question), wanted="2.05")
    for i, format in enumerate(COMPOSITE):
        a.write("/", {"/1/0/2": i + 5, "/1/0/6": bool(i % 2)}, format, IPATCH)
        within({"/1/0/2": i + 5, "/1/0/6": bool(i % 2)}, a.read("/1/0", SENML_CBOR))
    return "asked in SenML, answered in SenML and LwM2M CBOR; written in all three"


@row("int-257", C, "Write-Composite of two objects")
def _(place):
    a = place.agent()
    a.write("/", {"/1/0/1": 400, "/1/0/5": 60}, SENML_JSON, IPATCH)
    within({"/1/0/1": 400, "/1/0/5": 60}, a.read("/1/0", SENML_CBOR))
    a.write("/", {"/1/0/1": 500, "/3/0/0": "x"}, SENML_JSON, IPATCH, wanted="4.05")
    check(a.value("/1/0/1", 0) == 400, "half of it was written")
    return "all, or with something read-only among it nothing: 4.05"


@row("int-256", C, "Write of what is read-only")
def _(place):
    a = place.agent()
    a.write("/1/0/0", 9, TEXT, wanted="4.05")
    check(a.value("/1/0/0", 0) == 1, "it was written")
    return "4.05, and the value is what it was"


NONSENSE = ((b"soon", TEXT), (b"", TEXT), (b"\xff", CBOR), (b"\x63abc", CBOR), (b"[{}", SENML_JSON),
            (b'[{"n":"/1/0/1","vs":"x"}]', SENML_JSON), (b'[{"n":"/1/0/2","v":1}]', SENML_JSON),
            (b"\x9b" + b"\xff" * 8, SENML_CBOR), (b"\xbb" + b"\xff" * 8, LWM2M_CBOR), (b"7" * 1000, TEXT),
            (b"\xc8\x01\xff\x01", TLV), (b"\xc1\x02\x01", TLV), (b"\xa1\x83\x01\x00\x01\xf6", LWM2M_CBOR))


def write_nonsense(a):
    for payload, format in NONSENSE:
        r = a.ask(PUT, "/1/0/1", payload, format)
        check(code_text(r.code) == "4.00", f"{r} for {payload} in {NAMES[format]}")


@row("", C, "Write of nonsense")
def _(place):
    a = place.agent()
    write_nonsense(a)
    expect(a.ask(PUT, "/1/0/1", b"1", 9999), wanted="4.15")
    check(a.value("/1/0/1", 0) == 300, "it was written")
    return ("wrong types, cut off, more announced than there is, another path, too long: 4.00; an unknown format: 4.15; the "
            "value is what it was")


@row("", C, "Read-Composite of nonsense, a hundred times over")
def _(place):
    a = place.agent()
    asked = [(payload, format) for payload, format in NONSENSE if format in (SENML_JSON, SENML_CBOR)]

    def fetch_nonsense():
        for payload, format in (*asked, (b"\x81\xa1\x00", SENML_CBOR), (b"[" * 900, SENML_JSON), (b"\x81" * 900, SENML_CBOR)):
            r = a.ask(FETCH, "/", payload, format)
            check(code_text(r.code) in ("4.00", "4.04"), f"{r} for {payload} in {NAMES[format]}")
    check_flat(a.process, fetch_nonsense, 100)
    return "4.00, 4.04 for a path that is not there; cut off, nested 900 deep: in memory that does not grow"


@row("int-241", C, "Execute of Reboot")
def _(place):
    a = place.agent(device={"may_reboot": "yes"})
    expect(a.ask(POST, "/3/0/4"), wanted="2.04")
    a.wait_asked(POST, "rd", 10)
    return "2.04; then it begins anew, with a Register"


@row("", C, "Execute of what cannot be executed, and with bad arguments")
def _(place):
    a = place.agent()
    expect(a.ask(POST, "/3/0/0"), wanted="4.05")
    expect(a.ask(POST, "/3/0/99"), wanted="4.04")
    for arguments in (b"x", b"0='", b"0,0", b"10", b"0='a\"'"):
        r = a.ask(POST, "/1/0/8", arguments, TEXT)
        check(code_text(r.code) == "4.00", f"{r} for {arguments}")
    return "4.05, 4.04; arguments that are none: 4.00"


# ---- discovering ----

@row("int-260", C, "Discover and Write-Attributes")
def _(place):
    a = place.agent()
    links = a.links("/3")
    check({"/3", "/3/0", "/3/0/0", "/3/0/4"} <= set(links), f"{sorted(links)}")
    check(links["/3/0/11"].get("dim") == "1", "no dim")
    expect(a.ask(PUT, "/26250/0/0", query=["pmin=10", "pmax=200", "gt=80", "lt=20", "st=5"]), wanted="2.04")
    shown = a.links("/26250/0")["/26250/0/0"]
    check(shown == {"pmin": "10", "pmax": "200", "gt": "80", "lt": "20", "st": "5"}, f"{shown}")
    expect(a.ask(PUT, "/26250/0/0", query=["pmin", "gt"]), wanted="2.04")
    shown = a.links("/26250/0/0")["/26250/0/0"]
    check(shown == {"pmax": "200", "lt": "20", "st": "5"}, f"{shown}")
    expect(a.ask(PUT, "/26250/0/0", query=["pmin=300"]), wanted="2.04|4.00")
    expect(a.ask(PUT, "/26250/0/0", query=["lt=9", "gt=5"]), wanted="4.00")
    expect(a.ask(PUT, "/26250/0/0", query=["pmin=x"]), wanted="4.00")
    return "links with dim; attributes where they were set, and no longer where they were unset; bad ones 4.00"


@row("int-261", C, "attributes on each level")
def _(place):
    a = place.agent()
    for path, query in (("/3", "pmin=1"), ("/3/0", "pmin=2"), ("/3/0/11", "pmin=3"), ("/3/0/11/0", "pmin=4")):
        expect(a.ask(PUT, path, query=[query]), wanted="2.04")
    check(a.links("/3")["/3"].get("pmin") == "1", "object")
    check(a.links("/3")["/3/0"].get("pmin") == "2", "instance")
    resource = a.links("/3/0/11")
    check(resource["/3/0/11"].get("pmin") == "3" and resource["/3/0/11/0"].get("pmin") == "4", f"{resource}")
    expect(a.ask(PUT, "/3/0/11", query=["pmin"]), wanted="2.04")
    check(a.links("/3/0/11")["/3/0/11"].get("pmin") == "2", "not inherited")
    return "the lower level wins; on the target itself the inherited one is shown"


@row("", C, "Discover with a depth")
def _(place):
    a = place.agent()
    check(set(a.links("/3", ["depth=0"])) == {"/3"}, "depth 0")
    check(set(a.links("/3", ["depth=1"])) == {"/3", "/3/0"}, "depth 1")
    check("/3/0/11/0" in a.links("/3", ["depth=3"]), "depth 3")
    expect(a.ask(GET, "/77", accept=LINKS), wanted="4.04")
    return "0, 1, 3; an object that is not there: 4.04"


# ---- creating ----

@row("680", C, "Create of Device")
def _(place):
    expect(place.agent().ask(POST, "/3", tlv_write("/3", {"/3/1/0": "x"}), TLV), wanted="4.05")
    return "4.05"


@row("685", C, "Delete of Device")
def _(place):
    expect(place.agent().ask(DELETE, "/3/0"), wanted="4.05")
    return "4.05"


def creates(name, format):
    @row(name, C, f"Create and Delete of a Portfolio in {NAMES[format]}")
    def _(place):
        a = place.agent()
        r = a.write("/16", {"/16/5/0/0": "host"}, format, POST, "2.01")
        update = a.wait_asked(POST, "rd/7")
        check("/16/5" in parse_links(update.payload.decode()), "no Update with the instance")
        check("/16/5" in a.links("/16") and a.value("/16/5/0/0") == "host", "it is not there")
        a.write("/16", {"/16/5/0/0": "again"}, format, POST, "4.00|4.05")
        expect(a.ask(DELETE, "/16/5"), wanted="2.02")
        update = a.wait_asked(POST, "rd/7")
        check("/16/5" not in parse_links(update.payload.decode()), "an Update with the instance")
        expect(a.ask(GET, "/16/5"), wanted="4.04")
        return f"{code_text(r.code)}, listed by Discover and an Update; a second time refused; 2.02, and gone"


creates("1630, 1635", SENML_CBOR)
creates("1630, 1635", SENML_JSON)
creates("1630, 1635", TLV)
creates("1630, 1635", LWM2M_CBOR)


@row("651, 652", C, "Write of Device, and its version")
def _(place):
    a = place.agent()
    a.write("/3/0/0", "x", TEXT, wanted="4.05")
    check(a.value("/3/0/19") != "" and a.value("/3/0/0") == "Fieldfare", "no version")
    return "read-only: 4.05; the version is there"


class Gpsd:
    """A gpsd that says what it is told to: one list of lines for each connection, after its greeting and the answer to
    ?WATCH. It keeps the connection open, as the real one does."""
    GREETING = b'{"class":"VERSION","release":"3.22","rev":"3.22","proto_major":3,"proto_minor":14}\r\n'
    WATCHING = (b'{"class":"DEVICES","devices":[{"class":"DEVICE","path":"/dev/ttyS0","driver":"u-blox"}]}\r\n'
                b'{"class":"WATCH","enable":true,"json":true,"nmea":false,"raw":0}\r\n')

    def __init__(self, place, *turns):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.at = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.turns, self.asked = turns, []
        place.stack.callback(self.listener.close)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        for turn in self.turns:
            connection, _address = self.listener.accept()
            with connection:
                connection.sendall(self.GREETING)
                self.asked.append(connection.recv(100))
                connection.sendall(self.WATCHING)
                for part in turn:
                    connection.sendall(part)
                    time.sleep(0.05)
                while connection.recv(100):
                    pass


def tpv(mode, **more):
    return json.dumps({"class": "TPV", "device": "/dev/ttyS0", "mode": mode, **more}).encode() + b"\r\n"


FIX = dict(time="2026-11-24T12:00:00.000Z", lat=48.5, lon=-11.25, altMSL=519.5, eph=6.5)


@row("801, 810", C, "Location by gpsd")
def _(place):
    fix, moved = tpv(3, **FIX), tpv(2, **{**FIX, "lat": 48.75})
    gpsd = Gpsd(place, [tpv(1), b'{"class":"SKY","satellites":[' + b'{"PRN":1},' * 900, b'{"PRN":2}]}\n', fix[:20], fix[20:]], [moved])
    a = place.agent(location={"gpsd": gpsd.at, "gpsd_interval": 10})
    if "/6/0" not in parse_links(a.rd.payload.decode()):
        check("/6/0" in parse_links(a.wait_asked(POST, "rd/7", 10).payload.decode()), "no Update with the instance")
    check(gpsd.asked == [b'?WATCH={"enable":true,"json":true};\n'], f"{gpsd.asked}")
    check(a.read("/6/0", SENML_CBOR) == {"/6/0/0": 48.5, "/6/0/1": -11.25, "/6/0/2": 519.5, "/6/0/3": 6.5, "/6/0/5": 1795521600},
          f"{a.read('/6/0', SENML_CBOR)}")
    expect(a.ask(PUT, "/6/0", query=["pmin=1", "pmax=30"]), wanted="2.04")
    expect(a.ask(GET, "/6/0", observe=0, accept=SENML_CBOR, token=b"where"), wanted="2.05")
    told = senml_read(SENML_CBOR, a.wait_notification(b"where", 20).payload)
    check(told["/6/0/0"] == 48.75 and "/6/0/2" not in told, f"{told}")
    return "listed by an Update once it is known; read; a notification when it moves; no altitude without a fix in three dimensions"


@row("", C, "a gpsd that is no good")
def _(place):
    a = place.agent(location={"gpsd": Gpsd(place, [b"220 mail.example ESMTP\r\n"]).at, "gpsd_interval": 10})
    a.wait_log("event=gpsd_troubled reason=\"it does not speak gpsd's JSON\"")
    expect(a.ask(GET, "/6/0"), wanted="4.04")
    check(a.value("/3/0/0") == "Fieldfare", "the agent suffers")
    return "said in the log; no location, and nothing else is harmed"


@row("", C, "no gpsd where one should be")
def _(place):
    a = place.agent(location={"gpsd": "127.0.0.1:9"})
    a.wait_log("event=gpsd_troubled reason=")
    expect(a.ask(GET, "/6/0"), wanted="4.04")
    return "said in the log; no location"


@row("", C, "Event Log")
def _(place):
    a = place.agent()
    check(a.value("/20/0/4013") == "2" and a.value("/20/0/4015") == "100", "status or format")
    log = a.read("/20/0/4014", OPAQUE)["/20/0/4014"].decode()
    check("event=start " in log and log.strip().split("\n")[-1].split()[1] == "event=registered", f"{log}")
    check(re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S.*\n)+", log), f"no lines: {log}")
    expect(a.ask(POST, "/20/0/4012", b"2", TEXT), wanted="4.00")
    expect(a.ask(POST, "/20/0/4012"), wanted="2.04")
    a.write("/5/0/1", "nonsense", TEXT)
    check(a.read("/20/0/4014", OPAQUE)["/20/0/4014"].decode() == log and a.value("/20/0/4013") == "3", "it is not stopped")
    expect(a.ask(POST, "/20/0/4011", b"0='1'", TEXT), wanted="2.04")
    a.write("/5/0/1", "ftp://x/y", TEXT)
    log = a.read("/20/0/4014", OPAQUE)["/20/0/4014"].decode()
    check("event=start " in log and "result=9" in log.replace('"', "") or "unsupported" in log, f"{log}")
    expect(a.ask(POST, "/20/0/4011"), wanted="2.04")
    check(a.value("/20/0/4013") == "0", "it is not empty")
    return "lines of text with their moments; LogStop, LogStart with and without what was there"


@row("701", C, "Read of Connectivity Monitoring")
def _(place):
    told = place.agent().read("/4/0", SENML_CBOR)
    for path in ("/4/0/0", "/4/0/1/0", "/4/0/4/0"):
        check(path in told, f"no {path}")
    return "bearers and addresses"
