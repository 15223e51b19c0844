# SPDX-License-Identifier: Apache-2.0
"""pgcdc.v1 over sockets, as doc/protocol.md tells it; every message is held against the schema."""
import datetime
import decimal
import json
import re

import pytest

from support.patience import PATIENCE, wait_for
from support.pgcdc import Pgcdc
from support.websocket import BINARY, CONTINUATION, PING, PONG, TEXT, Closed, Refused, WebSocket
from test_auth import ADMIN_SECRET, COOKIE_SECRET, HOST, OTHER, USER, cookie, sign
from v1_client import PROTOCOL, V1
from v1_schema import check

ORDERS = ("CREATE TABLE orders (id int PRIMARY KEY, region text, total numeric(12,2), tags text[],"
          " doc jsonb)")


def ids_and_keys(changes):
    return [(change["ids"], change["kind"], change.get("new", change.get("old"))["id"])
            for change in changes]


# ---- the upgrade ----

def test_the_upgrade_names_the_protocol_and_welcomes(database, pgcdc):
    server = pgcdc(ping_interval="7")
    reply = upgrade(server, "Sec-WebSocket-Protocol: chat, pgcdc.v1")
    assert (reply.status, reply.headers["sec-websocket-protocol"]) == (101, "pgcdc.v1")
    with V1(server) as socket:
        welcome = socket.welcome
        assert welcome["heartbeat"] == 7
        assert welcome["limits"] == {"message_bytes": 65536, "subscriptions": 100, "query_bytes": 8192}
        assert welcome["position"].startswith(welcome["epoch"] + "-")
        assert re.match(r"\d+\.\d+\.\d+", welcome["version"])


def upgrade(server, *fields, path="/ws"):
    stream = server.open()
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade",
             "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *fields]
    stream.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
    reply = stream.reply()
    stream.socket.close()
    return reply


def test_another_protocol_is_not_named(database, pgcdc):
    """Who asks for what we do not speak gets the plain stream, without a name."""
    reply = upgrade(pgcdc(), "Sec-WebSocket-Protocol: pgcdc.v9", path="/ws?query=*:marker")
    assert reply.status == 101 and "sec-websocket-protocol" not in reply.headers


def test_queries_come_as_messages_only(database, pgcdc):
    with pytest.raises(Refused) as refused:
        WebSocket("127.0.0.1", pgcdc().port, "/ws?query=*:marker", PROTOCOL)
    assert refused.value.status == 400 and "messages" in refused.value.body


# ---- subscribe and unsubscribe ----

def test_subscribed_tells_the_table_and_where_it_begins(database, pgcdc):
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        got = socket.subscribe("s1", "*:orders")
        assert (got["schema"], got["table"], got["warnings"]) == ("public", "orders", [])
        assert got["columns"] == [
            {"name": "id", "type": "integer", "key": True}, {"name": "region", "type": "text"},
            {"name": "total", "type": "numeric(12,2)"}, {"name": "tags", "type": "text[]"},
            {"name": "doc", "type": "jsonb"}]
        assert got["position"] >= socket.welcome["position"]
        got = socket.subscribe("s2", "*:orders", select=["total"])
        assert [column["name"] for column in got["columns"]] == ["id", "total"]
        got = socket.subscribe("s3", "insert:public.*")
        assert "table" not in got and "columns" not in got


@pytest.mark.parametrize("plugin", ["pgoutput", "wal2json"])
def test_the_key_is_sent_from_the_first_change_on(database, pgcdc, plugin):
    """wal2json names it with the first update or delete only, and of every update."""
    database.run(ORDERS)
    with V1(pgcdc(plugin=plugin)) as socket:
        socket.subscribe("s", "*:orders", select=["total"])
        database.run("INSERT INTO orders VALUES (1, 'eu', 2)")
        database.run("UPDATE orders SET total = 3")
        database.run("UPDATE orders SET id = 4")
        inserted, kept, moved = socket.changes(database)
        assert inserted["new"] == {"id": 1, "total": 2}
        assert "old" not in kept and kept["key"] == {"id": 1}
        assert moved["old"] == moved["key"] == {"id": 1}

def test_subscribed_means_live(database, pgcdc):
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        for number in range(40):
            begin = socket.subscribe(f"s{number}", f"insert:orders:id.eq.{number}")["position"]
            database.run("INSERT INTO orders VALUES (%s)", [number])
            change = socket.next()
            assert (change["ids"], change["new"]["id"]) == ([f"s{number}"], number)
            assert change["pos"] > begin
            if number % 2:
                socket.unsubscribe(f"s{number}")


