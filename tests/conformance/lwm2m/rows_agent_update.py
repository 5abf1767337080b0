# SPDX-License-Identifier: GPL-3.0-or-later
"""Firmware Update with our agent (751 to 779). The scripted server has a release, signed with the operator's tool."""
import hashlib

from formats import *
from parties import *
from peers import row

C = "agent"
IDLE, DOWNLOADING, DOWNLOADED, UPDATING = range(4)
PROGRAM = """#!/bin/sh
[ "$1" = --self-test ] && exit {status}
# {filler}
exec sleep 1000
"""


def program(place, name, status=0, filler=""):
    path = place.folder / name
    path.write_text(PROGRAM.format(status=status, filler=filler))
    path.chmod(0o755)
    return path


def updatable(place, **sections):
    return place.agent(program=program(place, "factory"), **sections)


def release(a, image, version="2.0.0", sequence=2, key=None, **vendor):
    """Puts a signed release among the server's files; gives the URI of its manifest."""
    place = a.place
    place.run(place.build / "cli/mgmtctl", "release", "sign", "--key", key or place.folder / "release.key", "--image", image,
              "--version", version, "--sequence", sequence, "--out", place.folder / "new.suit",
              "--vendor-id", vendor.get("vendor", "6ba7b810-9dad-51d1-80b4-00c04fd430c8"),
              "--class-id", "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0")
    a.files["m"] = (place.folder / "new.suit").read_bytes()
    a.image = f"a/{hashlib.sha256(image.read_bytes()).hexdigest()}"
    a.files[a.image] = image.read_bytes()
    return f"{a.uri}/m"


def state(a):
    told = a.read("/5/0", SENML_CBOR)
    return told["/5/0/3"], told["/5/0/5"]


def wait_state(a, *wanted, seconds=20):
    """Asks until State and Result are these."""
    end = time.monotonic() + seconds
    while True:
        now = state(a)
        if now == wanted:
            return
        check(time.monotonic() < end, f"state and result {now} instead of {wanted}: {a.log()[-300:]}")
        a.take(0.1)


@row("751", C, "Firmware Update at rest")
def _(place):
    a = updatable(place)
    told = a.read("/5/0", SENML_CBOR)
    check((told["/5/0/3"], told["/5/0/5"], told["/5/0/9"]) == (0, 0, 2), f"{told}")
    check(told["/5/0/8/0"] == 1, "no CoAPS")
    return "State 0, Result 0; pull and push, by CoAPS"


def package(a, image, **how):
    """The same in one file, by the operator's tool."""
    release(a, image, **how)
    a.place.run(a.place.build / "cli/mgmtctl", "release", "pack", a.place.folder / "new.suit", "--image", image,
                "--out", a.place.folder / "package")
    return (a.place.folder / "package").read_bytes()


