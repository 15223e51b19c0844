# SPDX-License-Identifier: Apache-2.0
"""Transactions that PostgreSQL sends while they run: nothing before the commit, nothing of what is
rolled back, all of it in bounded memory, and a disk that fails loses nothing (C7, C2, H2; F13, F14,
F21)."""
import contextlib
import os
import random
import resource
import threading
import time

import pytest

from conftest import Database
from support.patience import wait_for
from support.pgcdc import MEMORY_FACTOR, Pgcdc
from support.postgres import has_plugin

MIB = 1024  # in KiB
TABLES = """
CREATE TABLE items (id int PRIMARY KEY, name text, body text);
CREATE TABLE full_row (id int, name text);
ALTER TABLE full_row REPLICA IDENTITY FULL;
"""
ROWS = [200_000] + ([1_000_000, 5_000_000] if os.environ.get("PGCDC_SOAK_SECONDS") else [])


def streams_early(database):
    """Every transaction above 64 kB is streamed, from the next connection on."""
    database.run(f"ALTER DATABASE {database.name} SET logical_decoding_work_mem = '64kB'")


def streamed(database):
    return database.run("""SELECT coalesce(sum(stream_txns), 0) FROM pg_stat_replication_slots
                             JOIN pg_replication_slots USING (slot_name)
                            WHERE database = current_database()""")[0][0]


WHOLE = [{"plugin": "pgoutput", "pgoutput_protocol": "1"}]
EARLY = [{"plugin": "pgoutput", "spill_memory": "1MiB"},
         {"plugin": "pgoutput", "spill_memory": "1MiB", "pgoutput_protocol": "2"}]
if has_plugin("wal2json"):
    WHOLE.append({"plugin": "wal2json"})


@pytest.fixture
def both(database, pgcdc):
    """Runs statements under servers of which some hear whole transactions only; what they have
    told, which must be the same of all."""
    database.run(TABLES)
    streams_early(database)
    servers = [pgcdc(slot_name=f"{database.name[-40:]}_{number}", **settings)
               for number, settings in enumerate(WHOLE + EARLY)]
    sockets = [server.query("*:*") for server in servers]

    def run(*statements, is_streamed=True):
        before = streamed(database)
        for statement in statements:
            database.cluster.psql(statement, database.name)
        want, *others = database.mark(*sockets)
        for got in others:
            assert len(got) == len(want)
            for mine, other in zip(got, want):
                assert mine == other
        if is_streamed:
            wait_for("a transaction to be streamed", lambda: streamed(database) > before)
        return want
    yield run
    for server in servers:
        server.drop_clients()
        assert server.end() == 0
    for name, in database.run("SELECT slot_name FROM pg_replication_slots"
                              " WHERE database = current_database()"):
        database.drop_slot(name)


def fill(first, last, size=100):
    return (f"INSERT INTO items SELECT n, 'n' || n, repeat('x', {size})"
            f" FROM generate_series({first}, {last}) n;")


def test_a_large_transaction_is_told_at_its_commit(both):
    got = both("BEGIN;" + fill(1, 5000) + """
               UPDATE items SET name = 'new' WHERE id % 3 = 0;
               UPDATE items SET id = id + 100000 WHERE id % 500 = 0;
               INSERT INTO full_row SELECT n, 'f' FROM generate_series(1, 2000) n;
               UPDATE full_row SET name = 'g' WHERE id < 1000;
               DELETE FROM items WHERE id % 2 = 0;
               DELETE FROM full_row; COMMIT""")
    assert len(got) > 10000


def test_a_transaction_beyond_the_memory_goes_to_the_disk(both):
    got = both("BEGIN;" + fill(1, 20000, 300) + "COMMIT", fill(20001, 20010))
    assert [message["columnvalues"][0] for message in got] == list(range(1, 20011))


def test_what_is_rolled_back_is_never_told(both):
    assert both("BEGIN;" + fill(1, 20000) + "ROLLBACK") == []
    assert len(both(fill(1, 1), is_streamed=False)) == 1