def test_one_message_for_each_change_names_all_ids(database, pgcdc):
    database.run(ORDERS)
    server = pgcdc()
    with V1(server) as socket, V1(server) as other:
        socket.subscribe("all", "*:orders")
        socket.subscribe("rich", "*:orders:total.gt.100")
        socket.subscribe("again", "*:orders:total.gt.100")
        socket.subscribe("eu", "insert:orders:region.eq.eu")
        other.subscribe("mine", "*:orders:region.eq.eu")
        database.run("INSERT INTO orders VALUES (1, 'eu', 500), (2, 'us', 500), (3, 'eu', 5)")
        database.run("UPDATE orders SET total = 101")
        database.run("DELETE FROM orders WHERE id = 2")
        got = [(set(change["ids"]), change["kind"], change.get("new", change.get("old"))["id"])
               for change in socket.changes(database)]
        assert got == [
            ({"all", "rich", "again", "eu"}, "insert", 1), ({"all", "rich", "again"}, "insert", 2),
            ({"all", "eu"}, "insert", 3), ({"all", "rich", "again"}, "update", 1),
            ({"all", "rich", "again"}, "update", 2), ({"all", "rich", "again"}, "update", 3),
            ({"all"}, "delete", 2)]
        assert [change["ids"] for change in other.changes(database)] == [["mine"]] * 4


def test_unsubscribed_hears_nothing_more_and_the_id_is_free(database, pgcdc):
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        socket.subscribe("a", "*:orders")
        socket.subscribe("b", "*:orders")
        database.run("INSERT INTO orders VALUES (1)")
        assert ids_and_keys(socket.changes(database)) in ([(["a", "b"], "insert", 1)],
                                                         [(["b", "a"], "insert", 1)])
        socket.unsubscribe("a")
        database.run("INSERT INTO orders VALUES (2)")
        assert ids_and_keys(socket.changes(database)) == [(["b"], "insert", 2)]
        socket.unsubscribe("b")
        database.run("INSERT INTO orders VALUES (3)")
        assert socket.changes(database) == []
        socket.subscribe("a", "*:orders:id.gt.4")
        database.run("INSERT INTO orders VALUES (4), (5)")
        assert ids_and_keys(socket.changes(database)) == [(["a"], "insert", 5)]


def test_unsubscribing_in_a_stream_of_changes(database, pgcdc):
    """Nothing with the id comes after the answer; others miss nothing meanwhile."""
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        socket.subscribe("keep", "insert:orders")
        for number in range(50):
            socket.say("subscribe", id="come", query="insert:orders")
            database.run("INSERT INTO orders VALUES (%s)", [number * 2])
            socket.say("unsubscribe", id="come")
            database.run("INSERT INTO orders VALUES (%s)", [number * 2 + 1])
        seen, is_there = [], False
        for message in socket.until_mark(database):
            if message["type"] == "subscribed":
                is_there = True
            elif message["type"] == "unsubscribed":
                is_there = False
            else:
                assert "keep" in message["ids"] and (is_there or message["ids"] == ["keep"]), message
                seen.append(message["new"]["id"])
        assert seen == list(range(100))


def test_unsubscribed_before_it_was_bound(database, pgcdc):
    """The table's description is still asked for when its subscription is gone already."""
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        for number in range(20):
            socket.say("subscribe", id="x", query=f"*:orders:id.gt.{number}")
            socket.say("unsubscribe", id="x")
        database.run("INSERT INTO orders VALUES (100)")
        got = socket.until_mark(database)
        assert [message["type"] for message in got if message["type"] != "subscribed"] == \
            ["unsubscribed"] * 20


def test_select_is_united_over_the_ids_of_a_message(database, pgcdc):
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        socket.subscribe("t", "*:orders:id.lt.10", select=["total"])
        socket.subscribe("r", "*:orders:id.gte.5", select=["region", "region"])
        socket.subscribe("every", "*:orders:id.eq.7")
        database.run("INSERT INTO orders VALUES (1, 'eu', 1), (5, 'eu', 5), (7, 'eu', 7), (11, 'us', 2)")
        got = socket.changes(database)
        assert [list(change["new"]) for change in got] == [
            ["id", "total"], ["id", "region", "total"], ["id", "region", "total", "tags", "doc"],
            ["id", "region"]]


# ---- what a change says ----

def test_what_a_change_says(database, pgcdc):
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        socket.subscribe("s", "*:orders")
        begin = database.run("SELECT now()")[0][0]
        xid = database.run("""INSERT INTO orders VALUES (7, 'eu', 120.50, '{a,b}', '{"lines": [1, 2]}')
                              RETURNING txid_current()::text::int""")[0][0]
        database.run("UPDATE orders SET id = 8, total = 90 WHERE id = 7")
        database.run("UPDATE orders SET total = 91 WHERE id = 8")
        database.run("DELETE FROM orders WHERE id = 8")
        insert, moved, update, delete = socket.changes(database)
    assert insert["new"] == {"id": 7, "region": "eu", "total": 120.50, "tags": ["a", "b"],
                             "doc": {"lines": [1, 2]}}
    assert insert["xid"] == xid and insert["key"] == {"id": 7} and "old" not in insert
    at = datetime.datetime.fromisoformat(insert["at"].replace("Z", "+00:00"))
    assert abs((at - begin).total_seconds()) < 600
    commit = insert["pos"].split("-")[1]
    assert insert["lsn"] == f"{int(commit[:8], 16):X}/{int(commit[8:], 16):X}"
    assert (moved["old"], moved["key"], moved["new"]["id"]) == ({"id": 7}, {"id": 7}, 8)
    assert "old" not in update and update["key"] == {"id": 8}
    assert (delete["old"], delete["key"]) == ({"id": 8}, {"id": 8})


