# SPDX-License-Identifier: Apache-2.0
"""How long until all are live who connect at once, each with a filter of its own?

That is what a restart looks like: thousands of clients come back in the same second, and each
needs its table described and its value cast before it is live.  Equal filters, which need no cast,
stand beside them, and the floor program, which answers every request with the same bytes.

Those who return come with the position that they had, and are live when they have got every change
that they have missed.
"""
from support.websocket import WebSocket

from bench.harness import QUICK, TURNS, Bench, Report, Runs, bar, progress

COUNT = 2000 if QUICK else 9800  # what 20,000 descriptors allow, here and there
QUERIES = {"distinct": "insert:feed:id.eq.%d", "equal": "insert:feed"}
RETURNING = {"distinct, returning": "insert:feed:id.gt.-%d", "equal, returning": "insert:feed"}
MISSED = 20 if QUICK else 100  # changes of 300 B
BAR_SECONDS = 30


def seconds(bench, port, query, *more):
    clients = bench.clients(COUNT, port, "-w", COUNT, *more, "-q", query)
    took = clients.hello["seconds"]
    clients.close()
    return took


def returning(bench, server, query):
    with WebSocket("127.0.0.1", server.port, "/ws?query=insert:feed&since=now") as client:
        bench.feed("sql", 1, 1, 0, 300).wait(60)
        since = client.message(30)["pos"]
        bench.feed("sql", MISSED, 1, 0, 300).wait(60)
        for _ in range(MISSED):
            client.message(30)
    return seconds(bench, server.port, f"{query}&since={since}", "-n", MISSED)


def run(build):
    report = Report("storm", "All connect at once; seconds until all are live, min / median / max",
                    ["filters", "clients", "seconds", "bar", "floor's seconds"])
    runs, floor = {name: Runs() for name in [*QUERIES, *RETURNING]}, Runs()
    with Bench(build) as bench:
        bench.pin_database()
        for turn in range(TURNS):
            progress(f"storm: turn {turn + 1} of {TURNS}")
            for name, query in QUERIES.items():
                with bench.server() as server:
                    runs[name].add(seconds(bench, server.port, query))
            for name, query in RETURNING.items():
                with bench.server() as server:
                    runs[name].add(returning(bench, server, query))
            _, port, _ = bench.floor()
            floor.add(seconds(bench, port, "insert:feed"))
    for name, took in runs.items():
        report.add([name, f"{COUNT:,}", took.text("{:.2f}"), bar(took.median, BAR_SECONDS),
                    floor.text("{:.2f}")], filters=name, seconds=took, floor_seconds=floor)
