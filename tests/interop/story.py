# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories with the real programs: what every one of them needs. The build folder is the script's first argument."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

BUILD = pathlib.Path(sys.argv[1]).resolve()
WAIT_S = 20
_failed = 0


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def check(what, good):
    global _failed
    _failed += not good
    print(f"{'ok     ' if good else 'FAILED '} {what}", flush=True)


class Program:
    """One of ours, with its log."""

    def __init__(self, folder, name, *command, environment=None):
        self.log = folder / f"{name}.log"
        self.start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, cwd=folder,
                                            env={**os.environ, **(environment or {})})

    def text(self):
        with self.log.open("rb") as log:
            log.seek(self.start)
            return log.read().decode()

    def says(self, pattern, count=1, seconds=WAIT_S):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if len(re.findall(pattern, self.text())) >= count:
                return True
            time.sleep(0.05)
        return False

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None


def write(path, text, mode=0o644):
    path.write_text(text)
    path.chmod(mode)


def mgmtctl(folder, *command):
    """The JSON that the operator gets, True where there is none to get; None when he is refused."""
    environment = {**os.environ, "MGMTCTL_TOKEN": (folder / "admin.token").read_text().strip()}
    run = subprocess.run([BUILD / "cli/mgmtctl", "--server", (folder / "api").read_text(), "--json", *command],
                         capture_output=True, text=True, env=environment)
    return json.loads(run.stdout or "true") if run.returncode == 0 else None


def verdict():
    """The script's exit status."""
    return 1 if _failed else 0
