# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL may do to us: restart, refuse, stop, change its tables, send 1 million rows."""
import re
import signal

import pytest

from conftest import Database
from support.patience import PATIENCE, promised
from support.pgcdc import MEMORY_FACTOR, Pgcdc, wait_for
from support.websocket import Closed, Refused

PLUGINS = [{"plugin": "pgoutput"}, {"plugin": "wal2json"},
           {"plugin": "wal2json", "wal2json_format": "1"}]
IDS = ["pgoutput", "wal2json 2", "wal2json 1"]
ORDERS = "CREATE TABLE orders (id int PRIMARY KEY, status text)"


def slots(database):
    return database.run("SELECT slot_name, temporary, active, plugin FROM pg_replication_slots"
                        " WHERE database = current_database()")


def hears(server, database, query, timeout=PATIENCE):
    """A new client hears a new row: everything works, as soon as what was broken is noticed and
    mended."""
    def works():
        try:
            with server.query(query, "insert:marker") as socket:
                database.mark(socket, timeout=timeout)
            return True
        except Refused as refused:
            assert refused.status == 503, refused
        except Closed:
            pass
        return False
    wait_for("a new client to hear a new row", works)


# Slots

def test_without_a_name_the_slot_is_temporary(database, pgcdc):
    server = pgcdc()
    (name, temporary, active, plugin), = slots(database)
    assert re.fullmatch("pgcdc_[0-9a-f]+", name) and temporary and active
    assert plugin == "pgoutput"
    assert server.end() == 0
    wait_for("the slot to be gone", lambda: not slots(database))


def test_with_a_name_the_slot_stays_and_goes_on(database, pgcdc):
    database.run(ORDERS)
    name = f"durable_{database.name[-20:]}"
    server = pgcdc(slot_name=name)
    socket = server.query("insert:orders")
    database.run("INSERT INTO orders VALUES (1, 'a')")
    assert socket.message()["columnvalues"][0] == 1
    server.end(signal.SIGKILL)
    wait_for("PostgreSQL to notice", lambda: slots(database) == [(name, False, False, "pgoutput")])
    database.run("INSERT INTO orders VALUES (2, 'b')")
    server.start()
    assert [row[0] for row in slots(database)] == [name]
    # What came while we were away is decoded, not skipped.
    wait_for("the missed change to be read", lambda: server.metric("pgcdc_changes_captured_total") >= 1)
    hears(server, database, "insert:orders")
    assert server.end() == 0
    database.drop_slot(name)


def test_a_slot_in_use_is_waited_for(database, pgcdc):
    """C5, thin: the second server stands by and takes over."""
    name = f"shared_{database.name[-20:]}"
    first = pgcdc(slot_name=name)
    second = pgcdc(slot_name=name, is_ready=False)
    second.wait_log(f"{name}.*(in use|active)")
    wait_for("/ready to say so", lambda: second.ready()[0] == 503 and name in str(second.ready()[1]))
    first.end()
    second.wait_ready()
    hears(second, database, "insert:marker")
    second.end()
    database.drop_slot(name)


# PostgreSQL comes and goes

@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_is_survived(own_postgres, scratch, mode):
    """F3, F4, C3: a stop by pg_ctl takes no 10 s, and after the start changes flow again."""
    cluster = own_postgres().start()
    with Pgcdc(scratch, cluster.url()) as server:
        sockets = [server.query("insert:marker") for _ in range(3)]
        assert cluster.stop(mode) < promised(10)
        wait_for("not ready", lambda: server.ready()[0] == 503)
        assert server.is_alive()
        assert isinstance(server.ready()[1], dict)
        with pytest.raises(Refused) as refused:  # D4
            server.query("insert:marker")
        assert refused.value.status == 503 and "retry-after" in refused.value.headers
        cluster.start()
        server.wait_ready()
        for socket in sockets:  # a temporary slot cannot go on: a told gap, never silence
            assert socket.close_code()[0] == 4010
        database = Database(cluster, "postgres")
        hears(server, database, "insert:marker")
        database.close()