def test_one_transaction_has_one_commit(database, pgcdc):
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        socket.subscribe("s", "*:orders")
        database.run("INSERT INTO orders SELECT n FROM generate_series(1, 5) n")
        got = socket.changes(database)
    assert len({(change["lsn"], change["xid"], change["at"]) for change in got}) == 1
    assert len({change["pos"] for change in got}) == 5
    assert all("last" not in change for change in got[:-1])


def test_the_whole_old_row_under_identity_full(database, pgcdc):
    database.run(ORDERS + "; ALTER TABLE orders REPLICA IDENTITY FULL")
    with V1(pgcdc()) as socket:
        socket.subscribe("s", "*:orders", select=["region"])
        socket.subscribe("t", "delete:orders")
        database.run("INSERT INTO orders VALUES (1, 'eu', 5)")
        database.run("UPDATE orders SET total = 6")
        database.run("DELETE FROM orders")
        insert, update, delete = socket.changes(database)
    assert insert["new"] == {"region": "eu"}  # the identity is the whole row: the list decides
    assert update["old"] == {"region": "eu"}
    assert (delete["old"]["total"], delete["key"]["id"]) == (6.00, 1)


@pytest.mark.parametrize("plugin", ["pgoutput", "wal2json"])
def test_unchanged_large_values_are_named(database, pgcdc, plugin):
    database.run("CREATE TABLE wide (id int PRIMARY KEY, n int, body text, more text)")
    database.run("ALTER TABLE wide ALTER body SET STORAGE EXTERNAL, ALTER more SET STORAGE EXTERNAL")
    with V1(pgcdc(plugin=plugin)) as socket:
        socket.subscribe("s", "*:wide")
        database.run("INSERT INTO wide VALUES (1, 1, repeat('x', 10000), repeat('y', 10000))")
        database.run("UPDATE wide SET n = 2")
        database.run("UPDATE wide SET body = 'short'")
        _, untouched, half = socket.changes(database)
    assert (untouched["new"], sorted(untouched["unchanged"])) == ({"id": 1, "n": 2}, ["body", "more"])
    assert (half["new"], half["unchanged"]) == ({"id": 1, "n": 2, "body": "short"}, ["more"])


def test_a_table_without_identity(database, pgcdc):
    database.run("CREATE TABLE keyless (a int, b text)")
    with V1(pgcdc()) as socket:
        got = socket.subscribe("s", "insert:keyless", select=["b"])
        assert all("key" not in column for column in got["columns"])
        database.run("INSERT INTO keyless VALUES (1, 'x')")
        (change,) = socket.changes(database)
    assert change["new"] == {"b": "x"} and "key" not in change


def test_truncate_comes_to_those_who_ask_for_it(database, pgcdc):
    database.run(ORDERS + "; CREATE TABLE more (id int PRIMARY KEY)")
    with V1(pgcdc()) as socket:
        socket.subscribe("t", "truncate:orders")
        socket.subscribe("i", "*:orders")
        database.run("TRUNCATE orders, more")
        (message,) = socket.changes(database)
    assert (message["type"], message["ids"], message["table"]) == ("truncate", ["t"], "orders")


# SQL of a value, and the JSON that is sent.
VALUES = [
    ("1::smallint", "1"), ("(-9223372036854775807 - 1)::bigint", "-9223372036854775808"),
    ("123456789012345678901234567890.123456789::numeric", "123456789012345678901234567890.123456789"),
    ("1.10::numeric(5,2)", "1.10"), ("1e300::float8", "1e+300"), ("0.1::float4", "0.1"),
    ("'NaN'::float8", "null"), ("'Infinity'::float4", "null"), ("'NaN'::numeric", "null"),
    ("true", "true"), ("NULL::int", "null"), ("'ä\"\\'::text", '"ä\\"\\\\"'),
    ("'\\xdeadBEEF'::bytea", '"deadbeef"'),
    ("'{\"b\": 1.50, \"a\": [null, \"é\"]}'::jsonb", '{"a": [null, "é"], "b": 1.50}'),
    ("'{\"n\": 12345678901234567890.10}'::json", '{"n": 12345678901234567890.10}'),
    ("'null'::jsonb", "null"), ("'\"x\"'::jsonb", '"x"'),
    ("'{1,NULL,3}'::int[]", "[1,null,3]"), ("'{}'::int[]", "[]"),
    ("'{{1.10,2},{3,4}}'::numeric[]", "[[1.10,2],[3,4]]"),
    ("'[2:3]={7,8}'::int[]", "[7,8]"), ("'{t,f}'::bool[]", "[true,false]"),
    ("ARRAY['a,b', 'c\"d', NULL, 'NULL', '']", '["a,b","c\\"d",null,"NULL",""]'),
    ("ARRAY['{\"a\": 1}'::jsonb]", '[{"a": 1}]'),
    ("ARRAY['\\x01'::bytea]", '["01"]'),
    ("'2026-01-02 03:04:05.678+00'::timestamptz", '"2026-01-02 03:04:05.678+00"'),
    ("'2026-01-02'::date", '"2026-01-02"'), ("'1 day 02:00'::interval", '"1 day 02:00:00"'),
    ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"'),
    ("'[1,5)'::int4range", '"[1,5)"'), ("'10.0.0.1/8'::inet", '"10.0.0.1/8"'),
    ("'(1,2)'::point", '"(1,2)"'),
]


