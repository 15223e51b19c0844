# SPDX-License-Identifier: Apache-2.0
"""permessage-deflate (RFC 7692): the same messages in fewer bytes, each change compressed once, and
nothing that a client compresses harms anybody."""
import json
import urllib.parse

import pytest

from support.pgcdc import MEMORY_FACTOR, wait_for
from support.tls import context, make_certificate
from support.websocket import (BINARY, CONTINUATION, DEFLATE, PING, PONG, TEXT, Closed, Refused,
                               WebSocket, deflate, encode_frame as frame)
from v1_client import V1

ROWS = "CREATE TABLE rows (id int PRIMARY KEY, body text)"
TAKEN = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
RSV1 = 4


def fill(database, first, last, size=300):
    """Rows of texts that can be made shorter, in any script."""
    database.run("INSERT INTO rows SELECT n, left(repeat(md5(n::text) || ' grüße, 世界 ', 1 + %s / 32),"
                 " %s) FROM generate_series(%s, %s) n", [size, size, first, last])


def live(server, *queries, since=None, headers=(DEFLATE,), **how):
    path = "/ws?" + "&".join("query=" + urllib.parse.quote(query, safe="*:,.") for query in queries)
    made = WebSocket("127.0.0.1", server.port, path + (f"&since={since}" if since else ""), headers,
                     server.tls, **how)
    server.clients.add(made)
    return made


def rich(server, **how):
    made = V1(server, [DEFLATE], **how)
    server.clients.add(made)
    return made


def ids(messages):
    return [message["columnvalues"][0] for message in messages if message["table"] == "rows"]


# ---- agreeing ----

@pytest.mark.parametrize("offer, answer", [
    ("permessage-deflate", TAKEN),
    ("permessage-deflate; client_max_window_bits", TAKEN),
    ("permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
     TAKEN + "; server_max_window_bits=12"),
    ("permessage-deflate; server_max_window_bits=8, permessage-deflate", TAKEN),
    ("permessage-deflate; server_max_window_bits=8", ""),
    ("permessage-deflate; what", ""),
    ("x-webkit-deflate-frame", ""),
])
def test_the_first_offer_that_can_be_kept_is_taken(database, pgcdc, offer, answer):
    server = pgcdc()
    header = ("Sec-WebSocket-Extensions", offer)
    with live(server, "*:marker", headers=[header]) as socket:
        assert socket.extensions == answer
        server.wait_metric("pgcdc_deflate_connections", 1 if answer else 0)
        database.mark(socket)
    with V1(server, [header]) as socket:
        assert socket.extensions == answer
    server.wait_metric("pgcdc_deflate_connections", 0)


def test_a_malformed_offer_is_refused(database, pgcdc):
    server = pgcdc()
    for kind in (live, lambda server, _, headers: V1(server, headers)):
        with pytest.raises(Refused) as refused:
            kind(server, "*:marker", headers=[("Sec-WebSocket-Extensions", "permessage-deflate;")])
        assert refused.value.status == 400


def test_it_can_be_turned_off(database, pgcdc):
    server = pgcdc(compression="false")
    with live(server, "*:marker") as socket, rich(server) as other:
        assert socket.extensions == "" and other.extensions == ""
        socket.send(TEXT, deflate(b"x"), rsv=RSV1)
        assert socket.close_code()[0] == 1002


# ---- the same messages ----

def test_all_clients_get_the_same(database, pgcdc):
    """With and without compression, in each form; the shortest are never compressed."""
    database.run(ROWS)
    server = pgcdc()
    wanted = ("*:rows", "insert:marker")
    few = ("insert:rows:id.lt.3", "*:rows", "insert:marker")
    pairs = [(live(server, *queries, since=since), server_side(server, queries, since))
             for queries in (wanted, few) for since in (None, "now")]
    fill(database, 1, 30)
    fill(database, 31, 33, 70000)
    database.run("INSERT INTO rows VALUES (34, '')")
    database.run("UPDATE rows SET body = 'x' WHERE id < 4")
    database.run("DELETE FROM rows WHERE id > 20")
    got = [database.mark(*pair, timeout=60) for pair in pairs]
    assert all(packed == plain and len(plain) == 51 for packed, plain in got)
    assert all(packed.deflated >= 33 and plain.deflated == 0 for packed, plain in pairs)


def server_side(server, queries, since):
    return live(server, *queries, since=since, headers=[("X", "y")])


