# SPDX-License-Identifier: GPL-3.0-or-later
"""mgmtd as it is in the field, and fleets of devices on real sockets that register with it, for benchmarks."""
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import servers


class Mgmtd:
    def __init__(self, build, folder, devices):
        self.build, self.folder, self.devices = build, pathlib.Path(folder), devices
        self.coap, self.starts, self.process = servers.free_port(), 0, None
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.http = s.getsockname()[1]
        psk = self.folder / "psk"
        with open(psk, "w") as out:
            out.writelines(f"d{i}:{i.to_bytes(4, 'big').hex() * 4}:d{i}\n" for i in range(devices))
        psk.chmod(0o600)
        self.config = self.folder / "mgmtd.ini"
        self.config.write_text(f"[coap]\nlisten = 127.0.0.1:{self.coap}\npublic_uri = coaps://127.0.0.1:{self.coap}\n"
                               f"[dtls]\npsk_file = {psk}\n[http]\nlisten = 127.0.0.1:{self.http}\n"
                               f"[store]\npath = {self.folder}/mgmtd.db\n[artifacts]\npath = {self.folder}/artifacts\n"
                               f"[limits]\ndevices = {devices}\n[log]\nlevel = info\n")

    def start(self):
        """Seconds until it is ready."""
        begin = time.monotonic()
        self.starts += 1
        self.log = self.folder / f"log.{self.starts}"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(servers.on_core(servers.SERVER_CORE,
                                                            [self.build / "server/mgmtd", "--config", self.config]), stderr=log)
        while "event=ready" not in self.log.read_text():
            if self.process.poll() is not None:
                sys.exit(f"mgmtd ended: {self.log.read_text()[-1000:]}")
            time.sleep(0.005)
        return time.monotonic() - begin

    def stop(self):
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(300) != 0:
            sys.exit(f"mgmtd failed at its end: {self.log.read_text()[-1000:]}")
        return time.monotonic() - begin

    def memory(self):
        return servers.process_memory(self.process.pid)

    def restored(self):
        found = re.search(r"sessions-restored count=(\d+)", self.log.read_text())
        return int(found[1]) if found else 0

    def handshakes(self):
        return self.log.read_text().count("event=connected")

    def session_file(self):
        """(its size, what of it is on the disk)."""
        status = (self.folder / "mgmtd.db-sessions").stat()
        return status.st_size, status.st_blocks * 512


class Fleet:
    def __init__(self, build, port, devices):
        self.process = subprocess.Popen(servers.on_core(servers.LOAD_CORE, [build / "bench/fleet", port, devices]), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def do(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", self.process.stdout.readline())}


def wait_for_observers(fleet, devices):
    end = time.monotonic() + 60 + devices / 1000
    while fleet.do("count")["observers"] < devices:
        if time.monotonic() > end:
            sys.exit("not every device is observed")
        time.sleep(0.2)