@pytest.mark.parametrize("plugin", ["pgoutput", "wal2json"])
def test_values_are_json(database, pgcdc, plugin):
    """Digits are compared as text: a parser's double would hide what was lost."""
    columns = ", ".join(f"{value} AS c{number}" for number, (value, _) in enumerate(VALUES))
    database.run(f"CREATE TABLE sample AS SELECT 1 AS id, {columns}")
    database.run("CREATE TABLE v (LIKE sample); ALTER TABLE v ADD PRIMARY KEY (id)")
    with V1(pgcdc(plugin=plugin)) as socket:
        socket.subscribe("s", "insert:v")
        database.run("INSERT INTO v SELECT * FROM sample")
        text = socket.text()
    new = check(text)["new"]
    exact = json.loads(text, parse_float=decimal.Decimal, parse_int=decimal.Decimal)["new"]
    for number, (value, expected) in enumerate(VALUES):
        wanted = json.loads(expected, parse_float=decimal.Decimal, parse_int=decimal.Decimal)
        got = exact[f"c{number}"]
        assert str(got) == str(wanted), (value, got, wanted)
    assert isinstance(new["c1"], int)


def test_json_that_parsers_choke_on_comes_as_a_string(database, pgcdc):
    database.run("CREATE TABLE j (id int PRIMARY KEY, doc json)")
    deep, half = "[" * 600 + "]" * 600, '"\\ud800"'
    with V1(pgcdc()) as socket:
        socket.subscribe("s", "*:j")
        database.run("INSERT INTO j VALUES (1, %s), (2, %s), (3, '[[1]]')", [deep, half])
        got = [change["new"]["doc"] for change in socket.changes(database)]
    assert got == [deep, half, [[1]]]


# ---- progress, pings ----

def test_progress_comes_when_nothing_else_does(database, pgcdc):
    database.run(ORDERS)
    with V1(pgcdc(ping_interval="1")) as socket:
        begin = socket.subscribe("s", "*:orders")["position"]
        database.run("INSERT INTO orders VALUES (1)")
        change = socket.await_message(lambda message: message["type"] == "change")
        progress = socket.await_message(lambda message: message["type"] == "progress"
                                        and message["position"] > change["pos"])
        assert begin < progress["position"]
        # What goes on in other tables moves it, too.
        database.run("INSERT INTO marker VALUES (-1)")
        socket.await_message(lambda message: message["type"] == "progress"
                             and message["position"] > progress["position"])


def test_going_on_behind_a_progress(database, pgcdc):
    database.run(ORDERS)
    server = pgcdc(ping_interval="1")
    with V1(server) as socket:
        socket.subscribe("s", "*:orders")
        database.run("INSERT INTO orders VALUES (1)")
        pos = socket.await_message(lambda message: message["type"] == "change")["pos"]
        progress = socket.await_message(lambda message: message["type"] == "progress"
                                        and message["position"] > pos)["position"]
    database.run("INSERT INTO orders VALUES (2)")
    with V1(server) as socket:
        assert socket.subscribe("s", "*:orders", since=progress)["position"] == progress
        assert ids_and_keys(socket.changes_of({"s": 1})["s"]) == [(["s"], "insert", 2)]
        assert socket.changes(database) == []


@pytest.mark.parametrize("payload", [17, -3, "", "grüße", "x" * 256, 2 ** 53])
def test_ping_comes_back(database, pgcdc, payload):
    with V1(pgcdc()) as socket:
        socket.ping(payload)


def test_ping_without_a_payload_and_a_websocket_ping(database, pgcdc):
    with V1(pgcdc()) as socket:
        socket.say("ping")
        assert socket.next() == {"type": "pong"}
        socket.send(PING, b"abc")
        frame = socket.frame()
        assert (frame.opcode, frame.payload) == (PONG, b"abc")


# ---- errors ----

