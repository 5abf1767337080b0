#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""mgmtd and some agentd as processes: what devices notice when mgmtd is stopped, killed, replaced or robbed of its files.

A device notices when it has to make a new handshake; mgmtd says event=connected for each."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

MGMTD, AGENTD, MGMTCTL = map(pathlib.Path, sys.argv[1:4])
DEVICES = 4


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def key_of(number):
    return f"{number:02x}" * 16


def wait_until(what, holds, seconds=30):
    for _ in range(seconds * 20):
        value = holds()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"never: {what}")


class Stage:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.coap, self.http = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
        self.names = [f"pump-{i}" for i in range(DEVICES)]
        self.keys = {name: key_of(i + 1) for i, name in enumerate(self.names)}
        self.write_keys()
        self.extra = ""
        subprocess.run([MGMTCTL, "keygen", "--out", self.folder / "release"], check=True, capture_output=True)
        self.server, self.starts, self.agents = None, 0, []
        self.socket = None  # of a service manager

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def write_keys(self):
        self.write("psk", "".join(f"{name}:{key}:{name}\n" for name, key in self.keys.items()))

    def start(self, *more):
        config = self.write("mgmtd.ini", f"""[coap]
listen = 127.0.0.1:{self.coap}
public_uri = coaps://127.0.0.1:{self.coap}
handover = {self.folder}/handover
[dtls]
psk_file = {self.folder}/psk
{self.extra}
[http]
listen = 127.0.0.1:{self.http}
[store]
path = {self.folder}/mgmtd.db
[artifacts]
path = {self.folder}/artifacts
[health]
pmin = 1
pmax = 2
[limits]
devices = 100
""")
        self.starts += 1
        self.log_path = self.folder / f"mgmtd.log.{self.starts}"
        command, descriptors = [MGMTD, "--config", config, *more], ()
        if self.socket is not None:  # as a service manager hands it over
            descriptors = (self.socket.fileno(),)
            command = ["bash", "-c", f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@" 3<&{descriptors[0]}', *command]
        with open(self.log_path, "w") as log:
            self.server = subprocess.Popen(command, stderr=log, pass_fds=descriptors)
        wait_until("ready", lambda: "event=ready" in self.log() or self.server.poll() is not None)
        assert self.server.poll() is None, self.log()

    def stop(self, number=signal.SIGTERM):
        self.server.send_signal(number)
        status = self.server.wait(30)
        assert number != signal.SIGTERM or status == 0, self.log()

    def restart(self, number=signal.SIGTERM):
        self.stop(number)
        self.start()

    def start_agents(self):
        for name in self.names:
            self.write(f"{name}.hex", self.keys[name] + "\n")
            config = self.write(f"{name}.ini", f"""[agent]
endpoint = {name}
state_dir = {self.folder}/{name}
lifetime = 60
[server]
uri = coaps://127.0.0.1:{self.coap}
psk_identity = {name}
psk_key_file = {self.folder}/{name}.hex
[device]
vendor_id = 6ba7b810-9dad-51d1-80b4-00c04fd430c8
class_id = 0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0
[update]
trust_anchors = {self.folder}/release.pub
""")
            with open(self.folder / f"{name}.log", "w") as log:
                self.agents.append(subprocess.Popen([AGENTD, "--config", config], stdout=log, stderr=log))

    def close(self):
        for process in [*self.agents, self.server]:
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()

    def log(self):
        return self.log_path.read_text()

    def handshakes(self):
        return self.log().count("event=connected")

    def restored(self):
        found = re.search(r"event=sessions-restored count=(\d+) changed=(\d+) damaged=(\d+) unwelcome=(\d+)", self.log())
        return tuple(map(int, found.groups()))

    def devices(self):
        token = (self.folder / "admin.token").read_text().strip()
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}/api/v1/devices",
                                         headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["devices"]

    def all_report(self):
        """Every device is registered, connected, and has told of its health since mgmtd started."""
        devices = self.devices()
        return len(devices) == DEVICES and all(
            d["state"] == "registered" and d["connected"] and d.get("health") for d in devices)

    def raise_fleet(self):
        self.start()
        self.start_agents()
        wait_until("all report", self.all_report)
        assert self.handshakes() == DEVICES, self.log()
        time.sleep(1)  # what follows a Register is done, and written


