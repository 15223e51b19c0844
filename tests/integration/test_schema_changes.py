# SPDX-License-Identifier: Apache-2.0
"""ALTER, DROP and CREATE under writers: from the next commit on the new definition holds.

Writers insert rows with numbers that only grow, each once, whatever the table looks like; so what
a client misses or gets twice shows.
"""
import threading

import psycopg2
import pytest

from support.patience import wait_for
from support.sse import EventStream
from support.websocket import Closed
from v1_client import V1

PLUGINS = {
    "pgoutput": {"plugin": "pgoutput"},
    "wal2json 2": {"plugin": "wal2json", "wal2json_format": "2"},
    "wal2json 1": {"plugin": "wal2json", "wal2json_format": "1"},
}
every_plugin = pytest.mark.parametrize("settings", PLUGINS.values(), ids=[*PLUGINS])
ORDERS = "CREATE TABLE orders (id bigint PRIMARY KEY, region text, total int, note text)"


class Writers:
    """Threads that insert, update and delete in `orders` by columns that stay: id and region."""

    def __init__(self, database, count=3, table="orders"):
        self.database, self.table, self.stop = database, table, threading.Event()
        self.lock, self.last, self.committed, self.failure = threading.Lock(), 0, [], None
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        assert self.failure is None, self.failure

    def next_id(self):
        with self.lock:
            self.last += 1
            return self.last

    def run(self):
        try:
            connection = psycopg2.connect(self.database.url)
            connection.autocommit = True
            while not self.stop.is_set():
                id = self.next_id()
                try:
                    with connection.cursor() as cursor:
                        cursor.execute(f"INSERT INTO {self.table} (id, region) VALUES (%s, 'eu'),"
                                       " (%s, 'us')", [id, -id])
                except (psycopg2.errors.UndefinedTable, psycopg2.InternalError):
                    self.stop.wait(0.004)
                    continue  # it is being made again
                with self.lock:
                    self.committed.append(id)
                self.stop.wait(0.004)
            connection.close()
        except Exception as error:
            self.failure = error

    def more(self, count=15):
        """Waits until so many more have committed."""
        goal = len(self.committed) + count
        wait_for("the writers", lambda: len(self.committed) >= goal or self.failure)


CHANGES = [
    "ALTER TABLE orders ADD added int DEFAULT 7",
    "ALTER TABLE orders DROP note",
    "ALTER TABLE orders RENAME total TO sum",
    "ALTER TABLE orders ALTER region TYPE varchar(20)",
    "ALTER TABLE orders REPLICA IDENTITY FULL",
    "ALTER TABLE orders ALTER id TYPE numeric(20)",
    "ALTER TABLE orders ALTER region TYPE text",
    "ALTER TABLE orders REPLICA IDENTITY DEFAULT",
    "ALTER PUBLICATION pgcdc SET (publish_via_partition_root = false)",
]


def alter(database, statement):
    """Again where another session, such as the server's, has just changed the same publication."""
    def is_done():
        try:
            database.run(statement)
            return True
        except psycopg2.InternalError as error:
            assert "concurrently" in str(error), error
            return False
    wait_for(statement, is_done)


def plain_rows(socket, database):
    return [dict(zip(message["columnnames"], message["columnvalues"]))
            for message in database.mark(socket)]


def ids_in_order(rows, committed):
    got = [int(row["id"]) for row in rows]
    assert len(got) == len(set(got)), "twice: " + str(sorted(id for id in got if got.count(id) > 1))
    assert set(got) == set(committed), "missing: " + str(sorted(set(committed) - set(got)))


@every_plugin
def test_nothing_is_missed_nor_comes_twice_while_a_table_changes(database, pgcdc, settings):
    """One with the changed columns in its filter, one without, several filters, and pgcdc.v1."""
    database.run(ORDERS)
    server = pgcdc(**settings)
    alone = server.query("insert:orders:region.eq.eu")
    several = server.query("insert:orders:region.eq.eu", "insert:orders:id.gt.0", "insert:marker")
    with V1(server) as socket, Writers(database) as writers:
        socket.subscribe("region", "insert:orders:region.eq.eu")
        socket.subscribe("id", "insert:orders:id.gt.0")
        socket.subscribe("all", "insert:orders")
        before = set(range(writers.last + 1))  # may have been written before they subscribed
        for change in CHANGES:
            if "PUBLICATION" in change and settings["plugin"] != "pgoutput":
                continue
            writers.more()
            alter(database, change)
        writers.more()
        writers.stop.set()
        for thread in writers.threads:
            thread.join()
        committed = set(writers.committed)
        rows = plain_rows(several, database)
        ids_in_order(rows, committed)
        assert "added" in rows[-1] and "note" not in rows[-1] and "sum" in rows[-1]
        got = []
        while len(got) < len(committed):
            message = alone.message()
            got.append(dict(zip(message["columnnames"], message["columnvalues"])))
        ids_in_order(got, committed)
        heard = {"region": [], "id": [], "all": []}
        while not all(committed - before <= {*heard[id]} for id in heard):
            message = socket.next()
            assert message["type"] == "change", message
            for id in message["ids"]:
                heard[id].append(int(message["new"]["id"]))
        for id in heard:
            assert len(heard[id]) == len(set(heard[id])), id