GOOD = {"type": "subscribe", "id": "e", "query": "*:orders"}
ERRORS = [
    ("bad_message", ""), ("bad_message", "nonsense"), ("bad_message", "[]"), ("bad_message", "{"),
    ("bad_message", '"text"'), ("bad_message", '{"type":"ping"} x'), ("bad_message", "17"),
    ("bad_message", '{"type":"ping","type":"ping"}'), ("bad_message", "[" * 5000),
    ("bad_message", '{"type":"ping","payload":"\\u0000"}'),
    ("missing_member", "{}"), ("missing_member", '{"type":"subscribe","id":"e"}'),
    ("missing_member", '{"type":"subscribe","query":"*:orders"}'),
    ("missing_member", '{"type":"unsubscribe"}'), ("missing_member", '{"type":"auth"}'),
    ("unknown_type", '{"type":"hello"}'), ("unknown_type", '{"type":"Subscribe"}'),
    ("unknown_member", {**GOOD, "qery": 1}), ("unknown_member", '{"type":"ping","id":"e"}'),
    ("wrong_type", '{"type":1}'), ("wrong_type", {**GOOD, "id": 5}), ("wrong_type", {**GOOD, "query": []}),
    ("wrong_type", {**GOOD, "snapshot": "yes"}), ("wrong_type", {**GOOD, "select": "id"}),
    ("wrong_type", {**GOOD, "select": [1]}), ("wrong_type", {**GOOD, "since": None}),
    ("wrong_type", {"type": "ping", "payload": 1.5}), ("wrong_type", {"type": "ping", "payload": "x" * 257}),
    ("bad_id", {**GOOD, "id": ""}), ("bad_id", {**GOOD, "id": "ä" * 65}),
    ("bad_id", {"type": "unsubscribe", "id": ""}),
    ("bad_select", {**GOOD, "select": []}), ("bad_select", {**GOOD, "select": [""]}),
    ("bad_select", {**GOOD, "select": ["id", "nothing"]}),
    ("bad_since", {**GOOD, "since": ""}), ("bad_since", {**GOOD, "since": "yesterday"}),
    ("bad_since", {**GOOD, "since": "0" * 42}),
    ("bad_query", {**GOOD, "query": ""}), ("bad_query", {**GOOD, "query": "nonsense:orders"}),
    ("bad_query", {**GOOD, "query": "*:orders:id.equals.1"}),
    ("bad_query", {**GOOD, "query": "*:orders:nothing.eq.1"}),
    ("bad_query", {**GOOD, "query": "*:orders:id.eq.abc"}),
    ("bad_query", {**GOOD, "query": "*:orders:id.in.(" + ",".join(map(str, range(1001))) + ")"}),
    ("bad_query", {**GOOD, "query": "*:orders:region.eq." + "x" * 8192}),
    ("bad_query", {**GOOD, "query": "*:orders:" + "and(" * 9 + "id.eq.1" + ")" * 9}),
    ("bad_query", {**GOOD, "query": "*:orders:and(" + ",".join(["id.eq.1"] * 65) + ")"}),
    ("unknown_table", {**GOOD, "query": "*:nowhere"}),
    ("unknown_table", {**GOOD, "query": "*:s.orders:id.eq.1"}),
    ("unknown_id", {"type": "unsubscribe", "id": "e"}),
    ("id_in_use", {**GOOD, "id": "there"}), ("id_in_use", {**GOOD, "id": "there", "query": "*:nowhere"}),
]


def test_every_error_and_the_connection_lives_on(database, pgcdc):
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        socket.subscribe("there", "*:orders")
        for code, message in ERRORS:
            error = socket.refusal(message)
            assert error["code"] == code, (message, error)
            if isinstance(message, dict) and 1 <= len(str(message.get("id", ""))) <= 64 \
                    and isinstance(message.get("id"), str):
                assert error["id"] == message["id"]
            elif '"id"' not in str(message):
                assert "id" not in error
        database.run("INSERT INTO orders VALUES (1)")
        assert ids_and_keys(socket.changes(database)) == [(["there"], "insert", 1)]


def test_words_name_the_choices(database, pgcdc):
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        for message, words in (({**GOOD, "qery": 1}, ["qery", "query", "since"]),
                               ({"type": "hello"}, ["hello", "subscribe", "ping"]),
                               ({**GOOD, "query": "*:orders:id.gtt.1"}, ["gtt", "gte"]),
                               ({**GOOD, "select": ["nothing"]}, ["nothing"])):
            error = socket.refusal(message)["message"]
            assert all(word in error for word in words), error


def test_an_id_of_64_characters_in_any_script(database, pgcdc):
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        for id in ("😀" * 64, '"\\/\n', " "):
            socket.subscribe(id, "*:orders")
            database.run("INSERT INTO orders VALUES (1)")
            assert [change["ids"] for change in socket.changes(database)] == [[id]]
            socket.unsubscribe(id)
            database.run("DELETE FROM orders")
            socket.until_mark(database)


# ---- limits and frames ----

def test_a_hundred_subscriptions(database, pgcdc):
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        for number in range(100):
            socket.say("subscribe", id=f"s{number}", query=f"*:orders:id.gte.{number}")
        for number in range(100):
            socket.answer(f"s{number}", "subscribed")
        assert socket.refusal({**GOOD, "id": "one more"})["code"] == "too_many"
        database.run("INSERT INTO orders VALUES (1000)")
        change = socket.next()
        assert set(change["ids"]) == {f"s{number}" for number in range(100)}
        socket.unsubscribe("s17")
        socket.subscribe("one more", "*:orders")
        database.run("UPDATE orders SET total = 1")
        change = socket.next()
        assert len(change["ids"]) == 100 and "s17" not in change["ids"]