def push(a, body, format=OPAQUE, size=1024, wanted="2.04", upto=None, start=0):
    """Writes the Package block by block, up to an offset; each but the last is answered 2.31."""
    for at in range(start, len(body), size):
        if upto is not None and at >= upto:
            return
        rest = at + size < len(body)
        r = a.ask_block(PUT, "/5/0/0", body[at:at + size], format, block(at // size, rest, size))
        if not rest or code_text(r.code) != "2.31":
            expect(r, wanted=wanted)
            return


@row("755", C, "a Package of one zero byte, then a good one")
def _(place):
    a = updatable(place)
    a.write("/5/0/0", b"\0", OPAQUE)
    check(state(a) == (IDLE, 0), f"{state(a)}")
    push(a, package(a, program(place, "new", filler="x" * 30000)))
    wait_state(a, DOWNLOADED, 0)
    a.write("/5/0/0", b"\0", TLV)
    check(state(a) == (IDLE, 0), "a zero byte is no reset")
    return "State 0, Result 0; 2.31 for each block and 2.04 for the last, State 2; and 0 again"


for format, size in ((OPAQUE, 1024), (TLV, 64)):
    def pushes(place, format=format, size=size):
        a = updatable(place)
        body = package(a, program(place, "new", filler="x" * 5000))
        body = body if format == OPAQUE else tlv_of(3, 0, body)
        push(a, body, format, size, upto=len(body) // 2)
        check(state(a) == (DOWNLOADING, 0), f"{state(a)}")
        expect(a.ask(POST, "/5/0/2"), wanted="4.05")
        push(a, body, format, size, start=(len(body) // 2 + size - 1) // size * size)
        wait_state(a, DOWNLOADED, 0)
        expect(a.ask(POST, "/5/0/2"), wanted="2.04")
        check(state(a)[0] == UPDATING, f"{state(a)}")
        push(a, body, format, size, wanted="4.05")
        wait_state(a, IDLE, 1, seconds=40)
        check(a.value("/3/0/3") == "2.0.0", "another version afterwards")
        return "2.31, 2.04; State 1, 2, 3, 0; Result 1 and the new version in /3/0/3"
    row("770", C, f"a whole update by push, in blocks of {size} bytes, as {NAMES[format]}")(pushes)


@row("774", C, "a package larger than the storage, by push")
def _(place):
    a = updatable(place, update={"trust_anchors": place.folder / "release.pub", "image_size_max": 64})
    push(a, package(a, program(place, "new", filler="x" * 70000)), wanted="4.13")
    wait_state(a, IDLE, 2)
    push(a, package(a, program(place, "new", filler="x" * 7000)))
    wait_state(a, DOWNLOADED, 0)
    return "4.13 as soon as the manifest is there; Result 2, State 0; a smaller one is taken"


@row("", C, "what is pushed and is no good")
def _(place):
    a = updatable(place)
    good = package(a, program(place, "new", filler="x" * 3000))
    push(a, b"GIF89a" * 500, wanted="4.00")
    wait_state(a, IDLE, 6)
    push(a, good[:-1], wanted="4.00")
    wait_state(a, IDLE, 5)
    push(a, good + b"x", wanted="4.00")
    wait_state(a, IDLE, 6)
    push(a, good[:-40] + bytes(40))
    wait_state(a, IDLE, 5)
    place.run(place.build / "cli/mgmtctl", "keygen", "--out", place.folder / "foreign")
    push(a, package(a, program(place, "new"), key=place.folder / "foreign.key"), wanted="4.00")
    wait_state(a, IDLE, 5)
    push(a, good, format=SENML_CBOR, wanted="4.15")
    push(a, good, start=1024, wanted="4.08")
    push(a, good, upto=2000)
    a.write("/5/0/0", b"\0", OPAQUE)
    push(a, good, start=2048, wanted="4.08")
    check(state(a) == (IDLE, 0), f"{state(a)}")
    push(a, good, upto=2000)
    push(a, good)
    wait_state(a, DOWNLOADED, 0)
    return "no package 6; cut off, another digest, another key 5; another format 4.15; a gap, or after a reset 4.08; it begins anew"


@row("756", C, "an empty Package URI, then a good one")
def _(place):
    a = updatable(place)
    a.write("/5/0/1", "", TEXT)
    check(state(a) == (IDLE, 0), f"{state(a)}")
    a.write("/5/0/1", release(a, program(place, "new")), TEXT)
    wait_state(a, DOWNLOADED, 0)
    a.write("/5/0/1", "", TEXT)
    check(state(a) == (IDLE, 0), "an empty URI is no reset")
    return "State 0; then 2; and 0 again after another empty one"


@row("760", C, "Observe of State")
def _(place):
    a = updatable(place)
    expect(a.ask(GET, "/5/0/3", observe=0, accept=TEXT, token=b"state"), wanted="2.05")
    a.write("/5/0/1", release(a, program(place, "new", filler="x" * 20000)), TEXT)
    seen = []
    while not seen or seen[-1] != DOWNLOADED:
        seen.append(int(a.wait_notification(b"state", 10).payload))
    check(seen == sorted(seen) and set(seen) <= {DOWNLOADING, DOWNLOADED}, f"{seen}")
    return "a notification when it is downloaded"


@row("771", C, "a whole update by URI")
def _(place):
    a = updatable(place)
    check(a.value("/3/0/3") == "1.0.0", "another version before")
    a.write("/5/0/1", release(a, program(place, "new", filler="x" * 5000)), TEXT)
    wait_state(a, DOWNLOADED, 0)
    expect(a.ask(POST, "/5/0/2"), wanted="2.04")
    check(state(a)[0] == UPDATING, f"{state(a)}")
    expect(a.ask(POST, "/5/0/2"), wanted="4.05")
    a.write("/5/0/1", "", TEXT, wanted="4.05")
    wait_state(a, IDLE, 1, seconds=40)
    check(a.value("/3/0/3") == "2.0.0", "another version afterwards")
    return "downloaded, 2.04, updating, where nothing else is accepted; then Result 1 and the new version in /3/0/3"


@row("772", C, "Update when nothing is downloaded")
def _(place):
    a = updatable(place)
    expect(a.ask(POST, "/5/0/2"), wanted="4.05")
    check(state(a) == (IDLE, 0), f"{state(a)}")
    return "4.05, nothing changes"


@row("773", C, "an image larger than the storage")
def _(place):
    a = updatable(place, update={"trust_anchors": place.folder / "release.pub", "image_size_max": 64})
    a.write("/5/0/1", release(a, program(place, "new", filler="x" * 70000)), TEXT)
    wait_state(a, IDLE, 2)
    return "Result 2, State 0"


@row("775", C, "the server says no in the middle")
def _(place):
    a = updatable(place)
    uri = release(a, program(place, "new", filler="x" * 50000))
    del a.files[a.image]
    a.write("/5/0/1", uri, TEXT)
    wait_state(a, IDLE, 7)
    return "4.04 for the image: Result 7, State 0"


@row("776", C, "an image with another checksum")
def _(place):
    a = updatable(place)
    uri = release(a, program(place, "new"))
    a.files[a.image] = a.files[a.image].replace(b"sleep", b"slEep")
    a.write("/5/0/1", uri, TEXT)
    wait_state(a, IDLE, 5)
    return "Result 5, State 0"


@row("777", C, "what is no package")
def _(place):
    a = updatable(place)
    a.files["m"] = b"GIF89a" * 20
    a.write("/5/0/1", f"{a.uri}/m", TEXT)
    wait_state(a, IDLE, 6)
    return "Result 6, State 0"


@row("778", C, "a bad URI")
def _(place):
    a = updatable(place)
    a.write("/5/0/1", "nonsense", TEXT)
    wait_state(a, IDLE, 7)
    a.write("/5/0/1", "ftp://127.0.0.1/m", TEXT)
    wait_state(a, IDLE, 9)
    a.write("/5/0/1", f"{a.uri}/nothing-there", TEXT)
    wait_state(a, IDLE, 7)
    return "no URI and one that is not there: Result 7; another scheme: 9; State 0"


@row("779", C, "an installation that fails")
def _(place):
    a = updatable(place)
    a.write("/5/0/1", release(a, program(place, "new", status=1)), TEXT)
    wait_state(a, DOWNLOADED, 0)
    expect(a.ask(POST, "/5/0/2"), wanted="2.04")
    wait_state(a, IDLE, 8, seconds=40)
    check(a.value("/3/0/3") == "1.0.0", "another version")
    return "2.04; Result 8, State 0; the old version runs"


@row("own", C, "the signature of another key, and an older version")
def _(place):
    a = updatable(place)
    place.run(place.build / "cli/mgmtctl", "keygen", "--out", place.folder / "foreign")
    a.write("/5/0/1", release(a, program(place, "new"), key=place.folder / "foreign.key"), TEXT)
    wait_state(a, IDLE, 5)
    a.write("/5/0/1", release(a, program(place, "new"), sequence=1), TEXT)
    wait_state(a, IDLE, 5)
    a.write("/5/0/1", release(a, program(place, "new"), vendor="00000000-0000-4000-8000-000000000000"), TEXT)
    wait_state(a, IDLE, 6)
    return "Result 5; Result 5; for another vendor 6"


@row("", C, "Cancel")
def _(place):
    a = updatable(place)
    expect(a.ask(POST, "/5/0/10"), wanted="4.05")
    a.write("/5/0/1", release(a, program(place, "new")), TEXT)
    wait_state(a, DOWNLOADED, 0)
    expect(a.ask(POST, "/5/0/10"), wanted="2.04")
    check(state(a) == (IDLE, 10), f"{state(a)}")
    return "4.05 at rest; downloaded: 2.04, Result 10, State 0"