def test_savepoints(both):
    got = both("BEGIN;" + fill(1, 3000) + "SAVEPOINT a;" + fill(3001, 6000) + "SAVEPOINT b;"
               + fill(6001, 9000) + "ROLLBACK TO a;" + fill(9001, 12000) + "SAVEPOINT c;"
               + fill(12001, 15000) + "RELEASE c;" + fill(15001, 16000) + "COMMIT")
    ids = [message["columnvalues"][0] for message in got]
    assert ids == [*range(1, 3001), *range(9001, 16001)]


def test_tables_that_change_within(both):
    """Servers that cannot decode this while it runs are asked for it once it has ended."""
    both("BEGIN;" + fill(1, 2000) + """
         SAVEPOINT a; ALTER TABLE items ADD COLUMN lost int;
         UPDATE items SET lost = 1; ROLLBACK TO a;
         UPDATE items SET name = 'again';
         ALTER TABLE items ADD COLUMN kept int DEFAULT 5;
         UPDATE items SET kept = 6;
         CREATE TABLE later (id int PRIMARY KEY, t text);
         COMMIT;""",
         "BEGIN;" + fill(3001, 3001).replace("repeat('x', 100)", "'y', 7") + "COMMIT",
         "BEGIN; ALTER TABLE items DROP COLUMN name; UPDATE items SET kept = 8; ROLLBACK",
         "UPDATE items SET kept = 9")


def subtransactions(random_, ids, depth=0):
    """A block of random statements and savepoints, some of them rolled back."""
    lines = []
    for _ in range(random_.randrange(2, 8)):
        kind = random_.randrange(6 if depth < 3 else 4)
        if kind < 2:
            size = random_.randrange(1, 400)
            lines.append(fill(ids[0], ids[0] + size))
            ids[0] += size + 1
        elif kind == 2:
            lines.append(f"UPDATE items SET name = 'u{random_.random()}' WHERE id % 17 = 3;")
        elif kind == 3:
            lines.append(f"DELETE FROM items WHERE id % 23 = {random_.randrange(23)};")
        else:
            name = f"s{random_.randrange(10**9)}"
            lines += [f"SAVEPOINT {name};", *subtransactions(random_, ids, depth + 1),
                      random_.choice([f"ROLLBACK TO {name};", f"RELEASE {name};",
                                      f"ROLLBACK TO {name}; RELEASE {name};"])]
    return lines


def test_random_subtransactions(both):
    seed = int(os.environ.get("PGCDC_SEED", time.time_ns() % 2**32))
    print(f"PGCDC_SEED={seed}")
    random_, ids = random.Random(seed), [1]
    for _ in range(6):
        block = ["BEGIN;", fill(ids[0], ids[0] + 1500)]
        ids[0] += 1501
        for _ in range(6):
            block += subtransactions(random_, ids)
        block.append(random_.choice(["COMMIT;", "COMMIT;", "ROLLBACK;"]))
        both("".join(block))


def test_many_subtransactions(both):
    got = both("BEGIN;" + fill(1, 1000) + """
               DO $$ BEGIN
                   FOR i IN 1..4000 LOOP
                       BEGIN
                           INSERT INTO items VALUES (100000 + i, 'sub', 'x');
                           IF i % 2 = 0 THEN RAISE 'no'; END IF;
                       EXCEPTION WHEN OTHERS THEN NULL;
                       END;
                   END LOOP;
               END $$; COMMIT""")
    assert len(got) == 3000


def test_interleaved_transactions(database, pgcdc):
    database.run(TABLES)
    streams_early(database)
    server = pgcdc(plugin="pgoutput", spill_memory="1MiB")
    socket = server.query("*:items", "insert:marker")
    writers = [database.cluster.connect(database.name) for _ in range(6)]
    for writer in writers:
        writer.autocommit = False
    for step in range(20):
        for number, writer in enumerate(writers):
            with writer.cursor() as cursor:
                first = number * 100000 + step * 500
                cursor.execute(fill(first, first + 499))
        database.run("INSERT INTO full_row VALUES (1, 'between')")
    wait_for("the disk to be used", lambda: server.metric("pgcdc_spill_disk_bytes") > 0)
    order = [3, 0, 5, 1]
    for number in order:
        writers[number].commit()
    writers[2].rollback()
    got = [message["columnvalues"][0] for message in database.mark(socket)]
    want = [number * 100000 + n for number in order for n in range(10000)]
    assert got == want
    writers[4].commit()
    got = [message["columnvalues"][0] for message in database.mark(socket)]
    assert got == [400000 + n for n in range(10000)]
    for writer in writers:
        writer.close()
    wait_for("nothing to be kept", lambda: server.metric("pgcdc_spill_disk_bytes") == 0
             and server.metric("pgcdc_spill_memory_bytes") == 0)


