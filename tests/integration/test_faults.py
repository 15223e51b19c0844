# SPDX-License-Identifier: Apache-2.0
"""Faults by their numbers in RELIABILITY.md, with a durable slot: each change once, or a told gap."""
import re
import shutil
import signal
import time

import pytest

from conftest import Database
from consistency.schema import Subscription
from consistency.subscribers import GAP, PosSubscriber
from support.patience import PATIENCE, promised, wait_for
from support.pgcdc import Pgcdc
from support.postgres import Postgres, run_as
from support.proxy import Proxy
from support.websocket import Refused, WebSocket

ROWS = "CREATE TABLE rows (id int PRIMARY KEY, body text)"


class Site:
    """A cluster, a proxy before it, a server with the durable slot `kept`, and clients."""

    def __init__(self, cluster, scratch, hosts=(), **settings):
        """`hosts`: clusters that the URL names in turn, instead of the proxy."""
        self.cluster, self.scratch, self.settings = cluster, scratch, settings
        self.hosts = hosts
        self.proxy = Proxy(cluster.home / f".s.PGSQL.{cluster.port}")
        self.database = Database(cluster, "postgres")
        self.database.run(ROWS)
        self.followers, self.servers, self.last, self.mark = [], [], 0, 0
        self.server = self.serve()

    @property
    def url(self):
        if self.hosts:
            homes, ports = zip(*((str(host.home), str(host.port)) for host in self.hosts))
            return (f"host={','.join(homes)} port={','.join(ports)} user=postgres dbname=postgres"
                    " target_session_attrs=read-write")
        return f"postgres://postgres@127.0.0.1:{self.proxy.port}/postgres"

    def serve(self, is_ready=True):
        self.servers.append(Pgcdc(self.scratch, self.url, slot_name="kept", **self.settings))
        return self.servers[-1].start(is_ready)

    def reconnect(self):
        self.database = Database(self.cluster, "postgres")

    def insert(self, count, size=10):
        """Rows with the next numbers, in one transaction."""
        self.database.run("INSERT INTO rows SELECT n, repeat('x', %s) FROM generate_series(%s, %s) n",
                          [size, self.last + 1, self.last + count])
        self.last += count

    def follow(self, name="follower"):
        """A client that comes back with its last position whenever it is thrown out."""
        follower = PosSubscriber(f"{name} {len(self.followers)}", lambda: self.server.port, 1,
                                 [Subscription(["insert"], "rows")], is_restless=False)
        self.followers.append(follower)
        follower.start()

        def has_begun():
            self.write_marker()
            return follower.has_begun.wait(0.2)
        wait_for("the follower to have begun", has_begun)
        assert follower.failure is None, follower.failure
        return follower

    def write_marker(self):
        self.mark += 1
        self.database.run("INSERT INTO marker VALUES (%s)", [self.mark])

    def end(self):
        """All followers hear a last marker; nobody missed anything without being told."""
        self.server.wait_ready(2 * PATIENCE)

        def have_ended():
            self.mark += 1
            self.database.run("INSERT INTO marker VALUES (%s)", [-self.mark])
            return all(follower.has_ended.wait(0.5) for follower in self.followers)
        wait_for("followers to hear the end", have_ended, 3 * PATIENCE)
        for follower in self.followers:
            assert follower.failure is None, follower.failure
        return [ids(follower) for follower in self.followers]

    def assert_no_hole(self):
        for got in self.end():
            assert got == [*range(1, self.last + 1)]
        assert [told for follower in self.followers for told in follower.told] == []

    def close(self):
        for follower in self.followers:
            follower.quit.set()
        self.proxy.resume()
        for server in self.servers:
            if server.process.returncode is None:
                server.end()
            server.assert_clean()
        self.proxy.close()


def ids_of(segment):
    return [int(row[1][1]) for _, table, row, _ in segment.got if table == "rows"]


def ids(follower):
    return [number for segment in follower.segments for number in ids_of(segment)]