def test_messages_of_64_kib_and_no_more(database, pgcdc):
    server = pgcdc()
    with V1(server) as socket:
        message = '{"type":"ping","payload":1}'
        socket.say_raw(message + " " * (65536 - len(message)))
        assert socket.next() == {"type": "pong", "payload": 1}
        socket.say_raw(message + " " * (65537 - len(message)))
        assert socket.close_code()[0] == 1009
    with V1(server) as socket:  # in small pieces as well
        for _ in range(70):
            try:
                socket.send(TEXT if _ == 0 else CONTINUATION, b" " * 1000, fin=False)
            except OSError:
                break
        assert socket.close_code()[0] in (1009, None)


def test_binary_messages_are_refused_and_fragments_are_joined(database, pgcdc):
    with V1(pgcdc()) as socket:
        socket.send(BINARY, b'{"type":"ping"}')
        assert socket.next()["code"] == "bad_message"
        text = '{"type":"ping","payload":"grüße 😀"}'.encode()
        for number in range(len(text)):
            socket.send(TEXT if number == 0 else CONTINUATION, text[number:number + 1],
                        fin=number == len(text) - 1)
            if number == 20:
                socket.send(PING, b"between")
                frame = socket.frame()
                assert (frame.opcode, frame.payload) == (PONG, b"between")
        assert socket.next() == {"type": "pong", "payload": "grüße 😀"}
        socket.send(TEXT, text[:10], fin=False)
        socket.send(CONTINUATION, b"", fin=False)
        socket.send(CONTINUATION, text[10:])
        assert socket.next() == {"type": "pong", "payload": "grüße 😀"}
        socket.send_bytes(b"")
        socket.send(TEXT, b'{"type":"ping\xff"}')
        assert socket.close_code()[0] == 1007


def test_many_messages_in_one_write(database, pgcdc):
    from support.websocket import encode_frame
    with V1(pgcdc()) as socket:
        socket.send_bytes(b"".join(encode_frame(TEXT, b'{"type":"ping","payload":%d}' % number)
                                   for number in range(500)))
        assert [socket.next()["payload"] for _ in range(500)] == list(range(500))


@pytest.mark.parametrize("message", [
    {"type": "subscribe", "id": "x", "query": "nonsense"}, {"type": "unsubscribe", "id": "x"},
    {"type": "ping", "payload": "x" * 256}, {"type": "subscribe", "id": "x", "query": "*:nowhere"}])
def test_who_asks_and_never_reads_is_cut_off(database, pgcdc, message):
    """His answers may not pile up here; and the server is well afterwards."""
    server = pgcdc(workers="1")
    socket = V1(server, receive_buffer=4096)
    socket.stream.socket.settimeout(PATIENCE)
    text = json.dumps(message)
    with pytest.raises(OSError):
        for _ in range(1_000_000):
            socket.say_raw(text)
    socket.drop()
    with V1(server) as other:
        other.subscribe("s", "insert:marker")
        assert other.changes(database) == []


# ---- since, on a socket where others are live ----

def test_one_subscription_resumes_while_others_are_live(database, pgcdc):
    database.run(ORDERS)
    server = pgcdc()
    with V1(server) as socket:
        begin = socket.subscribe("live", "insert:orders")["position"]
        database.run("INSERT INTO orders SELECT n FROM generate_series(1, 300) n")
        first = socket.changes(database)
        assert len(first) == 300
        socket.subscribe("behind", "insert:orders", since=begin)
        database.run("INSERT INTO orders SELECT n FROM generate_series(301, 400) n")
        got = socket.changes_of({"live": 100, "behind": 400})
        for id, expected in (("live", range(301, 401)), ("behind", range(1, 401))):
            assert [message["new"]["id"] for message in got[id]] == list(expected), id
            positions = [message["pos"] for message in got[id]]
            assert positions == sorted(set(positions))
        # From the midst of a transaction.
        socket.subscribe("midst", "insert:orders", since=first[149]["pos"])
        got = socket.changes_of({"midst": 250})
        assert set(got) == {"midst"}
        assert [message["new"]["id"] for message in got["midst"]] == list(range(151, 401))
        assert socket.changes(database) == []


def test_a_subscription_resumes_past_the_end_of_another_table(database, pgcdc):
    """The end of a table that it does not name is no end of its reading on."""
    database.run(ORDERS)
    database.run("CREATE TABLE gone (id int PRIMARY KEY)")
    with V1(pgcdc()) as socket:
        begin = socket.subscribe("live", "insert:orders")["position"]
        socket.subscribe("gone", "insert:gone")
        database.run("INSERT INTO orders VALUES (1)")
        database.run("INSERT INTO gone VALUES (1)")
        database.wait_look()
        database.run("DROP TABLE gone")
        socket.await_message(lambda one: one["type"] == "unsubscribed" and one["id"] == "gone")
        database.run("INSERT INTO orders VALUES (2)")
        assert [one["new"]["id"] for one in socket.changes_of({"live": 2})["live"]] == [1, 2]
        socket.subscribe("behind", "insert:orders", since=begin)
        assert [one["new"]["id"] for one in socket.changes_of({"behind": 2})["behind"]] == [1, 2]


