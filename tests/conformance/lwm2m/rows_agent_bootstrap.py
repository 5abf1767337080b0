# SPDX-License-Identifier: GPL-3.0-or-later
"""Bootstrap with our agent, before a scripted Bootstrap server (int-0 to int-9; lwm2m interface section 4)."""
import subprocess

import formats
from formats import *
from parties import *
from peers import row

C = "agent"
NOT_ACCEPTABLE = "4.06"


def bootstrapping(place, hold_off=0):
    """An agent that knows nobody but the Bootstrap server, and has asked it."""
    a = place.agent(comes="bootstrap", bootstrap={"hold_off": hold_off})
    a.asked_bs = a.wait_asked(POST, "bs", START_S)
    return a


def account(a, short_id, identity=EP):
    """What a Bootstrap server writes for one server: Security and Server, by path below their instance."""
    security = {"0": a.uri, "1": False, "2": 0, "3": identity.encode(), "4": b"", "5": KEY.encode(), "10": short_id}
    server = {"0": short_id, "1": 300, "6": True, "7": "U"}
    return security, server


def give(a, instance, short_id, format=TLV, identity=EP):
    for object, values in zip(("0", "1"), account(a, short_id, identity)):
        base = f"/{object}/{instance}"
        a.write(base, {f"{base}/{id}": value for id, value in values.items()}, format)


def clear(a):
    for path in ("/0", "/1"):
        expect(a.ask(DELETE, path), wanted="2.02")


def finish(a, wanted="2.04"):
    expect(a.ask(POST, "/bs"), wanted=wanted)


@row("int-0", C, "Client-initiated bootstrap")
def _(place):
    a = bootstrapping(place)
    query = [q.decode() for q in a.asked_bs.all(URI_QUERY)]
    check(query == [f"ep={EP}", "pct=11542"], f"{query}")
    clear(a)
    give(a, 1, 101)
    found = a.links("/")
    check(next(iter(found)) == "/" and found["/"] == {"lwm2m": "1.1"}, f"the version is not first: {found}")
    check(found["/0/1"] == {"ssid": "101", "uri": a.uri} and found["/1/1"] == {"ssid": "101"}, f"{found}")
    check(found["/0/0"] == {} and "/3/0" in found, f"{found}")
    finish(a)
    rd = a.wait_asked(POST, "rd", START_S)
    check("/1/1" in parse_links(rd.payload.decode()), "another instance of Server")
    return "2.02, 2.04, 2.05 with version, ssid and uri, 2.04; then it registers"


for format, name in ((TLV, "TLV"), (SENML_JSON, "SenML JSON"), (SENML_CBOR, "SenML CBOR"), (LWM2M_CBOR, "LwM2M CBOR")):
    def write_in(place, format=format):
        a = bootstrapping(place)
        clear(a)
        give(a, 1, 101, format)
        finish(a)
        a.wait_asked(POST, "rd", START_S)
        return "2.04 each; then it registers"
    row("int-1", C, f"full bootstrap with pre-shared keys in {name}")(write_in)


def openssl(place, *words):
    place.run("openssl", *words)


def der(path, *words):
    return subprocess.run(["openssl", *words, "-in", path, "-outform", "DER"], check=True, capture_output=True).stdout


def certificates(place):
    """An authority, and what it has issued to the server at 127.0.0.1 and to the device."""
    folder = place.folder
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")
    for name, subject, more in (("ca", "authority", ()), ("server", "some server", ("-addext", "subjectAltName=IP:127.0.0.1")),
                                ("device", EP, ())):
        signer = () if name == "ca" else ("-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-addext", "basicConstraints=CA:FALSE")
        openssl(place, *new, "-subj", f"/CN={subject}", *more, *signer, "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt")
    return folder


def secured_by(a, folder):
    """Another server with the same script behind it, which knows certificates."""
    port = int(a.place.start("unwrap-certificate", a.place.build / "tests/conformance/unwrap", EP, KEY, a.socket.getsockname()[1],
                             folder / "server.crt", folder / "server.key", folder / "ca.crt").stdout.readline())
    return f"coaps://127.0.0.1:{port}"


def give_certificate(a, folder, uri, peer, usage):
    security, server = account(a, 101)
    security |= {"0": uri, "2": 2, "3": der(folder / "device.crt", "x509"), "4": der(folder / peer, "x509"),
                 "5": der(folder / "device.key", "pkcs8", "-topk8", "-nocrypt")} | ({} if usage is None else {"15": usage})
    for object, values in (("0", security), ("1", server)):
        a.write(f"/{object}/1", {f"/{object}/1/{id}": value for id, value in values.items()}, SENML_CBOR)


for title, peer, usage in (("the server's authority", "ca.crt", 2), ("the server's very certificate", "server.crt", None)):
    def by_certificate(place, peer=peer, usage=usage):
        a, folder = bootstrapping(place), certificates(place)
        uri = secured_by(a, folder)
        clear(a)
        give_certificate(a, folder, uri, peer, usage)
        finish(a)
        rd = a.wait_asked(POST, "rd", START_S)
        check("/1/1" in parse_links(rd.payload.decode()), "another instance of Server")
        a.wait_log("event=connected")
        return "2.04 each; then it registers over DTLS with the certificate"
    row("int-2", C, f"full bootstrap with certificates, by {title}")(by_certificate)


