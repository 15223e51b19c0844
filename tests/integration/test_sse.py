# SPDX-License-Identifier: Apache-2.0
"""/sse: by raw sockets, by curl, and in a real browser, with its EventSource and its WebSocket."""
import contextlib
import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse

import pytest

from support.guard import end_process
from support.patience import PATIENCE
from support.pgcdc import Pgcdc, clean_environment, wait_for
from support.proxy import Proxy
from support.sse import EventStream
from support.websocket import Closed, Refused
from v1_schema import check

ORDERS = "CREATE TABLE orders (id int PRIMARY KEY, region text)"


def path_of(*queries, **more):
    return "/sse?" + urllib.parse.urlencode([("query", query) for query in queries] + list(more.items()))


def events(server, *queries, headers=(), **more):
    return EventStream("127.0.0.1", server.port, path_of(*queries, **more), headers, server.tls)


def begin(stream):
    """The position in `ready`, which is also its id."""
    event = stream.event()
    assert event.name == "ready"
    assert json.loads(event.data) == {"pos": event.id}
    return event.id


def next_ids(stream, count):
    """The row ids of the next changes; each event has an id of its own, in order."""
    got = []
    for _ in range(count):
        before = stream.last_id
        event = stream.event()
        assert event.name == "message" and event.id > before
        message = check(event.data, "plain")
        assert "pos" not in message
        got.append(message["columnvalues"][0])
    return got


