#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""mgmtd, agentd and mgmtctl as processes: operators read, write and execute what a device has, by numbers and by names."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

MGMTD, AGENTD, MGMTCTL, OBJECTS = map(pathlib.Path, sys.argv[1:5])
KEY = "0f" * 16


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Stage:
    def __init__(self, folder, definitions=OBJECTS, more_of_agent=""):
        self.folder = pathlib.Path(folder)
        self.coap, self.http = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
        self.processes, self.names = [], []
        self.write("psk", f"pump-1:{KEY}:pump-1\n")
        self.write("pump-1.hex", KEY + "\n")
        subprocess.run([MGMTCTL, "keygen", "--out", self.folder / "release"], check=True, capture_output=True)
        self.run(MGMTD, "mgmtd", f"""[coap]
listen = 127.0.0.1:{self.coap}
public_uri = coaps://127.0.0.1:{self.coap}
[dtls]
psk_file = {self.folder}/psk
[http]
listen = 127.0.0.1:{self.http}
[store]
path = {self.folder}/mgmtd.db
[artifacts]
path = {self.folder}/artifacts
[objects]
path = {definitions}
[limits]
devices = 10
""")
        self.wait_for("event=ready")
        self.run(AGENTD, "agentd", f"""[agent]
endpoint = pump-1
state_dir = {self.folder}/pump-1
lifetime = 300
[server]
uri = coaps://127.0.0.1:{self.coap}
psk_identity = pump-1
psk_key_file = {self.folder}/pump-1.hex
[device]
vendor_id = 6ba7b810-9dad-51d1-80b4-00c04fd430c8
class_id = 0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0
[update]
trust_anchors = {self.folder}/release.pub
[services]
pid_files = operations:{self.write("operations.pid", str(os.getpid()))} absent:{self.folder}/absent.pid
{more_of_agent}""")
        self.wait_for("event=registered")

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def run(self, program, name, config):
        self.names.append(name)
        with open(self.folder / f"{name}.log", "w") as log:
            self.processes.append(
                subprocess.Popen([program, "--config", self.write(f"{name}.ini", config)], stdout=log, stderr=log))

    def stop(self, name):
        process = self.processes[self.names.index(name)]
        process.kill()
        process.wait()

    def restart(self, name):
        """What stands in its configuration stays as it is."""
        self.stop(name)
        at = self.names.index(name)
        with open(self.folder / f"{name}.log", "w") as log:
            program = MGMTD if name == "mgmtd" else AGENTD
            self.processes[at] = subprocess.Popen([program, "--config", self.folder / f"{name}.ini"], stdout=log,
                                                  stderr=log)
        if name == "mgmtd":
            self.wait_for("event=ready")

    def log(self):
        return (self.folder / "mgmtd.log").read_text()

    def wait_for(self, text):
        for _ in range(600):
            if text in self.log():
                return
            time.sleep(0.05)
        raise AssertionError(f"never {text}:\n{self.log()}")

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()

    def environment(self):
        return dict(os.environ, MGMTCTL_TOKEN=(self.folder / "admin.token").read_text().strip(),
                    MGMTCTL_SERVER=f"http://127.0.0.1:{self.http}")

    def ask(self, *words):
        """Exit status, standard output, standard error."""
        done = subprocess.run([MGMTCTL, *words], capture_output=True, text=True, env=self.environment(), timeout=100)
        return done.returncode, done.stdout, done.stderr

    def expect(self, status, *words):
        found, out, err = self.ask(*words)
        assert found == status, f"{words}: {found}\n{out}{err}\n{self.log()}"
        return out + err

    def later(self, *words):
        """The id of what is left with the server, as a text."""
        return str(json.loads(self.expect(0, *words, "--later", "--json"))["id"])

    def value(self, path):
        values = json.loads(self.expect(0, "read", "pump-1", path, "--json"))["values"]
        assert len(values) == 1, values
        return values[0]


def resources_are_read_by_number_and_by_name(stage):
    assert "/5/0/3  firmware-update/0/state  0" in stage.expect(0, "read", "pump-1", "/5/0/3")
    one = stage.value("/5/0/state")
    assert (one["path"], one["type"], one["value"]) == ("/5/0/3", "integer", 0), one
    assert stage.value("/26250/0/memory-total")["value"] > 1000
    assert "fieldfare-host-health/0/cpu-load" in stage.expect(0, "read", "pump-1", "/26250/0")
    several = stage.expect(0, "read", "pump-1", "/1/0/lifetime", "/3/0/manufacturer")
    assert "/1/0/1" in several and "/3/0/0" in several, several
    assert "4.04 Not Found" in stage.expect(5, "read", "pump-1", "/3303/0/5700")
    assert "a name that nobody knows" in stage.expect(1, "read", "pump-1", "/3/0/no-such-thing")
    assert "there is no device" in stage.expect(5, "read", "pump-2", "/3/0/9")
    assert "this resource cannot be read" in stage.expect(1, "read", "pump-1", "/3/0/reboot")