def run_while_reading(database, socket, *statements):
    """What comes meanwhile: a client that answers no ping for long would be given up."""
    got = []
    thread = threading.Thread(target=lambda: [database.run(each) for each in statements])
    thread.start()
    while thread.is_alive():
        with contextlib.suppress(TimeoutError):
            got.append(socket.message(0.2))
    return got


@pytest.mark.parametrize("rows", ROWS)
def test_any_size_in_bounded_memory(own_postgres, scratch, rows):
    """F13, C7, C2: the walsender hears from us all the time, and memory has its bound."""
    cluster = own_postgres(wal_sender_timeout="10s", max_wal_size="8GB").start()
    database = Database(cluster, "postgres")
    database.run("CREATE TABLE big (id int PRIMARY KEY, body text)")
    journal, timeout = 32 * MIB, 60 + rows / 5000
    with Pgcdc(scratch, cluster.url(), journal_size="32MiB", spill_memory="16MiB",
               slot_name="big") as server:
        with server.query(f"*:big:id.in.(1,{rows})", "insert:marker", timeout=timeout) as socket:
            before = server.rss_kib()
            for _ in range(2):
                got = run_while_reading(database, socket, "INSERT INTO big SELECT n, repeat('x', 200)"
                                        f" FROM generate_series(1, {rows}) n")
                got += database.mark(socket, timeout=timeout)
                assert [message["columnvalues"][0] for message in got] == [1, rows]
                assert run_while_reading(database, socket,
                                         "BEGIN; DELETE FROM big; ROLLBACK; TRUNCATE big") == []
            database.mark(socket, timeout=timeout)
            assert server.metric("pgcdc_spilled_transactions_total") >= 2
            assert server.metric("pgcdc_capture_connects_total") == 1
            peak = server.peak_kib()
            print(f"resident: {before // MIB} MiB before, {peak // MIB} MiB at most")
            assert peak < (journal + 128 * MIB) * MEMORY_FACTOR
    assert "timeout" not in cluster.log()
    database.close()


def limit_files(server, size):
    """From now on no file of the server grows beyond this size."""
    hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def cpu_seconds(server):
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_full_disk_holds_up_and_recovers(own_postgres, scratch):
    """H2, F21, C2: visible, patient, and nothing is lost."""
    cluster = own_postgres(wal_sender_timeout="5s", logical_decoding_work_mem="64kB").start()
    database = Database(cluster, "postgres")
    database.run(TABLES)
    with Pgcdc(scratch, cluster.url(), spill_memory="1MiB", plugin="pgoutput") as server:
        socket = server.query("*:items", "insert:marker")
        limit_files(server, 2 << 20)
        writer = threading.Thread(target=database.run, args=[fill(1, 30000)])
        writer.start()
        wait_for("/ready to say so", lambda: server.ready()[0] == 503)
        state = server.ready()[1]
        assert state["state"] == "held up" and "spill_directory" in state["reason"]
        writer.join()
        committed, = database.run("SELECT pg_current_wal_insert_lsn() - '0/0'")[0]
        busy = cpu_seconds(server)
        time.sleep(8)  # longer than wal_sender_timeout
        assert cpu_seconds(server) - busy < 1
        assert server.metric("pgcdc_confirmed_lsn_bytes") < committed
        server.wait_metric("pgcdc_spill_failures_total", 1)
        assert server.log().count("held up") == 1
        limit_files(server, resource.RLIM_INFINITY)
        server.wait_ready()
        got = database.mark(socket)
        assert [message["columnvalues"][0] for message in got] == list(range(1, 30001))
        assert server.metric("pgcdc_capture_connects_total") == 1
        assert "there is room" in server.log()
    assert "timeout" not in cluster.log()
    database.close()


def test_a_directory_that_is_not_there_is_told_at_the_start(database, pgcdc):
    server = pgcdc(spill_directory="/nonexistent/pgcdc")
    assert "spill_directory /nonexistent/pgcdc: no file can be made" in server.log()