def a_clean_restart_costs_no_handshake_and_no_observation(stage):
    stage.raise_fleet()
    for _ in range(3):
        stage.restart()
        assert stage.restored() == (DEVICES, 0, 0, 0), stage.log()
        wait_until("all report", stage.all_report)
        assert stage.handshakes() == 0 and "event=registered" not in stage.log(), stage.log()


def a_kill_costs_a_handshake_only_where_something_had_just_changed(stage):
    stage.raise_fleet()
    stage.restart(signal.SIGKILL)
    restored, changed, damaged, unwelcome = stage.restored()
    assert restored + changed == DEVICES and damaged == unwelcome == 0, stage.log()
    # Those that changed find out by themselves, after a minute of patience; nobody else does.
    time.sleep(3)
    assert stage.handshakes() <= changed, stage.log()
    print(f"    after kill -9: {restored} of {DEVICES} went on, {changed} had just changed")


def what_is_damaged_is_lost_by_itself(stage):
    stage.raise_fleet()
    stage.stop()
    path = stage.folder / "mgmtd.db-sessions"
    content = bytearray(path.read_bytes())
    content[-384 + 100] ^= 1  # the last record; those of a small fleet lie one behind the other
    path.write_bytes(content)
    stage.start()
    assert stage.restored() == (DEVICES - 1, 0, 1, 0), stage.log()

    stage.stop()
    for content, reason in ((b"", None), (b"x" * 100000, "not a file of sessions"),
                            (content[:5] + b"\x09" + content[6:], "of another version"), (content[:60], "damaged")):
        path.write_bytes(content)
        stage.start()
        assert stage.restored() == (0, 0, 0, 0), stage.log()
        assert reason is None or f'reason="{reason}' in stage.log(), (reason, stage.log())
        stage.stop()


def a_device_whose_key_is_gone_does_not_come_back(stage):
    stage.raise_fleet()
    stage.stop()
    stage.keys["pump-1"] = key_of(99)
    del stage.keys["pump-2"]
    stage.write_keys()
    stage.start()
    assert stage.restored() == (DEVICES - 2, 0, 0, 2), stage.log()


def files_are_for_the_owner_alone_and_a_readable_secret_is_refused(stage):
    stage.start()
    stage.stop()
    secret = stage.folder / "mgmtd.db-sessions.key"
    for path in (secret, stage.folder / "mgmtd.db-sessions"):
        assert path.stat().st_mode & 0o077 == 0, path
    secret.chmod(0o644)
    status = subprocess.run([MGMTD, "--config", stage.folder / "mgmtd.ini"], capture_output=True, text=True, timeout=30)
    assert status.returncode == 4 and "chmod 600" in status.stderr, status
    secret.chmod(0o600)
    secret.write_text("short\n")
    status = subprocess.run([MGMTD, "--config", stage.folder / "mgmtd.ini"], capture_output=True, text=True, timeout=30)
    assert status.returncode == 4 and "hexadecimal" in status.stderr, status


def client_hello():
    """RFC 6347 section 4.2.1, without a cookie, offering TLS_PSK_WITH_AES_128_CCM_8."""
    body = b"\xfe\xfd" + bytes(32) + b"\0\0" + b"\0\x02\xc0\xa8" + b"\x01\0"
    length = len(body).to_bytes(3, "big")
    handshake = b"\x01" + length + b"\0\0" + bytes(3) + length + body
    return b"\x16\xfe\xfd" + bytes(8) + len(handshake).to_bytes(2, "big") + handshake


def with_a_socket_of_the_service_manager_no_datagram_is_lost(stage):
    stage.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stage.socket.bind(("127.0.0.1", stage.coap))
    stage.raise_fleet()
    stage.stop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.settimeout(10)
        stranger.sendto(client_hello(), ("127.0.0.1", stage.coap))  # nobody runs; it waits
        time.sleep(2)  # so do reports of the devices
        stage.start()
        assert stranger.recv(2048)[13] == 3, "no HelloVerifyRequest"
    wait_until("all report", stage.all_report)
    assert stage.handshakes() == 0 and stage.restored() == (DEVICES, 0, 0, 0), stage.log()
    stage.socket.close()


