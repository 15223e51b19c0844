# SPDX-License-Identifier: Apache-2.0
"""Who gets which change, in which order, and what a slow client costs the others."""
import time

import pytest

from support.pgcdc import wait_for
from support.websocket import Closed

ORDERS = "CREATE TABLE orders (id int PRIMARY KEY, status text, total numeric(10,2))"


def test_insert_update_delete_arrive_as_the_original_sent_them(database, pgcdc):
    database.run(ORDERS)
    socket = pgcdc().query("*:orders")
    database.run("INSERT INTO orders VALUES (1, 'new', 1.50)")
    database.run("UPDATE orders SET status = 'paid' WHERE id = 1")
    database.run("UPDATE orders SET id = 2 WHERE id = 1")
    database.run("DELETE FROM orders WHERE id = 2")
    row = ('"schema":"public","table":"orders","columnnames":["id","status","total"],'
           '"columntypes":["integer","text","numeric(10,2)"],"columnvalues":')
    key = '"oldkeys":{"keynames":["id"],"keytypes":["integer"],"keyvalues":'
    assert [socket.text() for _ in range(4)] == [
        '{"kind":"insert",' + row + '[1,"new",1.50]}',
        '{"kind":"update",' + row + '[1,"paid",1.50],' + key + '[1]}}',
        '{"kind":"update",' + row + '[2,"paid",1.50],' + key + '[1]}}',
        '{"kind":"delete","schema":"public","table":"orders",' + key + '[2]}}',
    ]


@pytest.mark.parametrize("kinds, expected", [
    ("*", ["insert", "update", "delete"]), ("insert", ["insert"]), ("update", ["update"]),
    ("delete", ["delete"]), ("insert,delete", ["insert", "delete"]),
    ("update,update", ["update"])])
def test_only_the_kinds_asked_for(database, pgcdc, kinds, expected):
    """D2."""
    database.run(ORDERS)
    socket = pgcdc().query(f"{kinds}:orders", "insert:marker")
    database.run("INSERT INTO orders VALUES (1, 'new', 1)")
    database.run("UPDATE orders SET status = 'paid'")
    database.run("DELETE FROM orders")
    database.run("TRUNCATE orders")
    assert [message["kind"] for message in database.mark(socket)] == expected


def test_nothing_else_arrives(database, pgcdc):
    """D2: rolled back work, other tables and schemas, unmatched rows."""
    database.run(ORDERS + "; CREATE TABLE other (LIKE orders INCLUDING ALL);"
                 "CREATE SCHEMA s; CREATE TABLE s.orders (LIKE orders INCLUDING ALL);"
                 "CREATE UNLOGGED TABLE u (LIKE orders INCLUDING ALL)")
    server = pgcdc()
    socket = server.query("*:orders:status.eq.paid", "insert:marker")
    schema = server.query("*:s.orders", "insert:marker")
    database.run("BEGIN; INSERT INTO orders VALUES (1, 'paid', 1); ROLLBACK")
    database.run("BEGIN; SAVEPOINT a; INSERT INTO orders VALUES (2, 'paid', 1); ROLLBACK TO a;"
                 "INSERT INTO orders VALUES (3, 'paid', 1); COMMIT")
    database.run("INSERT INTO other VALUES (4, 'paid', 1); INSERT INTO s.orders VALUES (5, 'paid', 1);"
                 "INSERT INTO u VALUES (6, 'paid', 1); INSERT INTO orders VALUES (7, 'new', 1)")
    got, of_schema = database.mark(socket, schema)
    assert [message["columnvalues"][0] for message in got] == [3]
    assert [(message["schema"], message["columnvalues"][0]) for message in of_schema] == [("s", 5)]


