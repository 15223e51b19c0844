# SPDX-License-Identifier: Apache-2.0
"""What the parts of `make bench` share: programs on their cores, CPU times, results."""
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time

from support.guard import Scratch, end_process
from support.pgcdc import Pgcdc
from support.ports import Port
from support.postgres import Postgres

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "bench"
QUICK = bool(os.environ.get("BENCH_QUICK"))
TURNS = int(os.environ.get("BENCH_TURNS", "5"))
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = CORES[0], CORES[-1]
SCHEMA = """
CREATE TABLE feed (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text);
CREATE TABLE other (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text);
CREATE TABLE events (id bigint PRIMARY KEY, host uuid NOT NULL, kind text, amount numeric(12,2),
                     at timestamptz, body text);
CREATE TABLE keyed (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text,
                    key text COLLATE "C" NOT NULL DEFAULT gen_random_uuid()::text);
CREATE TABLE marker (id int);
"""
OPTIONS = {  # what pgcdc asks of each plugin, for the bare readers
    "pgoutput": "proto_version '1', publication_names 'pgcdc,pgcdc_inserts'",
    "wal2json": "\"format-version\" '2', \"include-transaction\" 'true', \"include-xids\" 'true',"
                " \"include-timestamp\" 'true', \"include-lsn\" 'true', \"include-types\" 'true'",
}


def shell(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


BEGIN = time.monotonic()


def progress(text):
    """What is done now, apart from the tables on stdout."""
    print(f"[{time.monotonic() - BEGIN:5.0f} s] {text}", file=sys.stderr, flush=True)


def build_type(build):
    """release, NDEBUG"""
    known = {option["name"]: option["value"] for option in json.loads(
        (build / "meson-info" / "intro-buildoptions.json").read_text())}
    return known["buildtype"] + (", NDEBUG" if known["b_ndebug"] == "true" else "")


def machine():
    build = pathlib.Path(os.environ["PGCDC_BINARY"]).parent
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "commit": shell("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "cpu": model[1] if model else platform.machine(),
        "cores": len(CORES),
        "compiler": shell("cc", "--version").split("\n")[0],
        "build": build_type(build),
        "kernel": platform.release(),
        "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "load": os.getloadavg()[0],
        "turns": TURNS,
        "quick": QUICK,
    }


def on_core(core, command):
    return ["taskset", "-c", str(core), *command] if len(CORES) > 1 else command


class Runs:
    """Values of one measurement in several runs; printed as min / median / max."""

    def __init__(self):
        self.values = []

    def add(self, value):
        self.values.append(value)

    @property
    def median(self):
        return statistics.median(self.values)

    def ratio(self, other):
        """The median of the ratios of runs that were neighbours."""
        return statistics.median(mine / its for mine, its in zip(self.values, other.values))

    def text(self, form="{:,.0f}"):
        return " / ".join(form.format(value) for value in
                          (min(self.values), self.median, max(self.values)))


class Report:
    """A table on stdout and build/bench/<part>.json, both while it grows."""

    def __init__(self, part, title, columns):
        self.part, self.columns, self.rows = part, columns, []
        print(f"\n## {title}\n\n| {' | '.join(columns)} |\n|{' --- |' * len(columns)}", flush=True)

    def add(self, cells, **figures):
        assert len(cells) == len(self.columns)
        print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)
        plain = {key: value.values if isinstance(value, Runs) else value
                 for key, value in figures.items()}
        self.rows.append({**dict(zip(self.columns, map(str, cells))), **plain})
        RESULTS.mkdir(parents=True, exist_ok=True)
        whole = {"machine": machine(), "rows": self.rows}
        (RESULTS / f"{self.part}.json").write_text(json.dumps(whole, indent=1) + "\n")


def bar(value, limit, is_least=False):
    """0.97 (bar 0.95, met)"""
    is_met = value >= limit if is_least else value <= limit
    return f"{value:.2f} ({'met' if is_met else 'missed'}, {limit})"


