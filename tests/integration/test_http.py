# SPDX-License-Identifier: Apache-2.0
"""What HTTP/1.1 requests get: the answers of the original, and 400 for every doubt."""
import json
import shutil
import signal
import subprocess
import time

import pytest

from support.patience import PATIENCE, promised
from support.pgcdc import Pgcdc, run, wait_for
from support.websocket import Closed, Refused, WebSocket

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
HEAD = b"Host: localhost\r\n"
UPGRADE = (b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Key: " + KEY + b"\r\n")


@pytest.fixture(scope="module")
def server(scratch, postgres):
    """One server for the module, on a database with a table `orders`."""
    postgres.psql("CREATE DATABASE http")
    postgres.psql("CREATE TABLE orders (id int PRIMARY KEY, status text, total numeric(10,2),"
                  " tags text[], data jsonb, at timestamptz)", "http")
    with Pgcdc(scratch, postgres.url("http")) as made:
        yield made
    postgres.drop_database("http")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_ping_answers_zpour_to_any_method(server, method):
    reply = server.exchange(f"{method} /ping HTTP/1.1\r\n".encode() + HEAD + b"\r\n")
    assert (reply.status, reply.body) == (200, "zpour")


def test_ping_by_head_has_no_body(server):
    stream = server.open()
    stream.socket.sendall(b"HEAD /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    reply = stream.reply(is_head=True)
    assert reply.status == 200 and reply.headers["content-length"] == "5"
    with pytest.raises(Closed):
        stream.exactly(1, time.monotonic() + PATIENCE)


# Query errors of the original are answered without an upgrade, so that curl shows them.
QUERIES = [
    ("/ws", 400, "missing the query params"),
    ("/ws?", 400, "missing the query params"),
    ("/ws?query=nonsense:orders", 400, "the change_type params does not match requirements"),
    ("/ws?query=", 400, "the change_type params does not match requirements"),
    ("/ws?query=insert", 400, "the change_table params is not present"),
    ("/ws?query=insert:", 400, "the change_table params is not present"),
    ("/ws?query=*:nowhere", 400, "the table asked for does not exists"),
    ("/ws?query=*:nowhere:id.eq.1", 400, "the table asked for does not exists"),
    ("/ws?query=*:pg_catalog.nowhere", 400, "the table asked for does not exists"),
    ("/ws?query=*:orders", 426, None),
    ("/ws?query=insert,update:orders:id.in.1,2", 426, None),
    ("/nothing", 404, None),
    ("/../ping", 404, None),
    ("//ping", 404, None),
    ("/ping/", 404, None),
    ("/%70ing", 404, None),
]


@pytest.mark.parametrize("path, status, body", QUERIES, ids=[case[0] for case in QUERIES])
def test_answers_of_the_original(server, path, status, body):
    reply = server.get(path)
    assert reply.status == status, reply
    if body:
        assert reply.body.strip() == body
    if status == 426:
        assert reply.headers["sec-websocket-version"] == "13"
        assert reply.headers["upgrade"].lower() == "websocket"


# X1: nothing unknown widens a subscription; the offending word and the choices are named.
REFUSED = [
    ("*:orders:status.equals.paid", ["equals", "eq", "isdistinct"]),
    ("*:orders:nothing.eq.1", ["nothing", "status"]),
    ("*:orders:id.eq.abc", ["abc", "integer"]),
    ("*:orders:id.eq.99999999999999999999", ["99999999999999999999"]),
    ("*:orders:at.gt.yesterdayish", ["yesterdayish"]),
    ("*:orders:id.like.1%25", ["like", "id"]),
    ("*:orders:status.match.(", ["("]),
    ("*:orders:total.cs.{1}", ["cs", "total"]),
    ("*:orders:and(id.eq.1", []),
    ("*:orders:or()", []),
    ("*:orders:id.in.()", []),
    ("*:orders:id", []),
    ("*:orders:id.eq", []),
    ("*:orders:" + "not." * 3 + "id", []),
    ("upsert,insertt:orders", ["change_type"]),
    ("*:orders:" + "and(" * 9 + "id.eq.1" + ")" * 9, ["8"]),
    ("*:orders:or(" + ",".join(["id.eq.1"] * 65) + ")", ["64"]),
    ("*:orders:id.in.(" + ",".join(["1"] * 1001) + ")", ["1000"]),
]


@pytest.mark.parametrize("query, words", REFUSED, ids=[case[0][:40] for case in REFUSED])
def test_a_bad_query_is_400_with_words(server, query, words):
    reply = server.get("/ws?query=" + query.replace("+", "%2B"))
    assert reply.status == 400, reply
    assert reply.body.strip(), "no words"
    for word in words:
        assert word in reply.body


def test_a_query_over_8_kib_is_refused(server):
    assert server.get("/ws?query=*:orders:status.eq." + "a" * 8192).status in (400, 414)


def test_every_query_of_a_request_counts(server):
    """One bad query among good ones refuses the request."""
    assert server.get("/ws?query=*:orders&query=*:nowhere").status == 400


BAD = [
    ("bare LF", b"GET /ping HTTP/1.1\nHost: a\n\n", {400}),
    ("bare LF in a header", b"GET /ping HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", {400}),
    ("bare CR", b"GET /ping HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", {400}),
    ("NUL in a header", b"GET /ping HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", {400}),
    ("NUL in the target", b"GET /pi\0ng HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("folded line", b"GET /ping HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", {400}),
    ("space before colon", b"GET /ping HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", {400}),
    ("space first", b"GET /ping HTTP/1.1\r\n Host: a\r\n\r\n", {400}),
    ("no colon", b"GET /ping HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", {400}),
    ("no Host", b"GET /ping HTTP/1.1\r\n\r\n", {400}),
    ("two Hosts", b"GET /ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}),
    ("two lengths", b"POST /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", {400}),
    ("length and chunks", b"POST /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    ("xchunked", b"POST /ping HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", {400, 501}),
    ("chunked", b"POST /ping HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 100000 + b"\r\na\r\n0\r\n\r\n", {400, 413, 431, 501}),
    ("negative length", b"POST /ping HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", {400}),
    ("20-digit length", b"POST /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", {400, 413}),
    ("body on GET", b"GET /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd", {400, 413}),
    ("authority form", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", {400, 405}),
    ("%00", b"GET /ws?query=%00 HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("%zz", b"GET /ws?query=%zz HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("%4", b"GET /ws?query=%4 HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("overlong UTF-8", b"GET /ws?query=%c0%af HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("raw bytes", b"GET /ws?query=\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("64 KB target", b"GET /" + b"a" * 65536 + b" HTTP/1.1\r\nHost: a\r\n\r\n", {400, 414, 431}),
    ("1,000 headers", b"GET /ping HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 1000 + b"\r\n", {431}),
    ("1 MB header", b"GET /ping HTTP/1.1\r\nHost: a\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n", {431}),
    ("10,000 parameters", b"GET /ws?" + b"q=1&" * 10000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", {400, 414, 431}),
    ("HTTP/0.9", b"GET /ping\r\n\r\n", {400, 505}),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    ("HTTP/3.0", b"GET /ping HTTP/3.0\r\nHost: a\r\n\r\n", {400, 505}),
    ("Expect", b"POST /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", {400, 413, 417}),
    ("TRACE", b"TRACE /ping HTTP/1.1\r\nHost: a\r\n\r\n", {400, 405}),
    ("unknown method", b"BREW /ping HTTP/1.1\r\nHost: a\r\n\r\n", {400, 405, 501}),
    ("TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100, {400}),
    ("noise", bytes(range(256)) * 4, {400}),
]


@pytest.mark.parametrize("request_bytes, statuses", [case[1:] for case in BAD],
                         ids=[case[0] for case in BAD])
def test_bad_framing_is_refused_and_closed(server, request_bytes, statuses):
    """One answer, then the end: what follows is never read as another request."""
    stream = server.open()
    try:
        stream.socket.sendall(request_bytes + b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        pass  # it answered and closed while we were still sending
    try:
        reply = stream.reply()
    except Closed:
        assert len(request_bytes) > 60000, "closed without an answer"  # reset by what it left unread
    else:
        assert reply.status in statuses, reply
        with pytest.raises(Closed):
            while True:
                assert b"zpour" not in stream.exactly(1, time.monotonic() + PATIENCE)
    stream.socket.close()
    assert server.get("/ping").body == "zpour"


UPGRADES = [
    ("no key", UPGRADE.replace(b"Sec-WebSocket-Key: " + KEY + b"\r\n", b""), 400),
    ("short key", UPGRADE.replace(KEY, b"dGhl"), 400),
    ("long key", UPGRADE.replace(KEY, KEY * 2), 400),
    ("not base64", UPGRADE.replace(KEY, b"!" * 24), 400),
    ("two keys", UPGRADE + b"Sec-WebSocket-Key: " + KEY + b"\r\n", 400),
    ("version 8", UPGRADE.replace(b"13", b"8"), 426),
    ("version 12", UPGRADE.replace(b"13", b"12"), 426),
    ("version 99", UPGRADE.replace(b"13", b"99"), 426),
    ("no version", UPGRADE.replace(b"Sec-WebSocket-Version: 13\r\n", b""), 426),
    ("h2c", UPGRADE.replace(b"websocket", b"h2c"), 426),
    ("no Connection", UPGRADE.replace(b"Connection: Upgrade\r\n", b""), 426),
    ("body", UPGRADE + b"Content-Length: 5\r\n", 400),
]


@pytest.mark.parametrize("headers, status", [case[1:] for case in UPGRADES],
                         ids=[case[0] for case in UPGRADES])
def test_a_bad_upgrade_is_refused(server, headers, status):
    reply = server.exchange(b"GET /ws?query=*:orders HTTP/1.1\r\n" + HEAD + headers + b"\r\n")
    assert reply.status == status, reply
    if status == 426:
        assert reply.headers["sec-websocket-version"] == "13"


def test_an_upgrade_by_post_is_refused(server):
    reply = server.exchange(b"POST /ws?query=*:orders HTTP/1.1\r\n" + HEAD + UPGRADE + b"\r\n")
    assert reply.status == 405


def test_the_accept_key_is_that_of_the_rfc(server):
    for connection in (b"Connection: keep-alive, Upgrade", b"connection: uPGRADE",
                       b"Connection: keep-alive\r\nConnection: Upgrade"):
        request = UPGRADE.replace(b"Connection: Upgrade", connection)
        reply = server.exchange(b"GET /ws?query=*:orders HTTP/1.1\r\n" + HEAD + request + b"\r\n")
        assert reply.status == 101
        assert reply.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_keep_alive_and_pipelining(server):
    stream = server.open()
    stream.socket.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n" * 3 +
                          b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"
                          b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert [stream.reply().status for _ in range(5)] == [200, 200, 200, 404, 200]
    with pytest.raises(Closed):
        stream.exactly(1, time.monotonic() + PATIENCE)


def test_one_byte_at_a_time(server):
    stream = server.open()
    for byte in b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n":
        stream.socket.sendall(bytes([byte]))
    assert stream.reply().body == "zpour"


def test_live_ready_and_metrics(server):
    assert server.get("/live").status == 200
    status, body = server.ready()
    assert status == 200 and isinstance(body, dict)
    reply = server.get("/metrics")
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/plain")
    done = subprocess.run(["promtool", "check", "metrics"], input=reply.body, text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert server.metric("pgcdc_capture_up") == 1


def test_curl_shows_the_words(server):
    if not shutil.which("curl"):
        pytest.fail("curl is missing; tools/install installs it")
    done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", str(PATIENCE), "-o", "-", "-w", " %{http_code}",
                           f"http://127.0.0.1:{server.port}/ws?query=*:nowhere"],
                          capture_output=True, text=True, check=False)
    assert done.stdout.split() == "the table asked for does not exists 400".split(), done


def test_slow_heads_are_closed_within_ten_seconds_and_harm_nobody(server):
    """F33."""
    begin = time.monotonic()
    slow = [server.open() for _ in range(100)]
    for stream in slow:
        stream.socket.sendall(b"GET /ping HTTP/1.1\r\nHo")
    for stream in slow[::10]:
        stream.socket.sendall(b"s")
    assert server.get("/ping").body == "zpour"
    for stream in slow:
        try:
            assert stream.reply(timeout=promised(14)).status in (400, 408)
        except Closed:
            pass
        stream.socket.close()
    assert time.monotonic() - begin < promised(14)


def test_a_storm_of_connections_leaves_nothing(server):
    """F35, small: descriptors are given back."""
    import os
    count = lambda: len(os.listdir(f"/proc/{server.process.pid}/fd"))
    wait_for("earlier connections to end", lambda: server.metric("pgcdc_connections") <= 1)
    server.query("*:orders").drop()
    wait_for("no subscription", lambda: server.metric("pgcdc_subscriptions") == 0)
    before = count()
    for _ in range(300):
        server.open().socket.close()
    for _ in range(50):
        server.query("*:orders").drop()
    wait_for("all descriptors to be given back", lambda: count() <= before + 1)
    wait_for("no subscription", lambda: server.metric("pgcdc_subscriptions") == 0)


def test_a_second_server_on_the_port_says_so(server, scratch, postgres):
    done = run("--set", f'binding=127.0.0.1:{server.port}', postgres.url("http"))
    assert done.returncode != 0 and str(server.port) in done.stderr


def test_sigterm_closes_clients_and_ends_with_0(scratch, postgres):
    """L5, thin: a close frame with a reason, exit code 0; a second signal is no crash."""
    for number in (signal.SIGTERM, signal.SIGINT):
        server = Pgcdc(scratch, postgres.url()).start()
        socket = server.query("*:marker")
        server.process.send_signal(number)
        code, _ = socket.close_code()
        assert code in (1001, 1012)
        socket.drop()
        assert server.process.wait(PATIENCE) == 0
        assert server.end() == 0
        server.assert_clean()
