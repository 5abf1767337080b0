# SPDX-License-Identifier: GPL-3.0-or-later
"""Our agent with a server made of Leshan's (Server.java), over DTLS with a pre-shared key. The server says the format."""
import os
import shutil
import signal
import socket
import subprocess
import time

import common

EP, KEY = "pump-1", "0f" * 16
ANSWER_S = 25
EXAMPLES = common.OBJECTS.parent / "examples/extensions"


class Agent(common.Stage):
    def __init__(self, folder, build, classpath):
        super().__init__(folder)
        port = common.free_port(socket.SOCK_DGRAM)
        self.mgmtctl, self.agentd, self.port, self.classpath = build / "cli/mgmtctl", build / "agent/agentd", port, classpath
        subprocess.run([self.mgmtctl, "keygen", "--out", folder / "release"], check=True, capture_output=True)
        self.extensions, definitions = folder / "extensions", folder / "definitions"
        self.extensions.mkdir(mode=0o755)
        (self.extensions / "room-thermostat.sensor").write_text("19500\n")
        shutil.copytree(common.OBJECTS, definitions)
        shutil.copy(EXAMPLES / "room-thermostat.xml", definitions)
        self.start("leshan", "java", "-cp", classpath, "Server", port, EP, KEY, definitions, stdin=subprocess.PIPE)
        self.must_say("leshan", "ready")
        self.start("agentd", build / "agent" / "agentd", "--config", self.write("agentd.ini", f"""[agent]
endpoint = {EP}
state_dir = {folder}/state
lifetime = 300
[server]
uri = coaps://127.0.0.1:{port}
psk_identity = {EP}
psk_key = {KEY}
[device]
manufacturer = Fieldfare
vendor_id = 6ba7b810-9dad-51d1-80b4-00c04fd430c8
class_id = 0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0
[update]
trust_anchors = {folder}/release.pub
[extensions]
directory = {self.extensions}
"""))

    def said(self):
        return len(self.log("leshan"))

    def ask(self, command):
        """What the device has answered, as "205 content"."""
        before = self.said()
        self.processes["leshan"].stdin.write(command + "\n")
        self.processes["leshan"].stdin.flush()
        self.waits_for("leshan", "answer ", before)
        for line in self.log("leshan")[before:].splitlines():
            if line.startswith("answer "):
                return line[len("answer "):]
        return "nothing"

    def expect(self, case, what, wanted, command, text=""):
        answer = self.ask(command)
        common.check(case, what, answer.startswith(wanted) and text in answer, f"{command}: {answer}")

    def comes_true(self, command, text):
        """Whether an answer has the text within a few seconds."""
        for _ in range(50):
            if text in self.ask(command):
                return True
            time.sleep(0.1)
        return False

    def expect_word(self, case, what, text, command, wanted="204"):
        """A command after which the device does something by itself."""
        before = self.said()
        answer = self.ask(command)
        good = answer.startswith(wanted) and self.waits_for("leshan", text, before)
        common.check(case, what, good, f"{command}: {self.log('leshan')[before:]}")


def play(folder, build, classpath):
    a = Agent(folder, build, classpath)
    try:
        scenes(a)
    finally:
        a.close()


def play_extension(a):
    """An object of which neither program has been told before it was dropped into a folder of the running agent."""
    before = a.said()
    for name in "room-thermostat.xml", "room-thermostat":
        shutil.copy(EXAMPLES / name, a.extensions)
    common.check("extension", "Update with an object dropped into the running agent",
                 a.waits_for("leshan", "updated", before) and a.waits_for("agentd", "extension_started"), a.log("agentd"))
    a.expect("extension", "Read of its temperature as text", "205", "read text /26300/0/1", "value=19.5")
    a.expect("extension", "Read of the instance as TLV", "205", "read tlv /26300/0", "Living room")
    a.expect("extension", "Write of its set point as TLV", "204", "write tlv /26300/0/2 2=integer:23")
    a.expect("extension", "it is read back", "205", "read text /26300/0/2", "value=23")
    a.expect("extension", "Write of what is out of its range", "400", "write text /26300/0/2 2=integer:99")
    a.expect("extension", "Execute", "204", "execute /26300/0/4")
    a.expect("extension", "Discover", "205", "discover /26300", "</26300/0/4>")
    before = a.said()
    a.expect("extension", "Observe", "205", "observe text /26300/0/1", "value=19.5")
    (a.extensions / "room-thermostat.sensor").write_text("20250\n")
    common.check("extension", "a notification of what the program tells", a.waits_for("leshan", "value=20.25", before),
                 a.log("leshan")[before:])
    a.expect("extension", "Cancel", "cancelled", "cancel /26300/0/1")


