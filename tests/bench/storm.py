# SPDX-License-Identifier: Apache-2.0
"""How long until all are live who connect at once, each with a filter of its own?

That is what a restart looks like: thousands of clients come back in the same second, and each
needs its table described and its value cast before it is live.  Equal filters, which need no cast,
stand beside them, and the floor program, which answers every request with the same bytes.

Those who return come with the position that they had, and are live when they have got every change
that they have missed.

Then as many come and leave again and again, each with a filter of its own: the memory of one server
must not grow from storm to storm, and go back when they have ebbed away.
"""
import time

from support.pgcdc import wait_for
from support.websocket import WebSocket

from bench.harness import QUICK, TURNS, Bench, Report, Runs, bar, progress, rss_bytes

COUNT = 2000 if QUICK else 9800  # what 20,000 descriptors allow, here and there
QUERIES = {"distinct": "insert:feed:id.eq.%d", "equal": "insert:feed"}
RETURNING = {"distinct, returning": "insert:feed:id.gt.-%d", "equal, returning": "insert:feed"}
MISSED = 20 if QUICK else 100  # changes of 300 B
BAR_SECONDS = 30
STORMS = 4 if QUICK else 12
BAR_STORM = 5000  # clients a second
TRIM_SECONDS = 5  # the server gives memory back some two seconds after a storm


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
    come_and_leave(build)


def come_and_leave(build):
    report = Report("churn", "All come and leave, again and again; resident size in MB",
                    ["clients", "a second", "before", "with all, first; last", "after"])
    with Bench(build) as bench, bench.server() as server:
        def size():
            return rss_bytes(server.process.pid) / 1e6
        before, full, begin = size(), [], time.monotonic()
        for turn in range(STORMS):
            progress(f"storm: coming and leaving, {turn + 1} of {STORMS}")
            clients = bench.clients(COUNT, server.port, "-w", 2000, "-q", QUERIES["distinct"])
            full.append(size())
            clients.close()
        rate = COUNT * STORMS / (time.monotonic() - begin)
        wait_for("all to have left", lambda: server.metric("pgcdc_subscriptions") == 0)
        time.sleep(TRIM_SECONDS)
        after = size()
    report.add([f"{COUNT * STORMS:,}", bar(rate, BAR_STORM, True), f"{before:.1f}",
                f"{full[0]:.1f}; {full[-1]:.1f}", f"{after:.1f}"],
               rate=rate, before=before, full=full, after=after)