def test_each_change_comes_once_and_in_commit_order(database, pgcdc):
    """D1, with many clients on all workers and concurrent writers; several queries that overlap
    on one socket still give one message a change."""
    import threading
    database.run(ORDERS)
    server = pgcdc(workers="3")
    sockets = [server.query("*:orders", "insert:orders:id.gte.0", "insert:marker") for _ in range(12)]

    def write(start):
        connection = database.cluster.connect(database.name)
        with connection.cursor() as cursor:
            for number in range(start, start + 200):
                cursor.execute("INSERT INTO orders VALUES (%s, 'new', 1)", [number])
        connection.close()

    writers = [threading.Thread(target=write, args=(start,)) for start in (0, 1000, 2000)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    all_of_them = [[message["columnvalues"][0] for message in got] for got in database.mark(*sockets)]
    first = all_of_them[0]
    assert sorted(first) == [*range(200), *range(1000, 1200), *range(2000, 2200)]
    assert all(got == first for got in all_of_them)
    for start in (0, 1000, 2000):
        own = [number for number in first if start <= number < start + 1000]
        assert own == sorted(own)


def test_101_means_live(database, pgcdc):
    """D4: a change that commits after the 101 is never missed, however soon."""
    database.run(ORDERS)
    server = pgcdc()
    for number in range(60):
        with server.query(f"insert:orders:id.eq.{number}") as socket:
            database.run(f"INSERT INTO orders VALUES ({number}, 'new', 1)")
            assert socket.message()["columnvalues"][0] == number


def test_batch_delay_is_waited_for_and_loses_nothing(database, pgcdc):
    """With it no lone change is there sooner; without it one of many is, on a slow machine, too."""
    database.run(ORDERS)
    delay = 0.005

    def least_seconds(socket, numbers, is_enough):
        least = 1e9
        for number in numbers:
            began = time.monotonic()
            database.run(f"INSERT INTO orders VALUES ({number}, 'new', 1)")
            assert socket.message()["columnvalues"][0] == number
            least = min(least, time.monotonic() - began)
            if is_enough(least):
                break
        return least

    at_once, patient = pgcdc(batch_delay="0"), pgcdc(batch_delay="5ms")
    with patient.query("insert:orders") as socket:
        waited = least_seconds(socket, range(2000, 2030), lambda _: False)
        assert waited >= delay
    with at_once.query("insert:orders") as socket:
        assert least_seconds(socket, range(2000), lambda least: least < waited) < waited
    sockets = [patient.query("insert:orders", "insert:marker") for _ in range(4)]
    for number in range(3000, 3200):
        database.run(f"INSERT INTO orders VALUES ({number}, 'new', 1)")
    for messages in database.mark(*sockets):
        assert [message["columnvalues"][0] for message in messages] == [*range(3000, 3200)]
    frames, sends = (patient.metric(f"pgcdc_{name}_total") for name in ("frames_sent", "sends"))
    assert 0 < sends <= frames


def test_a_client_begins_at_a_transaction(database, pgcdc):
    """D6: of a transaction that was under way at the 101 all or nothing arrives."""
    database.run(ORDERS)
    server = pgcdc()
    other = database.cluster.connect(database.name)
    other.autocommit = False
    with other.cursor() as cursor:
        cursor.execute("INSERT INTO orders SELECT n, 'a', 1 FROM generate_series(1, 100) n")
        socket = server.query("insert:orders", "insert:marker")
        cursor.execute("INSERT INTO orders SELECT n, 'b', 1 FROM generate_series(101, 200) n")
    other.commit()
    other.close()
    assert [message["columnvalues"][0] for message in database.mark(socket)] == [*range(1, 201)]


def test_an_empty_transaction_and_truncate_give_no_message(database, pgcdc):
    database.run(ORDERS)
    socket = pgcdc().query("*:orders", "insert:marker")
    database.run("BEGIN; UPDATE orders SET total = 1 WHERE false; COMMIT; TRUNCATE orders")
    assert database.mark(socket) == []


def test_wide_values_arrive_whole(database, pgcdc):
    """D3: a value of 3 MB, and an unchanged TOAST column that is left out, never null."""
    database.run("CREATE TABLE wide (id int PRIMARY KEY, n int, body text)")
    database.run("ALTER TABLE wide ALTER body SET STORAGE EXTERNAL")
    socket = pgcdc().query("*:wide", "insert:marker")
    body = "0123456789äöü€" * 200_000
    database.run("INSERT INTO wide VALUES (1, 1, %s)", [body])
    database.run("UPDATE wide SET n = 2")
    inserted, updated = database.mark(socket)
    assert inserted["columnvalues"] == [1, 1, body]
    assert (updated["columnnames"], updated["columnvalues"]) == (["id", "n"], [1, 2])


def test_a_client_that_comes_back_too_late_is_closed_and_harms_nobody(database, pgcdc):
    """L1, thin: who does not read keeps a place in the journal and no more; when the journal has
    moved past it he loses his connection, with 4011.  The others get everything."""
    database.run("CREATE TABLE big (id int PRIMARY KEY, body text)")
    server = pgcdc(journal_size="4MiB", ping_interval="50")
    stalled = [server.query("*:big", receive_buffer=4096) for _ in range(3)]
    good = [server.query("insert:big", "insert:marker") for _ in range(3)]
    for start in range(0, 1000, 50):  # 1 MB each, read before the next
        database.run("INSERT INTO big SELECT n, repeat('x', 20000) FROM generate_series(%s, %s) n",
                     [start, start + 49])
        for messages in database.mark(*good):
            assert [message["columnvalues"][0] for message in messages] == [*range(start, start + 50)]
    assert server.metric("pgcdc_slow_clients_closed_total") == 0
    for socket in stalled:
        code, reason = socket.close_code()
        assert code == 4011 and "too slow" in reason
    server.wait_metric("pgcdc_slow_clients_closed_total", 3)


def test_a_client_that_pauses_loses_nothing(database, pgcdc):
    """F36: what the socket's buffers and the queue can hold is kept in order."""
    database.run(ORDERS)
    server = pgcdc()
    socket = server.query("insert:orders", "insert:marker", receive_buffer=4096)
    for start in range(0, 2000, 100):
        database.run("INSERT INTO orders SELECT n, 'new', 1 FROM generate_series(%s, %s) n",
                     [start, start + 99])
    wait_for("capture to have passed", lambda: server.metric("pgcdc_changes_captured_total") >= 2000)
    time.sleep(1)  # the pause that this is about
    assert [message["columnvalues"][0] for message in database.mark(socket)] == [*range(2000)]


def test_tables_with_hostile_names(database, pgcdc):
    """F16: quoted, non-ASCII, dotted and colon names can be asked for and come back as they are."""
    names = ['Upper', 'grüße', 'with space', 'quote"d', 'back\\slash', 'select', '世界']
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'
        database.run(f'CREATE TABLE {quoted} (id int PRIMARY KEY, "Kö:l.n" text)')
    server = pgcdc()
    for number, name in enumerate(names):
        quoted = '"' + name.replace('"', '""') + '"'
        with server.query(f"insert:{name}") as socket:
            database.run(f"INSERT INTO {quoted} VALUES ({number}, 'x')")
            message = socket.message()
            assert message["table"] == name and message["columnnames"] == ["id", "Kö:l.n"]


def test_the_originals_clients_work(database, pgcdc):
    """The queries that real clients send."""
    database.run("CREATE TABLE hosts (uuid uuid PRIMARY KEY, customer_id uuid, name text);"
                 "CREATE TABLE cputimes (id bigserial PRIMARY KEY, host_uuid uuid, load float8);"
                 "CREATE TABLE apikeys (id serial PRIMARY KEY, key varchar(60), customer_id uuid)")
    server = pgcdc()
    uuid, other = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    hosts = server.query("update:hosts", "insert:marker")
    mine = server.query(f"insert:cputimes:host_uuid.eq.{uuid}", "insert:marker")
    customer = server.query(f"*:hosts:customer_id.eq.{uuid}", "insert:marker")
    key = server.query("*:apikeys:key.eq.abc", "insert:marker")
    database.run(f"INSERT INTO hosts VALUES ('{uuid}', '{uuid}', 'a'), ('{other}', '{other}', 'b')")
    database.run("UPDATE hosts SET name = 'c'")
    database.run(f"INSERT INTO cputimes (host_uuid, load) VALUES ('{uuid}', 0.25), ('{other}', 0.5)")
    database.run(f"INSERT INTO apikeys (key, customer_id) VALUES ('abc', '{uuid}'), ('abd', '{uuid}')")
    got = database.mark(hosts, mine, customer, key)
    assert [len(messages) for messages in got] == [2, 1, 2, 1]
    assert got[1][0]["columnvalues"][1:] == [uuid, 0.25]


def test_a_table_dropped_and_made_again(database, pgcdc):
    """C9, thin: the next commit's definition holds, without a restart."""
    database.run(ORDERS)
    socket = pgcdc().query("insert:orders", "insert:marker")
    database.run("INSERT INTO orders VALUES (1, 'new', 1)")
    database.run("ALTER TABLE orders ADD note varchar(10), DROP total, ALTER id TYPE bigint")
    database.run("INSERT INTO orders VALUES (2, 'new', 'hi')")
    database.run("ALTER TABLE orders RENAME note TO remark")
    database.run("INSERT INTO orders VALUES (3, 'new', 'ho')")
    first, second, third = database.mark(socket)
    assert first["columnnames"] == ["id", "status", "total"]
    assert second["columnnames"] == ["id", "status", "note"]
    assert second["columntypes"] == ["bigint", "text", "character varying(10)"]
    assert third["columnnames"] == ["id", "status", "remark"]