def test_v1_with_several_ids_and_columns(database, pgcdc):
    database.run(ROWS)
    server = pgcdc()
    sockets = [rich(server), rich(server), V1(server)]
    for place, socket in enumerate(sockets):
        socket.subscribe(f"all {place}", "*:rows")
        socket.subscribe("few", "*:rows:id.lt.5")
        socket.subscribe("\u0001 ключ", "*:rows:id.gt.3", select=["id"])
    narrow = rich(server)
    narrow.subscribe("narrow", "*:rows", select=["id"])
    fill(database, 1, 20)
    fill(database, 21, 21, 100000)
    database.run("UPDATE rows SET id = 40 WHERE id = 2")
    got = [socket.changes(database, 60) for socket in [*sockets, narrow]]
    for place, changes in enumerate(got[:3]):
        assert [len(change["ids"]) for change in changes[:5]] == [2, 2, 2, 3, 2]
        assert all(change["ids"].pop(change["ids"].index(f"all {place}")) for change in changes)
    assert got[0] == got[1] == got[2] and len(got[0]) == 22
    assert [change["new"] for change in got[3]] == [{"id": n} for n in (*range(1, 22), 40)]
    assert sockets[0].deflated >= 22 and sockets[2].deflated == 0


def test_a_snapshot_is_compressed(database, pgcdc):
    database.run(ROWS)
    fill(database, 1, 2000)
    server = pgcdc()
    got = []
    for socket in (rich(server), V1(server)):
        socket.subscribe("s", "*:rows", snapshot=True)
        rows, message = [], None
        while not message or message["type"] != "live":
            message = socket.next()
            rows += message.get("rows", [])
        got.append(sorted(row["id"] for row in rows))
        assert (socket.deflated > 0) == bool(socket.extensions)
        socket.drop()
    assert got == [list(range(1, 2001))] * 2


def test_over_tls(database, pgcdc, tmp_path):
    database.run(ROWS)
    key, cert = certificate = make_certificate(tmp_path)
    server = pgcdc(tls=context(certificate), https="true", key_priv=str(key), key_cert=str(cert))
    with live(server, "*:rows", "insert:marker") as socket:
        fill(database, 1, 30, 20000)
        assert ids(database.mark(socket)) == list(range(1, 31)) and socket.deflated >= 30


def test_a_client_that_others_wrote(database, pgcdc):
    """Python's websockets, which asks for a window of 4 KiB by itself."""
    import asyncio
    import websockets

    database.run(ROWS)
    server = pgcdc()

    async def talk():
        url = f"ws://127.0.0.1:{server.port}/ws?query=insert:rows"
        async with websockets.connect(url, max_size=None) as socket:
            fill(database, 1, 50)
            fill(database, 51, 52, 200000)
            return [json.loads(await asyncio.wait_for(socket.recv(), 60)) for _ in range(52)]

    async def talk_v1():
        url = f"ws://127.0.0.1:{server.port}/ws"
        async with websockets.connect(url, subprotocols=["pgcdc.v1"]) as socket:
            query = "insert:rows:id.in." + ",".join(map(str, range(60, 900)))
            await socket.send(json.dumps({"type": "subscribe", "id": "s", "query": query}))
            while json.loads(await asyncio.wait_for(socket.recv(), 60))["type"] != "subscribed":
                pass
            fill(database, 60, 69)
            return [json.loads(await asyncio.wait_for(socket.recv(), 60)) for _ in range(10)]

    assert ids(asyncio.run(talk())) == list(range(1, 53))
    assert [each["new"]["id"] for each in asyncio.run(talk_v1())] == list(range(60, 70))
    wait_for("the count", lambda: server.metric("pgcdc_deflated_messages_total") >= 60)


# ---- once for all ----

