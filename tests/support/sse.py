# SPDX-License-Identifier: Apache-2.0
"""A reader of text/event-stream (HTML, section 9.2.6) on the standard library."""
import collections
import time

from support.patience import PATIENCE
from support.websocket import Closed, Refused, Reply, Stream, open_socket

Event = collections.namedtuple("Event", "name id data")


class EventStream:
    """The events of one GET; `last_id` is what a browser would come back with."""

    def __init__(self, host, port, path, headers=(), tls=None, timeout=PATIENCE, receive_buffer=None):
        self.stream = Stream(open_socket(host, port, tls, timeout, receive_buffer))
        self.last_id, self.retry_ms, self.comments = "", None, 0
        self.left, self.text = 0, bytearray()
        self.id, self.name, self.data = "", "message", []  # of the event that is coming
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Accept: text/event-stream"]
        lines += [f"{name}: {value}" for name, value in headers]
        try:
            self.stream.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
            self.head(timeout)
        except BaseException:
            self.drop()
            raise

    def head(self, timeout):
        deadline = time.monotonic() + timeout
        lines = self.stream.until(b"\r\n\r\n", deadline).decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines[1:])
        self.headers = {name.strip().lower(): value.strip() for name, value in pairs}
        status = int(lines[0].split(" ")[1])
        if status != 200:
            body = self.stream.exactly(int(self.headers.get("content-length", 0)), deadline)
            raise Refused(Reply(status, self.headers, body.decode()))
        assert self.headers["content-type"].startswith("text/event-stream"), self.headers
        self.is_chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.drop()

    def drop(self):
        self.stream.socket.close()

    def line(self, deadline):
        while b"\n" not in self.text:
            self.more(deadline)
        end = self.text.index(b"\n")
        got = self.text[:end].decode("utf-8")
        del self.text[:end + 1]
        return got.rstrip("\r")

    def more(self, deadline):
        """Moves what has come, without the chunks' framing, to `text`."""
        if not self.stream.buffer:
            self.stream.fill(deadline)
        if self.is_chunked and not self.left:
            size = int(self.stream.until(b"\r\n", deadline).split(b";")[0] or b"0", 16)
            if not size:
                raise Closed()
            self.left = size + 2
            return
        size = len(self.stream.buffer)
        if self.is_chunked:
            size = min(size, self.left)
            keep = max(0, size - max(0, 2 - (self.left - size)))
            self.text += self.stream.buffer[:keep]
            self.left -= size
        else:
            self.text += self.stream.buffer
        del self.stream.buffer[:size]

    def event(self, timeout=PATIENCE):
        """The next event; comments and retry are noted on the way.  A TimeoutError loses nothing."""
        deadline = time.monotonic() + timeout
        while True:
            line = self.line(deadline)
            if line:
                self.field(line)
                continue
            self.last_id = self.id
            event = Event(self.name, self.id, "\n".join(self.data))
            self.name, self.data = "message", []
            if event.data:
                return event

    def field(self, line):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "":
            self.comments += 1
        elif name == "data":
            self.data.append(value)
        elif name == "event":
            self.name = value
        elif name == "id":
            self.id = value
        elif name == "retry":
            self.retry_ms = int(value)
