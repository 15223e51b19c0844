# SPDX-License-Identifier: Apache-2.0
"""Workers as threads: how many there are, and on which CPUs; and several servers on one port."""
import os
import pathlib
import re
import subprocess

import pytest

from support.patience import wait_for
from support.pgcdc import BINARY, Pgcdc, run
from support.websocket import Closed, Refused

CPUS = sorted(os.sched_getaffinity(0))


def cpus_of(server):
    """Thread's name: the CPUs it may run on."""
    found = {}
    for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
        try:
            status, name = (task / "status").read_text(), (task / "comm").read_text().strip()
        except OSError:
            continue  # it has just ended, as one does that looked up an address
        found[name] = re.search(r"(?m)^Cpus_allowed_list:\s+(\S+)", status)[1]
    return found


def workers_of(found):
    return {name: cpus for name, cpus in found.items() if name.startswith("worker ")}


def test_workers_are_not_pinned_unless_asked_for(database, pgcdc):
    found = cpus_of(pgcdc(workers="2"))
    assert len(workers_of(found)) == 2 and len(set(found.values())) == 1


def test_workers_are_pinned_in_turn_and_nothing_else_is(database, pgcdc):
    server = pgcdc(workers="3", worker_cpus="auto")
    found = cpus_of(server)
    assert workers_of(found) == {f"worker {n + 1}": str(CPUS[n % len(CPUS)]) for n in range(3)}
    others = {cpus for name, cpus in found.items() if not name.startswith("worker ")}
    if len(CPUS) > 1:
        assert not others & {str(cpu) for cpu in CPUS}
    with server.query("insert:marker") as socket:
        assert database.mark(socket) == []


def test_a_list_says_how_many_and_where(database, pgcdc):
    last, first = CPUS[-1], CPUS[0]
    found = workers_of(cpus_of(pgcdc(workers="0", worker_cpus=f"{last},{first}-{first},{last}")))
    assert found == {"worker 1": str(last), "worker 2": str(first), "worker 3": str(last)}


def test_there_is_a_worker_for_each_cpu_that_the_process_may_use(database, pgcdc):
    server = pgcdc(workers="0")
    assert len(workers_of(cpus_of(server))) == len(CPUS)
    server.end()
    server.command = ["taskset", "-c", str(CPUS[-1]), *server.command]
    server.start()
    assert workers_of(cpus_of(server)) == {"worker 1": str(CPUS[-1])}


@pytest.mark.parametrize("text, words", [
    ("all", "such as \"0,2-3\""), ("0,", "such as \"0,2-3\""), ("3-1", "such as \"0,2-3\"")])
def test_what_is_no_list_is_refused_with_what_would_be(text, words):
    done = run("--check-config", "--set", f"worker_cpus={text}")
    assert done.returncode == 78 and words in done.stderr


def test_a_cpu_that_we_may_not_use_is_refused_with_those_we_may(database):
    done = subprocess.run(
        ["taskset", "-c", str(CPUS[0]), str(BINARY), "--set",
         "binding=127.0.0.1:0", "--set", "worker_cpus=1023", database.url],
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78
    assert f"may not run on CPU 1023, only on {CPUS[0]}" in done.stderr


# Several servers on one port

SHARED = {"binding_shared": "true", "workers": "1"}


def beside(database, pgcdc, scratch, first, **settings):
    """A second server where the first one listens, which is live, too."""
    second = Pgcdc(scratch, database.url, binding=f"127.0.0.1:{first.port}", **settings)
    second.port = first.port
    return second.start(is_ready=False)


def clients_of(server):
    """Its established connections from clients."""
    own = set()
    for descriptor in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir():
        try:
            own.add(os.readlink(descriptor))
        except FileNotFoundError:
            continue
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    here = f":{server.port:04X}"
    return sum(1 for row in rows
               if row[1].endswith(here) and row[3] == "01" and f"socket:[{row[9]}]" in own)


def thirty(first, second):
    """How the thirty clients are shared; None while they are not all counted: /proc/net/tcp may miss
    one or show it twice while others come and go."""
    counts = clients_of(first), clients_of(second)
    return counts if sum(counts) == 30 else None


def come(server):
    """A client of any of those who share the port, all of whom can be asked questions then."""
    def is_in():
        try:
            return server.query("insert:marker")
        except Refused as refused:
            assert refused.status == 503, refused
            return None
    return wait_for("a client to be let in", is_in)


def test_servers_that_share_a_port_share_the_clients(database, pgcdc, scratch):
    """The way past the limit of descriptors of one process."""
    first = pgcdc(**SHARED)
    second = beside(database, pgcdc, scratch, first, **SHARED)
    try:
        second.wait_log("streaming")
        sockets = [come(first) for _ in range(30)]
        here, left = wait_for("all to be counted", lambda: thirty(first, second))
        assert here > 0 and left > 0
        assert database.mark(*sockets) == [[]] * 30
        first.clients.clear()
        assert first.end() == 0
        gone = 0
        for number, socket in enumerate(sockets):
            try:
                database.run("INSERT INTO marker VALUES (%s)", [1000 + number])
                while socket.message()["columnvalues"] != [1000 + number]:
                    continue
            except Closed as closed:
                assert closed.code == 1001
                gone += 1
        assert gone == 30 - left
        for socket in [second.query("insert:marker") for _ in range(4)]:
            assert database.mark(socket) == []
    finally:
        second.drop_clients()
        for socket in sockets:
            socket.drop()
        assert second.end() == 0


def test_who_does_not_want_to_share_does_not_start(database, pgcdc, scratch):
    second = beside(database, pgcdc, scratch, pgcdc(**SHARED))
    assert second.process.wait(60) == 1 and "address already in use" in second.log()
    scratch.forget(second.process.pid)