def test_a_killed_walsender_is_replaced_without_a_hole(own_postgres, scratch):
    """F5, C4: with a durable slot nothing is missed and nothing comes twice, or a gap is told."""
    cluster = own_postgres().start()
    with Pgcdc(scratch, cluster.url(), slot_name="kept") as server:
        database = Database(cluster, "postgres")
        database.run(ORDERS)
        socket = server.query("insert:orders", "insert:marker")
        for start in range(0, 500, 100):
            database.run("INSERT INTO orders SELECT n, 'x' FROM generate_series(%s, %s) n",
                         [start, start + 99])
            database.run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots")
        server.wait_ready()
        try:
            got = [message["columnvalues"][0] for message in database.mark(socket)]
            assert got == [*range(500)]
        except Closed as closed:
            assert closed.code == 4010
        hears(server, database, "insert:marker")
        database.close()


def test_killed_query_connections_are_replaced(database, pgcdc):
    database.run(ORDERS)
    server = pgcdc()
    for _ in range(3):
        database.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
                     " current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'")

        def answers():
            try:
                return server.get("/ws?query=*:orders:id.eq.1").status == 426
            except Closed:
                return False
        wait_for("queries to be answered again", answers)
    server.wait_ready()
    hears(server, database, "insert:orders")


def test_a_database_that_is_absent_at_start_is_waited_for(own_postgres, scratch):
    cluster = own_postgres()
    server = Pgcdc(scratch, cluster.url("later")).start(is_ready=False)
    wait_for("an answer", lambda: server.ready()[0] == 503)
    cluster.start()
    server.wait_log('"later" does not exist')
    lines = len(re.findall("does not exist", server.log()))
    cluster.psql("CREATE DATABASE later")
    server.wait_ready()
    assert lines < 5  # one line per change of state
    assert server.end() == 0


def test_a_refused_password_is_said_without_it(own_postgres, scratch):
    """F20."""
    cluster = own_postgres()
    (cluster.data / "pg_hba.conf").write_text("local all postgres trust\nhost all all all scram-sha-256\n"
                                              "local replication postgres trust\n")
    cluster.start()
    cluster.psql("CREATE ROLE worker LOGIN SUPERUSER PASSWORD 'right-one'")
    url = cluster.tcp_url(user="worker:wrong-one")
    server = Pgcdc(scratch, url).start(is_ready=False)
    server.wait_log("password authentication failed")
    cluster.psql("ALTER ROLE worker PASSWORD 'wrong-one'")
    server.wait_ready()
    assert "wrong-one" not in server.log()
    assert server.end() == 0


def test_stop_fast_while_a_transaction_is_streaming(own_postgres, scratch):
    cluster = own_postgres().start()
    database = Database(cluster, "postgres")
    database.run("CREATE TABLE big (id int PRIMARY KEY, body text)")
    with Pgcdc(scratch, cluster.url()) as server:
        server.query("insert:big:id.lt.0")
        database.run("INSERT INTO big SELECT n, repeat('x', 200) FROM generate_series(1, 100000) n")
        database.close()
        assert cluster.stop("fast") < promised(15)


# What we ask of the server, and how we say that we may not

def test_wal2json_refused_names_the_setting(own_postgres, scratch):
    """F10: the message holds the line that an administrator must add."""
    cluster = own_postgres()
    if not cluster.knows("output_plugin_libraries"):
        return  # a server without the setting refuses nothing
    cluster.configure(output_plugin_libraries="pgoutput")
    cluster.start()
    server = Pgcdc(scratch, cluster.url(), plugin="wal2json").start(is_ready=False)
    server.wait_log("output_plugin_libraries")
    line = re.search(r"output_plugin_libraries = '([^']*)'", server.log())
    assert line, server.log()
    assert server.ready()[0] == 503
    cluster.configure(output_plugin_libraries=line[1])
    cluster.reload()
    server.wait_ready()
    assert server.end() == 0


def test_a_plugin_refused_to_a_plain_role_is_said_once(own_postgres, scratch):
    """Who may not read the setting learns it from each attempt, with a new slot's name each time."""
    cluster = own_postgres()
    if not cluster.knows("output_plugin_libraries"):
        return
    cluster.configure(output_plugin_libraries="pgoutput")
    cluster.start()
    cluster.psql("CREATE ROLE reader LOGIN REPLICATION")
    server = Pgcdc(scratch, cluster.url(user="reader"), plugin="wal2json").start(is_ready=False)
    server.wait_log("output_plugin_libraries = ")
    wait_for("several attempts", lambda: cluster.log().count("STATEMENT:  CREATE_REPLICATION_SLOT") > 3)
    assert server.log().count("output_plugin_libraries = ") == 1, server.log()
    assert server.end() == 0


