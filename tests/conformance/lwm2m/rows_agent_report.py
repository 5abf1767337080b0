# SPDX-License-Identifier: GPL-3.0-or-later
"""Observations, attributes and Send with our agent (int-301 to int-311, 710, 901)."""
from formats import *
from parties import *
from peers import row

C = "agent"
CPU, UPTIME = "/26250/0/0", "/26250/0/9"    # values that change by themselves


def attributes(a, path, *query, wanted="2.04"):
    expect(a.ask(PUT, path, query=query), wanted=wanted)


def observe(a, path, token=b"watch", accept=SENML_CBOR, **more):
    r = expect(a.ask(more.pop("method", GET), path, observe=0, accept=accept, token=token, **more), wanted="2.05")
    check(r.number(OBSERVE) is not None, "no Observe")
    return r


def values(m, path, accept=SENML_CBOR):
    return formats.read(accept, path, m.payload)


@row("int-301", C, "Observe with pmin and pmax")
def _(place):
    a = place.agent()
    attributes(a, CPU, "pmin=1", "pmax=2")
    attributes(a, UPTIME, "pmin=1", "pmax=2")
    observe(a, CPU, b"cpu")
    observe(a, UPTIME, b"up")
    begun = time.monotonic()
    first = a.wait_notification(b"up", 4)
    took = time.monotonic() - begun
    check(0.9 <= took <= 2.6, f"after {took:.1f} s")
    check(first.number(OBSERVE) is not None and UPTIME in values(first, UPTIME), "not the value")
    a.wait_notification(b"cpu", 4)
    return "two resources: notifications between pmin and pmax"


@row("int-301", C, "pmin holds back, gt and st let pass")
def _(place):
    a = place.agent()
    attributes(a, "/1/0/1", "pmin=2")
    observe(a, "/1/0/1")
    a.write("/1/0/1", 100, TEXT)
    a.write("/1/0/1", 101, TEXT)
    a.quiet(b"watch", 1.5)
    told = values(a.wait_notification(b"watch", 3), "/1/0/1")
    check(told == {"/1/0/1": 101}, f"{told}")
    attributes(a, "/1/0/5", "gt=1000", "st=500")
    a.write("/1/0/5", 900, TEXT)
    observe(a, "/1/0/5", b"step")
    a.write("/1/0/5", 950, TEXT)
    a.quiet(b"step", 1)
    a.write("/1/0/5", 1100, TEXT)
    check(values(a.wait_notification(b"step"), "/1/0/5") == {"/1/0/5": 1100}, "gt")
    a.write("/1/0/5", 1700, TEXT)
    check(values(a.wait_notification(b"step"), "/1/0/5") == {"/1/0/5": 1700}, "st")
    return "two changes within pmin are one notification; one below gt and st is none; over them there is one each"


@row("int-302", C, "an observation ended by RST")
def _(place):
    a = place.agent()
    for path, token in ((CPU, b"one"), (UPTIME, b"two")):
        attributes(a, path, "pmin=1", "pmax=1")
        observe(a, path, token)
    a.wait_notification(b"one", 4)
    while True:    # the next of the first is refused
        m = a.receive(4)
        check(m is not None, "no notification")
        if m.token == b"one":
            a.empty(RST, m)
            break
        if m.type == CON:
            a.ack(m)
    a.quiet(b"one", 2.5)
    a.wait_notification(b"two", 4)
    return "that one ends, the other goes on"


@row("int-303", C, "an observation ended by Observe 1")
def _(place):
    a = place.agent()
    attributes(a, UPTIME, "pmin=1", "pmax=1")
    observe(a, UPTIME)
    a.wait_notification(b"watch", 4)
    r = expect(a.ask(GET, UPTIME, observe=1, accept=SENML_CBOR, token=b"watch"), wanted="2.05")
    check(r.number(OBSERVE) is None, "still with Observe")
    a.notified.clear()
    a.quiet(b"watch", 2.5)
    return "2.05 without Observe, and silence"