def test_the_stream_as_it_is_written(database, pgcdc):
    """Byte by byte: the head, retry, ready, a change."""
    database.run(ORDERS)
    server = pgcdc()
    stream = server.open()
    stream.socket.sendall(f"GET {path_of('*:orders')} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    head = stream.until(b"\r\n\r\n", deadline()).decode().lower()
    assert head.startswith("http/1.1 200 ok\r\n")
    assert "content-type: text/event-stream\r\n" in head and "cache-control: no-store" in head
    assert stream.until(b"\n\n", deadline()).startswith(b"retry: ")
    lines = stream.until(b"\n\n", deadline()).decode().split("\n")
    position = lines[0].removeprefix("id: ")
    assert lines == [f"id: {position}", "event: ready", f'data: {{"pos":"{position}"}}']
    database.run("INSERT INTO orders VALUES (5, E'two\\nlines')")
    id_line, data = stream.until(b"\n\n", deadline()).decode().split("\n")
    assert id_line > f"id: {position}"
    assert data == ('data: {"kind":"insert","schema":"public","table":"orders","columnnames":'
                    '["id","region"],"columntypes":["integer","text"],"columnvalues":[5,"two\\nlines"]}')
    stream.socket.close()


def deadline():
    return time.monotonic() + PATIENCE


def test_several_queries_give_one_event_for_each_change(database, pgcdc):
    database.run(ORDERS + "; CREATE TABLE more (id int PRIMARY KEY)")
    with events(pgcdc(), "insert:orders", "insert:orders:id.gt.1", "*:more") as stream:
        begin(stream)
        database.run("INSERT INTO orders VALUES (1), (2); INSERT INTO more VALUES (3)")
        database.run("DELETE FROM orders; INSERT INTO orders VALUES (4)")
        assert next_ids(stream, 4) == [1, 2, 3, 4]


def test_ready_means_live(database, pgcdc):
    database.run(ORDERS)
    server = pgcdc()
    for number in range(30):
        with events(server, f"insert:orders:id.eq.{number}") as stream:
            begin(stream)
            database.run("INSERT INTO orders VALUES (%s)", [number])
            assert next_ids(stream, 1) == [number]


@pytest.mark.parametrize("way", ["header", "since"])
def test_going_on_is_exact(database, pgcdc, way):
    """Each change once, over many connections, some of which end within a transaction."""
    database.run(ORDERS)
    server = pgcdc(workers="3")
    with events(server, "insert:orders") as stream:
        last, seen = begin(stream), []
    for turn in range(20):
        database.run("INSERT INTO orders SELECT n FROM generate_series(%s, %s) n",
                     [turn * 10, turn * 10 + 9])
        more = {"since": last} if way == "since" else {}
        headers = [("Last-Event-ID", last)] if way == "header" else []
        with events(server, "insert:orders", headers=headers, **more) as stream:
            assert begin(stream) == last
            seen += next_ids(stream, turn % 9 + 1)
            last = stream.last_id
    with events(server, "insert:orders", since=last) as stream:
        begin(stream)
        seen += next_ids(stream, 200 - len(seen))
    assert seen == list(range(200))


def test_the_header_wins_over_since(database, pgcdc):
    """The browser comes back to the address that it was given at first."""
    database.run(ORDERS)
    server = pgcdc()
    with events(server, "insert:orders", since="now") as stream:
        first = begin(stream)
        database.run("INSERT INTO orders VALUES (1), (2), (3)")
        next_ids(stream, 2)
        last = stream.last_id
    with events(server, "insert:orders", since=first, headers=[("Last-Event-ID", last)]) as stream:
        assert begin(stream) == last
        assert next_ids(stream, 1) == [3]
    with events(server, "insert:orders", since="now", headers=[("Last-Event-ID", last)]) as stream:
        begin(stream)
        assert next_ids(stream, 1) == [3]


@pytest.mark.parametrize("stale", ["nonsense", "0" * 42, "0000000000000001-0000000000000001-00000000"])
def test_a_position_that_does_not_hold_is_a_told_gap(database, pgcdc, stale):
    """`gap` first, then `ready`; and the stream goes on by itself."""
    database.run(ORDERS)
    with events(pgcdc(), "insert:orders", headers=[("Last-Event-ID", stale)]) as stream:
        gap = stream.event()
        assert gap.name == "gap"
        told = json.loads(gap.data)
        assert set(told) == {"reason", "pos"} and told["pos"] == gap.id and told["reason"]
        assert begin(stream) == gap.id
        database.run("INSERT INTO orders VALUES (1)")
        assert next_ids(stream, 1) == [1]


def test_a_gap_of_the_stream_does_not_end_it(own_postgres, scratch):
    cluster = own_postgres().start()
    cluster.psql(ORDERS)
    with Pgcdc(scratch, cluster.url()) as server, events(server, "insert:orders") as stream:
        begin(stream)
        cluster.stop("immediate")
        cluster.start()
        server.wait_ready()
        event = stream.event()
        assert event.name == "gap" and json.loads(event.data)["pos"] == event.id
        cluster.psql("INSERT INTO orders VALUES (1)")
        assert next_ids(stream, 1) == [1]


def test_a_quiet_stream_gives_signs_of_life_with_ids(database, pgcdc):
    """Comments; their ids move on although nothing that matches has happened."""
    database.run(ORDERS)
    server = pgcdc(ping_interval="1")
    with events(server, "insert:orders") as stream:
        first = begin(stream)
        database.run("INSERT INTO marker VALUES (1)")
        end = deadline()
        while not (stream.comments and stream.last_id > first):
            assert time.monotonic() < end, "no comment with an id came"
            try:
                stream.event(1)
            except TimeoutError:
                pass
        last = stream.last_id
    database.run("INSERT INTO orders VALUES (1)")
    with events(server, "insert:orders", headers=[("Last-Event-ID", last)]) as stream:
        assert begin(stream) == last
        assert next_ids(stream, 1) == [1]


# ---- requests ----

@pytest.mark.parametrize("path, words", [
    ("/sse", "missing the query params"), ("/sse?query=nonsense:orders", "change_type"),
    ("/sse?query=*:nowhere", "the table asked for does not exists"),
    ("/sse?query=*:orders:id.equals.1", "equals"), ("/sse?query=*:orders&color=red", "color"),
    ("/sse?query=*:orders&since=now&since=now", "since"),
    ("/sse?" + "&".join(["query=*:orders"] * 65), "64")])
def test_errors_are_plain_answers(database, pgcdc, path, words):
    database.run(ORDERS)
    reply = pgcdc().get(path)
    assert reply.status == 400 and words in reply.body
    assert reply.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "OPTIONS", "DELETE"])
