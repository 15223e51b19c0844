# SPDX-License-Identifier: Apache-2.0
"""CPU of a worker per change, against many subscriptions that do not match.

Two servers read the same rows: one has 1,000 subscriptions of a shape, the other many; the ratio is
what the others cost.  64 queries stand on each socket, so that descriptors allow a million.  They
name a text column, whose values need no cast: with another type it is PostgreSQL that takes the
time until a million are there.  The bare index is measured by tests/bench/index.c.
"""
import json
import subprocess

from bench.harness import (CLIENT_CORE, QUICK, TURNS, Bench, Report, Runs, bar, on_core, progress,
                           rss_bytes, workers_ns)

FEW = 1000
SHAPES = {  # the query, how many of them
    "eq": ("key.eq.%d", (100_000,) if QUICK else (10_000, 100_000, 1_000_000)),
    "in (3 values)": ("key.in.(a%d,b%d,c%d)", () if QUICK else (100_000,)),
    "range": ("key.gt.z%d", (10_000,) if QUICK else (100_000,)),
    "and (eq, range)": ("and(key.eq.%d,id.gt.0)", () if QUICK else (100_000,)),
    "or (eq, eq)": ("or(key.eq.a%d,key.eq.b%d)", () if QUICK else (100_000,)),
}
QUERIES = 64
ROWS = 60_000


def subscribe(bench, server, query, count):
    """`count` distinct filters; the clients that hold them, and bytes of each."""
    before = rss_bytes(server.process.pid)
    clients = bench.clients(-(-count // QUERIES), server.port, "-k", QUERIES, "-w", 64, "-q",
                            f"*:keyed:{query}")
    return clients, (rss_bytes(server.process.pid) - before) / count


def cost(bench, servers, waiters):
    """ns of each server's worker for a change."""
    before = [workers_ns(server.process.pid) for server in servers]
    bench.feed("sql", ROWS // 1000, 1000, 0, 300, "keyed").wait(120)
    bench.sql("INSERT INTO marker VALUES (1)")
    for waiter in waiters:
        waiter.text(120)
    return [(workers_ns(server.process.pid) - spent) / ROWS
            for server, spent in zip(servers, before)]


def measure(bench, report, shape, query, count):
    progress(f"filters: {count:,} of {shape}")
    with bench.server() as one, bench.server() as other:
        few, _ = subscribe(bench, one, query, FEW)
        many, size = subscribe(bench, other, query, count)
        waiters = [server.query("insert:marker", timeout=60) for server in (one, other)]
        runs = Runs(), Runs()
        cost(bench, (one, other), waiters)  # the memory of a million filters is still warm or cold
        for _ in range(TURNS):
            for run_of, value in zip(runs, cost(bench, (one, other), waiters)):
                run_of.add(value)
        ratio = runs[1].ratio(runs[0])
        report.add([shape, f"{count:,}", runs[1].text(), runs[0].text(), bar(ratio, 1.3),
                    f"{size:,.0f} B"],
                   many_ns=runs[1], few_ns=runs[0], ratio=ratio, bytes_each=size)
        for socket in waiters:
            socket.drop()
        few.close()
        many.close()


def measure_index(bench):
    report = Report("index", "The bare index: ns per change, medians",
                    ["filters that do not match", "many", "ns per change", f"with {FEW:,}",
                     "ratio (bar)", "memory of each"])
    progress("filters: the bare index")
    done = subprocess.run(on_core(CLIENT_CORE, [str(bench.programs / "index")]), check=True,
                          stdout=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        found = json.loads(line)
        ratio = found["many_ns"] / found["few_ns"]
        report.add([found["shape"], f"{found['many']:,}", f"{found['many_ns']:.0f}",
                    f"{found['few_ns']:.0f}", bar(ratio, 1.3), f"{found['bytes']:.0f} B"],
                   ratio=ratio, **found)


def run(build):
    report = Report("filters", "Filters: ns of a worker per change, min / median / max",
                    ["that do not match", "many", "ns per change", f"with {FEW:,}", "ratio (bar)",
                     "memory of each"])
    with Bench(build) as bench:
        for shape, (query, counts) in SHAPES.items():
            for count in counts:
                measure(bench, report, shape, query, count)
        measure_index(bench)
