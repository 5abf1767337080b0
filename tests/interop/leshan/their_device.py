# SPDX-License-Identifier: GPL-3.0-or-later
"""Our server with a device made of Leshan's client (Device.java), by mgmtctl. mgmtd chooses the formats: TLV and text."""
import hashlib
import json
import os
import socket
import subprocess
import time

import common

EP, NEW = "leshan-1", "leshan-2"
FACTORY_KEY, NEW_KEY = "0f" * 16, "1e" * 16


class Server(common.Stage):
    def __init__(self, folder, build, classpath):
        super().__init__(folder)
        self.mgmtctl = build / "cli" / "mgmtctl"
        self.http = common.free_port(socket.SOCK_STREAM)
        coap, self.secure = common.free_port(socket.SOCK_DGRAM), common.free_port(socket.SOCK_DGRAM)
        self.classpath = classpath
        self.write("psk", f"{NEW}-factory:{FACTORY_KEY}:{NEW}\n{NEW}:{NEW_KEY}:{NEW}\n")
        self.write("accounts", f"leshan-*:101:300:{NEW}:{NEW_KEY}:coaps://127.0.0.1:{self.secure}\n")
        config = self.write("mgmtd.ini", f"""[coap]
listen = 127.0.0.1:{self.secure}
plain_listen = 127.0.0.1:{coap}
public_uri = coap://127.0.0.1:{coap}
[dtls]
psk_file = {folder}/psk
[http]
listen = 127.0.0.1:{self.http}
[store]
path = {folder}/mgmtd.db
[artifacts]
path = {folder}/artifacts
[objects]
path = {common.OBJECTS}
[bootstrap]
accounts = {folder}/accounts
""")
        self.start("mgmtd", build / "server" / "mgmtd", "--config", config)
        self.must_say("mgmtd", "event=ready")
        self.start("leshan", "java", "-cp", classpath, "Device", f"coap://127.0.0.1:{coap}", EP, common.OBJECTS)

    def ask(self, *words):
        environment = dict(os.environ, MGMTCTL_TOKEN=(self.folder / "admin.token").read_text().strip(),
                           MGMTCTL_SERVER=f"http://127.0.0.1:{self.http}")
        done = subprocess.run([self.mgmtctl, *words], capture_output=True, text=True, env=environment, timeout=100)
        return done.returncode, done.stdout + done.stderr

    def expect(self, case, what, text, *words, status=0):
        found, out = self.ask(*words)
        common.check(case, what, found == status and text in out, f"{' '.join(words)}: {found} {out}")

    def value(self, path):
        found, out = self.ask("read", EP, path, "--json")
        values = json.loads(out)["values"] if found == 0 else []
        return values[0]["value"] if len(values) == 1 else out


def play_update(s):
    """The device only takes pushes, and a package of its own make: the image as it is."""
    image, key, manifest = (s.folder / name for name in ("image", "release", "release.suit"))
    image.write_bytes(bytes(i * 7 % 251 for i in range(5000)))
    for words in (("keygen", "--out", key),
                  ("release", "sign", "--key", f"{key}.key", "--image", image, "--version", "2.0.0", "--sequence", "2", "--vendor-id",
                   "6ba7b810-9dad-51d1-80b4-00c04fd430c8", "--class-id", "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0", "--out", manifest),
                  ("release", "upload", manifest, "--image", image)):
        found, out = s.ask(*words)
        assert found == 0, out
    s.expect("770", "a rollout to a device that only takes pushes", "has begun", "rollout", "start", "2.0.0", "--device", EP)
    common.check("770", "it ends confirmed, by the device's own version", s.waits_for("mgmtd", "event=device-confirmed"),
                 s.log("mgmtd")[-2000:])
    whole = f"pushed {image.stat().st_size} {hashlib.sha256(image.read_bytes()).hexdigest()}"
    common.check("770", "the image came whole, in blocks, once", s.log("leshan").count(whole) == 1, s.log("leshan"))


