# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that an extension of our agent serves (docs/extensions.md), seen by a server that knows nothing of it."""
import shutil

from formats import *
from parties import *
from peers import row

C = "agent"
EXAMPLES = OBJECTS.parent / "examples/extensions"
ROOM = {"/26300/0/0": "Living room", "/26300/0/1": 19.5, "/26300/0/2": 20, "/26300/0/3": True}
TANK = {"/26301/0/0": 250.0, "/26301/0/1": 1000}


def extended(place, patience=5):
    folder = place.folder / "extensions"
    folder.mkdir(mode=0o755)
    (folder / "room-thermostat.sensor").write_text("19500\n")
    return place.agent(extensions={"directory": folder, "patience": patience}), folder


def drop(folder, name, program=None):
    shutil.copy(EXAMPLES / f"{name}.xml", folder)
    shutil.copy(program or EXAMPLES / name, folder / name)


def with_room(place):
    a, folder = extended(place)
    drop(folder, "room-thermostat")
    a.wait_asked(POST, "rd/7")
    a.wait_log("event=extension_started")
    return a, folder


def with_tank(place):
    a, folder = extended(place)
    drop(folder, "tank", place.build / "tests/server/example_tank")
    a.wait_asked(POST, "rd/7")
    a.wait_log("event=extension_started")
    return a


@row("int-105, extension", C, "Update with an object that is new")
def _(place):
    a, folder = extended(place)
    check("/26300" not in parse_links(a.rd.payload.decode()), "it is registered without being there")
    expect(a.ask(GET, "/26300/0"), wanted="4.04")
    drop(folder, "room-thermostat")
    update = a.wait_asked(POST, "rd/7")
    links = parse_links(update.payload.decode())
    check(update.number(CONTENT_FORMAT) == LINKS, "not in the link format")
    check(links.get("/26300") == {"ver": "1.0"} and "/26300/0" in links and "/3/0" in links, f"{links}")
    a.wait_log("event=extension_started")
    check(a.value("/26300/0/1", 0.0) == 19.5, "another temperature")
    (folder / "room-thermostat.xml").unlink()
    links = parse_links(a.wait_asked(POST, "rd/7").payload.decode())
    check("/26300" not in links and "/3/0" in links, f"{links}")
    expect(a.ask(GET, "/26300/0"), wanted="4.04")
    return "two files dropped: an Update with the whole list; one of them gone: another without it"


def reads_room(format):
    @row("extension", C, f"Read of an extension's instance in {NAMES[format]}")
    def _(place):
        a, _ = with_room(place)
        told = a.read("/26300/0", format, ROOM)
        check(told == ROOM, f"{told}")
        return "the four resources of the room thermostat"


for each in SEVERAL:
    reads_room(each)


@row("extension", C, "Write, Execute and Discover")
def _(place):
    a, _ = with_room(place)
    for format, value in ((TEXT, 21), (TLV, 22), (SENML_CBOR, 23)):
        a.write("/26300/0/2", value, format)
        check(a.value("/26300/0/2", 0) == value, f"not written in {NAMES[format]}")
    expect(a.ask(PUT, "/26300/0/2", b"99", TEXT), wanted="4.00")
    expect(a.ask(PUT, "/26300/0/1", b"25", TEXT), wanted="4.05")
    expect(a.ask(POST, "/26300/0/4"), wanted="2.04")
    check(a.value("/26300/0/2", 0) == 20, "not reset")
    expect(a.ask(PUT, "/26300/0/1", query=["gt=25"]), wanted="2.04")
    links = a.links("/26300")
    check(links["/26300"]["ver"] == "1.0" and "/26300/0/4" in links, f"{links}")
    check(links["/26300/0/1"].get("gt") == "25", f"{links}")
    return "text, TLV, SenML CBOR; 4.00 out of range, 4.05 to read-only; attributes are told"


@row("extension", C, "Observe")
def _(place):
    a, folder = with_room(place)
    expect(a.ask(PUT, "/26300/0/1", query=["pmin=0"]), wanted="2.04")
    first = expect(a.ask(GET, "/26300/0/1", observe=0, accept=TEXT, token=b"room"), wanted="2.05")
    check(first.number(OBSERVE) is not None and float(first.payload) == 19.5, f"{first}")
    (folder / "room-thermostat.sensor").write_text("20250\n")
    told = a.wait_notification(b"room")
    check(float(told.payload) == 20.25, f"{told.payload}")
    expect(a.ask(GET, "/26300/0/1", observe=1, accept=TEXT), wanted="2.05")
    return "the value at once, and what the program tells by itself"


@row("extension", C, "Read-Composite over the agent's objects and an extension's")
def _(place):
    a, _ = with_room(place)
    question = senml_write(SENML_CBOR, {"/26300/0/2": None, "/1/0/1": None})
    told = a.read("/", SENML_CBOR, method=FETCH, payload=question, format=SENML_CBOR)
    check(told == {"/26300/0/2": 20, "/1/0/1": 300}, f"{told}")
    change = senml_write(SENML_CBOR, {"/26300/0/2": 21, "/1/0/2": 1})
    expect(a.ask(IPATCH, "/", change, SENML_CBOR), wanted="5.01")
    check(a.value("/1/0/2", 0) == 0 and a.value("/26300/0/2", 0) == 20, "something was written")
    return "both; a Write-Composite over both is 5.01, and writes neither"


@row("extension", C, "Create and Delete")
def _(place):
    a = with_tank(place)
    check(a.read("/26301", TLV, TANK) == TANK, "another tank")
    made = a.write("/26301", {"/26301/4/1": 70}, SENML_CBOR, method=POST, wanted="2.01")
    check([part.decode() for part in made.all(LOCATION_PATH)] == ["26301", "4"], "another location")
    check("/26301/4" in parse_links(a.wait_asked(POST, "rd/7").payload.decode()), "not told by an Update")
    expect(a.ask(POST, "/26301/4/2"), wanted="2.04")
    check(a.value("/26301/4/0", 0.0) == 70, "not filled")
    a.write("/26301/4", {"/26301/4/1": 50}, TLV)
    check(a.value("/26301/4/0", 0.0) == 50, "not written")
    change = senml_write(SENML_CBOR, {"/26301/4/1": 40})
    expect(a.ask(IPATCH, "/", change, SENML_CBOR), wanted="2.04")
    check(a.value("/26301/4/1", 0) == 40, "not written by the composite")
    expect(a.ask(DELETE, "/26301/4"), wanted="2.02")
    check("/26301/4" not in parse_links(a.wait_asked(POST, "rd/7").payload.decode()), "not told by an Update")
    expect(a.ask(GET, "/26301/4"), wanted="4.04")
    return "2.01 with Location-Path; Updates tell of the instances"


@row("extension", C, "a program that hangs")
def _(place):
    a, folder = extended(place, patience=1)
    drop(folder, "room-thermostat")
    (folder / "room-thermostat").write_text("#!/bin/sh\nexec sleep 100\n")
    a.wait_asked(POST, "rd/7")
    a.wait_log("event=extension_started")
    slow = a.send(Message(CON, GET, a.new_id(), b"slow", [(URI_PATH, b"26300"), (URI_PATH, b"0"), (URI_PATH, b"1")]))
    check(a.value("/3/0/0") == "Fieldfare", "Device does not answer")
    check(all(m.token != slow.token for m in a.notified if m.code != EMPTY), "the slow one was first")
    expect(a.wait_notification(b"slow"), wanted="5.04")
    return "5.04 after its patience; what others ask meanwhile is answered at once"