def test_wal_level_too_low_is_said(own_postgres, scratch):
    cluster = own_postgres(wal_level="replica").start()
    server = Pgcdc(scratch, cluster.url()).start(is_ready=False)
    server.wait_log("wal_level")
    assert "wal_level" in str(server.ready()[1])
    assert server.end() == 0


def test_slots_exhausted_is_said_and_recovers(own_postgres, scratch):
    cluster = own_postgres(max_replication_slots="1").start()
    cluster.psql("SELECT pg_create_logical_replication_slot('other', 'test_decoding')")
    server = Pgcdc(scratch, cluster.url()).start(is_ready=False)
    server.wait_log("max_replication_slots|replication slots are in use")
    cluster.drop_slot("other")
    server.wait_ready()
    assert server.end() == 0


def test_an_open_transaction_at_start_is_named(database, pgcdc):
    """F11: what start-up waits for is said, and 101 is not given before."""
    other = database.cluster.connect(database.name)
    other.autocommit = False
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()")
    server = pgcdc(is_ready=False)
    server.wait_log("cannot be made before open transactions end")
    assert server.ready()[0] == 503
    other.rollback()
    other.close()
    server.wait_ready()


LEAST = """
CREATE ROLE {role} LOGIN REPLICATION;
GRANT CONNECT ON DATABASE {database} TO {role};
GRANT USAGE ON SCHEMA public TO {role};
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};
"""


def make_role(database, name):
    database.run(LEAST.format(role=name, database=database.name))


def test_least_privilege_with_the_readmes_sql(database, pgcdc):
    """The SQL of README.md is all that a role without other rights needs."""
    import pathlib
    readme = (pathlib.Path(__file__).resolve().parents[2] / "README.md").read_text()
    sql = re.search(r"```sql\n(.*?)```", readme, re.S)[1]
    role = f"reader_{database.name[-12:]}"
    database.run(ORDERS)
    sql = re.sub(r"\bshop\b", database.name, re.sub(r"\bpgcdc_reader\b", role, sql))
    database.cluster.psql(sql, database.name)
    database.run("ALTER PUBLICATION pgcdc ADD TABLE marker")
    try:
        server = pgcdc(url=database.cluster.url(database.name, role))
        socket = server.query("*:orders:status.eq.a", "insert:marker")
        database.run("INSERT INTO orders VALUES (1, 'a'); UPDATE orders SET status = 'a'")
        assert [message["kind"] for message in database.mark(socket)] == ["insert", "update"]
        server.end()
    finally:
        database.cluster.psql(f"DROP OWNED BY {role}; DROP ROLE {role}", database.name)


def test_without_rights_the_message_holds_the_sql_that_helps(database, pgcdc):
    """Whoever runs just what the message says is done."""
    role = f"poor_{database.name[-12:]}"
    database.run(ORDERS)
    make_role(database, role)
    try:
        server = pgcdc(url=database.cluster.url(database.name, role), is_ready=False,
                       plugin="pgoutput")
        server.wait_log("CREATE PUBLICATION")
        assert server.ready()[0] == 503 and "CREATE PUBLICATION" in str(server.ready()[1])
        for statement in re.findall(r"((?:CREATE PUBLICATION|GRANT|ALTER) [^;\n]*);", server.log()):
            try:
                database.run(statement.replace("\\x22", '"'))
            except Exception as error:
                assert "already exists" in str(error), statement
        server.wait_ready()
        socket = server.query("*:orders", "insert:marker")
        database.run("INSERT INTO orders VALUES (1, 'a'); UPDATE orders SET status = 'b'")
        assert [message["kind"] for message in database.mark(socket)] == ["insert", "update"]
        server.end()
    finally:
        database.cluster.psql(f"DROP OWNED BY {role}; DROP ROLE {role}", database.name)


def test_a_role_without_replication_is_told(database, pgcdc):
    role = f"plain_{database.name[-12:]}"
    database.run(f"CREATE ROLE {role} LOGIN")
    try:
        server = pgcdc(url=database.cluster.url(database.name, role), is_ready=False)
        server.wait_log(f'ALTER ROLE "?{role}"? .*REPLICATION|REPLICATION')
        server.end()
    finally:
        database.cluster.psql(f"DROP OWNED BY {role}; DROP ROLE {role}", database.name)