@row("int-2", C, "a certificate of another server")
def _(place):
    a, folder = bootstrapping(place), certificates(place)
    uri = secured_by(a, folder)
    clear(a)
    give_certificate(a, folder, uri, "device.crt", 3)
    finish(a)
    a.wait_log('reason="bad certificate"')
    check(not any("/".join(m.path) == "rd" for m in a.asked), "it registers with a stranger")
    return "no registration; the log says why"


@row("int-1", C, "Write of a whole object, with two accounts")
def _(place):
    a = bootstrapping(place)
    for object in (0, 1):
        values = {f"/{object}/{i}/{id}": value for i, short_id in ((1, 101), (2, 102))
                  for id, value in account(a, short_id)[object].items()}
        values |= {"/0/2/0": "coaps://127.0.0.1:9"} if object == 0 else {}
        a.write(f"/{object}", values, SENML_CBOR)
    finish(a)
    rd = a.wait_asked(POST, "rd", START_S)
    check({"/1/1", "/1/2"} <= set(parse_links(rd.payload.decode())), "one of them is missing")
    return "2.04 each; it registers, and lists both"


@row("int-4", C, "Bootstrap-Delete")
def _(place):
    a = bootstrapping(place)
    give(a, 1, 101)
    give(a, 2, 102)
    expect(a.ask(DELETE, "/1/2"), wanted="2.02")
    check("/1/2" not in a.links("/") and "/1/1" in a.links("/"), "it is there still")
    expect(a.ask(DELETE, "/"), wanted="2.02")
    left = a.links("/")
    check("/0/0" in left and "/3/0" in left and "/0/1" not in left and "/1/1" not in left, f"{left}")
    expect(a.ask(DELETE, "/0/0"), wanted="4.00")
    return "2.02; what was named is gone; the Bootstrap server's account and Device stay; 4.00 for that account"


@row("int-5", C, "server-initiated bootstrap")
def _(place):
    a = bootstrapping(place)
    give(a, 1, 101)
    finish(a)
    a.wait_asked(POST, "rd", START_S)
    a.wait_log("event=registered")
    expect(a.ask(POST, "/1/1/9"), wanted="2.04")
    a.wait_asked(POST, "bs", START_S)
    give(a, 1, 111)
    finish(a)
    a.wait_asked(POST, "rd", START_S)
    a.wait_log("event=registered", 2)
    check(a.value("/1/1/0", 0) == 111, "the old account")
    return "2.04, then POST /bs; afterwards it registers by the new account"


@row("int-6", C, "bootstrap sequence")
def _(place):
    a = place.agent(bootstrap={"uri": "coaps://127.0.0.1:9", "psk_identity": "x", "psk_key": "00"})
    a.quiet(b"none", 2)
    check(not any(m.path == ["bs"] for m in a.asked), "it bootstraps although it has an account")
    return "with an account it registers at once; int-0 shows what it does without"


def fallback(place):
    a = bootstrapping(place)
    give(a, 1, 101, identity="somebody else")
    a.write("/1/1/17", 2, TEXT)
    a.write("/1/1/18", 1, TEXT)
    finish(a)
    a.wait_asked(POST, "bs", 90)
    clear(a)
    give(a, 1, 102)
    finish(a)
    a.wait_asked(POST, "rd", START_S)
    return "an account that leads nowhere is tried as often as it says; then POST /bs"


fallback.is_slow = True
row("int-7", C, "fallback to bootstrap")(fallback)


@row("int-8", C, "Bootstrap-Read")
def _(place):
    a = bootstrapping(place)
    give(a, 1, 101)
    values = a.read("/1", SENML_CBOR)
    check(values["/1/1/0"] == 101 and values["/1/1/1"] == 300, f"{values}")
    for path in ("/0", "/0/1", "/0/1/5", "/3", "/3/0/0"):
        expect(a.ask(GET, path, accept=SENML_CBOR), wanted="4.05")
    return "2.05 with what has been written for /1; 4.05 for Security and Device"


@row("int-9", C, "consistency at Finish")
def _(place):
    a = bootstrapping(place)
    finish(a, NOT_ACCEPTABLE)
    give(a, 1, 101)
    expect(a.ask(DELETE, "/1/1"), wanted="2.02")
    finish(a, NOT_ACCEPTABLE)
    a.write("/0/1/2", 3, TEXT)
    give(a, 1, 101)
    a.write("/1/1/0", 102, TEXT)
    finish(a, NOT_ACCEPTABLE)
    a.write("/1/1/0", 101, TEXT)
    finish(a)
    a.wait_asked(POST, "rd", START_S)
    return "4.06 without an account, with half of one, with ids that do not meet; 2.04 when it has been mended"


@row("bootstrap-bad", C, "what a Bootstrap server should not send")
def _(place):
    a = bootstrapping(place)
    expect(a.ask(PUT, "/0/1", b"\xc8\x00\xff", TLV), wanted="4.00")
    expect(a.ask(PUT, "/0/1", b"x", 65000), wanted="4.15")
    expect(a.ask(PUT, "/1/1/1", b"-5", TEXT), wanted="4.00")
    expect(a.ask(PUT, "/77/0/1", b"1", TEXT), wanted="4.04")
    expect(a.ask(POST, "/1/1/8"), wanted="4.05")
    check("/0/1" not in a.links("/") and "/1/1" not in a.links("/"), "something was made of it")
    give(a, 1, 101)
    finish(a)
    a.wait_asked(POST, "rd", START_S)
    return "4.00, 4.15, 4.04, 4.05; nothing of it is kept; the rest of the sequence goes on"
