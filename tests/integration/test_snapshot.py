# SPDX-License-Identifier: Apache-2.0
"""Snapshots over pgcdc.v1: the rows as they stand, and then each change once (doc/protocol.md)."""
import os
import random
import re
import time

import pytest

import storm
from support.patience import PATIENCE, promised, wait_for
from support.pgcdc import MEMORY_FACTOR
from v1_client import V1


def seed_of_run():
    seed = int(os.environ.get("PGCDC_SEED") or random.randrange(1 << 30))
    print(f"PGCDC_SEED={seed}")
    return seed


CLIENTS = int(os.environ.get("PGCDC_STORM_CLIENTS", "300"))

# (settings, seconds, clients)
STORMS = {
    "pgoutput": ({"plugin": "pgoutput"}, 4 + CLIENTS / 50, CLIENTS),
    "wal2json 2": ({"plugin": "wal2json", "wal2json_format": "2"}, 2, 20),
    "wal2json 1": ({"plugin": "wal2json", "wal2json_format": "1"}, 2, 20),
}


@pytest.mark.parametrize("name", [*STORMS])
def test_whoever_begins_in_a_storm_has_the_rows_of_select(database, pgcdc, name):
    settings, seconds, clients = STORMS[name]
    server = pgcdc(snapshot_connections="8", ping_interval="3", **settings)
    played = storm.play(database, server, f"{seed_of_run()} {name}", seconds, clients,
                        is_format_1=name == "wal2json 1")
    count = sum(len(client.holdings) for client in played)
    assert count >= clients * 1.3
    print(f"{count} subscriptions, {sum(client.resumptions for client in played)} came back")


# One by one

BIG = """CREATE TABLE big (id int PRIMARY KEY, pad text);
         INSERT INTO big SELECT n, repeat('x', 1000) FROM generate_series(1, {}) n"""


def rows_of(socket, id, timeout=PATIENCE):
    """The rows up to `live`, and that."""
    rows = []
    while True:
        message = socket.answer(id, "snapshot", "live", "error", timeout=timeout)
        if message["type"] == "snapshot":
            rows += message["rows"]
        else:
            assert message["type"] == "live", message
            return rows, message["position"]


def failure_of(socket, id, timeout=PATIENCE):
    while True:
        message = socket.answer(id, "snapshot", "live", "error", timeout=timeout)
        if message["type"] != "snapshot":
            assert message["type"] == "error", message
            return message


def stuck(server, query, count=1, **more):
    """A client that asks for snapshots and does not read them."""
    socket = V1(server, receive_buffer=4096)
    for number in range(count):
        socket.say("subscribe", id=f"s{number}", query=query, snapshot=True, **more)
    return socket


def running(database):
    """Pids of the backends at work on a snapshot."""
    return [pid for pid, in database.run(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
        " AND query LIKE 'SELECT%%FROM ONLY%%'")]


def test_rows_then_live(database, pgcdc):
    database.run("CREATE TABLE orders (id int PRIMARY KEY, total numeric(8,2), tags text[], doc jsonb);"
                 "INSERT INTO orders VALUES (1, 1.50, '{a,NULL}', '{\"a\": [1]}'), (2, 2, NULL, NULL),"
                 " (3, 3, '{}', '3')")
    with V1(pgcdc()) as socket:
        answer = socket.subscribe("s", "*:orders:id.lt.3", snapshot=True)
        assert answer["columns"][0] == {"name": "id", "type": "integer", "key": True}
        begin = time.monotonic()
        rows, position = rows_of(socket, "s")
        assert time.monotonic() - begin < promised(5)
        assert rows == [{"id": 1, "total": 1.5, "tags": ["a", None], "doc": {"a": [1]}},
                        {"id": 2, "total": 2, "tags": None, "doc": None}]
        database.run("UPDATE orders SET total = 9; DELETE FROM orders WHERE id = 1")
        changes = socket.changes(database)
        assert [(one["kind"], one["key"]["id"]) for one in changes] == [
            ("update", 1), ("update", 2), ("delete", 1)]
        assert changes[0]["pos"] > position
        # The position of `live` is one to go on from.
        socket.subscribe("again", "*:orders:id.lt.3", since=position)
        got = socket.changes_of({"again": 3})["again"]
        assert [one["pos"] for one in got] == [one["pos"] for one in changes]


def test_no_rows_and_a_select_list(database, pgcdc):
    database.run("CREATE TABLE orders (id int PRIMARY KEY, a text, b text);"
                 "INSERT INTO orders VALUES (1, 'a', 'b')")
    with V1(pgcdc()) as socket:
        socket.subscribe("none", "*:orders:a.eq.z", snapshot=True)
        assert rows_of(socket, "none")[0] == []
        socket.subscribe("b", "*:orders", select=["b"], snapshot=True)
        assert rows_of(socket, "b")[0] == [{"id": 1, "b": "b"}]