def play_bootstrap(s):
    """A device that knows nobody but the Bootstrap server, by a key that is good for nothing else."""
    s.start("new", "java", "-cp", s.classpath, "Device", f"coaps://127.0.0.1:{s.secure}", NEW, common.OBJECTS,
            f"{NEW}-factory", FACTORY_KEY)
    common.check("int-1", "Bootstrap over DTLS with a pre-shared key",
                 s.waits_for("mgmtd", f'event=bootstrap-finished device="{NEW}"'), s.log("mgmtd")[-2000:] + s.log("new")[-2000:])
    common.check("int-1", "Register with the key that it was given", s.waits_for("mgmtd", f'event=registered device="{NEW}"'),
                 s.log("mgmtd")[-2000:] + s.log("new")[-2000:])
    s.expect("int-1", "Read of a resource", "Leshan", "read", NEW, "/device/0/manufacturer")
    s.expect("int-1", "its short server id", "101", "read", NEW, "/1/1/0")


def play(folder, build, classpath):
    s = Server(folder, build, classpath)
    try:
        scenes(s)
    finally:
        s.close()


def scenes(s):
    common.check("int-101", "Register", s.waits_for("mgmtd", "event=registered"), s.log("leshan")[-2000:])
    s.expect("int-201", "Read of a resource, by its name", "Leshan", "read", EP, "/device/0/manufacturer")
    common.check("int-224", "Read of a number", s.value("/3/0/9") == 77, s.value("/3/0/9"))
    s.expect("int-223", "Read of an instance", "device/0/battery-level", "read", EP, "/3/0")
    s.expect("int-222", "Read of an object", "/3303/0/5700", "read", EP, "/3303")
    s.expect("", "Read of what is not there", "4.04", "read", EP, "/3303/7", status=5)
    s.expect("int-205", "Write of a resource", "", "write", EP, "/3/0/timezone=Asia/Tokyo")
    common.check("int-205", "it is read back", s.value("/3/0/15") == "Asia/Tokyo", s.value("/3/0/15"))
    s.expect("int-215", "partial Write of an instance", "", "write", EP, "--to", "/3/0", "timezone=Asia/Seoul")
    common.check("int-215", "it is read back", s.value("/3/0/15") == "Asia/Seoul", s.value("/3/0/15"))
    s.expect("", "a wrong type does not travel", "wrong type", "write", EP, "/1/0/lifetime=soon", status=1)
    s.expect("int-241", "Execute", "", "execute", EP, "/3/0/reboot", "0='x'")
    common.check("int-241", "it has the arguments", "executed 4 0='x'" in s.log("leshan"), s.log("leshan"))
    s.expect("int-260", "Discover", "/3/0/15", "discover", EP, "/3/0")
    s.expect("", "Write-Attributes, which it has not", "not implemented", "attributes", EP, "/3/0/15", "pmin=1", status=1)
    s.expect("int-1630", "Create", "/3303/1", "create", EP, "/3303", "sensor-units=Cel", "--json")
    s.expect("int-1630", "the instance is there", "Cel", "read", EP, "/3303/1/sensor-units")
    s.expect("int-1635", "Delete", "", "delete", EP, "/3303/1")
    s.expect("int-1635", "the instance is gone", "4.04", "read", EP, "/3303/1", status=5)
    s.expect("int-301", "Observe", "Asia/Seoul", "observe", EP, "/3/0/15")
    s.expect("int-301", "Write of what is observed", "", "write", EP, "/3/0/timezone=Asia/Dhaka")
    time.sleep(2)
    found, out = s.ask("observations", EP, "--json")
    told = [value["value"] for one in json.loads(out)["observations"] for value in one["values"]]
    common.check("int-301", "Notify", found == 0 and told == ["Asia/Dhaka"], out)
    s.expect("int-303", "Cancel", "", "observation", "end", EP, "1")
    play_update(s)
    play_bootstrap(s)
    s.expect("", "no composite with LwM2M 1.0", "no such operation", "read", EP, "/3/0/0", "/3/0/9", status=1)