# Publications: new tables at once, and no user's write ever fails because of us (C10)

def is_published(database, table):
    return database.run("SELECT count(*) FROM pg_publication_tables WHERE pubname = 'pgcdc'"
                        " AND tablename = %s", [table])[0][0] == 1


def test_a_new_tables_first_row_arrives(database, pgcdc):
    server = pgcdc()
    for number in range(3):
        other = database.cluster.connect(database.name)
        socket = server.query("insert:*", "insert:marker")
        with other.cursor() as cursor:
            cursor.execute(f"CREATE TABLE new_{number} (id int PRIMARY KEY); INSERT INTO new_{number} VALUES (7)")
        other.close()
        assert [(message["table"], message["columnvalues"]) for message in database.mark(socket)] == \
               [(f"new_{number}", [7])]
        wait_for("updates to be published", lambda: is_published(database, f"new_{number}"),
                 promised(5))
        database.run(f"UPDATE new_{number} SET id = 8")
        hears(server, database, f"*:new_{number}")


def test_tables_without_identity_give_inserts_and_never_fail(database, pgcdc):
    database.run("CREATE TABLE log (line text)")
    server = pgcdc(plugin="pgoutput")
    socket = server.query("*:log", "insert:marker")
    database.run("INSERT INTO log VALUES ('a')")
    database.run("UPDATE log SET line = 'b'")
    database.run("DELETE FROM log")
    assert [message["kind"] for message in database.mark(socket)] == ["insert"]
    server.wait_log(r"warning.*REPLICA IDENTITY.*public\.log")


@pytest.mark.parametrize("loss", [
    "ALTER TABLE orders DROP CONSTRAINT orders_pkey",
    "ALTER TABLE orders REPLICA IDENTITY NOTHING",
])
def test_a_table_that_loses_its_key_can_be_written_within_5_s(database, pgcdc, loss):
    database.run(ORDERS)
    server = pgcdc(plugin="pgoutput")
    wait_for("orders to be published", lambda: is_published(database, "orders"))
    socket = server.query("*:orders", "insert:marker")
    database.run("INSERT INTO orders VALUES (1, 'a')")
    database.run(loss)

    def writes():
        try:
            database.run("UPDATE orders SET status = 'b'")
            return True
        except Exception as error:
            assert "replica identity" in str(error)
            return False
    wait_for("an update to pass", writes, promised(5))
    database.run("DELETE FROM orders")
    database.run("INSERT INTO orders VALUES (2, 'c')")
    assert [message["kind"] for message in database.mark(socket)] == ["insert", "insert"]
    # And back again.
    database.run("ALTER TABLE orders REPLICA IDENTITY FULL")
    wait_for("orders to be published again", lambda: is_published(database, "orders"),
             promised(5))
    database.run("UPDATE orders SET status = 'd'")
    assert [message["kind"] for message in database.mark(socket)] == ["update"]


def test_a_dropped_publication_comes_back(database, pgcdc):
    """F17, thin."""
    database.run(ORDERS)
    server = pgcdc(plugin="pgoutput")
    database.run("DROP PUBLICATION pgcdc")
    wait_for("the publication to be back", lambda: is_published(database, "orders"))
    database.run("INSERT INTO orders VALUES (1, 'a')")

    def flows():
        try:
            hears(server, database, "insert:orders", timeout=5)
            return True
        except TimeoutError:  # what was written while it was away is not told
            return False
    wait_for("changes to flow", flows)


def test_a_users_own_publication_is_used_as_it_is(database, pgcdc):
    database.run(ORDERS + "; CREATE TABLE other (id int PRIMARY KEY);"
                 "CREATE PUBLICATION mine FOR TABLE orders, marker")
    server = pgcdc(publication="mine")
    socket = server.query("*:*", "insert:marker")
    database.run("INSERT INTO other VALUES (1); INSERT INTO orders VALUES (1, 'a')")
    assert [message["table"] for message in database.mark(socket)] == ["orders"]
    assert database.run("SELECT pubname FROM pg_publication_tables WHERE tablename = 'other'"
                        " AND pubname = 'mine'") == []


