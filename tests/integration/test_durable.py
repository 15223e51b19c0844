# SPDX-License-Identifier: Apache-2.0
"""Nothing missed, nothing twice, with a durable slot: crashes, stops, stand-by, restored copies."""
import contextlib
import itertools
import signal
import time
import urllib.parse

import pytest

from conftest import Database
from support.patience import PATIENCE, promised
from support.pgcdc import Pgcdc, wait_for
from support.postgres import run_as
from support.proxy import Proxy
from support.websocket import Refused, WebSocket

ORDERS = "CREATE TABLE orders (id int PRIMARY KEY, status text)"
PLUGINS = [{"plugin": "pgoutput"}, {"plugin": "wal2json"},
           {"plugin": "wal2json", "wal2json_format": "1"}]
IDS = ["pgoutput", "wal2json 2", "wal2json 1"]


def listen(server, since, *queries):
    """A client that goes on behind a position, and wants positions."""
    path = "/ws?since=" + since + "".join("&query=" + urllib.parse.quote(query, safe="*:,.")
                                          for query in queries or ["*:orders"])

    def come():
        try:
            return WebSocket("127.0.0.1", server.port, path)
        except Refused as refused:  # told to come back in a moment: questions cannot be asked yet
            assert refused.status == 503 and "retry-after" in refused.headers
            return None
    return wait_for("a client to be let in", come)


@contextlib.contextmanager
def running(scratch, cluster, **settings):
    settings.setdefault("slot_name", "kept")
    server = Pgcdc(scratch, cluster.url(), **settings)
    try:
        yield server.start()
    finally:
        if server.is_alive():
            server.end()
        server.assert_clean()


@contextlib.contextmanager
def connected(cluster):
    database = Database(cluster, "postgres")
    try:
        yield database
    finally:
        database.close()


def kill_and_start(server):
    server.end(signal.SIGKILL)
    return server.start()


def insert(database, number):
    database.run("INSERT INTO orders VALUES (%s, 'x')", [number])


def ids(socket, count):
    got = [socket.message() for _ in range(count)]
    return [message["columnvalues"][0] for message in got], [message["pos"] for message in got]


@pytest.mark.parametrize("settings", PLUGINS, ids=IDS)
def test_after_kill_9_positions_are_the_same(own_postgres, scratch, settings):
    """R1, H1, F1: a client goes on exactly where it was."""
    cluster = own_postgres().start()
    with connected(cluster) as database, running(scratch, cluster, **settings) as server:
        database.run(ORDERS)
        with listen(server, "now") as socket:
            for number in range(3):
                insert(database, number)
            database.run("INSERT INTO orders VALUES (3, 'x'), (4, 'x')")
            numbers, places = ids(socket, 5)
        assert numbers == [*range(5)] and places == sorted(places)
        server.end(signal.SIGKILL)
        insert(database, 5)
        server.start()
        for known in range(5):
            with listen(server, places[known]) as socket:
                got, again = ids(socket, 5 - known)
                assert got == [*range(known + 1, 6)]
                assert again[:-1] == places[known + 1:]
        # Once more, with what was heard after the first crash.
        kill_and_start(server)
        insert(database, 6)
        with listen(server, again[-1]) as socket:
            assert ids(socket, 1)[0] == [6]


def test_a_fast_stop_is_fast_and_loses_nothing(own_postgres, scratch):
    """F4, C3: also with changes that the slot holds back."""
    cluster = own_postgres().start()
    with running(scratch, cluster) as server:
        with connected(cluster) as database:
            database.run(ORDERS)
            socket = listen(server, "now")
            insert(database, 1)
            (_, (place,)) = ids(socket, 1)
        assert cluster.stop("fast") < promised(10)
        cluster.start()
        server.wait_ready()
        with connected(cluster) as database:
            insert(database, 2)
            assert ids(socket, 1)[0] == [2]  # it was never told to go
            kill_and_start(server)
            with listen(server, place) as again:
                assert ids(again, 1)[0] == [2]