def test_a_change_is_compressed_once_whoever_gets_it(database, pgcdc):
    """Live, in several groups, with several subscriptions, in both protocols; and again for those
    that come back."""
    database.run(ROWS)
    server = pgcdc(workers="1")

    def compressed():
        return server.metric("pgcdc_deflated_messages_total")

    def insert(first):
        before = compressed()
        database.run("INSERT INTO rows SELECT n, repeat('x', 100) FROM generate_series(%s, %s) n",
                     [first, first + 9])
        return before

    first = [live(server, "insert:rows", since="now"), rich(server)]
    first[1].subscribe("a", "insert:rows")
    before = insert(1)
    start = first[0].message()["pos"]
    assert [first[0].message()["columnvalues"][0] for _ in range(9)] == list(range(2, 11))
    assert len(first[1].changes_of({"a": 10})["a"]) == 10
    assert compressed() - before == 10 + 10

    plain = [live(server, query) for query in ("insert:rows", "*:rows", "insert:rows:id.gt.0") * 10]
    plain += [live(server, "insert:rows:id.lt.50", "insert:rows:id.gt.3") for _ in range(5)]
    many = [rich(server) for _ in range(10)]
    for place, socket in enumerate(many):
        for number in range(place % 3 + 1):
            socket.subscribe(f"{place}.{number}", f"insert:rows:id.gt.{number}")
    before = insert(11)
    for socket in plain:
        assert ids([socket.message() for _ in range(10)]) == list(range(11, 21))
    for place, socket in enumerate(many):
        assert len(socket.changes_of({f"{place}.0": 10})[f"{place}.0"]) == 10
    assert compressed() - before == 3 * 10  # with "pos", without, and the rich protocol's

    before = compressed()
    for _ in range(10):
        with live(server, "insert:rows", since=start) as socket:
            assert ids([socket.message() for _ in range(19)]) == list(range(2, 21))
    back = rich(server)
    back.subscribe("a", "insert:rows", since=start)
    assert len(back.changes_of({"a": 19})["a"]) == 19
    assert compressed() - before < 30  # of 209; some of 256 places may have met
    assert server.metric("pgcdc_deflate_out_bytes_total") < server.metric("pgcdc_deflate_in_bytes_total")


def test_each_list_of_columns_is_compressed_once(database, pgcdc):
    database.run("CREATE TABLE rows (id int PRIMARY KEY, a text, b text)")
    server = pgcdc(workers="1")
    sockets = [rich(server) for _ in range(9)]
    for place, socket in enumerate(sockets):
        socket.subscribe("s", "insert:rows", select=[["a"], ["b"], ["a", "b"]][place % 3])
    database.run("INSERT INTO rows SELECT n, repeat('a', 50), repeat('b', 50) FROM generate_series(1, 5) n")
    for place, socket in enumerate(sockets):
        changes = socket.changes_of({"s": 5})["s"]
        assert set(changes[0]["new"]) == [{"id", "a"}, {"id", "b"}, {"id", "a", "b"}][place % 3]
    assert server.metric("pgcdc_deflated_messages_total") == 3 * 5


# ---- behind ----

def test_slow_and_resuming_clients_get_the_same(database, pgcdc):
    database.run(ROWS)
    server = pgcdc(journal_size="64MiB")
    begin = live(server, "*:rows", since="now")
    slow = [live(server, "insert:rows", "insert:marker", receive_buffer=4096),
            live(server, "insert:rows", "insert:marker", since="now", receive_buffer=4096)]
    slow_rich = rich(server, receive_buffer=4096)
    slow_rich.subscribe("s", "insert:rows")
    fill(database, 1, 1)
    position = begin.message()["pos"]
    for first in range(2, 1202, 400):
        database.run("INSERT INTO rows SELECT n, (SELECT string_agg(md5((n * 1000 + k)::text), '')"
                     " FROM generate_series(1, 250) k) FROM generate_series(%s, %s) n",
                     [first, first + 399])
    wait_for("slow ones", lambda: server.metric("pgcdc_clients_behind") >= 3)
    for messages in database.mark(*slow, timeout=60):
        assert ids(messages) == list(range(1, 1202))
    got = slow_rich.changes_of({"s": 1201}, 60)["s"]
    assert [change["new"]["id"] for change in got] == list(range(1, 1202))
    again = [live(server, "*:rows", "insert:marker", since=position) for _ in range(2)]
    for messages in database.mark(*again, timeout=60):
        assert ids(messages) == list(range(2, 1202))
    assert all(socket.deflated >= 1200 for socket in [*slow, slow_rich, *again])
    begin.drop()


# ---- what clients compress ----