def test_resuming_again_and_again_is_exact(database, pgcdc):
    """Each change once over many connections, each of which goes on behind what it has."""
    database.run(ORDERS)
    server = pgcdc(workers="3")
    with V1(server) as socket:
        since = socket.subscribe("s", "insert:orders")["position"]
    seen = []
    for turn in range(40):
        database.run("INSERT INTO orders SELECT n FROM generate_series(%s, %s) n",
                     [turn * 10, turn * 10 + 9])
        with V1(server) as socket:
            socket.subscribe("s", "insert:orders", since=since)
            for _ in range(turn % 9 + 1):
                change = socket.next()
                seen.append(change["new"]["id"])
                since = change["pos"]
    with V1(server) as socket:
        socket.subscribe("s", "insert:orders", since=since)
        left = socket.changes_of({"s": 400 - len(seen)})["s"]
        assert seen + [change["new"]["id"] for change in left] == list(range(400))
        assert socket.changes(database) == []


def test_since_now_is_as_without(database, pgcdc):
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        database.run("INSERT INTO orders VALUES (1)")
        socket.until_mark(database)
        socket.subscribe("s", "insert:orders", since="now")
        database.run("INSERT INTO orders VALUES (2)")
        assert ids_and_keys(socket.changes(database)) == [(["s"], "insert", 2)]


def stale_positions(position):
    epoch, commit, index = position.split("-")[:3]
    foreign = f"{int(epoch, 16) ^ 1:016x}"
    return [f"{foreign}-{commit}-{index}", f"{epoch}-7fffffff{'0' * 8}-{index}", f"{'0' * 16}-{'0' * 16}-{'0' * 8}"]


def test_a_position_that_does_not_hold_is_a_told_gap(database, pgcdc):
    """Foreign, of the future, forged: `subscribed`, `gap`, and the others hear nothing."""
    database.run(ORDERS)
    with V1(pgcdc()) as socket:
        good = socket.subscribe("other", "insert:orders")["position"]
        for number, stale in enumerate(stale_positions(good)):
            id = f"s{number}"
            subscribed = socket.subscribe(id, "insert:orders", since=stale)
            gap = socket.next()
            assert (gap["type"], gap["ids"]) == ("gap", [id])
            assert gap["position"] == subscribed["position"] and gap["position"] >= good
            database.run("INSERT INTO orders VALUES (%s)", [number])
            (change,) = socket.changes(database)
            assert set(change["ids"]) == {"other", id} and change["pos"] > gap["position"]
            socket.unsubscribe(id)
            resumed = socket.subscribe(id, "insert:orders", since=gap["position"])
            assert resumed["position"] == gap["position"]
            (change,) = socket.changes_of({id: 1})[id]
            assert change["ids"] == [id] and change["new"]["id"] == number
            socket.unsubscribe(id)


def test_a_slow_client_gets_a_gap_without_a_close(database, pgcdc):
    """What falls off the journal is told once for all its subscriptions, which go on."""
    database.run("CREATE TABLE big (id int PRIMARY KEY, body text)")
    server = pgcdc(journal_size="16MiB")
    slow = V1(server, receive_buffer=4096)
    begin = slow.subscribe("a", "insert:big")["position"]
    slow.subscribe("b", "insert:big:id.gt.5")
    good = server.query("insert:big", "insert:marker")
    for start in range(0, 2000, 50):
        database.run("INSERT INTO big SELECT n, repeat('x', 20000) FROM generate_series(%s, %s) n",
                     [start, start + 49])
        assert len(database.mark(good)) == 50
    got = []
    while not got or got[-1]["type"] != "gap":
        got.append(slow.next())
    gap = got.pop()
    notices = [message for message in got if message["type"] == "notice"]
    assert {notice["code"] for notice in notices} == {"slow"}
    got = [message for message in got if message["type"] != "notice"]
    assert set(gap["ids"]) == {"a", "b"} and gap["reason"]
    assert [change["new"]["id"] for change in got] == list(range(len(got))) and len(got) < 2000
    database.run("INSERT INTO big VALUES (2000, 'after')")
    (change,) = slow.changes(database)
    assert (set(change["ids"]), change["new"]["id"]) == ({"a", "b"}, 2000)
    assert change["pos"] > gap["position"]
    slow.subscribe("old", "insert:big", since=begin)
    assert slow.next()["type"] == "gap"
    slow.drop()


def test_a_gap_of_the_stream_is_told_without_a_close(own_postgres, scratch):
    """PostgreSQL restarts under a temporary slot: down, gap, up, and on."""
    cluster = own_postgres().start()
    cluster.psql(ORDERS)
    with Pgcdc(scratch, cluster.url()) as server, V1(server) as socket:
        socket.subscribe("a", "insert:orders")
        socket.subscribe("b", "insert:marker")
        cluster.stop("immediate")
        socket.await_message(lambda message: message.get("code") == "source_down")
        cluster.start()
        server.wait_ready()
        gap = socket.await_message(lambda message: message["type"] == "gap")
        assert set(gap["ids"]) == {"a", "b"}
        cluster.psql("INSERT INTO orders VALUES (1)")
        change = socket.await_message(lambda message: message["type"] == "change")
        assert change["ids"] == ["a"] and change["pos"] > gap["position"]