def a_successor_takes_the_sockets_and_no_datagram_is_lost(stage):
    stage.raise_fleet()
    assert (stage.folder / "handover").stat().st_mode & 0o077 == 0
    for _ in range(2):
        before, before_log = stage.server, stage.log_path
        stage.start("--take-over", stage.folder / "handover")
        assert before.wait(30) == 0 and "event=handed-over" in before_log.read_text(), before_log.read_text()
        assert stage.restored() == (DEVICES, 0, 0, 0), stage.log()
        wait_until("all report", stage.all_report)
        assert stage.handshakes() == 0, stage.log()
    stage.stop()
    status = subprocess.run([MGMTD, "--config", stage.folder / "mgmtd.ini", "--take-over", stage.folder / "handover"],
                            capture_output=True, text=True, timeout=30)
    assert status.returncode == 4 and "refused" in status.stderr, status


def it_can_be_switched_off_and_says_goodbye_then(stage):
    stage.extra = "session_file = none"
    stage.raise_fleet()
    stage.restart()
    assert not (stage.folder / "mgmtd.db-sessions").exists()
    wait_until("all are back", lambda: stage.handshakes() == DEVICES)


def state_of(stage, name):
    return next((d for d in stage.devices() if d["endpoint"] == name), {"state": "unknown", "connected": False})


def mgmtctl(stage, *words):
    environment = {**os.environ, "MGMTCTL_TOKEN": (stage.folder / "admin.token").read_text().strip()}
    return subprocess.run([MGMTCTL, "--server", f"http://127.0.0.1:{stage.http}", *words], capture_output=True,
                          text=True, timeout=30, env=environment)


def a_revoked_device_is_cut_off_at_once_and_stays_out_over_a_kill_until_it_is_restored(stage):
    stage.raise_fleet()
    done = mgmtctl(stage, "device", "revoke", "pump-1", "--reason", "stolen")
    assert done.returncode == 0, done
    state = state_of(stage, "pump-1")
    assert state["state"] == "unregistered" and not state["connected"], state
    assert state_of(stage, "pump-2")["connected"]
    wait_until("its new handshake is refused", lambda: 'detail="its credential is revoked"' in stage.log(), 60)
    stage.restart(signal.SIGKILL)
    assert "pump-1" in mgmtctl(stage, "revoked").stdout
    assert state_of(stage, "pump-1")["state"] == "unregistered"
    wait_until("refused again", lambda: 'detail="its credential is revoked"' in stage.log(), 60)
    assert not state_of(stage, "pump-1")["connected"]
    assert mgmtctl(stage, "device", "restore", "pump-1").returncode == 0
    wait_until("it is back", lambda: state_of(stage, "pump-1")["state"] == "registered", 90)
    assert mgmtctl(stage, "device", "restore", "pump-1").returncode == 5
    assert mgmtctl(stage, "device", "revoke", "pump-1", "--fingerprint", "abc").returncode == 1


def main():
    tests = [a_clean_restart_costs_no_handshake_and_no_observation,
             a_kill_costs_a_handshake_only_where_something_had_just_changed, what_is_damaged_is_lost_by_itself,
             a_device_whose_key_is_gone_does_not_come_back,
             files_are_for_the_owner_alone_and_a_readable_secret_is_refused,
             with_a_socket_of_the_service_manager_no_datagram_is_lost,
             a_successor_takes_the_sockets_and_no_datagram_is_lost,
             it_can_be_switched_off_and_says_goodbye_then,
             a_revoked_device_is_cut_off_at_once_and_stays_out_over_a_kill_until_it_is_restored]
    for test in tests:
        with tempfile.TemporaryDirectory() as folder:
            stage = Stage(folder)
            try:
                test(stage)
            finally:
                stage.close()
        print(test.__name__, flush=True)


main()