@pytest.fixture
def site(own_postgres, scratch):
    made = []

    def make(settings=None, **options):
        """`settings`: of a new cluster, or a cluster that runs."""
        cluster = settings
        if not isinstance(settings, Postgres):
            cluster = own_postgres(**(settings or {})).start()
        made.append(Site(cluster, scratch, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def slot(site, what="active"):
    return site.database.run(f"SELECT {what} FROM pg_replication_slots WHERE slot_name = 'kept'")[0][0]


def test_f1_server_killed_again_and_again(site):
    here = site()
    here.follow()
    for _ in range(5):
        here.insert(20)
        here.server.end(signal.SIGKILL)
        here.insert(20)
        here.server.start()
    here.assert_no_hole()


def test_f2_server_stopped_beyond_the_timeout(site):
    """PostgreSQL drops us; we come back to a slot that we held."""
    here = site({"wal_sender_timeout": "2s"})
    here.follow()
    here.insert(5)
    before = slot(here, "active_pid")
    here.server.process.send_signal(signal.SIGSTOP)
    here.insert(5)
    wait_for("PostgreSQL to give up", lambda: slot(here, "active_pid") != before)
    here.server.process.send_signal(signal.SIGCONT)
    here.insert(5)
    here.assert_no_hole()


def test_f3_postgresql_crashes(site):
    """C4: the slot steps back, and what comes again is dropped."""
    here = site()
    here.follow()
    for _ in range(3):
        here.insert(50)
        here.cluster.stop("immediate")
        here.cluster.start()
        here.reconnect()
        here.last = here.database.run("SELECT coalesce(max(id), 0) FROM rows")[0][0]
        here.insert(50)
    here.assert_no_hole()


@pytest.mark.parametrize("clients", [0, 1, 100])
@pytest.mark.parametrize("slot_name", ["kept", ""])
def test_f4_fast_stop_ends_in_10_s(own_postgres, scratch, clients, slot_name):
    """C3."""
    cluster = own_postgres().start()
    cluster.psql(ROWS)
    with Pgcdc(scratch, cluster.url(), slot_name=slot_name) as server:
        sockets = [server.query("insert:rows") for _ in range(clients)]
        cluster.psql("INSERT INTO rows SELECT n FROM generate_series(1, 1000) n")
        assert cluster.stop("fast") < promised(10)
        assert server.is_alive()
        cluster.start()
        server.wait_ready(2 * PATIENCE)
        for socket in sockets:
            socket.drop()


@pytest.mark.parametrize("slot_name", ["kept", ""])
def test_f4_fast_stop_in_the_middle_of_transactions(own_postgres, scratch, slot_name):
    """C3: one that is open, and one that is being sent."""
    cluster = own_postgres().start()
    cluster.psql(ROWS)
    with Pgcdc(scratch, cluster.url(), slot_name=slot_name) as server:
        sockets = [server.query("insert:rows:id.lt.0") for _ in range(10)]
        idle = cluster.connect()
        idle.autocommit = False
        with idle.cursor() as cursor:
            cursor.execute("INSERT INTO rows VALUES (-1)")
        cluster.psql("INSERT INTO rows SELECT n, repeat('x', 100) FROM generate_series(1, 100000) n")
        assert cluster.stop("fast") < promised(10)
        for socket in sockets:
            socket.drop()


def test_f4_fast_stop_and_go_on(site):
    here = site()
    here.follow()
    for _ in range(2):
        here.insert(50)
        assert here.cluster.stop("fast") < promised(10)
        here.cluster.start()
        here.reconnect()
        here.insert(50)
    here.assert_no_hole()


@pytest.mark.parametrize("backend", ["walsender", "client backend"])
def test_f5_backends_are_ended(site, backend):
    here = site()
    here.follow()
    for _ in range(3):
        here.insert(50)
        here.database.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                          " WHERE backend_type = %s AND application_name LIKE 'pgcdc%%'", [backend])
        here.insert(50)
    here.assert_no_hole()


def test_f6_a_link_that_was_silent_for_a_while(site):
    here = site()
    here.follow()
    here.insert(5)
    here.proxy.stall()
    here.insert(5)
    time.sleep(3)  # the silence that this is about
    here.proxy.resume()
    here.insert(5)
    here.assert_no_hole()


def test_f6_a_link_that_stays_silent_is_noticed(site):
    """It acknowledges and says nothing: only an unanswered question tells."""
    here = site()
    here.follow()
    here.insert(5)
    here.proxy.stall()
    wait_for("the silence to be noticed", lambda: here.server.get("/ready").status == 503,
             40 + PATIENCE)
    here.server.wait_log("no answer from the server")
    here.insert(5)
    here.proxy.reset()
    here.proxy.resume()
    here.insert(5)
    here.assert_no_hole()


def test_f6_the_slot_is_still_held_by_our_dead_connection(site):
    """The old walsender lives on behind a cut that it does not see: it is waited for or ended."""
    here = site({"wal_sender_timeout": "10s"})
    here.follow()
    here.insert(5)
    here.proxy.stall()
    here.server.end(signal.SIGKILL)
    old, here.proxy = here.proxy, Proxy(here.proxy.target)
    here.insert(5)
    here.server.end(signal.SIGKILL)
    here.server = here.serve(is_ready=False)
    here.server.wait_ready(10 + 2 * PATIENCE)
    here.insert(5)
    here.assert_no_hole()
    old.close()


@pytest.mark.parametrize("bad", [{"rate": 40_000}, {"chop": 1}, {"delay": 0.2}], ids=["rate", "chop", "delay"])
def test_f7_a_bad_link_to_postgresql(site, bad):
    """C2: feedback keeps its time, and no message is misread."""
    here = site({"wal_sender_timeout": "10s"})
    here.follow()
    here.server.wait_ready()
    connects = here.server.metric("pgcdc_capture_connects_total")
    for name, value in bad.items():
        setattr(here.proxy, name, value)
    for _ in range(10):
        here.insert(20, size=200)
    for got in here.end():
        assert got == [*range(1, here.last + 1)]
    assert here.server.metric("pgcdc_capture_connects_total") == connects


def test_f7_resets(site):
    here = site()
    here.follow()
    for _ in range(10):
        here.insert(50)
        here.proxy.reset()
    here.assert_no_hole()


def told_of_gap(here, follower):
    """Once; before it nothing is missing, and behind it everything that the table still has."""
    here.insert(3)
    here.end()
    assert len(follower.told) == 1, follower.told
    before, behind = [], []
    for segment in follower.segments:
        (behind if segment.how == GAP or behind else before).extend(ids_of(segment))
    assert before == [*range(1, len(before) + 1)]
    assert behind and behind == [row[0] for row in here.database.run(
        "SELECT id FROM rows WHERE id >= %s ORDER BY id", [behind[0]])]
    return follower.told[0]


def epochs_of(follower):
    return {place.epoch for segment in follower.segments for place in segment.tokens}


def test_f8_slot_dropped_under_us(site):
    """C6: a new one is made, and all are told."""
    here = site()
    follower = here.follow()
    here.insert(5)

    def dropped():
        here.database.run("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                          " WHERE slot_name = 'kept' AND active")
        try:
            here.database.run("SELECT pg_drop_replication_slot('kept')")
            return True
        except Exception as error:
            assert "is active" in str(error), error
    wait_for("the slot to be dropped", dropped)
    wait_for("it to be told", lambda: follower.told or follower.failure)
    assert told_of_gap(here, follower)
    assert "kept" in here.server.log()


def test_f9_slot_lost(site):
    here = site({"max_slot_wal_keep_size": "1MB", "min_wal_size": "32MB", "max_wal_size": "32MB",
                 "wal_keep_size": "0"})
    follower = here.follow()
    here.insert(5)
    here.server.process.send_signal(signal.SIGSTOP)

    def lost():
        here.database.run("SELECT pg_switch_wal(); CREATE TABLE IF NOT EXISTS filler (); DROP TABLE filler")
        here.database.run("CHECKPOINT")
        return slot(here, "wal_status") == "lost"
    here.insert(5)
    wait_for("the slot to be lost", lost)
    here.server.process.send_signal(signal.SIGCONT)
    wait_for("it to be told", lambda: follower.told or follower.failure, 2 * PATIENCE)
    told_of_gap(here, follower)
    assert re.search("wal_status|lost|max_slot_wal_keep_size", here.server.log())
    assert here.server.metric("pgcdc_capture_connects_total") < 10


@pytest.mark.parametrize("setting, value, words", [
    ("max_wal_senders", "0", "max_wal_senders|wal_level|number of requested standby connections"),
    ("max_replication_slots", "0", "max_replication_slots"),
    ("wal_level", "replica", "wal_level"),
])
def test_f10_the_server_lacks_what_is_needed(own_postgres, scratch, setting, value, words):
    cluster = own_postgres(**{setting: value}).start()
    server = Pgcdc(scratch, cluster.url(), slot_name="kept").start(is_ready=False)
    server.wait_log(words)
    wait_for("/ready", lambda: server.ready()[0] == 503)
    cluster.stop("fast")
    cluster.configure(wal_level="logical", max_wal_senders=5, max_replication_slots=5)
    cluster.start()
    server.wait_ready(2 * PATIENCE)
    assert server.end() == 0


def test_f11_an_open_transaction_holds_up_the_slot(site, own_postgres, scratch):
    cluster = own_postgres().start()
    holder = cluster.connect()
    holder.autocommit = False
    with holder.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id(), pg_backend_pid()")
        pid = cursor.fetchone()[1]
    server = Pgcdc(scratch, cluster.url(), slot_name="kept").start(is_ready=False)
    server.wait_log(rf"transaction.*|{pid}")
    status, body = server.ready()
    assert status == 503 and body
    with pytest.raises(Refused) as refused:
        server.query("insert:marker")
    assert refused.value.status == 503
    holder.rollback()
    server.wait_ready(2 * PATIENCE)
    assert server.end() == 0


def retained(here):
    return slot(here, "(pg_current_wal_lsn() - restart_lsn)::bigint")


def test_f12_a_busy_neighbour_does_not_fill_the_disk(site):
    """C3: 200 MB of another database's WAL, and at most 64 MB are held back after 30 s."""
    here = site()
    follower = here.follow()
    here.insert(10)
    here.cluster.psql("CREATE DATABASE neighbour")
    here.cluster.psql("CREATE TABLE t AS SELECT repeat('x', 1000) FROM generate_series(1, 200000)",
                      "neighbour")

    def is_small():
        here.cluster.psql("SELECT pg_current_xact_id(); CHECKPOINT", "neighbour")
        return retained(here) <= 64 << 20
    wait_for("the slot to let go", is_small, 30 + PATIENCE)
    here.assert_no_hole()
    assert follower.connects == 1


def copy_cluster(cluster, made, signal_file):
    """The data of `cluster`, which is stopped, into the stopped cluster `made`, as one that will
    recover.  A standby has no slots of its primary."""
    shutil.rmtree(made.data)
    done = run_as(cluster.user, ["cp", "-a", str(cluster.data), str(made.data)])
    assert done.returncode == 0, done.stdout
    if signal_file == "standby.signal":
        for slot_directory in (made.data / "pg_replslot").iterdir():
            shutil.rmtree(slot_directory)
    (made.data / signal_file).touch()
    made.configure(port=made.port, unix_socket_directories=made.home, restore_command="false",
                   primary_conninfo=f"host={cluster.home} port={cluster.port} user=postgres"
                                    " dbname=postgres")


def add_standby(here, standby, **settings):
    here.cluster.stop("fast")
    copy_cluster(here.cluster, standby, "standby.signal")
    here.cluster.start()
    here.reconnect()
    standby.configure(**settings)
    standby.start()


def wait_received(here, standby):
    wait_for("the standby to have it", lambda: standby.psql("SELECT max(id) FROM rows").strip() == str(here.last))


def promote(here, standby):
    """From here on `here` is where the standby is; its proxy still leads to the old primary."""
    assert standby.pg_ctl("-w", "promote").returncode == 0
    here.cluster = standby
    here.reconnect()


def lead_to(here, cluster):
    here.proxy.target = cluster.home / f".s.PGSQL.{cluster.port}"
    here.proxy.reset()


def wait_told(follower, times=1):
    wait_for("it to be told", lambda: len(follower.told) >= times or follower.failure, 3 * PATIENCE)


def test_f18_promoted_standby(site, own_postgres):
    """R2: what the standby may lack is told, not guessed."""
    here, standby = site(), own_postgres()
    follower = here.follow()
    here.insert(5)
    add_standby(here, standby)
    here.insert(5)
    wait_received(here, standby)
    here.cluster.stop("immediate")
    promote(here, standby)
    lead_to(here, standby)
    wait_told(follower)
    told_of_gap(here, follower)


def fork(here, standby):
    """The standby is promoted, and the old primary lives on: fenced, with our slot still there."""
    old, follower = here.cluster, here.follow()
    here.insert(5)
    add_standby(here, standby)
    here.insert(5)
    wait_received(here, standby)
    wait_for("the follower", lambda: ids(follower)[-1:] == [here.last])
    old.psql("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()")
    promote(here, standby)
    return old, follower


@pytest.mark.parametrize("how", ["address", "hosts", "restart"])
def test_f18_the_old_primary_lives_on(site, own_postgres, how):
    """As long as we stay nothing false is told; the way to the new one is a told gap, whichever way
    an administrator takes."""
    old, standby = own_postgres().start(), own_postgres()
    here = site(old, hosts=(old, standby) if how == "hosts" else ())
    _, follower = fork(here, standby)
    here.insert(5)
    assert old.psql("SELECT active FROM pg_replication_slots").strip() == "t"
    assert here.server.ready()[0] == 200
    assert follower.told == [] and ids(follower)[-1] == here.last - 5
    if how == "restart":
        here.server.end(signal.SIGKILL)
        lead_to(here, standby)
        here.server.start()
    elif how == "hosts":
        old.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                 " WHERE application_name LIKE 'pgcdc%'")
    else:
        lead_to(here, standby)
    wait_told(follower)
    told_of_gap(here, follower)


def test_f18_back_to_the_old_primary(site, own_postgres):
    """By mistake, and in the end to the new one again: each of them is told."""
    here, standby = site(), own_postgres()
    old, follower = fork(here, standby)
    for times, cluster in enumerate((standby, old, standby), 1):
        lead_to(here, cluster)
        wait_told(follower, times)
    here.insert(5)
    got, = here.end()
    assert got[-5:] == [*range(here.last - 4, here.last + 1)]
    assert len(follower.told) == 3, follower.told


def add_standby_with_slot(here, standby):
    here.database.run("SELECT pg_create_physical_replication_slot('standby')")
    add_standby(here, standby, primary_slot_name="standby", hot_standby_feedback="on",
                sync_replication_slots="on")

    def has_slot():  # it becomes whole when the primary's has moved on
        here.insert(1)
        here.database.run("SELECT pg_log_standby_snapshot()")
        time.sleep(0.3)
        return standby.psql("SELECT 1 FROM pg_replication_slots WHERE slot_name = 'kept' AND synced"
                            " AND NOT temporary").strip()
    wait_for("the standby to have the slot", has_slot, 3 * PATIENCE)


@pytest.mark.postgres(17)
def test_f18_promoted_standby_with_our_slot(site, own_postgres):
    """It had all that we had: clients go on, over a kill -9 as well."""
    here, standby = site(slot_failover="true", journal_age="1"), own_postgres()
    follower = here.follow()
    add_standby_with_slot(here, standby)
    here.insert(5)
    wait_received(here, standby)
    here.cluster.stop("fast")
    promote(here, standby)
    lead_to(here, standby)
    here.insert(5)
    here.server.wait_ready(2 * PATIENCE)
    here.server.end(signal.SIGKILL)
    here.insert(5)
    here.server.start()
    here.assert_no_hole()
    assert len(epochs_of(follower)) == 1


@pytest.mark.postgres(17)
def test_f18_a_standby_with_our_slot_that_lacks_the_end(site, own_postgres):
    """What we have told and the standby never had is a told gap."""
    here, standby = site(slot_failover="true", journal_age="1"), own_postgres()
    follower = here.follow()
    add_standby_with_slot(here, standby)
    wait_received(here, standby)
    standby.stop("fast")
    here.insert(5)
    wait_for("the follower", lambda: ids(follower)[-1:] == [here.last])
    here.cluster.stop("immediate")
    standby.start()
    promote(here, standby)
    lead_to(here, standby)
    wait_told(follower)
    told_of_gap(here, follower)


def test_f19_restored_backup(site, own_postgres):
    """R2: the same positions come again with other content."""
    here = site()
    follower = here.follow()
    here.insert(5)
    here.cluster.stop("fast")
    backup = own_postgres()
    copy_cluster(here.cluster, backup, "recovery.signal")
    here.cluster.start()
    here.reconnect()
    here.insert(5)
    wait_for("the follower", lambda: ids(follower)[-1:] == [here.last])
    lost = follower.token
    here.cluster.stop("fast")
    backup.start()
    wait_for("recovery", lambda: backup.psql("SELECT pg_is_in_recovery()").strip() == "f")
    here.cluster = backup
    here.reconnect()
    here.proxy.target = backup.home / f".s.PGSQL.{backup.port}"
    here.last += 1000
    here.insert(50)
    wait_for("it to be told", lambda: follower.told or follower.failure, 3 * PATIENCE)
    told_of_gap(here, follower)
    late = WebSocket("127.0.0.1", here.server.port, f"/ws?query=insert:rows&since={lost}")
    assert late.close_code()[0] == 4010
    late.drop()


def test_f30_stalled_clients_harm_nobody(site):
    """L1, thin: one in ten never reads."""
    here = site(journal_size="4MiB")
    stalled = [here.server.query("insert:rows", receive_buffer=4096) for _ in range(6)]
    for _ in range(6):
        here.follow()
    for _ in range(60):  # 12 MB
        here.insert(20, size=10_000)
        wait_for("the others", lambda: all(ids(each)[-1:] == [here.last] for each in here.followers))
    here.assert_no_hole()
    for socket in stalled:
        code, reason = socket.close_code()
        assert code in (4011, None), (code, reason)


def test_f36_a_pause_of_seconds(site):
    here = site()
    socket = here.server.query("insert:rows", "insert:marker", receive_buffer=4096)
    for _ in range(50):  # 10 MB
        here.insert(100, size=2000)
    time.sleep(5)  # the pause that this is about
    here.write_marker()
    got = []
    while not got or got[-1]["table"] != "marker":
        got.append(socket.message())
    assert [message["columnvalues"][0] for message in got[:-1]] == [*range(1, here.last + 1)]
    socket.drop()


def test_a_hot_standby_pair(site):
    """C5: the second waits and says so; it takes over, and clients go on there without a gap."""
    here = site()
    here.follow()
    here.insert(20)
    second = here.serve(is_ready=False)
    wait_for("/ready", lambda: second.ready()[0] == 503)
    reply = second.get("/ready")
    assert reply.status == 503 and int(reply.headers["retry-after"]) > 0
    second.wait_log("kept.*(in use|active|stand)")
    with pytest.raises(Refused) as refused:
        second.query("insert:rows")
    assert refused.value.status == 503 and "retry-after" in refused.value.headers
    here.insert(20)
    here.server.end(signal.SIGKILL)
    here.insert(20)
    second.wait_ready(2 * PATIENCE)
    here.server = second
    here.insert(20)
    here.assert_no_hole()