def watched_services_are_shown_with_what_they_use(stage):
    assert stage.value("/26251/0/name")["value"] == "operations"
    assert stage.value("fieldfare-service-health/0/state")["value"] == 2
    assert stage.value("/26251/0/main-process")["value"] == os.getpid()
    assert stage.value("/26251/0/memory")["value"] > 1000
    assert stage.value("/26251/1/state")["value"] == 0


def the_devices_log_is_read_as_lines(stage):
    lines = stage.expect(0, "device", "log", "pump-1").splitlines()
    assert any(" event=start " in line for line in lines) and lines[-1].split()[1] == "event=registered", lines
    stage.expect(0, "execute", "pump-1", "/20/0/4011")
    assert "Nothing has happened" in stage.expect(0, "device", "log", "pump-1")


def instances_are_created_and_deleted(stage):
    stage.expect(0, "create", "pump-1", "/16", "/16/3/0/0=in the cellar")
    assert stage.value("/16/3/0/0")["value"] == "in the cellar"
    stage.expect(0, "delete", "pump-1", "/16/3")
    stage.expect(5, "read", "pump-1", "/16/3")


def values_are_written_and_wrong_ones_refused(stage):
    stage.expect(0, "write", "pump-1", "/1/0/default-minimum-period=4")
    assert stage.value("/1/0/2")["value"] == 4
    stage.expect(0, "write", "pump-1", "/1/0/2=5", "/1/0/3=50")
    assert (stage.value("/1/0/2")["value"], stage.value("/1/0/3")["value"]) == (5, 50)
    stage.expect(0, "write", "pump-1", "--to", "/1/0", "default-maximum-period=60")
    assert (stage.value("/1/0/2")["value"], stage.value("/1/0/3")["value"]) == (5, 60)
    assert "wrong type" in stage.expect(1, "write", "pump-1", "/1/0/lifetime=soon")
    assert "out of its range" in stage.expect(1, "write", "pump-1", "/5/0/severity=9")
    assert "cannot be written" in stage.expect(1, "write", "pump-1", "/3/0/manufacturer=me")
    assert "not of the form" in stage.expect(2, "write", "pump-1", "/1/0/2")


def what_is_there_is_discovered_with_its_attributes(stage):
    stage.expect(0, "attributes", "pump-1", "/26250/0/cpu-load", "pmin=3", "pmax=30", "gt=80.5")
    links = stage.expect(0, "discover", "pump-1", "/26250/0")
    line = next(line for line in links.splitlines() if line.startswith("/26250/0/0 "))
    assert "pmin=3" in line and "pmax=30" in line and "gt=80.5" in line, line
    stage.expect(0, "attributes", "pump-1", "/26250/0/0", "gt")
    assert "gt=" not in stage.expect(0, "discover", "pump-1", "/26250/0/cpu-load")
    assert "not well formed" in stage.expect(1, "attributes", "pump-1", "/26250/0/0", "colour=3")


def resources_are_executed(stage):
    stage.expect(0, "execute", "pump-1", "/1/0/registration-update-trigger")
    stage.expect(0, "execute", "pump-1", "/1/0/8", "0='now',3")
    assert "not well formed" in stage.expect(1, "execute", "pump-1", "/1/0/8", "now")
    assert "cannot be executed" in stage.expect(1, "execute", "pump-1", "/3/0/battery-level")


def what_the_device_does_not_do_is_told(stage):
    assert "4.05 Method Not Allowed" in stage.expect(1, "create", "pump-1", "/5", "severity=1")
    assert "4.05 Method Not Allowed" in stage.expect(1, "delete", "pump-1", "/3/0")
    assert "not for such a path" in stage.expect(1, "delete", "pump-1", "/3/0/9")