def test_it_ends_when_the_client_leaves_or_unsubscribes(database, pgcdc):
    database.run(BIG.format(30000))
    server = pgcdc()
    socket = stuck(server, "*:big")
    wait_for("the snapshot", lambda: running(database))
    socket.drop()
    wait_for("its backend to end", lambda: not running(database))
    with stuck(server, "*:big") as socket:
        wait_for("the snapshot", lambda: running(database))
        socket.say("unsubscribe", id="s0")
        wait_for("its backend to end", lambda: not running(database))
        socket.answer("s0", "unsubscribed")
        socket.ping("alive")


def test_only_so_many_run_and_wait(database, pgcdc):
    database.run(BIG.format(20000))
    database.run("CREATE TABLE small (id int PRIMARY KEY); INSERT INTO small VALUES (1)")
    server = pgcdc(snapshot_connections="1")
    first = stuck(server, "*:big")
    wait_for("the snapshot", lambda: running(database))
    waiting = [stuck(server, "*:small", 100) for _ in range(10)]
    for socket in waiting:
        socket.ping("asked")
    with V1(server) as socket:
        socket.subscribe("more", "*:small", snapshot=True)
        assert failure_of(socket, "more")["code"] == "too_many"
        assert len(running(database)) == 1
        first.drop()
        assert rows_of(waiting[0], "s9")[0] == [{"id": 1}]
        for other in waiting:
            other.drop()
        socket.subscribe("more", "*:small", snapshot=True)  # the id is free
        assert rows_of(socket, "more")[0] == [{"id": 1}]


def test_without_the_right_to_read_the_grant_is_named(database, pgcdc):
    role = f"blind_{database.name[-12:]}"
    database.run("CREATE TABLE secret (id int PRIMARY KEY); INSERT INTO secret VALUES (1);"
                 "CREATE PUBLICATION pgcdc FOR ALL TABLES;"
                 f"CREATE ROLE {role} LOGIN REPLICATION")
    try:
        server = pgcdc(url=database.cluster.url(database.name, role), plugin="pgoutput")
        with V1(server) as socket:
            socket.subscribe("s", "*:secret", snapshot=True)
            error = failure_of(socket, "s")
            assert error["code"] == "no_snapshot"
            database.run(re.search(r"GRANT SELECT .*", error["message"])[0])
            socket.subscribe("s", "*:secret", snapshot=True)
            assert rows_of(socket, "s")[0] == [{"id": 1}]
        server.end()
    finally:
        database.cluster.psql(f"DROP OWNED BY {role}; DROP ROLE {role}", database.name)


def test_memory_is_bounded_while_nobody_reads(database, pgcdc):
    database.run(BIG.format(30000))
    server = pgcdc(snapshot_connections="16", journal_size="16MiB")
    with V1(server) as socket:  # warm
        socket.subscribe("s", "*:big:id.lt.1000", snapshot=True)
        rows_of(socket, "s")
    before = server.rss_kib()
    sockets = [stuck(server, "*:big", 2) for _ in range(8)]
    wait_for("the snapshots", lambda: len(running(database)) == 16)
    time.sleep(0.5)
    assert server.rss_kib() - before < 30 * 1024 * MEMORY_FACTOR
    rows, _ = rows_of(sockets[0], "s0")  # both of them come to their end
    assert sorted(row["id"] for row in rows) == list(range(1, 30001))
    assert len(rows_of(sockets[0], "s1")[0]) == 30000
    assert server.peak_kib() - before < 40 * 1024 * MEMORY_FACTOR
    for socket in sockets:
        socket.drop()


def test_large_rows_and_answers_between(database, pgcdc):
    """A row is larger than what may wait for a client besides."""
    database.run("CREATE TABLE wide (id int PRIMARY KEY, pad text);"
                 "INSERT INTO wide SELECT n, repeat('x', 1500000) FROM generate_series(1, 4) n")
    with stuck(pgcdc(), "*:wide", 6) as socket:
        time.sleep(0.5)
        for number in range(20):
            socket.say("ping", payload=number)
        for number in range(6):
            rows, _ = rows_of(socket, f"s{number}")
            assert [(row["id"], len(row["pad"])) for row in rows] == [(n, 1500000) for n in range(1, 5)]
        socket.await_message(lambda message: message == {"type": "pong", "payload": 19})