@row("int-304, int-305", C, "Observe-Composite, and its end")
def _(place):
    a = place.agent()
    question = senml_write(SENML_CBOR, {"/1/0/1": None, "/1/0/5": None})
    r = observe(a, "/", method=FETCH, payload=question, format=SENML_CBOR)
    check(values(r, "/") == {"/1/0/1": 300, "/1/0/5": 86400}, "not both")
    a.write("/1/0/5", 77, TEXT)
    told = values(a.wait_notification(b"watch"), "/")
    check(told == {"/1/0/1": 300, "/1/0/5": 77}, f"{told}")
    r = expect(a.ask(FETCH, "/", question, SENML_CBOR, accept=SENML_CBOR, observe=1, token=b"watch"), wanted="2.05")
    check(r.number(OBSERVE) is None, "still with Observe")
    a.write("/1/0/5", 78, TEXT)
    a.quiet(b"watch", 1.5)
    return "each notification carries all paths; silence afterwards"


@row("int-308, int-309, int-310", C, "Observe-Composite while instances are created, changed and deleted")
def _(place):
    a = place.agent()
    observe(a, "/", method=FETCH, payload=senml_write(SENML_CBOR, {"/16": None, "/1/0/5": None}), format=SENML_CBOR)
    a.write("/16", {"/16/3/0/0": "host"}, SENML_CBOR, POST, "2.01")
    told = values(a.wait_notification(b"watch"), "/")
    check(told.get("/16/3/0/0") == "host", f"created: {told}")
    a.write("/16/3/0/0", "other", TEXT)
    told = values(a.wait_notification(b"watch"), "/")
    check(told.get("/16/3/0/0") == "other", f"changed: {told}")
    expect(a.ask(DELETE, "/16/3"), wanted="2.02")
    told = values(a.wait_notification(b"watch"), "/")
    check(told == {"/1/0/5": 86400}, f"deleted: {told}")
    return "a notification each time"


@row("", C, "an observed instance is deleted")
def _(place):
    a = place.agent()
    a.write("/16", {"/16/3/0/0": "host"}, SENML_CBOR, POST, "2.01")
    observe(a, "/16/3")
    expect(a.ask(DELETE, "/16/3"), wanted="2.02")
    m = a.wait_notification(b"watch")
    check(code_text(m.code) == "4.04" and m.number(OBSERVE) is None, f"{m}")
    return "4.04 ends the observation"


@row("", C, "Observe on each level and in each format")
def _(place):
    a = place.agent()
    for path in ("/1", "/1/0", "/1/0/1", "/3/0/11/0"):
        for format in SEVERAL:
            r = observe(a, path, b"each", format)
            check(r.number(CONTENT_FORMAT) == format, f"{path} in {r.number(CONTENT_FORMAT)}")
            expect(a.ask(GET, path, observe=1, accept=format, token=b"each"), wanted="2.05")
    observe(a, "/1/0/5", b"text", TEXT)
    a.write("/1/0/5", 5, TEXT)
    m = a.wait_notification(b"text")
    check(m.payload == b"5" and m.number(CONTENT_FORMAT) == TEXT, f"{m.payload}")
    expect(a.ask(GET, "/3/0/99", observe=0), wanted="4.04")
    return "object, instance, resource, resource instance; the notifications keep the format"


@row("int-306, int-311", C, "Send")
def _(place):
    a = place.agent()
    a.write("/1/0/23", False, TEXT)
    a.write("/5/0/1", "nonsense", TEXT)
    sent = a.wait_asked(POST, "dp")
    check(sent.number(CONTENT_FORMAT) in (SENML_CBOR, SENML_JSON), f"format {sent.number(CONTENT_FORMAT)}")
    told = senml_read(sent.number(CONTENT_FORMAT), sent.payload)
    check(told.get("/5/0/3") == 0 and told.get("/5/0/5") == 7, f"{told}")
    return "how an update has ended, without an observation"


