#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""mgmtd as a process: what it says and how it leaves, with good and bad surroundings."""
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

MGMTD = pathlib.Path(sys.argv[1])
KEY = "000102030405060708090a0b0c0d0e0f"


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Stage:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.coap, self.http = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
        self.psk = self.write("psk", f"pump-1:{KEY}:pump-1\n", 0o600)
        self.settings = {"coap": {"listen": f"127.0.0.1:{self.coap}", "public_uri": f"coaps://127.0.0.1:{self.coap}"},
                         "dtls": {"psk_file": self.psk}, "http": {"listen": f"127.0.0.1:{self.http}"},
                         "store": {"path": self.folder / "mgmtd.db"}, "artifacts": {"path": self.folder / "artifacts"},
                         "limits": {"devices": 100}}

    def write(self, name, text, mode=0o644):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def command(self, *more):
        text = "".join(f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
                       for section, keys in self.settings.items())
        return [MGMTD, "--config", self.write("mgmtd.ini", text), *more]

    def run(self, *more):
        done = subprocess.run(self.command(*more), capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout + done.stderr

    def start(self):
        log = open(self.folder / "log", "w+")
        process = subprocess.Popen(self.command(), stderr=log)
        process.log = self.folder / "log"
        wait_for(process, "event=ready")
        return process


def wait_for(process, text):
    for _ in range(500):
        if text in process.log.read_text():
            return
        assert process.poll() is None, process.log.read_text()
        time.sleep(0.02)
    raise AssertionError(f"never said {text}: {process.log.read_text()}")


def stop(process, number=signal.SIGTERM):
    process.send_signal(number)
    return process.wait(30)


def version_and_help_are_said(stage):
    for option, text in (("--version", "mgmtd "), ("--help", "usage: mgmtd")):
        done = subprocess.run([MGMTD, option], capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout.startswith(text), done
    assert subprocess.run([MGMTD, "--nonsense"], capture_output=True).returncode == 2


def a_good_configuration_is_called_good_and_starts_nothing(stage):
    status, output = stage.run("--check-config")
    assert status == 0 and output.endswith("is good\n"), output
    assert not (stage.folder / "mgmtd.db").exists()


def each_mistake_in_the_surroundings_has_its_status_and_is_named(stage):
    blocker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    blocker.bind(("127.0.0.1", 0))
    web = socket.socket()
    web.bind(("127.0.0.1", 0))
    web.listen()
    junk = stage.write("junk.db", "x" * 8192)
    readable = stage.write("readable", f"a:{KEY}\n", 0o644)
    not_pem = stage.write("not.pem", "x", 0o600)
    anchors = stage.write("anchors", "nonsense\n")
    certificate = {"certificate": not_pem, "private_key": not_pem, "ca": not_pem}
    cases = [
        ("coap", {"listen": "nowhere"}, 2, "mgmtd.ini:2: listen: must be"),
        ("dtls", {"psk_file": stage.folder / "none"}, 2, "none: No such file"),
        ("dtls", {"psk_file": readable}, 2, "chmod 600"),
        ("update", {"trust_anchors": anchors}, 2, "anchors:1: not a public signing key"),
        ("store", {"path": stage.folder / "none/mgmtd.db"}, 3, "unable to open database file"),
        ("store", {"path": junk}, 3, "junk.db: "),
        ("artifacts", {"path": junk}, 3, "Not a directory"),
        ("dtls", certificate, 4, "DTLS cannot be set up"),
        ("coap", {"listen": f"127.0.0.1:{blocker.getsockname()[1]}"}, 4, "Address already in use"),
        ("http", {"listen": f"127.0.0.1:{web.getsockname()[1]}"}, 4, "mgmtd: "),
    ]
    for section, change, expected, text in cases:
        before = stage.settings.get(section, {})
        stage.settings[section] = {**before, **change}
        status, output = stage.run()
        assert status == expected and text in output, (section, change, status, output)
        stage.settings[section] = before
        if not before:
            del stage.settings[section]


def it_stops_cleanly_and_starts_again_on_what_it_had(stage):
    for number in (signal.SIGTERM, signal.SIGINT):
        process = stage.start()
        assert stop(process, number) == 0, process.log.read_text()
        assert "event=stopped" in process.log.read_text()
    process = stage.start()
    process.kill()
    process.wait()
    process = stage.start()
    assert stop(process) == 0


def a_second_server_on_the_same_store_is_refused(stage):
    process = stage.start()
    stage.settings["coap"]["listen"] = f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    status, output = stage.run()
    assert status == 3 and "locked" in output, output
    assert stop(process) == 0


def keys_are_read_anew_on_a_hangup_and_a_bad_file_changes_nothing(stage):
    process = stage.start()
    stage.write("psk", "broken\n", 0o600)
    process.send_signal(signal.SIGHUP)
    wait_for(process, "event=credentials-kept")
    stage.write("psk", f"pump-1:{KEY}\npump-2:{KEY}\n", 0o600)
    process.send_signal(signal.SIGHUP)
    wait_for(process, "event=credentials-reloaded psk=2")
    assert stop(process) == 0


def nonsense_on_the_socket_does_no_harm(stage):
    process = stage.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for n in range(0, 1400, 7):
            s.sendto(bytes((n * 31 + i) & 0xff for i in range(n)), ("127.0.0.1", stage.coap))
            s.sendto(b"\x16\xfe\xfd" + bytes((n + i) & 0xff for i in range(n)), ("127.0.0.1", stage.coap))
    time.sleep(0.2)
    assert stop(process) == 0, process.log.read_text()


def main():
    tests = [version_and_help_are_said, a_good_configuration_is_called_good_and_starts_nothing,
             each_mistake_in_the_surroundings_has_its_status_and_is_named,
             it_stops_cleanly_and_starts_again_on_what_it_had, a_second_server_on_the_same_store_is_refused,
             keys_are_read_anew_on_a_hangup_and_a_bad_file_changes_nothing, nonsense_on_the_socket_does_no_harm]
    for test in tests:
        with tempfile.TemporaryDirectory() as folder:
            test(Stage(folder))
        print(test.__name__)


main()