def test_a_slow_snapshot_does_not_starve_the_changes(database, pgcdc):
    database.run(BIG.format(20000))
    database.run("CREATE TABLE orders (id int PRIMARY KEY)")
    server = pgcdc()
    with V1(server, receive_buffer=4096) as socket:
        socket.subscribe("live", "insert:orders")
        socket.say("subscribe", id="s", query="*:big", snapshot=True)
        socket.answer("s", "snapshot")
        database.run("INSERT INTO orders SELECT n FROM generate_series(1, 1000) n")
        wait_for("the changes", lambda: server.metric("pgcdc_changes_captured_total") >= 1000)
        seen, rows = [], 0
        while len(seen) < 1000:
            message = socket.next()
            rows += message["type"] == "snapshot"
            if message["type"] == "change":
                seen.append(message["new"]["id"])
            assert message["type"] != "live"
        assert seen == list(range(1, 1001)) and rows < 100
        rows_of(socket, "s")


def test_with_a_position_there_are_no_rows_unless_it_is_gone(database, pgcdc):
    database.run("CREATE TABLE orders (id int PRIMARY KEY)")
    with V1(pgcdc()) as socket:
        position = socket.subscribe("first", "*:orders")["position"]
        database.run("INSERT INTO orders VALUES (1)")
        socket.changes(database)
        socket.subscribe("held", "*:orders", since=position, snapshot=True)
        assert socket.changes_of({"held": 1})["held"][0]["new"] == {"id": 1}
        gone = "0" * 16 + position[16:]
        socket.subscribe("gone", "*:orders", since=gone, snapshot=True)
        gap = socket.await_message(lambda message: message["type"] == "gap")
        assert gap["ids"] == ["gone"]
        assert rows_of(socket, "gone")[0] == [{"id": 1}]
        database.run("INSERT INTO orders VALUES (2)")
        (change,) = socket.changes(database)
        assert sorted(change["ids"]) == ["first", "gone", "held"]


@pytest.mark.parametrize("query", ["*:*", "*:public.*"])
def test_there_is_none_of_many_tables(database, pgcdc, query):
    with V1(pgcdc()) as socket:
        socket.say("subscribe", id="s", query=query, snapshot=True)
        assert failure_of(socket, "s")["code"] == "no_snapshot"
        socket.subscribe("s", query)  # the id is free


def test_a_killed_backend_is_an_error_and_the_id_is_free(database, pgcdc):
    database.run(BIG.format(30000))
    with stuck(pgcdc(), "*:big") as socket:
        wait_for("the snapshot", lambda: running(database))
        database.run("SELECT pg_terminate_backend(%s)", [running(database)[0]])
        assert failure_of(socket, "s0")["code"] in ("no_snapshot", "unavailable")
        socket.subscribe("s0", "*:big:id.lte.10", snapshot=True)
        assert len(rows_of(socket, "s0")[0]) == 10


def test_a_table_of_partitions_and_one_with_children(database, pgcdc):
    database.run("""CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
                    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
                    CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
                    INSERT INTO parts VALUES (1), (11);
                    CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
                    INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2)""")
    with V1(pgcdc(publish_via_partition_root="true")) as socket:
        socket.subscribe("parts", "*:parts", snapshot=True)
        assert sorted(row["id"] for row in rows_of(socket, "parts")[0]) == [1, 11]
        socket.subscribe("parent", "*:parent", snapshot=True)  # the child's changes are its own
        assert rows_of(socket, "parent")[0] == [{"id": 1}]


def test_they_are_freed_whatever_they_were_doing(database, pgcdc):
    """Clients that go in the midst of it, or unsubscribe and begin anew."""
    database.run(BIG.format(3000))
    server = pgcdc()
    dice = random.Random(seed_of_run())
    for _ in range(40):
        socket = stuck(server, "*:big", dice.randrange(1, 8))
        for number in range(dice.randrange(4)):
            socket.say("unsubscribe", id=f"s{number}")
            if dice.random() < 0.5:
                socket.say("subscribe", id=f"s{number}", query="*:big:id.gt.7", snapshot=True)
        if dice.random() < 0.6:
            socket.ping("alive")
        if dice.random() < 0.3:
            database.run("UPDATE big SET id = -id WHERE id = %s", [dice.randrange(3000)])
        socket.drop()
    wait_for("all to be gone", lambda: server.metric("pgcdc_connections") == 1)
    wait_for("their backends to end", lambda: not running(database))


def test_the_server_ends_while_they_run_and_wait(database, pgcdc):
    database.run(BIG.format(20000))
    server = pgcdc(snapshot_connections="2")
    sockets = [stuck(server, "*:big", 20) for _ in range(3)]
    wait_for("the snapshots", lambda: len(running(database)) == 2)
    assert server.end() == 0, server.log()
    for socket in sockets:
        socket.drop()