def test_a_fast_stop_in_the_midst_of_a_transaction(own_postgres, scratch):
    cluster = own_postgres().start()
    with running(scratch, cluster) as server, connected(cluster) as database:
        database.run(ORDERS)
        with listen(server, "now") as socket:
            database.run("INSERT INTO orders SELECT n, repeat('x', 100) FROM"
                         " generate_series(1, 100000) n")
            socket.message()
            assert cluster.stop("fast") < promised(10)


def test_an_idle_slot_keeps_little(own_postgres, scratch):
    """F12, C3: another database is busy."""
    cluster = own_postgres(max_wal_size="2GB").start()
    cluster.psql("CREATE DATABASE busy")
    with running(scratch, cluster) as server, connected(cluster) as database:
        database.run(ORDERS)
        insert(database, 1)
        begin, = database.run("SELECT pg_current_wal_lsn()")[0]
        cluster.psql("CREATE TABLE t AS SELECT repeat('x', 1000) FROM generate_series(1, 200000)",
                     "busy")

        def behind(place):
            return database.run(f"SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), {place})"
                                " FROM pg_replication_slots")[0][0]
        assert behind(f"'{begin}'") > 128 << 20
        wait_for("little to be kept", lambda: behind("restart_lsn") < 64 << 20, promised(35))
        assert server.ready()[0] == 200


def test_a_slot_that_was_dropped_is_a_told_gap(own_postgres, scratch):
    """F8, C6."""
    cluster = own_postgres().start()
    with connected(cluster) as database, running(scratch, cluster) as server:
        database.run(ORDERS)
        socket = listen(server, "now")
        insert(database, 1)
        (_, (place,)) = ids(socket, 1)
        server.process.send_signal(signal.SIGSTOP)  # or it may be back before the slot is dropped
        database.run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots")
        cluster.drop_slot("kept")
        insert(database, 2)
        server.process.send_signal(signal.SIGCONT)
        code, reason = socket.close_code()
        assert code == 4010 and "pos=" in reason
        server.wait_ready()
        assert listen(server, place).close_code()[0] == 4010
        with listen(server, reason.split("pos=")[1]) as again:
            insert(database, 3)
            assert ids(again, 1)[0] == [3]
        # The same while we are away.
        server.end(signal.SIGKILL)
        cluster.drop_slot("kept")
        server.start()
        assert listen(server, place).close_code()[0] == 4010
        assert "no earlier position can be resumed" in server.log()


DROP = "SELECT pg_drop_replication_slot('{}')"
COPY = "SELECT pg_copy_logical_replication_slot('{}', '{}')"
MEANWHILE = {
    "made anew": (True, [DROP.format("kept"),
                         "SELECT pg_create_logical_replication_slot('kept', 'pgoutput')"]),
    "moved on": (True, ["SELECT pg_replication_slot_advance('kept', pg_current_wal_lsn())"]),
    "read by another": (True, ["SELECT pg_logical_slot_get_binary_changes('kept', NULL, NULL,"
                               " 'proto_version', '1', 'publication_names', 'pgcdc')"]),
    "copied and back": (False, [COPY.format("kept", "copy"), DROP.format("kept"),
                                COPY.format("copy", "kept"), DROP.format("copy")]),
    "database renamed": (False, ["ALTER DATABASE shop RENAME TO store"]),
}


@pytest.mark.parametrize("is_gap, statements", MEANWHILE.values(), ids=MEANWHILE)
def test_what_was_done_to_the_slot_while_we_were_away(own_postgres, scratch, is_gap, statements):
    """Only a slot that stands where we left it leads on; whose it is does not matter."""
    cluster = own_postgres().start()
    cluster.psql("CREATE DATABASE shop")
    name = "store" if "RENAME" in statements[0] else "shop"
    database = Database(cluster, "shop")
    database.run(ORDERS)
    with Pgcdc(scratch, cluster.url("shop"), slot_name="kept") as server:
        with listen(server, "now") as socket:
            insert(database, 1)
            insert(database, 2)
            _, places = ids(socket, 2)
    database.close()
    for statement in statements:
        cluster.psql_when_free(statement, "postgres" if name == "store" else "shop")
    database = Database(cluster, name)
    insert(database, 3)
    with Pgcdc(scratch, cluster.url(name), slot_name="kept") as server:
        for known, place in enumerate(places, 1):
            with listen(server, place) as socket:
                if is_gap:
                    assert socket.close_code()[0] == 4010
                else:
                    assert ids(socket, 3 - known)[0] == [*range(known + 1, 4)]
    database.close()