def test_the_end_is_announced(database, pgcdc):
    server = pgcdc()
    with V1(server) as socket:
        server.process.terminate()
        assert socket.next()["code"] == "draining"
        assert socket.close_code()[0] == 1001
    server.process.wait(PATIENCE)


# ---- credentials on a living socket ----

@pytest.fixture
def guarded(scratch, database, pgcdc):
    database.run(f"""CREATE TABLE apikeys (id serial PRIMARY KEY, key varchar(60), host_uuid uuid,
                       customer_id uuid);
                     INSERT INTO apikeys (key, host_uuid, customer_id) VALUES ('mine', '{HOST}', '{USER}');
                     CREATE TABLE alerts (id int PRIMARY KEY, host_uuid uuid, customer_id uuid)""")
    return pgcdc(cookie_secret=COOKIE_SECRET, admin_secret=ADMIN_SECRET,
                 auth_database_url=database.url)


def said(socket, type, **members):
    socket.say(type, **members)
    return socket.next()


def code_of_subscribe(socket, query):
    """None: subscribed."""
    got = said(socket, "subscribe", id="probe", query=query)
    if got["type"] == "subscribed":
        socket.unsubscribe("probe")
    return got.get("code")


MINE, THEIRS = f"*:alerts:customer_id.eq.{USER}", f"*:alerts:customer_id.eq.{OTHER}"
COOKIE = sign(json.dumps({"user_id": USER}))


def test_a_browser_proves_itself_by_a_message(database, guarded):
    """It cannot send headers: the upgrade without credentials succeeds and may do nothing yet."""
    with V1(guarded) as socket:
        assert code_of_subscribe(socket, MINE) == "unauthorized"
        assert said(socket, "auth", token="wrong")["code"] == "unauthorized"
        assert said(socket, "auth", token="")["code"] == "unauthorized"
        assert said(socket, "auth", token=sign("{}"))["code"] == "unauthorized"
        assert said(socket, "auth", token=COOKIE + "x")["code"] == "unauthorized"
        assert code_of_subscribe(socket, MINE) == "unauthorized"
        assert said(socket, "auth", token=COOKIE)["code"] == "auth_accepted"
        assert code_of_subscribe(socket, MINE) is None
        assert code_of_subscribe(socket, f"*:alerts:host_uuid.eq.{HOST}") is None
        assert code_of_subscribe(socket, THEIRS) == "unauthorized"
        assert code_of_subscribe(socket, "*:alerts") == "unauthorized"
        # Refused: the old ones still hold.
        assert said(socket, "auth", token="wrong")["code"] == "unauthorized"
        assert code_of_subscribe(socket, MINE) is None
        assert said(socket, "auth", token=ADMIN_SECRET)["code"] == "auth_accepted"
        assert code_of_subscribe(socket, "*:alerts") is None
        socket.subscribe("all", "*:alerts")
        # Less than before: what was subscribed stays, what comes is judged anew.
        assert said(socket, "auth", token=COOKIE)["code"] == "auth_accepted"
        assert code_of_subscribe(socket, "*:alerts") == "unauthorized"
        database.run(f"INSERT INTO alerts VALUES (1, NULL, '{OTHER}')")
        assert socket.next()["ids"] == ["all"]
    for secret in (ADMIN_SECRET, COOKIE_SECRET):
        assert secret not in guarded.log()


def test_credentials_of_the_upgrade_hold(guarded):
    with V1(guarded, [("SP-ADM", ADMIN_SECRET)]) as socket:
        assert code_of_subscribe(socket, "*:alerts") is None
    with V1(guarded, cookie()) as socket:
        assert code_of_subscribe(socket, MINE) is None
        assert code_of_subscribe(socket, THEIRS) == "unauthorized"
    with pytest.raises(Refused) as refused:
        V1(guarded, cookie() + [("Origin", "http://evil.example")])
    assert refused.value.status == 403


def test_auth_where_it_is_off(database, pgcdc):
    with V1(pgcdc()) as socket:
        assert said(socket, "auth", token="anything")["code"] == "auth_accepted"
        assert code_of_subscribe(socket, "*:marker") is None


def test_sessions_are_freed_whatever_they_were_doing(database, pgcdc):
    """Clients that go in the midst of subscribing, resuming and writing."""
    database.run(ORDERS)
    server = pgcdc()
    with V1(server) as socket:
        since = socket.subscribe("s", "*:orders")["position"]
    database.run("INSERT INTO orders SELECT n, repeat('x', 1000) FROM generate_series(1, 2000) n")
    for turn in range(60):
        socket = V1(server, receive_buffer=4096)
        for number in range(turn % 7 + 1):
            socket.say("subscribe", id=f"s{number}", query=f"*:orders:id.gt.{turn}",
                       **({"since": since} if number % 2 else {}))
        if turn % 3:
            socket.next()
        socket.drop()
    wait_for("all to be gone", lambda: server.metric("pgcdc_connections") == 1)  # its own
