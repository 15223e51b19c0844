# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy on loopback that breaks what it carries, since this kernel has no netem.

    proxy = Proxy(("127.0.0.1", 5432))        or Proxy("/tmp/x/.s.PGSQL.5432"), a Unix socket
    connect to ("127.0.0.1", proxy.port)
    proxy.stall(); proxy.resume()             nothing passes, nothing is lost
    proxy.reset()                             every connection ends with RST
    proxy.refuse(); proxy.accept()            new ones are refused
    proxy.delay, proxy.rate, proxy.chop       seconds, bytes a second, bytes at a time; 0: off

Each connection has two threads, one per direction.
"""
import os
import socket as sockets
import struct
import threading

from support.ports import Port

LINGER_NOT = struct.pack("ii", 1, 0)  # close() sends RST


class Proxy:
    def __init__(self, target):
        self.target = target
        self.delay, self.rate, self.chop = 0.0, 0, 0
        self.gate = threading.Event()
        self.gate.set()
        self.lock = threading.Lock()
        self.kept = Port()
        self.pairs, self.port, self.listener = set(), self.kept.number, None
        self.accept()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # What one may do to it

    def stall(self):
        self.gate.clear()

    def resume(self):
        self.gate.set()

    def reset(self):
        """Ends all connections; how many there were."""
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            pair.reset()
        return len(pairs)

    def refuse(self):
        listener, self.listener = self.listener, None
        if listener:
            listener.shutdown(sockets.SHUT_RDWR)  # wakes accept()
            listener.close()

    def accept(self):
        if self.listener:
            return
        listener = sockets.socket()
        listener.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(256)
        self.listener = listener
        threading.Thread(target=self.run, args=(listener,), daemon=True).start()

    def close(self):
        self.refuse()
        self.reset()
        self.resume()

    def count(self):
        with self.lock:
            return len(self.pairs)

    # How it works

    def run(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                Pair(self, client, self.reach()).start()
            except OSError:
                abort(client)

    def reach(self):
        if isinstance(self.target, (str, os.PathLike)):
            server = sockets.socket(sockets.AF_UNIX)
            server.connect(str(self.target))
        else:
            server = sockets.create_connection(self.target)
            server.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
        return server


class Pair:
    """One connection: the client's socket and the server's."""

    def __init__(self, proxy, client, server):
        self.proxy, self.ends = proxy, (client, server)
        self.is_reset, self.open = threading.Event(), 2
        client.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)

    def start(self):
        with self.proxy.lock:
            self.proxy.pairs.add(self)
        for source, sink in (self.ends, self.ends[::-1]):
            threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    def reset(self):
        self.is_reset.set()
        for end in self.ends:
            try:
                end.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, LINGER_NOT)
                end.shutdown(sockets.SHUT_RD)  # wakes recv() without a FIN
            except OSError:
                pass

    def pump(self, source, sink):
        try:
            while True:
                data = source.recv(1 << 16)
                if not data:
                    break
                self.pass_on(data, sink)
            if not self.is_reset.is_set():
                sink.shutdown(sockets.SHUT_WR)
        except OSError:
            self.reset()
        self.leave()

    def pass_on(self, data, sink):
        proxy, at = self.proxy, 0
        while at < len(data):
            size = proxy.chop or len(data)
            if proxy.rate:
                size = min(size, max(1, proxy.rate // 20))
            piece = data[at:at + size]
            self.wait(proxy.delay if at == 0 else 0)
            self.wait(len(piece) / proxy.rate if proxy.rate else 0)
            while not proxy.gate.wait(0.2):  # a stalled connection can be reset
                self.wait(0)
            sink.sendall(piece)
            at += size

    def wait(self, seconds):
        if self.is_reset.wait(seconds) if seconds else self.is_reset.is_set():
            raise ConnectionResetError

    def leave(self):
        with self.proxy.lock:
            self.open -= 1
            if self.open:
                return
            self.proxy.pairs.discard(self)
        for end in self.ends:
            end.close()


def abort(connected):
    connected.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, LINGER_NOT)
    connected.close()
