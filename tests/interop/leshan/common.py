# SPDX-License-Identifier: GPL-3.0-or-later
"""What both parts of the comparison with Leshan use: processes with their logs, and rows of the table."""
import pathlib
import shutil
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
OBJECTS = HERE.parent.parent.parent / "docs" / "objects"
WAIT_S = 30
rows = []


class Missing(Exception):
    """Leshan cannot be had here."""


def fetch(folder):
    """The class path of Leshan and of our programs with it."""
    for tool in ("mvn", "javac", "java"):
        if shutil.which(tool) is None:
            raise Missing(f"{tool} is not installed")
    found = subprocess.run(["mvn", "-q", "-B", "-f", HERE / "pom.xml", "dependency:build-classpath",
                            f"-Dmdep.outputFile={folder}/classpath"], capture_output=True, text=True)
    if found.returncode != 0:
        raise Missing("Maven cannot fetch Leshan")
    path = (folder / "classpath").read_text().strip()
    subprocess.run(["javac", "-nowarn", "-Xlint:none", "-cp", path, "-d", folder / "classes", *HERE.glob("*.java")],
                   check=True, capture_output=True)
    return f"{folder}/classes:{path}"


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def check(case, what, good, more=""):
    """A row: `case` is the number of the test in OMA's list, or nothing."""
    rows.append((case, what, bool(good)))
    print(f"{'ok     ' if good else 'FAILED '} {f'{case}: ' if case else ''}{what}{'' if good else f': {more}'}", flush=True)


class Stage:
    """Processes that are told apart by their names, and what they have said."""

    def __init__(self, folder):
        self.folder, self.processes = folder, {}

    def start(self, name, *command, **more):
        with open(self.folder / f"{name}.log", "w") as log:
            self.processes[name] = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, text=True, **more)

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()

    def waits_for(self, name, text, after=0):
        """Whether the text has come within the time, behind so many characters of what the process has said."""
        for _ in range(WAIT_S * 20):
            if text in self.log(name)[after:]:
                return True
            time.sleep(0.05)
        return False

    def must_say(self, name, text):
        if not self.waits_for(name, text):
            raise AssertionError(f"{name} never said {text}:\n{self.log(name)[-3000:]}")

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def close(self):
        for process in self.processes.values():
            process.kill()
            process.wait()