def test_partitions_can_be_published_as_their_root(database, pgcdc):
    database.run("""CREATE TABLE measured (at date PRIMARY KEY, v int) PARTITION BY RANGE (at);
        CREATE TABLE measured_2026 PARTITION OF measured FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')""")
    server = pgcdc(plugin="pgoutput", publish_via_partition_root="true")
    socket = server.query("*:measured", "insert:marker")
    database.run("INSERT INTO measured VALUES ('2026-05-05', 1)")
    assert [message["table"] for message in database.mark(socket)] == ["measured"]


# Quantities

def confirmed(database):
    return database.run("SELECT (confirmed_flush_lsn - '0/0')::bigint FROM pg_replication_slots"
                        " WHERE database = current_database()")[0][0]


def test_an_idle_slot_follows_a_busy_neighbour(own_postgres, scratch):
    """C3, F12: WAL of other databases is confirmed while we have nothing to say."""
    cluster = own_postgres(wal_sender_timeout="6s").start()
    database = Database(cluster, "postgres")
    cluster.psql("CREATE DATABASE neighbour")
    with Pgcdc(scratch, cluster.url(), slot_name="idle"):
        cluster.psql("CREATE TABLE t AS SELECT n, repeat('x', 500) FROM generate_series(1, 40000) n",
                     "neighbour")
        target = database.run("SELECT (pg_current_wal_lsn() - '0/0')::bigint")[0][0]
        wait_for("the position to be confirmed", lambda: confirmed(database) >= target, 2 * PATIENCE)
    database.close()


@pytest.mark.parametrize("settings", PLUGINS, ids=IDS)
def test_a_large_transaction_passes_in_bounded_memory(own_postgres, scratch, settings):
    """C2, C7: 300,000 rows with a short wal_sender_timeout and a journal of 16 MiB."""
    rows = 300_000
    cluster = own_postgres(wal_sender_timeout="8s").start()
    database = Database(cluster, "postgres")
    database.run("CREATE TABLE big (id int PRIMARY KEY, body text)")
    with Pgcdc(scratch, cluster.url(), journal_size="16MiB", **settings) as server:
        if "slow" in server.log():
            raise AssertionError(server.log())
        socket = server.query("insert:big:id.eq.300000", "insert:marker")
        database.run("INSERT INTO big SELECT n, repeat('x', 300) FROM generate_series(1, %s) n", [rows])
        got = database.mark(socket, timeout=4 * PATIENCE)
        assert [message["columnvalues"][0] for message in got] == [rows]
        server.wait_metric("pgcdc_changes_captured_total", rows + 1)
        assert server.metric("pgcdc_capture_connects_total") == 1  # never timed out
        assert server.peak_kib() < (16 + 128) * 1024 * MEMORY_FACTOR
    database.close()


@pytest.mark.parametrize("settings", PLUGINS, ids=IDS)
def test_one_large_row(database, pgcdc, settings):
    """A row of 3 MB arrives; what is larger than a client's queue or a quarter of the journal is told."""
    database.run("CREATE TABLE wide (id int PRIMARY KEY, body text)")
    server = pgcdc(journal_size="16MiB", **settings)
    socket = server.query("insert:wide", "insert:marker")
    database.run("INSERT INTO wide VALUES (1, repeat('y', 3000000))")
    (message,) = database.mark(socket)
    assert message["columnvalues"] == [1, "y" * 3_000_000]


@pytest.mark.parametrize("settings", PLUGINS, ids=IDS)
def test_a_row_too_large_for_the_journal_is_a_told_gap(database, pgcdc, settings):
    """C8: it costs its transaction only."""
    database.run("CREATE TABLE wide (id int PRIMARY KEY, body text)")
    server = pgcdc(journal_size="16MiB", **settings)
    socket = server.query("insert:wide")
    database.run("INSERT INTO wide VALUES (1, repeat('y', 20000000))")
    code, reason = socket.close_code()
    assert code == 4010 and reason
    assert server.is_alive()
    hears(server, database, "insert:wide")
    wait_for("it to be counted", lambda: server.metric("pgcdc_gaps_total") >= 1)


def test_names_and_secrets_of_urls_stay_out_of_the_log(scratch, postgres):
    """X8."""
    server = Pgcdc(scratch, f"postgres://postgres:hidden-word@127.0.0.1:1/none", ["-v"])
    server.start(is_ready=False)
    wait_for("a log line", lambda: server.log())
    wait_for("not ready", lambda: server.ready()[0] == 503)
    assert "hidden-word" not in server.log() + str(server.ready())
    assert server.end() == 0