def test_a_slot_that_is_lost_is_a_told_gap(own_postgres, scratch):
    """F9: no endless retries, and the log says what was too small."""
    cluster = own_postgres(max_slot_wal_keep_size="1MB", wal_keep_size="0",
                           min_wal_size="32MB", max_wal_size="48MB").start()
    with connected(cluster) as database, running(scratch, cluster) as server:
        database.run(ORDERS)
        with listen(server, "now") as socket:
            insert(database, 1)
            (_, (place,)) = ids(socket, 1)
        server.end(signal.SIGKILL)
        numbers = itertools.count(10)

        def lost():
            insert(database, next(numbers))
            database.run("SELECT pg_switch_wal()")
            database.run("CHECKPOINT")
            return database.run("SELECT wal_status FROM pg_replication_slots") == [("lost",)]
        wait_for("the slot to be lost", lost)
        server.start()
        assert "max_slot_wal_keep_size" in server.log()
        assert listen(server, place).close_code()[0] == 4010
        with listen(server, "now") as socket:
            insert(database, 2)
            assert ids(socket, 1)[0] == [2]


def test_a_stand_by_takes_over_without_a_gap(own_postgres, scratch):
    """C5: the second server of a slot waits, and clients go on there."""
    cluster = own_postgres().start()
    with connected(cluster) as database, running(scratch, cluster) as first:
        database.run(ORDERS)
        second = Pgcdc(scratch, cluster.url(), slot_name="kept").start(is_ready=False)
        try:
            with listen(first, "now") as socket:
                insert(database, 1)
                insert(database, 2)
                (_, (place, last)) = ids(socket, 2)
            wait_for("standing by", lambda: (second.ready()[1] or {}).get("state") == "standby")
            first.end(signal.SIGKILL)
            insert(database, 3)
            second.wait_ready()
            with listen(second, place) as socket:
                numbers, places = ids(socket, 2)
                assert numbers == [2, 3] and places[0] == last
        finally:
            second.end()


def test_who_lost_the_slot_sends_its_clients_away(own_postgres, scratch):
    """C5, D4: else they would hear nothing there, for as long as the other server streams."""
    cluster = own_postgres().start()
    proxy = Proxy(cluster.home / f".s.PGSQL.{cluster.port}")
    url = f"postgres://postgres@127.0.0.1:{proxy.port}/postgres"
    second = Pgcdc(scratch, cluster.url(), slot_name="kept")
    with connected(cluster) as database, Pgcdc(scratch, url, slot_name="kept") as first:
        database.run(ORDERS)
        second.start(is_ready=False)
        try:
            wait_for("standing by", lambda: (second.ready()[1] or {}).get("state") == "standby")
            with listen(first, "now") as socket:
                insert(database, 1)
                _, (place,) = ids(socket, 1)
                proxy.refuse()
                proxy.reset()
                second.wait_ready()
                proxy.accept()
                assert socket.close_code(PATIENCE) == (1001, "another server has taken over: connect again")
            insert(database, 2)
            with listen(second, place) as socket:
                assert ids(socket, 1)[0] == [2]
        finally:
            second.end()
    proxy.close()


def test_a_stop_leaves_the_slot_free(own_postgres, scratch):
    """C5: also while much is on its way, and the journal takes no more of it."""
    cluster = own_postgres().start()
    with connected(cluster) as database, running(scratch, cluster, journal_size="4MiB") as server:
        database.run(ORDERS)
        for first in range(0, 250_000, 50_000):
            database.run("INSERT INTO orders SELECT n, repeat('x', 100) FROM"
                         " generate_series(%s, %s) n", [first + 1, first + 50_000])
            begin = time.monotonic()
            assert server.end() == 0
            if "has not ended" in server.log():  # it waits no longer than that, nor less
                assert time.monotonic() - begin >= 5
                break
            assert database.run("SELECT active FROM pg_replication_slots") == [(False,)]
            server.start()


