# SPDX-License-Identifier: Apache-2.0
"""What every test stands on: one PostgreSQL for the session, a database of its own for each test.

A test ends a stretch of writing with a row in `marker`, to which its sockets are subscribed as
well: when that row's message is there, everything before it has been delivered, so what is absent
will not come.  Nothing waits for the clock.
"""
import itertools
import os
import pathlib
import re
import resource
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.guard import Scratch  # noqa: E402
from support.patience import PATIENCE  # noqa: E402
from support.pgcdc import Pgcdc, wait_for  # noqa: E402
from support.postgres import Postgres, has_plugin, server_major  # noqa: E402
from support.websocket import sign_of_life  # noqa: E402

# The same whoever runs it: no settings of libpq, no proxies between us and loopback.
for name in [*os.environ]:
    if re.match("PG(?!CDC_)|(?i:(http|https|all|no)_proxy)$", name):
        del os.environ[name]
os.environ.update(LC_ALL="C.UTF-8", TZ="UTC")

# A thousand sockets at once are a thousand descriptors.
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))

MARKER = "CREATE TABLE marker (id bigint PRIMARY KEY)"


def pytest_configure(config):
    config.addinivalue_line("markers", "wal2json: for servers that have this plugin")
    config.addinivalue_line("markers", "postgres(first): for servers of this version and later")


def pytest_collection_modifyitems(config, items):
    """What the server under test does not have is left out, and counted as deselected."""
    major, has_wal2json = server_major(), has_plugin("wal2json")

    def fits(item):
        is_for_wal2json = item.get_closest_marker("wal2json") or "wal2json" in item.name
        firsts = [mark.args[0] for mark in item.iter_markers("postgres")]
        return (has_wal2json or not is_for_wal2json) and all(first <= major for first in firsts)

    unfit = [item for item in items if not fits(item)]
    if unfit:
        items[:] = [item for item in items if fits(item)]
        config.hook.pytest_deselected(items=unfit)


@pytest.fixture(scope="session")
def scratch():
    place = Scratch()
    yield place
    place.close()


@pytest.fixture(scope="session")
def template(scratch):
    """The data directory of a fresh, stopped cluster whose databases have the table `marker`."""
    cluster = Postgres(scratch, "template").start()
    cluster.psql(MARKER, "template1")
    cluster.psql(MARKER, "postgres")
    cluster.stop()
    return cluster.data


@pytest.fixture(scope="session")
def postgres(scratch, template):
    """The cluster that most tests share."""
    cluster = Postgres(scratch, "pg", template).start()
    yield cluster
    cluster.remove()


@pytest.fixture
def own_postgres(scratch, template):
    """Makes clusters that a test may stop, break and reconfigure."""
    made = []

    def make(**settings):
        made.append(Postgres(scratch, f"own{next(names)}", template, **settings))
        return made[-1]

    yield make
    for cluster in made:
        cluster.remove()


names = itertools.count(1)


class Database:
    """A database of a cluster; `run` executes SQL that commits at once."""

    def __init__(self, cluster, name):
        self.cluster, self.name, self.marks = cluster, name, itertools.count(1)
        self.connection = cluster.connect(name)

    @property
    def url(self):
        return self.cluster.url(self.name)

    def run(self, sql, parameters=None):
        sign_of_life()
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else None

    def drop_slot(self, name):
        """As soon as PostgreSQL has noticed that its client is gone."""
        self.cluster.drop_slot(name)

    def wait_look(self):
        """Until the server (pgoutput) has looked at the catalogue with all the tables that are there
        now, as it does each second: it cannot miss what it has never seen.  A look begins with the
        names and ends with the publication, and the next one comes behind it."""
        for _ in range(2):
            name = f"look_{next(names)}"
            self.run(f"CREATE TABLE {name} (id int PRIMARY KEY)")
            wait_for("a look", lambda: self.run(
                "SELECT 1 FROM pg_publication_tables WHERE pubname = 'pgcdc' AND tablename = %s",
                [name]))

    def mark(self, *sockets, timeout=PATIENCE):
        """Writes a marker row; for each socket the messages that came before it."""
        mark = next(self.marks)
        self.run("INSERT INTO marker VALUES (%s)", [mark])
        got = [collect(socket, mark, timeout) for socket in sockets]
        return got[0] if len(got) == 1 else got

    def close(self):
        self.connection.close()


def collect(socket, mark, timeout):
    messages = []
    while True:
        sign_of_life()
        message = socket.message(timeout)
        if message["table"] == "marker":
            if message["columnvalues"] == [mark]:
                return messages
        else:
            messages.append(message)


@pytest.fixture
def database(postgres, request):
    name = re.sub(r"[^a-z0-9_]", "_", request.node.name.lower())[:40] + f"_{next(names)}"
    postgres.psql(f"CREATE DATABASE {name}")
    made = Database(postgres, name)
    yield made
    made.close()
    wait_for("the slots to be let go", lambda: not postgres.psql(
        "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
        f" WHERE database = '{name}' AND active"))
    postgres.drop_database(name)


@pytest.fixture
def pgcdc(scratch, database):
    """Starts servers on this test's database; at the end each must stop with 0."""
    made = []

    def start(url=None, is_ready=True, **settings):
        made.append(Pgcdc(scratch, database.url if url is None else url, **settings))
        return made[-1].start(is_ready)

    yield start
    for server in made:
        server.drop_clients()
    codes = [server.end() if server.process.returncode is None else 0 for server in made]
    for server, code in zip(made, codes):
        server.assert_clean()
        assert code == 0, f"exit code {code}\n{server.log()}"
