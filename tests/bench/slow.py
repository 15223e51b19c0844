# SPDX-License-Identifier: Apache-2.0
"""What clients that do not read cost the others.

900 clients are timed with 100 idle ones beside them, who read, and with 100 who stopped reading, in
turns.  A flood comes before each turn, so that the sockets of the stalled ones are full and they
stand behind in the journal while the others are timed.
"""
import time

from bench.harness import QUICK, TURNS, Bench, Report, Runs, bar, progress, workers_ns

READING, STALLED = 900, 100
FLOOD = 3000  # rows of 2 KB
ROWS, RATE = (60, 50) if QUICK else (200, 50)


def turn_of(bench, server, readers, flags):
    beside = bench.clients(STALLED, server.port, *flags)
    readers.expect(FLOOD * READING)
    bench.feed("sql", FLOOD // 100, 100, 100, 2048).wait(120)
    readers.finish(FLOOD * READING)
    time.sleep(0.5)
    behind = server.metric("pgcdc_clients_behind")
    spent = workers_ns(server.process.pid)
    readers.expect(ROWS * READING)
    bench.feed("sql", ROWS, 1, RATE, 300).wait(120)
    found = readers.finish(ROWS * READING)
    beside.close()
    time.sleep(0.5)
    return found, behind, (workers_ns(server.process.pid) - spent) / (ROWS * READING)


def run(build):
    report = Report("slow", f"Slow clients: {READING} others' latency in ms with {STALLED} beside",
                    ["", "all read", f"{STALLED} stalled", "ratio (bar)"])
    calm, stalled = ({key: Runs() for key in ("p50_us", "p99_us", "ns")} for _ in range(2))
    with Bench(build) as bench:
        bench.pin_database()
        with bench.server() as server:
            readers = bench.clients(READING, server.port)
            for turn in range(TURNS):
                progress(f"slow: turn {turn + 1} of {TURNS}")
                for flags in ((), ("-z",)) if turn % 2 == 0 else (("-z",), ()):
                    runs = stalled if flags else calm
                    found, behind, ns = turn_of(bench, server, readers, flags)
                    if flags and behind < STALLED:
                        print(f"only {behind:.0f} stalled clients are behind", flush=True)
                    runs["ns"].add(ns)
                    for key in ("p50_us", "p99_us"):
                        runs[key].add(found[key])
            readers.close()
    for key, name, scale in (("p50_us", "p50", 1e3), ("p99_us", "p99", 1e3),
                             ("ns", "ns of the worker per delivery", 1)):
        ratio = stalled[key].ratio(calm[key])
        form = "{:,.2f}" if scale > 1 else "{:,.0f}"
        cells = [" / ".join(form.format(value / scale) for value in
                            (min(runs.values), runs.median, max(runs.values)))
                 for runs in (calm[key], stalled[key])]
        report.add([name, *cells, bar(ratio, 1.2) if key == "p99_us" else f"{ratio:.2f}"],
                   calm=calm[key], stalled=stalled[key], ratio=ratio)
