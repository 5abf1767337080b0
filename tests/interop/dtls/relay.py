# SPDX-License-Identifier: GPL-3.0-or-later
"""A translator of addresses on loopback that forgets: one client, one server, and on a word the client comes from another
port from then on, as behind a NAT whose entry has run out. It counts the datagrams that pass, and the
ClientHellos among them."""
import selectors
import socket
import threading
import time


class Nat(threading.Thread):
    def __init__(self, server_port, pace_s=0):
        """After each datagram from the server it rests so long: a narrow link."""
        super().__init__(daemon=True)
        self.server = ("127.0.0.1", server_port)
        self.front = self.bound()
        self.upstream = self.bound()
        self.client, self.pace_s = None, pace_s
        self.port = self.front.getsockname()[1]
        self.hellos = self.rebindings = self.passed = 0
        self.wants_rebinding, self.is_over = threading.Event(), threading.Event()
        self.start()

    @staticmethod
    def bound():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 0))
        return s

    def rebind(self):
        """What the server sends to the old address is lost from now on."""
        self.wants_rebinding.set()
        while self.wants_rebinding.is_set() and self.is_alive():
            self.is_over.wait(0.01)

    @staticmethod
    def is_hello(datagram):
        return len(datagram) > 13 and datagram[0] == 22 and datagram[3:5] == b"\0\0" and datagram[13] == 1

    def forward(self, ready):
        self.passed += 1
        if ready is self.front:
            datagram, self.client = self.front.recvfrom(65536)
            self.hellos += self.is_hello(datagram)
            self.upstream.sendto(datagram, self.server)
        else:
            datagram = self.upstream.recv(65536)
            if self.client is not None:
                self.front.sendto(datagram, self.client)
            time.sleep(self.pace_s)

    def run(self):
        while not self.is_over.is_set():
            with selectors.DefaultSelector() as selector:
                selector.register(self.front, selectors.EVENT_READ)
                selector.register(self.upstream, selectors.EVENT_READ)
                while not self.is_over.is_set() and not self.wants_rebinding.is_set():
                    for key, _ in selector.select(0.02):
                        try:
                            self.forward(key.fileobj)
                        except ConnectionError:
                            pass
            if self.wants_rebinding.is_set():
                self.upstream.close()
                self.upstream = self.bound()
                self.rebindings += 1
                self.wants_rebinding.clear()

    def stop(self):
        self.is_over.set()
        self.join()