@row("int-307", C, "Send is muted")
def _(place):
    a = place.agent()
    check(a.read("/1/0/23", SENML_CBOR) == {"/1/0/23": True}, "not muted")
    a.write("/5/0/1", "nonsense", TEXT)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        a.take(end - time.monotonic())
    check(not any("/".join(m.path) == "dp" for m in a.asked), "a Send came")
    return "mute by default: nothing on /dp"


@row("", C, "values that no server has heard")
def _(place):
    a = place.agent()
    a.write("/1/0/23", False, TEXT)
    attributes(a, "/3/0/13", "pmin=1", "pmax=1")
    observe(a, "/3/0/13")
    for _ in range(3):
        a.wait_notification(b"watch", 4)
    a.answers[(POST, "rd/7")] = "4.04"
    expect(a.ask(POST, "/1/0/8"), wanted="2.04")
    a.wait_asked(POST, "rd")
    sent = a.wait_asked(POST, "dp")
    check(sent.number(CONTENT_FORMAT) == SENML_CBOR, f"format {sent.number(CONTENT_FORMAT)}")
    pack = cbor_read(sent.payload)
    times = [pack[0][-3] + r.get(6, 0) for r in pack]
    check(len(pack) >= 2 and times == sorted(times), f"{pack}")
    check(all(abs(t - r[2]) <= 1 for t, r in zip(times, pack)), f"not of their moments: {pack}")
    return "what was notified before the registration was found lost comes again by Send, with its times, oldest first"


@row("", C, "Location of a device that does not move")
def _(place):
    a = place.agent(location={"latitude": "48.775", "longitude": "-9.18", "altitude": "245"}, server={"send": "yes"})
    check("6" in {p.strip("/").split("/")[0] for p in parse_links(a.rd.payload.decode())}, "not registered")
    told = a.read("/6/0", SENML_CBOR)
    moment = told.pop("/6/0/5")
    check(told == {"/6/0/0": 48.775, "/6/0/1": -9.18, "/6/0/2": 245}, f"{told}")
    check(abs(moment - time.time()) < 60, f"at {moment}")
    check(a.read("/1/0/23", SENML_CBOR) == {"/1/0/23": False}, "the factory's word on Send does not count")
    return "latitude, longitude, altitude and time, from its configuration"


@row("710", C, "Observe of Connectivity Monitoring")
def _(place):
    a = place.agent()
    attributes(a, "/4/0", "pmin=1", "pmax=2")
    observe(a, "/4/0")
    check("/4/0/0" in values(a.wait_notification(b"watch", 4), "/4/0"), "no bearer")
    return "a notification within pmax"


@row("901, 905, 910", C, "Connectivity Statistics")
def _(place):
    a = place.agent()
    expect(a.ask(POST, "/7/0/6"), wanted="2.04")
    a.write("/7/0/8", 60, TEXT)
    observe(a, "/7/0")
    told = a.read("/7/0", SENML_CBOR)
    check({"/7/0/2", "/7/0/3", "/7/0/8"} <= set(told) and told["/7/0/8"] == 60, f"{told}")
    expect(a.ask(POST, "/7/0/7"), wanted="2.04")
    return "start, period, read, observe, stop"


@row("", C, "attributes that make no sense")
def _(place):
    a = place.agent()
    for query in ("gt=1&lt=2&st=1", "st=0", "epmin=-1", "edge=2", "con=5", "hqmax=x", "nonsense=1",
                  "pmin=4294967296"):
        r = a.ask(PUT, UPTIME, query=query.split("&"))
        check(code_text(r.code) == "4.00", f"{query}: {r}")
    check(a.links(UPTIME)[UPTIME] == {}, "something was set")
    return "4.00 each, and nothing is set"