def what_is_observed_is_told_until_it_is_ended(stage):
    one = json.loads(stage.expect(0, "observe", "pump-1", "/1/0/lifetime", "--json"))
    assert one["values"][0]["value"] == 300, one
    both = json.loads(stage.expect(0, "observe", "pump-1", "/1/0/2", "/5/0/severity", "--json"))
    assert [value["path"] for value in both["values"]] == ["/1/0/2", "/5/0/11"], both
    watch = subprocess.Popen([MGMTCTL, "values", "watch", "pump-1", "--count", "1", "--json"], text=True,
                             stdout=subprocess.PIPE, env=stage.environment())
    time.sleep(0.5)
    stage.expect(0, "write", "pump-1", "/1/0/lifetime=400")
    report = json.loads(watch.communicate(timeout=60)[0])
    assert report["device"] == "pump-1", report
    told = {value["path"]: value["value"] for value in report["observation"]["values"]}
    assert told.get("/1/0/1") == 400 or "/1/0/2" in told, report
    assert "/1/0/2 /5/0/11" in stage.expect(0, "observations", "pump-1")
    for number in (one["id"], both["id"]):
        stage.expect(0, "observation", "end", "pump-1", str(number))
    assert "Nothing" in stage.expect(0, "observations", "pump-1")
    assert "no such observation" in stage.expect(5, "observation", "end", "pump-1", str(one["id"]))
    assert "4.04 Not Found" in stage.expect(5, "observe", "pump-1", "/3303/0/5700")


def what_is_left_for_later_is_carried_out_and_its_result_kept(stage):
    number = stage.later("read", "pump-1", "/1/0/lifetime", "--deadline", "24h")
    for _ in range(100):
        one = json.loads(stage.expect(0, "request", number, "--json"))
        if one["state"] == "done":
            break
        time.sleep(0.05)
    assert one["values"][0]["value"] == 400 and one["attempts"] == 1 and one["operation"] == "read", one
    assert "lifetime" in stage.expect(0, "request", number)
    write = stage.later("write", "pump-1", "/1/0/lifetime=500")
    execute = stage.expect(0, "execute", "pump-1", "/1/0/8", "--later", "--json")
    assert json.loads(execute)["path"] == "/1/0/8", execute
    time.sleep(1)
    assert "500" in stage.expect(0, "read", "pump-1", "/1/0/lifetime")
    everything = json.loads(stage.expect(0, "requests", "pump-1", "--json"))["requests"]
    assert [(r["operation"], r["state"]) for r in everything] == [("read", "done"), ("write", "done"),
                                                                 ("execute", "done")], everything
    assert json.loads(stage.expect(0, "requests", "--after", number, "--limit", "1", "--json"))["requests"][0][
        "id"] == int(write)
    assert "does not wait" in stage.expect(1, "request", "cancel", number)
    assert "no such request" in stage.expect(5, "request", "99")
    assert "cannot be executed" in stage.expect(1, "execute", "pump-1", "/3/0/9", "--later")
    assert "90s, 15m" in stage.expect(2, "read", "pump-1", "/3/0/9", "--later", "--deadline", "soon")


def what_waits_for_a_device_survives_a_restart_and_can_be_cancelled(stage):
    stage.stop("agentd")
    first = stage.later("read", "pump-1", "/3/0/0")
    second = stage.later("write", "pump-1", "/1/0/lifetime=600")
    third = stage.later("read", "pump-1", "/3/0/0")
    stage.restart("mgmtd")
    one = json.loads(stage.expect(0, "request", third, "--json"))
    assert one["state"] == "waiting" and one["why"], one
    stage.expect(0, "request", "cancel", third)
    assert json.loads(stage.expect(0, "request", third, "--json"))["state"] == "cancelled"
    stage.restart("agentd")
    for _ in range(300):
        if json.loads(stage.expect(0, "request", second, "--json"))["state"] == "done":
            break
        time.sleep(0.05)
    assert json.loads(stage.expect(0, "request", first, "--json"))["state"] == "done"
    assert "600" in stage.expect(0, "read", "pump-1", "/1/0/lifetime")


def everything_that_changes_something_is_in_the_audit_log(stage):
    stage.expect(0, "write", "pump-1", "/1/0/2=6")
    assert 'event=device-asked device="pump-1" actor="admin" detail="write /1/0/2"' in stage.log(), stage.log()


def main():
    stories = [resources_are_read_by_number_and_by_name, watched_services_are_shown_with_what_they_use,
               the_devices_log_is_read_as_lines, instances_are_created_and_deleted, values_are_written_and_wrong_ones_refused,
               what_is_there_is_discovered_with_its_attributes, resources_are_executed,
               what_the_device_does_not_do_is_told, what_is_observed_is_told_until_it_is_ended,
               what_is_left_for_later_is_carried_out_and_its_result_kept,
               what_waits_for_a_device_survives_a_restart_and_can_be_cancelled,
               everything_that_changes_something_is_in_the_audit_log]
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(folder)
        try:
            for story in stories:
                story(stage)
                print("ok", story.__name__)
        finally:
            stage.close()


if __name__ == "__main__":
    main()