def test_a_server_that_does_not_answer_is_left(own_postgres, scratch):
    """A stop has its end behind a dead link, too."""
    cluster = own_postgres().start()
    with Proxy(cluster.home / f".s.PGSQL.{cluster.port}") as proxy:
        server = Pgcdc(scratch, f"postgres://postgres@127.0.0.1:{proxy.port}/postgres",
                       slot_name="kept").start()
        proxy.stall()
        assert server.end() == 0
        assert "has not ended the stream" in server.log()


def test_a_restored_copy_is_another_history(own_postgres, scratch):
    """F19, R2: the same system, timeline and positions, with other content."""
    cluster = own_postgres().start()
    copy = cluster.home / "copy"
    with running(scratch, cluster) as server:
        with connected(cluster) as database:
            database.run(ORDERS)
            insert(database, 0)
        server.end(signal.SIGKILL)
        cluster.stop("fast")
        assert run_as(cluster.user, ["cp", "-a", str(cluster.data), str(copy)]).returncode == 0

        def live(status):
            """The same writes, so that positions are the same, with other rows."""
            cluster.start()
            server.start()
            database = Database(cluster, "postgres")
            socket = listen(server, "now")
            for number in range(1, 6):
                database.run("INSERT INTO orders VALUES (%s, %s)", [number, status])
            return database, ids(socket, 5)[1]

        database, places = live("old")
        database.close()
        server.end(signal.SIGKILL)
        cluster.stop("immediate")
        assert run_as(cluster.user, ["rm", "-rf", str(cluster.data)]).returncode == 0
        assert run_as(cluster.user, ["cp", "-a", str(copy), str(cluster.data)]).returncode == 0
        database, others = live("new")
        # (That LSNs repeat is the rule here; where a background process wrote, they may not.)
        for place in places:
            assert listen(server, place).close_code()[0] == 4010
        with listen(server, others[0]) as socket:
            assert ids(socket, 4)[1] == others[1:]
        database.close()


def test_a_frozen_leader_is_replaced(own_postgres, scratch):
    """F2, F38: the server hangs up on a leader that sleeps; when it wakes up it stands by."""
    cluster = own_postgres(wal_sender_timeout="4s").start()
    with connected(cluster) as database, running(scratch, cluster) as first:
        database.run(ORDERS)
        second = Pgcdc(scratch, cluster.url(), slot_name="kept").start(is_ready=False)
        try:
            wait_for("standing by", lambda: (second.ready()[1] or {}).get("state") == "standby")
            first.process.send_signal(signal.SIGSTOP)
            second.wait_ready(promised(4 + 5))
            first.process.send_signal(signal.SIGCONT)
            wait_for("the first to stand by", lambda: first.ready()[0] == 503)
            with listen(second, "now") as socket:
                insert(database, 1)
                assert ids(socket, 1)[0] == [1]
        finally:
            first.process.send_signal(signal.SIGCONT)
            second.end()


# Schema changes

CHANGES = ["ALTER TABLE orders ADD COLUMN more int DEFAULT 7",
           "ALTER TABLE orders DROP COLUMN status",
           "ALTER TABLE orders RENAME COLUMN more TO less",
           "ALTER TABLE orders ALTER COLUMN less TYPE text",
           "ALTER TABLE orders REPLICA IDENTITY FULL",
           "ALTER TABLE orders REPLICA IDENTITY DEFAULT"]


