# SPDX-License-Identifier: Apache-2.0
"""How long until all are live who connect at once, each with a filter of its own?

That is what a restart looks like: thousands of clients come back in the same second, and each
needs its table described and its value cast before it is live.  Equal filters, which need no cast,
stand beside them, and the floor program, which answers every request with the same bytes.
"""
from bench.harness import QUICK, TURNS, Bench, Report, Runs, bar, progress

COUNT = 2000 if QUICK else 9800  # what 20,000 descriptors allow, here and there
QUERIES = {"distinct": "insert:feed:id.eq.%d", "equal": "insert:feed"}
BAR_SECONDS = 30


def seconds(bench, port, query):
    clients = bench.clients(COUNT, port, "-w", COUNT, "-q", query)
    took = clients.hello["seconds"]
    clients.close()
    return took


def run(build):
    report = Report("storm", "All connect at once; seconds until all are live, min / median / max",
                    ["filters", "clients", "seconds", "bar", "floor's seconds"])
    runs, floor = {name: Runs() for name in QUERIES}, Runs()
    with Bench(build) as bench:
        bench.pin_database()
        for turn in range(TURNS):
            progress(f"storm: turn {turn + 1} of {TURNS}")
            for name, query in QUERIES.items():
                with bench.server() as server:
                    runs[name].add(seconds(bench, server.port, query))
            _, port, _ = bench.floor()
            floor.add(seconds(bench, port, "insert:feed"))
    for name, took in runs.items():
        report.add([name, f"{COUNT:,}", took.text("{:.2f}"), bar(took.median, BAR_SECONDS),
                    floor.text("{:.2f}")], filters=name, seconds=took, floor_seconds=floor)
