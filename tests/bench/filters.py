# SPDX-License-Identifier: Apache-2.0
"""CPU of a worker per change, against many subscriptions that do not match.

Two servers read the same rows: one has 1,000 `eq` subscriptions, the other many; the ratio is what
the others cost.  Descriptors allow a million here: 64 queries on each of 15,625 sockets.  The bare
index, and other shapes of filters, are measured by tests/bench/index where it is built.
"""
import subprocess

from bench.harness import QUICK, TURNS, Bench, Report, Runs, bar, rss_bytes, workers_ns

FEW = 1000
MANY = (100_000,) if QUICK else (10_000, 100_000, 1_000_000)
QUERIES = 64
ROWS = 20_000


def subscribe(bench, server, count):
    """`count` distinct filters; the clients that hold them, and bytes of each."""
    before = rss_bytes(server.process.pid)
    clients = bench.clients(-(-count // QUERIES), server.port, "-k", QUERIES, "-q",
                            "*:feed:id.eq.-%d")
    return clients, (rss_bytes(server.process.pid) - before) / count


def cost(bench, servers, waiters):
    """ns of each server's worker for a change."""
    before = [workers_ns(server.process.pid) for server in servers]
    bench.feed("sql", ROWS // 1000, 1000, 0, 300).wait(120)
    bench.sql("INSERT INTO marker VALUES (1)")
    for waiter in waiters:
        waiter.text(120)
    return [(workers_ns(server.process.pid) - spent) / ROWS
            for server, spent in zip(servers, before)]


def measure(bench, report, count):
    with bench.server() as one, bench.server() as other:
        few, _ = subscribe(bench, one, FEW)
        many, size = subscribe(bench, other, count)
        waiters = [server.query("insert:marker", timeout=60) for server in (one, other)]
        runs = Runs(), Runs()
        for _ in range(TURNS):
            for run_of, value in zip(runs, cost(bench, (one, other), waiters)):
                run_of.add(value)
        ratio = runs[1].ratio(runs[0])
        report.add([f"{count:,}", runs[1].text(), runs[0].text(), bar(ratio, 1.3), f"{size:,.0f} B"],
                   many_ns=runs[1], few_ns=runs[0], ratio=ratio, bytes_each=size)
        for socket in waiters:
            socket.drop()
        few.close()
        many.close()


def run(build):
    report = Report("filters", "Filters: ns of a worker per change, min / median / max",
                    ["`eq` that do not match", "ns per change", f"with {FEW:,}", "ratio (bar)",
                     "memory of each"])
    with Bench(build) as bench:
        for count in MANY:
            measure(bench, report, count)
    report.save()
    index = build / "tests" / "bench" / "index"
    if index.exists():
        print("\n## The bare index\n", flush=True)
        subprocess.run([str(index)], check=True)
