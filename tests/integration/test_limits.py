# SPDX-License-Identifier: Apache-2.0
"""What happens where the machine has no more to give."""
import contextlib
import os
import resource
import time

from support.patience import promised, wait_for
from support.websocket import Closed, Refused, open_socket

ROWS = "CREATE TABLE rows (id int PRIMARY KEY)"
CONNECTIONS = 3  # two for questions, one that streams
BACKENDS = ("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'pgcdc'")


def cpu_seconds(server):
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fill(server):
    """Clients until no more are let in, and how the next one was told."""
    crowd = []
    while True:
        try:
            crowd.append(server.query("insert:marker"))
        except Refused as refused:
            return crowd, refused
        except (OSError, Closed):  # it had sent its request before it was told
            return crowd, None
        assert len(crowd) < 64, "the limit does not hold"


def test_without_descriptors_those_who_are_here_are_served(database, pgcdc):
    """F26: 64 descriptors, 500 connects: neither the clients nor PostgreSQL's connections suffer."""
    database.run(ROWS)
    server = pgcdc(workers=1)
    here = server.query("insert:rows")
    wait_for("all of its connections", lambda: len(database.run(BACKENDS)) == CONNECTIONS)
    before = set(database.run(BACKENDS))
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE,
                     (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    crowd, reply = fill(server)
    assert reply is None or (reply.status, reply.headers["retry-after"]) == (503, "1")

    spent, begin = cpu_seconds(server), time.monotonic()
    storm = [open_socket("127.0.0.1", server.port) for _ in range(500)]
    for number in range(20):
        database.run("INSERT INTO rows VALUES (%s)", [number])
        assert here.message(promised(2))["columnvalues"] == [number]
        time.sleep(0.1)
    elapsed = time.monotonic() - begin
    assert cpu_seconds(server) - spent < max(1, elapsed / 2), "it spins"
    assert set(database.run(BACKENDS)) == before

    database.run(f"SELECT pg_terminate_backend(pid) FROM ({BACKENDS}) x")
    wait_for("PostgreSQL's connections to be there again",
             lambda: len(set(database.run(BACKENDS)) - before) == len(before))
    assert server.is_alive()

    for client in crowd:
        client.drop()
    relieved = time.monotonic()
    for stream in storm:
        with contextlib.suppress(OSError):
            stream.close()
    wait_for("room for a client", lambda: server.ready()[0] > 0)
    assert time.monotonic() - relieved < promised(1.5)
    server.wait_ready()
    database.mark(server.query("insert:marker"))
