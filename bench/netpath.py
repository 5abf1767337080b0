# SPDX-License-Identifier: GPL-3.0-or-later
"""A network path of known delay, loss and rate (bench/link.c) between two network namespaces made for the occasion."""
import os
import signal
import subprocess
import sys
import time

NEAR, FAR = "10.77.0.1", "10.77.0.2"


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, **options)


class Path:
    """Two network namespaces, `near` and `far`, and the link between them; a context manager. `link` is the program."""

    def __init__(self, link, rtt, loss, mbit=0, queue=100, seed=7):
        self.near, self.far = f"ffnear{os.getpid()}", f"fffar{os.getpid()}"
        self.command = [link, "--first", self.near, "--second", self.far, "--rtt-ms", rtt,
                        "--loss-percent", loss, "--mbit-per-second", mbit, "--queue-ms", queue, "--seed", seed]
        self.processes = []

    def __enter__(self):
        try:
            for space in (self.near, self.far):
                run("ip", "netns", "add", space)
            self.link = subprocess.Popen([str(part) for part in self.command], stdout=subprocess.PIPE, text=True)
            if self.link.stdout.readline() != "ready\n":
                sys.exit("the link does not come up")
            for space, here, there in ((self.near, NEAR, FAR), (self.far, FAR, NEAR)):
                run("ip", "-n", space, "link", "set", "lo", "up")
                run("ip", "-n", space, "addr", "add", here, "peer", there, "dev", "link0")
                run("ip", "-n", space, "link", "set", "link0", "mtu", 1500, "txqueuelen", 10000, "up")
                self.within(space, "sysctl", "-qw", "net.ipv4.tcp_no_metrics_save=1")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        for process in self.processes:
            process.terminate()  # which nginx's master passes on to its workers
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if hasattr(self, "link"):
            self.link.send_signal(signal.SIGTERM)
            self.counts = self.link.communicate()[0]
        for space in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", space], stderr=subprocess.DEVNULL)

    def within(self, space, *command, **options):
        return run("ip", "netns", "exec", space, *command, **options)

    def serve(self, *command, **options):
        process = subprocess.Popen(["ip", "netns", "exec", self.far, *(str(part) for part in command)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        self.processes.append(process)
        time.sleep(0.3)
        if process.poll() is not None:
            sys.exit(f"{command[0]} ended at once with status {process.returncode}")

    def start(self, space, *command, **options):
        """A process that ends with the path."""
        process = subprocess.Popen(["ip", "netns", "exec", space, *(str(part) for part in command)], **options)
        self.processes.append(process)
        return process

    def traffic(self):
        """Bytes of IP packets, and packets, that have crossed the near end in both directions."""
        count = lambda what: int(subprocess.run(
            ["ip", "netns", "exec", self.near, "cat", f"/sys/class/net/link0/statistics/{what}"],
            check=True, capture_output=True, text=True).stdout)
        return count("rx_bytes") + count("tx_bytes"), count("rx_packets") + count("tx_packets")

    def time(self, limit, *command):
        """Seconds from start to end; None when it fails or takes too long."""
        start = time.monotonic()
        try:
            self.within(self.near, *command, timeout=limit)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return None
        return time.monotonic() - start
