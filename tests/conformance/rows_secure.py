# SPDX-License-Identifier: GPL-3.0-or-later
"""TD_COAP_DTLS: pre-shared keys and raw public keys between our own client and server; each packet of the handshake is lost
once."""
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading

from peers import *

KEY = ("--psk-identity", "password", "--psk-key", "sesame")


def secure_port(place, *options):
    port = free_port()
    place.coapd("--secure-listen", f"127.0.0.1:{port}", *KEY, *options)
    return port


class Relay(threading.Thread):
    """Passes datagrams on, but for those whose number is in `lost`."""

    def __init__(self, place, port, lost):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.port, self.server, self.lost = self.socket.getsockname()[1], ("127.0.0.1", port), lost
        self.count, self.is_over = 0, False
        self.suites = set()
        self.alerts = []    # (who, level), as far as they are in the clear
        place.stack.callback(self.stop)
        self.start()

    def run(self):
        client = None
        while not self.is_over:
            try:
                data, source = self.socket.recvfrom(65536)
            except socket.timeout:
                continue
            if source != self.server:
                client = source
            self.count += 1
            if len(data) == 15 and data[0] == 21 and data[3:5] == b"\0\0":
                self.alerts.append(("server" if source == self.server else "client", data[13]))
            if len(data) > 14 and data[0] == 22 and data[13] == 2 and data[3:5] == b"\0\0":
                hello = data[25:]
                self.suites.add(hello[35 + hello[34]:37 + hello[34]])
            if self.count not in self.lost:
                self.socket.sendto(data, self.server if source == client else client)

    def stop(self):
        self.is_over = True
        self.join()
        self.socket.close()


def get(place, port, *key, seconds=30):
    return place.coapctl("get", "-t", seconds, *(key or KEY), f"coaps://127.0.0.1:{port}/secure")


@row("TD_COAP_DTLS_01", "both", "PSK, GET /secure")
def dtls_01(place):
    relay = Relay(place, secure_port(place), ())
    check(finish(get(place, relay.port), 0, 40), "nothing came")
    check(relay.suites == {b"\xc0\xa8"}, f"suite {[suite.hex() for suite in relay.suites]}")
    return "TLS_PSK_WITH_AES_128_CCM_8, 2.05"


@row("TD_COAP_DTLS_02", "both", "a wrong key")
def dtls_02(place):
    port = secure_port(place)
    finish(get(place, port, "--psk-identity", "password", "--psk-key", "wrong", seconds=8), 6, 40)
    check(finish(get(place, port), 0, 40), "the right key is refused afterwards")
    return "no session, and the client says so; the right key goes on working"


@row("TD_COAP_DTLS_03", "both", "each packet of the handshake lost once")
def dtls_03(place):
    port = secure_port(place)
    relays = [Relay(place, port, (number,)) for number in range(1, 9)]
    processes = [get(place, relay.port) for relay in relays]
    for process in processes:
        check(finish(process, 0, 40), "nothing came")
    return "each is made good"


dtls_03.is_slow = True


# ---- raw public keys (RFC 7250) ----

class Pairs:
    """Keys of P-256 in a folder that is gone with the row: raw(own, other) are the options of who has one and expects the
    other."""

    def __init__(self, place, *names):
        if shutil.which("openssl") is None:
            raise Later("there is no openssl to make keys with")
        self.folder = pathlib.Path(place.stack.enter_context(tempfile.TemporaryDirectory()))
        for name in names:
            private = self.folder / f"{name}.key"
            subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", private],
                           check=True, capture_output=True)
            subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", self.folder / f"{name}.pub"], check=True,
                           capture_output=True)

    def raw(self, own, other):
        return "--raw-key", self.folder / f"{own}.key", "--peer-key", self.folder / f"{other}.pub"


def raw_server(place, keys):
    port = free_port()
    place.coapd("--secure-listen", f"127.0.0.1:{port}", *keys.raw("server", "client"))
    return port


@row("TD_COAP_DTLS_04", "both", "raw public keys")
def dtls_04(place):
    keys = Pairs(place, "server", "client")
    relay = Relay(place, raw_server(place, keys), ())
    suite = ("--suite", "ECDHE_ECDSA_WITH_AES_128_CCM_8")
    check(finish(get(place, relay.port, *keys.raw("client", "server"), *suite), 0, 40), "nothing came")
    check(relay.suites == {b"\xc0\xae"}, f"suite {[suite.hex() for suite in relay.suites]}")
    return "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, 2.05"


def refused(place, own, other, teller):
    """A handshake that must end by a fatal alert of `teller`, and one of who is known afterwards."""
    keys = Pairs(place, "server", "client", "stranger")
    port = raw_server(place, keys)
    relay = Relay(place, port, ())
    finish(get(place, relay.port, *keys.raw(own, other), seconds=12), 6, 40)
    check(teller in [who for who, level in relay.alerts if level == 2], f"alerts: {relay.alerts}")
    check(finish(get(place, port, *keys.raw("client", "server")), 0, 40), "the right key is refused afterwards")
    return f"a fatal alert of the {teller}, and the client says so"


@row("TD_COAP_DTLS_05", "client", "the server's raw key is not known")
def dtls_05(place):
    return refused(place, "client", "stranger", "client")


@row("TD_COAP_DTLS_06", "server", "the client's raw key is not known")
def dtls_06(place):
    return refused(place, "stranger", "server", "server")


@row("TD_COAP_DTLS_07", "both", "raw public keys with losses")
def dtls_07(place):
    keys = Pairs(place, "server", "client")
    port = raw_server(place, keys)
    relays = [Relay(place, port, (number,)) for number in range(1, 13)]
    processes = [get(place, relay.port, *keys.raw("client", "server")) for relay in relays]
    for process in processes:
        check(finish(process, 0, 40), "nothing came")
    return "each is made good"


dtls_07.is_slow = True