@pytest.mark.parametrize("settings", PLUGINS, ids=IDS)
def test_schema_changes_hold_from_the_next_commit_on(own_postgres, scratch, settings):
    """C9, F15."""
    cluster = own_postgres().start()
    with connected(cluster) as database, running(scratch, cluster, **settings) as server:
        database.run(ORDERS)
        with listen(server, "now", "*:orders", "insert:marker") as socket:
            expected = []
            for number, statement in enumerate(CHANGES):
                database.run(statement)
                database.run("INSERT INTO orders (id) VALUES (%s)", [number])
                columns = database.run("SELECT attname, format_type(atttypid, NULL) FROM"
                                       " pg_attribute WHERE attrelid = 'orders'::regclass AND"
                                       " attnum > 0 AND NOT attisdropped ORDER BY attnum")
                expected.append(columns)
            got = [message for message in database.mark(socket) if message["kind"] == "insert"]
            assert [[*zip(message["columnnames"], message["columntypes"])]
                    for message in got] == expected


def wait_published(database, settings, count):
    """wal2json needs no publication."""
    def published():
        return database.run("SELECT count(*) FROM pg_publication_tables WHERE pubname = 'pgcdc'"
                            " AND tablename LIKE 'part%'")[0][0]
    wait_for("publication", lambda: settings["plugin"] == "wal2json" or published() == count)


@pytest.mark.parametrize("settings", PLUGINS, ids=IDS)
def test_a_partition_and_a_new_table_are_heard_at_once(own_postgres, scratch, settings):
    cluster = own_postgres().start()
    with connected(cluster) as database, running(scratch, cluster, **settings) as server:
        database.run("CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id)")
        with listen(server, "now", "*:*", "insert:marker") as socket:
            database.run("CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10)")
            database.run("CREATE TABLE part2 (id int PRIMARY KEY)")
            wait_published(database, settings, 2)
            database.run("INSERT INTO part2 VALUES (15)")
            database.run("ALTER TABLE parts ATTACH PARTITION part2 FOR VALUES FROM (10) TO (20)")
            database.run("INSERT INTO parts VALUES (1), (11)")
            database.run("DROP TABLE part2")
            database.run("CREATE TABLE part2 (id int PRIMARY KEY, more text)")
            wait_published(database, settings, 2)
            database.run("INSERT INTO part2 VALUES (1, 'x')")
            got = [(message["table"], message["columnvalues"])
                   for message in database.mark(socket)]
            assert got == [("part2", [15]), ("part1", [1]), ("part2", [11]), ("part2", [1, "x"])]


def test_a_dropped_table_is_noticed(own_postgres, scratch):
    cluster = own_postgres().start()
    with connected(cluster) as database, running(scratch, cluster) as server:
        database.run(ORDERS)
        database.wait_look()
        database.run("DROP TABLE orders")
        server.wait_log("table public.orders was dropped or renamed")


@pytest.mark.parametrize("rows", [1, 200])
def test_a_copy_restored_under_us_is_a_told_gap(own_postgres, scratch, rows):
    """F19: fewer or more writes after it than what we had heard before."""
    cluster = own_postgres().start()
    copy = cluster.home / "copy"
    with running(scratch, cluster) as server:
        with connected(cluster) as database:
            database.run(ORDERS)
            insert(database, 0)
        server.end(signal.SIGKILL)
        cluster.stop("fast")
        assert run_as(cluster.user, ["cp", "-a", str(cluster.data), str(copy)]).returncode == 0
        cluster.start()
        server.start()
        with connected(cluster) as database:
            socket = listen(server, "now")
            for number in range(1, 50):
                insert(database, number)
            ids(socket, 49)
        cluster.stop("immediate")
        assert run_as(cluster.user, ["rm", "-rf", str(cluster.data)]).returncode == 0
        assert run_as(cluster.user, ["cp", "-a", str(copy), str(cluster.data)]).returncode == 0
        server.process.send_signal(signal.SIGSTOP)  # so that it comes back after the writes
        cluster.start()
        with connected(cluster) as database:
            for number in range(1, rows):
                database.run("INSERT INTO orders VALUES (%s, 'other')", [number])
            server.process.send_signal(signal.SIGCONT)
            server.wait_ready()
            insert(database, 1000)
            assert socket.close_code()[0] == 4010
            with listen(server, "now") as again:
                insert(database, 1001)
                assert ids(again, 1)[0] == [1001]