def test_only_get_opens_a_stream(database, pgcdc, method):
    """Anything else is answered, and ends."""
    database.run(ORDERS)
    server = pgcdc()
    stream = server.open()
    stream.socket.sendall(f"{method} {path_of('*:orders')} HTTP/1.1\r\nHost: a\r\n"
                          "Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
    reply = stream.reply(is_head=method == "HEAD")
    assert reply.status == 405 and reply.headers["allow"] == "GET"
    with pytest.raises(Closed):
        stream.exactly(1, deadline())


def test_pages_of_listed_origins_may_read(database, pgcdc):
    app, other = "https://app.example.com", "http://localhost:3000"
    server = pgcdc(allowed_origins=f"{app}, {other}")
    for origin in (app, other):
        with events(server, "*:marker", headers=[("Origin", origin)]) as stream:
            assert stream.headers["access-control-allow-origin"] == origin
            assert "origin" in stream.headers["vary"].lower()
    for origin in ("https://evil.example.com", "null", app + ".evil.example", app + ":444"):
        with pytest.raises(Refused) as refused:
            events(server, "*:marker", headers=[("Origin", origin)])
        assert refused.value.status == 403
        assert "access-control-allow-origin" not in refused.value.headers
    with events(server, "*:marker") as stream:  # not a browser
        assert "access-control-allow-origin" not in stream.headers


def test_without_a_list_no_other_page_may_read(database, pgcdc):
    server = pgcdc()
    with events(server, "*:marker", headers=[("Origin", "https://app.example.com")]) as stream:
        assert "access-control-allow-origin" not in stream.headers


def test_the_readers_of_one_filter_share_it_with_sockets(database, pgcdc):
    """The same changes, whichever way they are read."""
    database.run(ORDERS)
    server = pgcdc(workers="1")
    socket = server.query("insert:orders", "insert:marker")
    streams = [events(server, "insert:orders") for _ in range(5)]
    for stream in streams:
        begin(stream)
    database.run("INSERT INTO orders SELECT n FROM generate_series(0, 499) n")
    assert [message["columnvalues"][0] for message in database.mark(socket)] == list(range(500))
    for stream in streams:
        assert next_ids(stream, 500) == list(range(500))
        stream.drop()
    wait_for("the readers to be gone", lambda: server.metric("pgcdc_subscriptions") == 2)


# ---- curl ----

def test_curl_reads_it(database, pgcdc):
    database.run(ORDERS)
    server = pgcdc()
    url = f"http://127.0.0.1:{server.port}{path_of('*:orders')}"
    curl = subprocess.Popen(["curl", "-sS", "-N", "--noproxy", "*", "--max-time", str(3 * PATIENCE), url],
                            text=True, stdout=subprocess.PIPE, env=clean_environment())

    def line():
        got = curl.stdout.readline()
        assert got, f"curl has ended with {curl.wait()}"
        return got.rstrip("\n")

    try:
        while line() != "event: ready":
            pass
        database.run("INSERT INTO orders VALUES (7)")
        while not (data := line()).startswith("data: {\"kind\""):
            pass
        assert json.loads(data.removeprefix("data: "))["columnvalues"] == [7, None]
    finally:
        end_process(curl, PATIENCE)


# ---- a browser ----

PAGE = """<!doctype html><meta charset=utf-8><title>pgcdc</title><script>
let told = Promise.resolve();  // one after the other
const tell = (what) => { told = told.then(() => fetch('/told', {method: 'POST', body: JSON.stringify(what)})); };
window.onerror = (words) => { tell({failed: String(words)}) };
const events = new EventSource('%(url)s/sse?query=insert:orders');
for (const name of ['ready', 'gap'])
    events.addEventListener(name, (event) => tell({name, id: event.lastEventId, data: event.data}));
events.onmessage = (event) => tell({name: 'message', id: event.lastEventId, data: event.data});
events.onerror = () => tell({name: 'error', state: events.readyState});
const socket = new WebSocket('%(ws)s/ws', 'pgcdc.v1');
socket.onopen = () => {
    tell({name: 'open', protocol: socket.protocol, extensions: socket.extensions});
    socket.send(JSON.stringify({type: 'subscribe', id: 'page', query: 'insert:orders'}));
};
socket.onmessage = (event) => tell({name: 'v1', data: event.data});
</script>"""


class Page(http.server.BaseHTTPRequestHandler):
    """Gives the page, and takes what it tells."""

    def do_GET(self):
        self.answer(200 if self.path == "/" else 404, self.server.page.encode())

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.server.told.append(json.loads(self.rfile.read(size)))
        self.answer(200, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self):
        try:
            super().handle()
        except ConnectionError:  # the browser has ended
            pass

    def log_message(self, *_):
        pass


@pytest.fixture
def browse(scratch):
    """Opens a page in a browser of its own; the list of what the page tells."""
    running = []

    def start(server, page):
        profile = scratch.path / f"browser-{len(running)}-{server.server_port}"
        server.told, server.page = [], page
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = shutil.which("chromium")
        assert browser, "chromium is not installed; tools/install installs it"
        log = open(scratch.path / "browser.log", "ab")
        process = subprocess.Popen(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
             "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-extensions",
             f"--user-data-dir={profile}", f"http://127.0.0.1:{server.server_port}/"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env=clean_environment(HOME=str(scratch.path)))
        log.close()
        scratch.note(process.pid)
        running.append((process, server))
        return server.told

    yield start
    for process, server in running:
        end_process(process, PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its helpers, which write to the profile
        scratch.forget(process.pid)
        server.shutdown()
        server.server_close()


def test_a_browser_reads_it_and_comes_back_by_itself(database, pgcdc, browse):
    """EventSource of a page of another origin; its connection is cut, and it misses nothing."""
    database.run(ORDERS)
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    origin = f"http://127.0.0.1:{site.server_port}"
    server = pgcdc(allowed_origins=origin)
    with Proxy(("127.0.0.1", server.port)) as proxy:
        told = browse(site, PAGE % {"url": f"http://127.0.0.1:{proxy.port}",
                                    "ws": f"ws://127.0.0.1:{proxy.port}"})

        def named(name):
            assert not [what for what in told if "failed" in what], told
            return [what for what in list(told) if what.get("name") == name]

        def rows():
            return [json.loads(what["data"])["columnvalues"][0] for what in named("message")]

        def answers(type):
            return [message for message in (check(what["data"]) for what in named("v1"))
                    if message["type"] == type]

        wait_for("the page to be ready", lambda: named("ready") and answers("subscribed"),
                 3 * PATIENCE)
        assert named("open")[0]["protocol"] == "pgcdc.v1"
        assert named("open")[0]["extensions"].startswith("permessage-deflate")
        database.run("INSERT INTO orders VALUES (1, 'eu'), (2, 'us')")
        wait_for("two rows", lambda: len(rows()) >= 2)
        wait_for("two changes", lambda: len(answers("change")) >= 2)
        assert [(change["ids"], change["new"]["id"]) for change in answers("change")] == \
            [(["page"], 1), (["page"], 2)]
        assert server.metric("pgcdc_deflated_messages_total") == 2
        assert proxy.reset() >= 2  # and one more where a connection took long
        database.run("INSERT INTO orders VALUES (3), (4)")
        wait_for("the browser to come back", lambda: len(named("ready")) >= 2, 2 * PATIENCE)
        database.run("INSERT INTO orders VALUES (5)")
        wait_for("all rows", lambda: len(rows()) >= 5)
        assert rows() == [1, 2, 3, 4, 5] and not named("gap")
        assert [what["id"] for what in named("message")] == sorted(what["id"] for what in named("message"))
        assert named("ready")[1]["id"] == named("message")[1]["id"]