def play_bootstrap(a):
    """A blank agent that knows nobody but Leshan's Bootstrap server, which gives it the account at Leshan's server."""
    port, factory_key, before = common.free_port(socket.SOCK_DGRAM), "1e" * 16, a.said()
    a.start("bootstrap", "java", "-cp", a.classpath, "Bootstrap", port, EP, factory_key, f"coaps://127.0.0.1:{a.port}", KEY)
    a.must_say("bootstrap", "ready")
    a.start("blank", a.agentd, "--config", a.write("blank.ini", f"""[agent]
endpoint = {EP}
state_dir = {a.folder}/blank
[bootstrap]
uri = coaps://127.0.0.1:{port}
psk_identity = {EP}
psk_key = {factory_key}
[device]
manufacturer = Fieldfare
vendor_id = 6ba7b810-9dad-51d1-80b4-00c04fd430c8
class_id = 0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0
[update]
trust_anchors = {a.folder}/release.pub
"""))
    common.check("int-1", "Bootstrap over DTLS with a pre-shared key", a.waits_for("blank", "event=bootstrap_finished"),
                 a.log("blank") + a.log("bootstrap"))
    common.check("int-1", "Register with the key that it was given",
                 a.waits_for("leshan", "registered pump-1 lifetime 300", before), a.log("blank"))
    a.expect("int-1", "its short server id", "205", "read text /1/1/0", "value=101")


def package(a):
    """A release as a file that any server can push, in hexadecimal; its image is longer than several blocks."""
    image, manifest, out = (a.folder / name for name in ("image", "release.suit", "release.package"))
    image.write_text("#!/bin/sh\nexec sleep 1000\n" + "# filler\n" * 1000)
    for words in (("sign", "--key", a.folder / "release.key", "--version", "2.0.0", "--sequence", "2", "--vendor-id",
                   "6ba7b810-9dad-51d1-80b4-00c04fd430c8", "--class-id", "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0", "--out", manifest),
                  ("pack", manifest, "--out", out)):
        subprocess.run([a.mgmtctl, "release", *words, "--image", image], check=True, capture_output=True)
    return out.read_bytes().hex()


def play_push(a):
    whole = package(a)
    for format in "opaque", "tlv":
        a.expect("770", f"a Package by push, in blocks, as {format}", "204", f"write {format} /5/0/0 0=opaque:{whole}")
        common.check("770", "it is downloaded", a.comes_true("read text /5/0/3", "value=2"), a.log("agentd")[-1000:])
        a.expect("770", "its version", "205", "read text /5/0/7", "2.0.0")
        a.expect("755", "a Package of one zero byte", "204", f"write {format} /5/0/0 0=opaque:00")
        a.expect("755", "nothing is downloaded any more", "205", "read text /5/0/3", "value=0")
    a.expect("777", "what is no package", "400", "write opaque /5/0/0 0=opaque:" + "47" * 3000)
    a.expect("777", "its result", "205", "read text /5/0/5", "value=6")