def test_a_client_may_compress_too(database, pgcdc):
    """Whole, in fragments with a ping between them, and mixed with what is not compressed."""
    server = pgcdc()
    with rich(server) as socket:
        def ask(payload):
            return json.dumps({"type": "ping", "payload": payload}).encode()

        packed = deflate(ask("b" * 200))
        socket.send(TEXT, deflate(ask("a")), rsv=RSV1)
        socket.send(TEXT, packed[:10], rsv=RSV1, fin=False)
        socket.send(PING, b"between")
        for byte in packed[10:]:
            socket.send(CONTINUATION, bytes([byte]), fin=False)
        socket.send(CONTINUATION, b"")
        socket.send(TEXT, ask("c"))
        socket.send(BINARY, deflate(b"\xff\xfe"), rsv=RSV1)
        socket.send(TEXT, deflate(ask("grüße")), rsv=RSV1)
        got = []
        while not got or got[-1].get("payload") != "grüße":
            seen = socket.frame()
            if seen.opcode == PONG:
                got.append({"payload": seen.payload.decode()})
            else:
                got.append(json.loads(socket.text_of(seen)))
    assert [each.get("payload", each.get("code")) for each in got] == \
        ["a", "between", "b" * 200, "c", "bad_message", "grüße"]


BOMB = deflate(b" " * 60000)
HUGE = deflate(bytes(100_000_000))
NOT_UTF8 = deflate(b"\xc0\x80")
BAD = [
    ("not DEFLATE", frame(TEXT, b"\xff\xff\xff", rsv=RSV1), 1007),
    ("empty", frame(TEXT, b"", rsv=RSV1), 1007),
    ("broken off", frame(TEXT, deflate(b"abcdefghijklmnop")[:-3], rsv=RSV1), 1007),
    ("bad in the second fragment", frame(TEXT, b"\xf2", rsv=RSV1, fin=False)
     + frame(CONTINUATION, b"\xff\xff"), 1007),
    ("not UTF-8", frame(TEXT, NOT_UTF8, rsv=RSV1), 1007),
    ("a bomb of 60,000 bytes", frame(TEXT, BOMB, rsv=RSV1), 1009),
    ("a bomb of 100 MB", frame(BINARY, HUGE[:60000], rsv=RSV1), 1009),
    ("70,000 bytes", frame(TEXT, deflate("".join(map(str, range(20000))).encode()[:70000]), rsv=RSV1),
     1009),
    ("RSV1 on a continuation", frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b", rsv=RSV1), 1002),
    ("RSV1 on a ping", frame(PING, b"a", rsv=RSV1), 1002),
    ("RSV2", frame(TEXT, b"a", rsv=2), 1002),
    ("RSV1 and RSV2", frame(TEXT, b"a", rsv=6), 1002),
]


@pytest.fixture(scope="module")
def server(scratch, postgres):
    from support.pgcdc import Pgcdc
    with Pgcdc(scratch, postgres.url()) as made:
        yield made


@pytest.mark.parametrize("data, code", [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_what_is_bad_closes_with_its_code(server, data, code):
    with rich(server) as socket:
        socket.send_bytes(data + frame(PING, b"never answered"))
        assert socket.close_code()[0] == code
        with pytest.raises(Closed):
            socket.frame()


@pytest.mark.parametrize("data", [frame(TEXT, b"\xff\xff\xff", rsv=RSV1), frame(TEXT, BOMB, rsv=RSV1),
                                  frame(TEXT, NOT_UTF8, rsv=RSV1, fin=False)
                                  + frame(PING, b"p") + frame(CONTINUATION, b"rest")],
                         ids=["not DEFLATE", "bomb", "fragments"])
def test_plain_clients_are_not_even_inflated(server, data):
    """What they say is discarded, so it costs nothing and is not looked at."""
    with live(server, "*:marker") as socket:
        socket.send_bytes(data * 3 + frame(PING, b"still here"))
        while socket.frame().payload != b"still here":
            pass


def test_without_an_agreement_rsv1_is_an_error(server):
    for socket in (live(server, "*:marker", headers=[("X", "y")]), V1(server, [("X", "y")])):
        socket.send(TEXT, deflate(b"{}"), rsv=RSV1)
        assert socket.close_code()[0] == 1002
        socket.drop()


def test_bombs_cost_bounded_memory(server):
    """As many as one likes, whole or in pieces, beside one who means well."""
    good = rich(server)
    good.ping("before")
    before = server.rss_kib()
    sockets = [rich(server) for _ in range(50)]
    for socket in sockets:
        socket.send_bytes(frame(TEXT, HUGE[:60000], rsv=RSV1, fin=False))
    good.ping("between")
    for socket in sockets:
        socket.send_bytes(frame(CONTINUATION, HUGE[60000:61000]))
        assert socket.close_code()[0] == 1009
        socket.drop()
    good.ping("after")
    assert server.rss_kib() - before < 16 * 1024 * MEMORY_FACTOR
    good.drop()