@every_plugin
def test_a_dropped_table_ends_its_subscriptions_with_a_reason(database, pgcdc, settings):
    database.run(ORDERS)
    server = pgcdc(**settings)
    plain = server.query("*:orders:region.eq.eu")
    events = EventStream("127.0.0.1", server.port, "/sse?query=*:orders", (), server.tls)
    assert events.event().name == "ready"
    with V1(server) as socket:
        socket.subscribe("gone", "insert:orders")
        socket.subscribe("filtered", "insert:orders:id.gt.0")
        socket.subscribe("stays", "insert:marker")
        with Writers(database) as writers:
            writers.more()
            database.run("DROP TABLE orders")
            ends = [socket.await_message(lambda one: one["type"] == "unsubscribed")
                    for _ in range(2)]
        assert {one["id"] for one in ends} == {"gone", "filtered"}
        assert all("orders" in one["reason"] and "dropped" in one["reason"] for one in ends), ends
        code, reason = plain.close_code()
        assert code == 4010 and "dropped" in reason and "pos=" in reason
        while (event := events.event()).name == "message":
            pass
        assert event.name == "gap" and "dropped" in event.data
        with pytest.raises(Closed):
            events.event()
        socket.ping("all that came")
        socket.waiting.clear()
        # The id is free; a table of that name may come back.
        database.run(ORDERS)
        wait_for("the new table", lambda: database.run(
            "SELECT count(*) FROM pg_publication_tables WHERE tablename = 'orders'")[0][0]
            or settings["plugin"] != "pgoutput")
        socket.subscribe("gone", "insert:orders")
        database.run("INSERT INTO orders VALUES (1)")
        change = socket.await_message(lambda one: one["type"] == "change" and "gone" in one["ids"])
        assert change["new"]["id"] == 1


@every_plugin
def test_a_table_made_again_within_a_transaction_goes_on(database, pgcdc, settings):
    """There is never a moment without it, so nobody is told of an end."""
    database.run(ORDERS + "; CREATE PUBLICATION pgcdc FOR ALL TABLES")
    server = pgcdc(**settings)
    plain = server.query("insert:orders:region.eq.eu", "insert:marker")
    with V1(server) as socket, Writers(database) as writers:
        socket.subscribe("s", "insert:orders:region.eq.eu")
        socket.waiting.clear()
        writers.more()
        database.run("BEGIN; DROP TABLE orders;"
                     "CREATE TABLE orders (region varchar(9), id numeric PRIMARY KEY); COMMIT")
        writers.more()
        writers.stop.set()
        for thread in writers.threads:
            thread.join()
        ids_in_order(plain_rows(plain, database), writers.committed)
        last = max(writers.committed)
        while (message := socket.next())["new"]["id"] != last:
            assert message["type"] == "change", message


@every_plugin
def test_a_filter_whose_column_is_gone_ends_with_a_reason(database, pgcdc, settings):
    database.run(ORDERS)
    server = pgcdc(**settings)
    plain = server.query("insert:orders:total.gt.0")
    with V1(server) as socket, Writers(database) as writers:
        socket.subscribe("total", "insert:orders:total.gt.0")
        socket.subscribe("all", "insert:orders")
        writers.more()
        database.run("ALTER TABLE orders DROP total")
        end = socket.await_message(lambda one: one["type"] == "unsubscribed")
        assert end["id"] == "total" and "total" in end["reason"]
        code, reason = plain.close_code()
        assert code == 4010 and "total" in reason
        socket.ping("alive")


@pytest.mark.postgres(15)  # 14 may leave out the first rows of a table that becomes a partition
def test_partitions_attached_under_writers(database, pgcdc):
    database.run("CREATE TABLE parts (id bigint PRIMARY KEY, region text) PARTITION BY RANGE (id);"
                 "CREATE TABLE parts_0 PARTITION OF parts FOR VALUES FROM (-1000000) TO (1000000);"
                 "CREATE TABLE parts_1 (LIKE parts INCLUDING ALL)")
    server = pgcdc(publish_via_partition_root="true")
    with V1(server) as socket, Writers(database, table="parts") as writers:
        socket.subscribe("s", "insert:parts:id.gte.1000000")
        writers.more()
        database.run("INSERT INTO parts_1 VALUES (1000001, 'before')")
        database.run("ALTER TABLE parts ATTACH PARTITION parts_1 FOR VALUES FROM (1000000) TO (2000000)")
        database.run("INSERT INTO parts VALUES (1000002, 'after')")
        database.run("CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (2000000) TO (3000000)")
        database.run("INSERT INTO parts VALUES (2000001, 'new')")
        got = [socket.next()["new"]["id"] for _ in range(2)]
        assert got == [1000002, 2000001]


def test_the_identity_changes_under_writers(database, pgcdc):
    """Old rows come as soon as they are there; a filter's end of scope is told from then on."""
    database.run(ORDERS)
    with V1(pgcdc()) as socket, Writers(database) as writers:
        answer = socket.subscribe("s", "update,delete:orders:total.gt.100")
        assert {"no_scope", "weak_filter"} >= {one["code"] for one in answer["warnings"]} != set()
        writers.more()
        database.run("INSERT INTO orders VALUES (5000000, 'x', 200)")
        database.run("UPDATE orders SET total = 1 WHERE id = 5000000")
        database.run("ALTER TABLE orders REPLICA IDENTITY FULL")
        database.run("UPDATE orders SET total = 300 WHERE id = 5000000")
        database.run("UPDATE orders SET total = 2 WHERE id = 5000000")
        database.run("UPDATE orders SET total = 400 WHERE id = 5000000")
        database.run("DELETE FROM orders WHERE id = 5000000")
        got = [socket.next() for _ in range(4)]
        assert [(one["kind"], one.get("scope")) for one in got] == [
            ("update", "enter"), ("update", "leave"), ("update", "enter"), ("delete", None)]