def scenes(a):
    common.check("int-401, int-101", "Register over DTLS with a pre-shared key", a.waits_for("leshan", "registered pump-1 lifetime 300"),
                 a.log("leshan") + a.log("agentd"))
    a.expect("int-201", "Read of a resource as text", "205", "read text /3/0/0", "Fieldfare")
    a.expect("int-224", "Read of a resource as TLV", "205", "read tlv /1/0/1", "value=300")
    a.expect("int-225", "Read of a multiple resource as TLV", "205", "read tlv /3/0/11", "id=11")
    a.expect("int-203", "Read of an instance as TLV", "205", "read tlv /3/0", "Fieldfare")
    a.expect("int-222", "Read of an object as TLV", "205", "read tlv /1", "LwM2mObject ")
    a.expect("int-204", "Read as LwM2M JSON, which is not for clients of 1.1", "406", "read json /3/0")
    a.expect("", "Read of an instance as text, which is for one value", "406", "read text /3/0")
    a.expect("", "Read of an object that is not there", "404", "read tlv /3303")
    a.expect("int-221", "Read of Security", "401", "read tlv /0")
    a.expect("int-205", "Write of a resource as text", "204", "write text /1/0/2 2=integer:101")
    a.expect("int-205", "it is read back", "205", "read text /1/0/2", "value=101")
    a.expect("int-215", "partial Write of an instance as TLV", "204", "update tlv /1/0 2=integer:5 3=integer:60")
    a.expect("int-215", "what was written is there", "205", "read text /1/0/3", "value=60")
    a.expect("int-215", "what was left out stays", "205", "read text /1/0/1", "value=300")
    a.expect("int-220", "partial Write of an instance as LwM2M JSON", "204", "update json /1/0 2=integer:7")
    a.expect("int-220", "it is read back", "205", "read tlv /1/0/2", "value=7")
    a.expect_word("int-227", "Write of the lifetime, and the Update that tells of it", "updated lifetime 120",
                  "write text /1/0/1 1=integer:120")
    a.expect("int-256", "Write of what is read-only", "405", "write text /1/0/0 0=integer:9")
    a.expect("652", "Write of the manufacturer", "405", "write text /3/0/0 0=string:x")
    a.expect_word("int-104", "the trigger of an Update", "updated", "execute /1/0/8")
    a.expect("", "Execute of what cannot be executed", "405", "execute /3/0/0")
    a.expect("int-260", "Discover of an object", "205", "discover /3", "</3/0/0>")
    a.expect("int-260", "Write-Attributes of a resource", "204", "attributes /26250/0/0 pmin=3&pmax=30&gt=80&st=2")
    a.expect("int-260", "Discover tells of them", "205", "discover /26250/0", ";gt=80")
    a.expect("int-260", "Write-Attributes of an instance", "204", "attributes /26250/0 pmin=1&pmax=2")
    a.expect_word("int-301", "Observe with pmax, and a notification", "notified /26250/0 ", "observe tlv /26250/0", "205")
    a.expect("int-303", "Cancel", "cancelled", "cancel /26250/0")
    a.expect("680", "Create of Device", "405", "create tlv /3 0=string:x")
    a.expect("685", "Delete of Device", "405", "delete /3/0")
    a.expect("751", "Firmware Update at rest", "205", "read tlv /5/0/3", "value=0")
    a.expect("772", "Update without a package", "405", "execute /5/0/2")
    a.expect("778", "a Package URI that is none", "204", "write text /5/0/1 1=string:nonsense")
    a.expect("778", "its result", "205", "read tlv /5/0/5", "value=7")
    a.expect("756", "an empty Package URI", "204", "write tlv /5/0/1 1=string:")
    a.expect("756", "its result", "205", "read tlv /5/0/5", "value=0")
    play_push(a)
    play_extension(a)
    a.expect("int-103", "how long Disable lasts", "204", "write text /1/0/5 5=integer:3")
    before = a.said()
    a.expect_word("int-103", "Disable", "deregistered", "execute /1/0/4")
    common.check("int-103", "the registration after Disable", a.waits_for("leshan", "\nregistered pump-1", before), a.log("agentd"))
    before = a.said()
    os.kill(a.processes["agentd"].pid, signal.SIGTERM)
    common.check("int-103", "De-register when the agent stops", a.waits_for("leshan", "deregistered", before), a.log("agentd"))
    play_bootstrap(a)