class Talker:
    """wsclients or receive: a program that prints JSON and obeys lines."""

    def __init__(self, bench, name, *arguments, count=0):
        self.process = subprocess.Popen(
            bench.beside([str(bench.programs / name), *map(str, arguments)]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        bench.scratch.note(self.process.pid)
        self.hello = self.read()
        if count and self.hello["opened"] < count:
            raise RuntimeError(f"{self.hello['opened']} of {count} clients are live")

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a load client has ended")
        return json.loads(line)

    def expect(self, frames, seconds=120):
        self.process.stdin.write(f"expect {frames} {seconds}\n")
        self.process.stdin.flush()
        self.read()

    def finish(self, frames):
        """What `expect` found, which must be all."""
        found = self.read()
        if found["frames"] < frames:
            raise RuntimeError(f"{found['frames']} of {frames} frames came")
        return found

    def close(self):
        self.process.stdin.close()
        end_process(self.process, 20)


class Bench:
    """A database, and what runs beside it.  Not pinned: everybody runs where the kernel likes."""

    def __init__(self, build, is_pinned=True, **settings):
        self.build, self.is_pinned = build, is_pinned
        self.programs = build / "tests" / "bench"
        self.scratch = Scratch()
        self.cluster = Postgres(self.scratch, wal_sender_timeout="0", max_wal_size="8GB",
                                checkpoint_timeout="1h", autovacuum="off", **settings).start()
        self.cluster.psql("CREATE DATABASE bench")
        self.cluster.psql(SCHEMA, "bench")
        self.floors = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for floor in self.floors:
            end_process(floor, 5)
        self.cluster.remove()
        self.scratch.close()

    def sql(self, text):
        return self.cluster.psql(text, "bench").strip()

    def conninfo(self, more=""):
        return (f"host={self.cluster.home} port={self.cluster.port} user=postgres dbname=bench"
                f" {more}")

    def beside(self, command):
        """The command on the core of the clients."""
        return on_core(CLIENT_CORE, command) if self.is_pinned else command

    def pin_database(self):
        """The postmaster's children that are still to come run where the clients do."""
        if len(CORES) > 1:
            os.sched_setaffinity(self.cluster.pid, {CLIENT_CORE})

    def server(self, is_pinned=True, plugin="pgoutput", **settings):
        server = Pgcdc(self.scratch, self.cluster.url("bench"), plugin=plugin,
                       **{"workers": "1", **settings})
        if is_pinned:
            server.command = on_core(SERVER_CORE, server.command)
        return server

    def floor(self):
        """The floor program: (process, port, the port for lines)."""
        kept = Port(), Port()
        port, feed_port = (each.number for each in kept)
        floor = subprocess.Popen(on_core(SERVER_CORE, [str(self.programs / "floor"), str(port),
                                                       str(feed_port)]))
        self.scratch.note(floor.pid)
        self.floors.append(floor)
        time.sleep(0.2)
        return floor, port, feed_port

    def clients(self, count, port, *more):
        return Talker(self, "wsclients", "-c", count, *more, port, count=count)

    def feed(self, where, bursts, rows, rate, size, table="feed"):
        """Starts the feeder; `where` is "sql" or the floor's port for lines."""
        kind = ["sql", self.conninfo()] if where == "sql" else ["line", str(where)]
        command = [str(self.programs / "feed"), *kind, table, *map(str, (bursts, rows, rate, size))]
        return subprocess.Popen(self.beside(command))

    def slot(self, name, plugin="pgoutput"):
        self.sql(f"SELECT pg_create_logical_replication_slot('{name}', '{plugin}')")


def cpu_ns(pid):
    """CPU of each thread of a process, by the thread's name."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        spent = int((task / "schedstat").read_text().split()[0])
        found[name] = found.get(name, 0) + spent
    return found


def workers_ns(pid):
    return sum(spent for name, spent in cpu_ns(pid).items() if name.startswith("worker"))


def rss_bytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024
