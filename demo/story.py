#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The story that scripts/demo tells, and the checks behind each statement of its closing table."""
import argparse
import hashlib
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RUN = ROOT / "demo" / "run"
VENDOR_ID, CLASS_ID = "6ba7b810-9dad-51d1-80b4-00c04fd430c8", "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0"
DEVICES = ["pump-1", "pump-2", "pump-3", "gate-1", "gate-2"]
CERTIFIED = {"gate-1", "gate-2"}  # these two prove themselves by certificate, the others by a pre-shared key
OLD_BOARD = "pump-3"              # its hardware is a revision that version 1.1.0 does not support
OLD, NEW = "1.0.0", "1.1.0"


class StoryError(Exception):
    pass


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*command, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if result.returncode != 0:
        raise StoryError(f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}")
    return result.stdout


def wait_for(what, condition, seconds):
    """Polls until `condition` gives something true, which is returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise StoryError(f"waited {seconds} s in vain for {what}")


def last_line(text):
    """What a tool said last, without its name and the folder of the demo."""
    lines = text.replace(f"{RUN}/", "").replace("mgmtctl: ", "").strip().splitlines()
    return lines[-1] if lines else ""


def write_private(path, text):
    path.write_text(text)
    path.chmod(0o600)


class Table:
    """What was claimed, and whether it held."""

    def __init__(self):
        self.rows = []

    def check(self, statement, held, detail=""):
        self.rows.append((statement, bool(held), detail))

    def print(self):
        width = max(len(row[0]) for row in self.rows) + 2
        print("\n" + "statement".ljust(width) + "held   measured\n" + "-" * (width + 40))
        for statement, held, detail in self.rows:
            print(statement.ljust(width) + ("yes    " if held else "NO     ") + detail)
        return all(held for _, held, _ in self.rows)


class Pki:
    """Keys of the demo: a certificate authority, a server certificate, two device certificates, three shared keys."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(mode=0o700)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", "/CN=Fieldfare demo CA", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
        self.certificate("server", "localhost")
        for device in sorted(CERTIFIED):
            self.certificate(device, device)
        self.shared_keys = {device: secrets.token_hex(16) for device in DEVICES if device not in CERTIFIED}
        lines = [f"{device}-key:{key}:{device}\n" for device, key in self.shared_keys.items()]
        write_private(folder / "psk", "".join(lines))

    def certificate(self, name, common_name):
        key, request, certificate = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            f"/CN={common_name}", "-addext", f"subjectAltName=DNS:{common_name}", "-keyout", key, "-out", request)
        run("openssl", "x509", "-req", "-in", request, "-CA", self.folder / "ca.pem", "-CAkey", self.folder / "ca.key",
            "-CAcreateserial", "-days", "30", "-copy_extensions", "copy", "-out", certificate)
        key.chmod(0o600)


class Process:
    """A daemon of the demo with its log."""

    def __init__(self, name, *command):
        self.name, self.command = name, [str(part) for part in command]
        self.log = RUN / "log" / f"{name}.log"
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return None
        self.process.send_signal(how)
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process = None
        return status

    def lines(self):
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []


class HealthWatch(threading.Thread):
    """Listens to `mgmtctl health watch` and counts what arrives, by device."""

    def __init__(self, command):
        super().__init__(daemon=True)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.counts = {}

    def run(self):
        for line in self.process.stdout:
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                continue
            device = event.get("device") or event.get("endpoint")
            if device:
                self.counts[device] = self.counts.get(device, 0) + 1

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Story:
    def __init__(self, arguments):
        self.arguments = arguments
        self.build = arguments.build.resolve()
        self.table = Table()
        self.coap_port, self.relay_port, self.http_port = *(free_port(socket.SOCK_DGRAM) for _ in range(2)), free_port()
        self.server, self.relay, self.watch, self.agents = None, None, None, {}
        self.started = time.monotonic()

    def say(self, text):
        print(f"[{time.monotonic() - self.started:6.1f} s] {text}", flush=True)

    # ---- the cast ----

    def mgmtctl_command(self, *words):
        return [str(self.build / "cli/mgmtctl"), "--server", f"http://127.0.0.1:{self.http_port}", "--token-file",
                str(RUN / "server/admin.token"), *map(str, words)]

    def mgmtctl(self, *words, plain=False):
        output = run(*self.mgmtctl_command(*([] if plain else ["--json"]), *words))
        return output if plain else (json.loads(output) if output.strip() else None)

    def payload(self, version):
        return self.build / f"demo/payload-{version}"

    def prepare(self):
        shutil.rmtree(RUN, ignore_errors=True)
        for folder in ("server", "log", "device"):
            (RUN / folder).mkdir(parents=True)
        self.pki = Pki(RUN / "pki")
        run(self.build / "cli/mgmtctl", "keygen", "--out", RUN / "pki/release")
        (RUN / "server/mgmtd.ini").write_text(f"""[coap]
listen = 127.0.0.1:{self.coap_port}
public_uri = coaps://127.0.0.1:{self.relay_port}
[dtls]
psk_file = {RUN}/pki/psk
certificate = {RUN}/pki/server.pem
private_key = {RUN}/pki/server.key
ca = {RUN}/pki/ca.pem
[http]
listen = 127.0.0.1:{self.http_port}
[store]
path = {RUN}/server/mgmtd.db
[artifacts]
path = {RUN}/server/artifacts
[update]
trust_anchors = {RUN}/pki/release.pub
""")
        self.server = Process("mgmtd", self.build / "server/mgmtd", "--config", RUN / "server/mgmtd.ini")
        self.relay = Process("relay", self.build / "bench/relay", "--listen", self.relay_port, "--server", self.coap_port,
                             "--rtt-ms", 60, "--loss-percent", 1, "--kbytes-per-second", 400, "--seed", 1)
        for device in DEVICES:
            self.prepare_device(device)

    def prepare_device(self, device):
        home = RUN / "device" / device
        home.mkdir()
        (home / "board").write_text("rev-a\n" if device == OLD_BOARD else "rev-b\n")
        if device in CERTIFIED:
            credential = (f"certificate = {RUN}/pki/{device}.pem\nprivate_key = {RUN}/pki/{device}.key\n"
                          f"ca = {RUN}/pki/ca.pem\n")
        else:
            write_private(home / "psk.hex", self.pki.shared_keys[device] + "\n")
            credential = f"psk_identity = {device}-key\npsk_key_file = {home}/psk.hex\n"
        (home / "agentd.ini").write_text(f"""[agent]
endpoint = {device}
state_dir = {home}/state
lifetime = 60
[server]
uri = coaps://127.0.0.1:{self.relay_port}
{credential}
[device]
manufacturer = Fieldfare
model = demo-{device.split("-")[0]}
serial = {hashlib.sha256(device.encode()).hexdigest()[:12]}
vendor_id = {VENDOR_ID}
class_id = {CLASS_ID}
[update]
trust_anchors = {RUN}/pki/release.pub
self_test_timeout = 10
settle_seconds = 2
[payload]
arguments = --home {home}
""")
        agent = [self.build / "agent/agentd", "--config", home / "agentd.ini"]
        run(*agent, "--install", self.payload(OLD), "--version-text", OLD, "--sequence", "1")
        self.agents[device] = Process(device, *agent)

    # ---- the acts ----

    def start_fleet(self):
        self.server.start()
        wait_for("mgmtd to answer", lambda: self.is_server_up(), 15)
        self.relay.start()
        for agent in self.agents.values():
            agent.start()
        begin = time.monotonic()
        wait_for("five registrations", lambda: len(self.registered()) == len(DEVICES), 30)
        self.table.check("five devices registered over DTLS", set(self.registered()) == set(DEVICES),
                         f"after {time.monotonic() - begin:.1f} s")
        self.say("registered: " + ", ".join(sorted(self.registered())))

    def is_server_up(self):
        try:
            self.mgmtctl("status")
            return True
        except StoryError:
            return False

    def devices(self):
        return {d["endpoint"]: d for d in self.mgmtctl("devices")["devices"]}

    def registered(self):
        return [name for name, d in self.devices().items() if d["state"] == "registered"]

    def version(self, device):
        return self.devices()[device].get("firmware_version")

    def running_version(self, device):
        """What the device's program itself says, beside everything the management plane believes."""
        status = RUN / "device" / device / "status"
        return dict(line.split("=", 1) for line in status.read_text().splitlines() if "=" in line) if status.exists() else {}

    def watch_health(self):
        self.watch = HealthWatch(self.mgmtctl_command("--json", "health", "watch"))
        self.watch.start()
        wait_for("two notifications from every device",
                 lambda: all(self.watch.counts.get(d, 0) >= 2 for d in DEVICES), 40)
        counts = dict(self.watch.counts)
        self.table.check("health arrives live from every device, unasked", True,
                         f"{sum(counts.values())} notifications while watching")
        sample = self.mgmtctl("device", "show", "gate-1")["health"]
        self.say("health of gate-1: " + ", ".join(f"{k} {v}" for k, v in list(sample.items())[:5]))

    def refuse_forgeries(self):
        """One bit of a good release flipped, and a release signed by somebody we do not know."""
        good = self.sign(NEW, 2, "release", RUN / "release.suit")
        flipped = bytearray(good.read_bytes())
        flipped[len(flipped) // 2] ^= 1
        (RUN / "flipped.suit").write_bytes(flipped)
        run(self.build / "cli/mgmtctl", "keygen", "--out", RUN / "pki/stranger")
        self.sign(NEW, 2, "stranger", RUN / "stranger.suit")
        for name, what in (("flipped", "with one bit flipped"), ("stranger", "signed by a stranger")):
            refused = subprocess.run(self.mgmtctl_command("release", "upload", RUN / f"{name}.suit", "--image",
                                                          self.payload(NEW)), capture_output=True, text=True)
            self.table.check(f"a release {what} is refused", refused.returncode != 0, last_line(refused.stderr))

    def sign(self, version, sequence, key, out):
        run(self.build / "cli/mgmtctl", "release", "sign", "--key", RUN / f"pki/{key}.key", "--image",
            self.payload(version), "--version", version, "--sequence", sequence, "--vendor-id", VENDOR_ID, "--class-id",
            CLASS_ID, "--out", out)
        return out

    def roll_out(self):
        image = self.payload(NEW)
        self.say(f"release {NEW}: {image.stat().st_size // 1024} KiB, signed offline")
        release = self.mgmtctl("release", "upload", RUN / "release.suit", "--image", image)
        rollout = self.mgmtctl("rollout", "start", release["id"], "--all", "--waves", "1,2,100%", "--max-failures", "2")
        self.rollout = rollout["id"]
        self.say(f"rollout {self.rollout} in waves of 1, 2 and the rest; at most 2 failures")
        if self.arguments.kill_server:
            self.kill_server_in_the_middle()
        watch = self.mgmtctl_command("rollout", "watch", self.rollout)
        if self.arguments.quiet:
            result = subprocess.run(watch, stdout=subprocess.DEVNULL, timeout=240)
        else:
            result = subprocess.run(watch, timeout=240)
        self.watch_status = result.returncode

    def kill_server_in_the_middle(self):
        wait_for("some device to be downloading",
                 lambda: any(d["state"] == "downloading" and d.get("progress", 0) > 0.2 for d in self.rollout_devices()), 60)
        self.say("kill -9 mgmtd in the middle of a download")
        self.server.stop(signal.SIGKILL)
        time.sleep(1)
        self.server.start()
        wait_for("mgmtd to answer again", lambda: self.is_server_up(), 15)
        wait_for("five registrations again", lambda: len(self.registered()) == len(DEVICES), 180)

    def rollout_devices(self):
        return self.mgmtctl("rollout", "show", self.rollout)["devices"]

    def check_outcome(self):
        states = {d["endpoint"]: d for d in self.rollout_devices()}
        updated = [d for d in DEVICES if d != OLD_BOARD]
        self.table.check("four devices confirmed the new version after their self-test",
                         all(states[d]["state"] == "confirmed" and self.version(d) == NEW for d in updated),
                         f"{sum(states[d]['state'] == 'confirmed' for d in updated)} of {len(updated)}")
        self.table.check("their programs themselves say the new version",
                         all(self.running_version(d).get("version") == NEW for d in updated),
                         ", ".join(sorted({self.running_version(d).get("version", "?") for d in updated})))
        failed = states[OLD_BOARD]
        self.table.check(f"{OLD_BOARD} failed its self-test and is counted as failed", failed["state"] == "failed",
                         failed.get("why", ""))
        self.table.check(f"{OLD_BOARD} went back to the old version by itself",
                         self.version(OLD_BOARD) == OLD and self.running_version(OLD_BOARD).get("version") == OLD,
                         self.running_version(OLD_BOARD).get("version", "?"))
        still = wait_for("every device to be registered", lambda: len(self.registered()) == len(DEVICES), 30)
        self.table.check("all five are still registered and alive", still, "")
        repeated = {d: self.repeated_blocks(d) for d in DEVICES}
        self.table.check("no device downloaded a block twice that it had confirmed",
                         all(n == 0 for n in repeated.values()), f"{sum(n or 0 for n in repeated.values())} blocks repeated")

    def repeated_blocks(self, device):
        """What the device counted when its download was complete; None when it said nothing."""
        for line in reversed(self.agents[device].lines()):
            if "download complete" in line or "event=download_complete" in line:
                fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
                return int(fields["repeated"])
        return None

    def refuse_downgrade(self):
        release = self.mgmtctl("release", "upload", self.sign(OLD, 1, "release", RUN / "old.suit"), "--image",
                               self.payload(OLD))
        rollout = self.mgmtctl("rollout", "start", release["id"], "--device", "gate-1", "--max-failures", "1")
        self.rollout = rollout["id"]
        end = wait_for("the downgrade to be refused",
                       lambda: next((d for d in self.rollout_devices() if d["state"] in ("failed", "confirmed")), None), 60)
        self.table.check("a correctly signed older release is refused by the device", end["state"] == "failed"
                         and self.version("gate-1") == NEW, end.get("why", ""))

    def measure(self):
        sizes = []
        for agent in self.agents.values():
            status = pathlib.Path(f"/proc/{agent.process.pid}/status").read_text()
            sizes.append(next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")))
        self.table.check("an idle registered agentd is resident in less than 4 MB", max(sizes) < 4096,
                         f"{min(sizes)}-{max(sizes)} KiB")

    def stop_fleet(self):
        statuses = {name: agent.stop() for name, agent in self.agents.items()}
        gone = wait_for("the devices to de-register", lambda: not self.registered(), 20)
        self.table.check("devices de-register on their way out", gone, "")
        statuses["mgmtd"] = self.server.stop()
        self.relay.stop()
        self.table.check("everything shut down cleanly", all(s == 0 for s in statuses.values()),
                         ", ".join(f"{n}={s}" for n, s in statuses.items() if s != 0))

    def tell(self):
        self.say("making keys, certificates, five devices with version " + OLD)
        self.prepare()
        self.say(f"mgmtd on coaps 127.0.0.1:{self.coap_port}, API on http 127.0.0.1:{self.http_port}")
        self.say(f"between it and the devices: 60 ms round trip, 1 % loss, 400 kB/s for all (127.0.0.1:{self.relay_port})")
        self.start_fleet()
        self.watch_health()
        self.refuse_forgeries()
        self.roll_out()
        self.check_outcome()
        self.refuse_downgrade()
        self.measure()
        if not self.arguments.keep:
            self.stop_fleet()

    def kill_everything(self):
        if self.watch is not None:
            self.watch.stop()
        for process in [*self.agents.values(), self.server, self.relay]:
            if process is not None and process.process is not None:
                process.stop(signal.SIGKILL)


def keep_hint(story):
    base = f"{story.build}/cli/mgmtctl --server http://127.0.0.1:{story.http_port} --token-file {RUN}/server/admin.token"
    print(f"""
The fleet goes on running. Try:
  alias mgmtctl='{base}'
  mgmtctl devices
  mgmtctl health watch
  mgmtctl device show gate-1
  mgmtctl events
  {story.build}/cli/coapctl discover coaps://127.0.0.1:{story.coap_port} --psk-identity pump-1-key --psk-key 0x{story.pki.shared_keys['pump-1']}
End it with: kill {' '.join(str(p.process.pid) for p in [*story.agents.values(), story.server, story.relay])}""")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--kill-server", action="store_true")
    story = Story(parser.parse_args())
    held = False
    try:
        story.tell()
        held = story.table.print()
    except (StoryError, subprocess.TimeoutExpired, KeyError) as error:
        print(f"\nThe story broke off: {error!r}\nLogs are in {RUN}/log", file=sys.stderr)
        if story.table.rows:
            story.table.print()
    finally:
        if held and story.arguments.keep:
            story.watch.stop()
            keep_hint(story)
        else:
            story.kill_everything()
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
