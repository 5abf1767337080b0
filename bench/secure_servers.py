# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers over DTLS that benchmarks start: ours, libcoap on each TLS library that Debian builds it for, OpenSSL's
own s_server, and Californium's Scandium. Each proves itself by a pre-shared key or by a certificate of a small authority that
is made for the run, has a resource /test of eleven bytes or less, and runs on one core."""
import contextlib
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import servers

IDENTITY, KEY = "client1", "0123456789abcdef"
PSK, ECDHE_PSK, ECDSA = "PSK", "ECDHE_PSK", "ECDHE_ECDSA"
KINDS = (PSK, ECDHE_PSK, ECDSA)
SUITES = {  # the first that a server has is taken
    PSK: ("PSK_WITH_AES_128_CCM_8", "PSK_WITH_AES_128_GCM_SHA256"),
    ECDHE_PSK: ("ECDHE_PSK_WITH_AES_128_GCM_SHA256",),
    ECDSA: ("ECDHE_ECDSA_WITH_AES_128_CCM_8", "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
}


class Authority:
    """Certificates on P-256 for a server and a device, made with our own mgmtctl."""

    def __init__(self, build, folder):
        self.folder = pathlib.Path(folder)
        self.make(build, "create", "--out", self.folder / "ca", "--name", "bench")
        self.make(build, "issue", "127.0.0.1", "--authority", self.folder / "ca", "--server", "--out", self.folder / "server")
        self.make(build, "issue", "device-1", "--authority", self.folder / "ca", "--out", self.folder / "device")

    @staticmethod
    def make(build, *command):
        subprocess.run([str(part) for part in (build / "cli/mgmtctl", "authority", *command)], check=True,
                       capture_output=True)

    def files(self, name):
        """Certificate, key and the authority's certificate."""
        return self.folder / f"{name}.crt", self.folder / f"{name}.key", self.folder / "ca.crt"

    def store(self, name):
        """The same as PKCS #12, with the password that tests/interop/peers/java/Secure.java expects."""
        certificate, key, _ = self.files(name)
        path = self.folder / f"{name}.p12"
        subprocess.run(["openssl", "pkcs12", "-export", "-in", certificate, "-inkey", key, "-name", "own", "-passout",
                        "pass:fieldfare", "-out", path], check=True, capture_output=True)
        return path


class Running:
    def __init__(self, process, port, plain_port):
        self.process, self.port, self.plain_port = process, port, plain_port
        self.pid = process.pid

    def cpu(self):
        return servers.process_cpu(self.pid)

    def memory(self):
        return servers.process_memory(self.pid)


def two_ports():
    """A port for CoAP and the one after it for CoAP over DTLS, as libcoap has them."""
    while True:
        port = servers.free_port()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            with contextlib.suppress(OSError):
                s.bind(("127.0.0.1", port + 1))
                return port


def has_port(port):
    """Whether somebody has bound it."""
    return f":{port:04X} " in pathlib.Path("/proc/net/udp").read_text() + pathlib.Path("/proc/net/udp6").read_text()


class Server:
    """`command(plain port, kind)` starts one that serves DTLS on the next port. It is ready when its plain side answers;
    or when it has printed a line if `says_ready`; or, where it does not speak CoAP, when it has its port. `clients` is how
    many it serves at once."""

    def __init__(self, name, command, warm_up, says_ready=False, kinds=KINDS, speaks_coap=True, clients=64):
        self.name, self.command, self.warm_up, self.says_ready, self.kinds = name, command, warm_up, says_ready, kinds
        self.speaks_coap, self.clients = speaks_coap, clients

    @contextlib.contextmanager
    def running(self, kind):
        port = two_ports()
        process = subprocess.Popen(servers.on_core(servers.SERVER_CORE, self.command(port, kind)), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE if self.says_ready else subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            self.wait(process, port)
            yield Running(process, port + 1, port)
        finally:
            process.kill()
            process.wait()

    def wait(self, process, port):
        if self.says_ready:
            if b"ready" not in process.stdout.readline():
                sys.exit(f"{self.name} did not start")
            return
        for _ in range(100):
            if process.poll() is not None:
                sys.exit(f"{self.name} ended at once with status {process.returncode}")
            if self.speaks_coap and servers.ask(port, servers.PUT, "test", b"hello world") is not None:
                return
            if not self.speaks_coap and has_port(port + 1):
                return
            time.sleep(0.05)
        sys.exit(f"{self.name} does not answer")


def ours(build, authority, sessions=1024):
    def command(port, kind):
        certificate, key, ca = authority.files("server")
        proof = ["--certificate", certificate, "--private-key", key, "--ca", ca] if kind == ECDSA else \
            ["--psk-identity", IDENTITY, "--psk-key", KEY]
        return [build / "cli/coapd", "--listen", f"127.0.0.1:{port}", "--secure-listen", f"127.0.0.1:{port + 1}",
                "--sessions", sessions, *proof]
    return Server("ours", command, 0.2)


def libcoap(library, authority):
    def command(port, kind):
        certificate, key, ca = authority.files("server")
        proof = ["-c", certificate, "-j", key, "-C", ca] if kind == ECDSA else ["-k", KEY, "-u", IDENTITY]
        return [f"coap-server-{library}", "-A", "127.0.0.1", "-p", port, "-d", 10, "-v", 0, *proof]
    return Server(f"libcoap, {library}", command, 0.5, kinds=(PSK, ECDSA))


def scandium(authority):
    classes = f"{servers.PEERS}/java/classes:{servers.PEERS}/java/lib/*"

    def command(port, kind):
        proof = f"certificate:{authority.store('server')}:{authority.files('server')[2]}" if kind == ECDSA else \
            f"psk:{IDENTITY}:{KEY}"
        return ["java", "-cp", classes, "Secure", "server", port + 1, "none", proof]
    return Server("Scandium", command, 8.0, says_ready=True)


def openssl(authority):
    """It serves one client at a time and sends no cookie, so it has less to do than the others."""
    def command(port, kind):
        certificate, key, ca = authority.files("server")
        proof = ["-cert", certificate, "-key", key, "-CAfile", ca, "-Verify", 2, "-cipher",
                 "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"] if kind == ECDSA else \
            ["-psk_identity", IDENTITY, "-psk", KEY.encode().hex(), "-nocert", "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0"]
        return ["openssl", "s_server", "-dtls1_2", "-quiet", "-accept", port + 1, *proof]
    return Server("s_server", command, 0.2, kinds=(PSK, ECDSA), speaks_coap=False, clients=1)


def others(authority, wants_java=True):
    """The peers that could be had, and why others could not."""
    found, reasons = [], []
    if wants_java:
        command = [servers.ROOT / "tests/interop/peers/install", servers.PEERS, "java"]
        reasons = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines()
    for library in ("openssl", "gnutls"):
        if shutil.which(f"coap-server-{library}"):
            found.append(libcoap(library, authority))
        else:
            reasons.append(f"libcoap on {library}: coap-server-{library} is not installed (Debian: libcoap3-bin)")
    if shutil.which("openssl"):
        found.append(openssl(authority))
    if wants_java and (servers.PEERS / "java/.installed").exists():
        found.append(scandium(authority))
    return found, reasons


def credential(kind, authority):
    """What bench/secure_load proves itself by."""
    if kind != ECDSA:
        return ["--identity", IDENTITY, "--key", KEY]
    certificate, key, ca = authority.files("device")
    return ["--cert", certificate, "--private", key, "--ca", ca]
