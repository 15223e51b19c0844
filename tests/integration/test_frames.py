# SPDX-License-Identifier: Apache-2.0
"""WebSocket frames (RFC 6455): what a peer may not send ends with the right close code."""
import struct
import threading
import time

import pytest

from support.patience import PATIENCE, promised, wait_for
from support.pgcdc import MEMORY_FACTOR, Pgcdc
from support.websocket import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Closed, Refused,
                               WebSocket, encode_frame)


@pytest.fixture(scope="module")
def server(scratch, postgres):
    with Pgcdc(scratch, postgres.url()) as made:
        yield made


def close(code, reason=b""):
    return encode_frame(CLOSE, struct.pack(">H", code) + reason)


frame = encode_frame
BAD = [
    ("unmasked", frame(TEXT, b"hi", masked=False), 1002),
    ("RSV1", frame(TEXT, b"hi", rsv=4), 1002),
    ("RSV2", frame(TEXT, b"hi", rsv=2), 1002),
    ("RSV3", frame(PING, b"hi", rsv=1), 1002),
    *[(f"reserved opcode {code}", frame(code, b""), 1002) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    ("2-byte length of 5", frame(TEXT, b"hello", size_bytes=2), 1002),
    ("8-byte length of 5", frame(TEXT, b"hello", size_bytes=8), 1002),
    ("8-byte length of 300", frame(TEXT, b"a" * 300, size_bytes=8), 1002),
    ("length with its top bit set", b"\x81\xff" + b"\xff" * 8 + b"abcd", 1002),
    ("length 2^62", b"\x82\xff" + struct.pack(">Q", 1 << 62) + b"abcd", 1009),
    ("message too large", frame(BINARY, b"a" * 70000), 1009),
    ("fragmented ping", frame(PING, b"a", fin=False), 1002),
    ("fragmented close", frame(CLOSE, b"\x03\xe8", fin=False), 1002),
    ("ping of 126 bytes", frame(PING, b"a" * 126), 1002),
    ("continuation without start", frame(CONTINUATION, b"a"), 1002),
    ("start within fragments", frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
    ("binary within fragments", frame(TEXT, b"a", fin=False) + frame(BINARY, b"b"), 1002),
    ("close of 1 byte", frame(CLOSE, b"\x03"), 1002),
    *[(f"close code {code}", close(code), 1002)
      for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)],
    ("close reason not UTF-8", close(1000, b"\xc0\xaf"), 1007),
    ("text not UTF-8", frame(TEXT, b"\xff"), 1007),
    ("text with a surrogate", frame(TEXT, b"\xed\xa0\x80"), 1007),
    ("text overlong", frame(TEXT, b"\xc0\x80"), 1007),
    ("text beyond U+10FFFF", frame(TEXT, b"\xf4\x90\x80\x80"), 1007),
    ("text cut inside a character", frame(TEXT, b"ab\xe2\x82"), 1007),
    ("bad text in the second fragment", frame(TEXT, b"\xe2", fin=False) + frame(CONTINUATION, b"\x28\xa1"), 1007),
]
CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
GOOD = [
    ("empty text", frame(TEXT)),
    ("text", frame(TEXT, "grüße, 世界 😀".encode())),
    ("binary", frame(BINARY, bytes(range(256)))),
    ("64 KiB", frame(BINARY, b"a" * 65536)),
    ("125, 126 and 65535 bytes", b"".join(frame(TEXT, b"a" * size) for size in (125, 126, 65535))),
    ("fragments with a ping between", frame(TEXT, "gr\u00fc".encode()[:3], fin=False) + frame(PING, b"x")
     + frame(CONTINUATION, "gr\u00fc".encode()[3:], fin=False) + frame(CONTINUATION, b"")),
    ("zero mask", frame(TEXT, b"abc", mask=b"\0\0\0\0")),
    ("unasked pong", frame(PONG, b"whatever")),
    ("10,000 one-byte fragments", frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b", fin=False) * 10000
     + frame(CONTINUATION)),
]


@pytest.mark.parametrize("data, code", [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_frame_closes_with_its_code(server, data, code):
    with server.query("*:marker") as socket:
        socket.send_bytes(data + frame(PING, b"never answered"))
        assert socket.close_code()[0] == code
        with pytest.raises(Closed):
            socket.frame()


@pytest.mark.parametrize("data", [case[1] for case in GOOD], ids=[case[0] for case in GOOD])
@pytest.mark.parametrize("pieces", ["whole", "bytes"])
def test_what_a_client_says_is_discarded(server, data, pieces):
    """The connection lives on: a ping behind it is answered, with the same bytes."""
    with server.query("*:marker") as socket:
        if pieces == "whole" or len(data) > 5000:
            socket.send_bytes(data)
        else:
            for byte in data:
                socket.send_bytes(bytes([byte]))
        socket.send(PING, b"still here")
        while True:
            got = socket.frame()
            assert got.opcode == PONG
            if got.payload == b"still here":
                break


@pytest.mark.parametrize("code", CODES)
def test_a_close_is_answered_by_its_code(server, code):
    with server.query("*:marker") as socket:
        socket.send_bytes(close(code, "tschüß".encode()))
        assert socket.close_code()[0] == code
        with pytest.raises(Closed) as ended:
            socket.frame()
        assert ended.value.code is None


def test_a_close_without_a_code_is_answered_without(server):
    with server.query("*:marker") as socket:
        socket.send(CLOSE)
        assert socket.close_code()[0] is None


def test_a_client_that_vanishes_is_forgotten(server):
    socket = server.query("*:marker")
    assert server.metric("pgcdc_subscriptions") >= 1
    socket.drop()
    wait_for("no subscription", lambda: server.metric("pgcdc_subscriptions") == 0)


def test_a_flood_of_pings_is_answered_or_closed(server):
    """A peer that never reads its pongs costs bounded memory."""
    before = server.rss_kib()
    with server.query("*:marker", receive_buffer=4096) as socket:
        try:
            socket.stream.socket.settimeout(5)
            for _ in range(2000):
                socket.send_bytes(frame(PING, b"p" * 125) * 100)
        except OSError:
            pass  # closed, or back-pressure: both are answers
        assert server.rss_kib() - before < 32 * 1024 * MEMORY_FACTOR
    assert server.get("/ping").status == 200


def test_bytes_before_the_101_are_refused(server):
    """What was sent before the upgrade was answered is never taken as frames (smuggling)."""
    stream = server.open()
    stream.socket.sendall(b"GET /ws?query=*:marker HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                          b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                          b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + frame(PING, b"early"))
    assert stream.reply().status == 400
    with pytest.raises(Closed):
        stream.exactly(1, time.monotonic() + PATIENCE)
    stream.socket.close()


def test_a_silent_client_is_pinged_and_a_dead_one_closed(pgcdc):
    """D7 and L4: a ping within ping_interval, the end 10 s after it was not answered; pongs keep
    alive."""
    server = pgcdc(ping_interval="2")
    dead, alive = server.query("*:marker"), server.query("*:marker")
    is_over = threading.Event()

    def answer():
        while not is_over.is_set():
            try:
                alive.text(0.2)  # answers pings
            except TimeoutError:
                pass

    answering = threading.Thread(target=answer)
    answering.start()
    assert dead.frame().opcode == PING
    begin = time.monotonic()
    try:
        while True:
            assert dead.frame().opcode in (CLOSE, PING)
    except Closed:
        pass
    assert time.monotonic() - begin < promised(15)
    is_over.set()
    answering.join()
    alive.send(PING, b"here")
    got = alive.frame()
    while got.payload != b"here":
        got = alive.frame()
    assert got.opcode == PONG
    alive.drop()


def test_the_websockets_library_understands_us(postgres, server):
    """A client that others wrote."""
    import asyncio
    import websockets

    async def talk():
        url = f"ws://127.0.0.1:{server.port}/ws?query=insert:marker"
        async with websockets.connect(url) as socket:
            postgres.psql("INSERT INTO marker VALUES (1000001)")
            return await asyncio.wait_for(socket.recv(), PATIENCE)

    assert '"columnvalues":[1000001]' in asyncio.run(talk())
