# SPDX-License-Identifier: Apache-2.0
"""A WebSocket client (RFC 6455) on the standard library, that can also misbehave.

    with WebSocket("127.0.0.1", 8080, "/ws?query=*:orders") as socket:
        print(socket.message(timeout=5))
"""
import base64
import collections
import contextlib
import hashlib
import json
import os
import socket as sockets
import ssl
import struct
import threading
import time
import weakref
import zlib

from support.patience import PATIENCE

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
DEFLATE = ("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=12")
OFFER = [DEFLATE] if os.environ.get("PGCDC_TEST_DEFLATE") else []  # every client asks for it
Frame = collections.namedtuple("Frame", "fin rsv opcode payload")
Reply = collections.namedtuple("Reply", "status headers body")


class Refused(Exception):
    """The server answered the upgrade with something else than 101."""

    def __init__(self, reply):
        super().__init__(f"{reply.status}: {reply.body}")
        self.status, self.headers, self.body = reply


class Closed(Exception):
    """The server closed; `code` is None when no close frame came."""

    def __init__(self, code=None, reason=""):
        super().__init__(f"closed {code} {reason}")
        self.code, self.reason = code, reason


def encode_frame(opcode, payload=b"", fin=True, rsv=0, masked=True, size_bytes=None, mask=None):
    """A client's frame; `size_bytes` 2 or 8 forces a length that is not the shortest."""
    size = len(payload)
    head = bytes([(fin << 7) | (rsv << 4) | opcode])
    flag = 0x80 if masked else 0
    if size_bytes == 8 or (size_bytes is None and size > 0xFFFF):
        head += bytes([flag | 127]) + struct.pack(">Q", size)
    elif size_bytes == 2 or (size_bytes is None and size > 125):
        head += bytes([flag | 126]) + struct.pack(">H", size)
    else:
        head += bytes([flag | size])
    if not masked:
        return head + payload
    mask = os.urandom(4) if mask is None else mask
    whole = (mask * (size // 4 + 1))[:size]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")
    return head + mask + mixed.to_bytes(size, "big")


def deflate(text):
    """What permessage-deflate makes of it, as a peer that remembers nothing."""
    writer = zlib.compressobj(wbits=-15)
    return (writer.compress(text) + writer.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflate(payload):
    """With the window that DEFLATE names: what goes back further is an error."""
    reader = zlib.decompressobj(wbits=-12)
    text = reader.decompress(payload + b"\0\0\xff\xff")
    assert not reader.unused_data and not reader.unconsumed_tail
    return text


def open_socket(host, port, tls=None, timeout=PATIENCE, receive_buffer=None):
    """A connected socket; `tls` is an ssl.SSLContext."""
    raw = sockets.socket(sockets.AF_INET, sockets.SOCK_STREAM)
    if receive_buffer:
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, receive_buffer)
    raw.settimeout(timeout)
    raw.connect((host, port))
    return tls.wrap_socket(raw, server_hostname="localhost") if tls else raw


class Stream:
    """Buffered reading with a deadline."""

    def __init__(self, connected):
        self.socket, self.buffer = connected, bytearray()

    def fill(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing came in time")
        self.socket.settimeout(left)
        try:
            got = self.socket.recv(1 << 16)
        except sockets.timeout:
            raise TimeoutError("nothing came in time") from None
        except (ConnectionError, ssl.SSLEOFError):
            got = b""
        if not got:
            raise Closed()
        self.buffer += got

    def exactly(self, size, deadline):
        while len(self.buffer) < size:
            self.fill(deadline)
        got = bytes(self.buffer[:size])
        del self.buffer[:size]
        return got

    def until(self, mark, deadline):
        while mark not in self.buffer:
            self.fill(deadline)
        got = self.exactly(self.buffer.index(mark), deadline)
        del self.buffer[:len(mark)]
        return got

    def reply(self, timeout=PATIENCE, is_head=False):
        """One HTTP answer; the body by Content-Length, or up to the close."""
        deadline = time.monotonic() + timeout
        lines = self.until(b"\r\n\r\n", deadline).decode("latin-1").split("\r\n")
        version, status = lines[0].split(" ")[:2]
        assert version == "HTTP/1.1", lines[0]
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.strip().lower()] = value.strip()
        body = b""
        if int(status) >= 200 and not is_head:
            assert "content-length" in headers, lines
            body = self.exactly(int(headers["content-length"]), deadline)
        return Reply(int(status), headers, body.decode("utf-8"))


class WebSocket:
    """One that is not read for long, while a test has other things to do, gives signs of life: see
    sign_of_life()."""
    all_of_them, signed = weakref.WeakSet(), 0.0

    def __init__(self, host, port, path, headers=(), tls=None, timeout=PATIENCE, receive_buffer=None):
        self.stream = Stream(open_socket(host, port, tls, timeout, receive_buffer))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket",
                 "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        is_offered = any(name == DEFLATE[0] for name, _ in headers)
        lines += [f"{name}: {value}" for name, value in [*headers, *([] if is_offered else OFFER)]]
        try:
            self.send_bytes("\r\n".join(lines).encode() + b"\r\n\r\n")
            reply = self.stream.reply(timeout)
            if reply.status != 101:
                raise Refused(reply)
        except BaseException:
            self.stream.socket.close()
            raise
        seed = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        expected = base64.b64encode(hashlib.sha1(seed.encode()).digest()).decode()
        assert reply.headers["sec-websocket-accept"] == expected
        self.extensions = reply.headers.get("sec-websocket-extensions", "")
        self.deflated = 0  # messages that came compressed
        self.thread = threading.get_ident()
        WebSocket.all_of_them.add(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.drop()

    def drop(self):
        self.stream.socket.close()

    def send_bytes(self, data):
        self.stream.socket.sendall(data)

    def send(self, opcode, payload=b"", **how):
        self.send_bytes(encode_frame(opcode, payload, **how))

    def frame(self, timeout=PATIENCE):
        """The next frame, whatever it is.  After a TimeoutError nothing of it is lost."""
        deadline, taken = time.monotonic() + timeout, b""

        def take(size):
            nonlocal taken
            got = self.stream.exactly(size, deadline)
            taken += got
            return got

        try:
            first, second = take(2)
            assert not second & 0x80, "a server's frame is masked"
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", take(2))
                assert size > 125
            elif size == 127:
                (size,) = struct.unpack(">Q", take(8))
                assert size > 0xFFFF
            return Frame(first >> 7, (first >> 4) & 7, first & 15, take(size))
        except TimeoutError:
            self.stream.buffer[:0] = taken
            raise

    def text(self, timeout=PATIENCE):
        """The next message's text.  Pings are answered; a close raises Closed."""
        deadline = time.monotonic() + timeout
        while True:
            frame = self.frame(deadline - time.monotonic())
            assert frame.fin
            if frame.opcode == TEXT:
                return self.text_of(frame)
            assert frame.rsv == 0
            if frame.opcode == PING:
                self.send(PONG, frame.payload)
            elif frame.opcode == CLOSE:
                raise Closed(*decode_close(frame.payload))
            else:
                raise AssertionError(f"unexpected opcode {frame.opcode}")

    def text_of(self, frame):
        assert frame.rsv == 0 or frame.rsv == 4 and self.extensions
        self.deflated += frame.rsv == 4
        return (inflate(frame.payload) if frame.rsv else frame.payload).decode("utf-8")

    def message(self, timeout=PATIENCE):
        return json.loads(self.text(timeout))

    def close_code(self, timeout=PATIENCE):
        """Reads up to the server's close; its (code, reason)."""
        try:
            while True:
                self.text(timeout)
        except Closed as closed:
            return closed.code, closed.reason


def sign_of_life():
    """A pong from each of this thread's sockets, every few seconds; cheap to call often.  The server
    gives up who is silent for a minute, and on a busy machine reading others may take longer."""
    if time.monotonic() < WebSocket.signed + 3:
        return
    WebSocket.signed = time.monotonic()
    for socket in list(WebSocket.all_of_them):
        if socket.thread == threading.get_ident():
            with contextlib.suppress(OSError):  # it is over, which whoever reads it will see
                socket.send(PONG)


def decode_close(payload):
    if not payload:
        return None, ""
    return struct.unpack(">H", payload[:2])[0], payload[2:].decode("utf-8")
