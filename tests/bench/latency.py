# SPDX-License-Identifier: Apache-2.0
"""From INSERT to receipt, against a bare client of the same slot.

Both are timed from the moment the feeder sends the INSERT, so that what PostgreSQL takes to commit
is in both figures.  A bare client has the row at about the time COMMIT returns: nobody can be
sooner.  They take turns: the walsender of whoever is not measured is held (SIGSTOP).  `half load`
puts some 30,000 rows a second, in transactions of 100, into another table meanwhile.  Nobody is
pinned to a core: the bare client has the same choice as pgcdc.
"""
import os
import signal

from bench.harness import (OPTIONS, QUICK, TURNS, Bench, Report, Runs, Talker, bar,
                           progress)

CLIENTS = (1, 1000)
SAMPLES = {1: 200 if QUICK else 1000, 1000: 60 if QUICK else 200}
RATE = {1: 200, 1000: 50}
LOADS = {"idle": 0, "half load": 300}  # transactions of 100 rows a second
PARTS = ("p50_us", "p99_us", "p999_us")


class Reader:
    """Someone who receives, and his walsender."""

    def __init__(self, talker, walsender, count):
        self.talker, self.walsender, self.count = talker, walsender, count
        self.missed = 0
        self.runs = {part: Runs() for part in PARTS}

    def hold(self, is_held):
        os.kill(self.walsender, signal.SIGSTOP if is_held else signal.SIGCONT)

    def catch_up(self):
        """Counts what came while it was held: nothing of that may come later."""
        if not self.missed:
            return
        self.talker.expect(self.missed * self.count)
        self.hold(False)
        self.talker.finish(self.missed * self.count)
        self.missed = 0


def turn_of(bench, mine, others, samples, rate, load):
    mine.catch_up()
    mine.hold(False)
    for other in others:
        other.hold(True)
    background = []
    if load:
        seconds = samples / rate + 0.3
        background = [bench.feed("sql", int(load * seconds), 100, load, 300, "other")]
    mine.talker.expect(samples * mine.count)
    bench.feed("sql", samples, 1, rate, 300).wait(120)
    found = mine.talker.finish(samples * mine.count)
    for process in background:
        process.wait(120)
    for part in PARTS:
        mine.runs[part].add(found[part])
    for other in others:
        other.missed += samples
        other.catch_up()


def walsenders(bench):
    return {int(line) for line in bench.sql("SELECT pid FROM pg_stat_replication").split()}


def text(runs):
    return " / ".join(f"{runs[part].median / 1e3:.2f}" for part in PARTS)


def measure(bench, report, server, walsender, count):
    known = walsenders(bench)
    bench.slot(f"bare_{count}")
    bare = Talker(bench, "receive", bench.conninfo("replication=database"), f"bare_{count}",
                  OPTIONS["pgoutput"])
    (its,) = walsenders(bench) - known
    live = bench.clients(count, server.port, "-q", "insert:feed")
    for name, load in LOADS.items():
        progress(f"latency: {count:,} clients, {name}")
        readers = Reader(live, walsender, count), Reader(bare, its, 1)
        for turn in range(TURNS):
            for mine in readers if turn % 2 == 0 else readers[::-1]:
                others = [other for other in readers if other is not mine]
                turn_of(bench, mine, others, SAMPLES[count], RATE[count], load)
        ours, least = (reader.runs for reader in readers)
        ratio = ours["p50_us"].ratio(least["p50_us"])
        report.add([f"{count:,}", name, text(ours), text(least),
                    bar(ratio, 1.5) if count == 1 else f"{ratio:.2f}"],
                   pgcdc={part: runs.values for part, runs in ours.items()},
                   bare={part: runs.values for part, runs in least.items()}, ratio=ratio)
    live.close()
    bare.close()
    bench.sql(f"SELECT pg_drop_replication_slot('bare_{count}')")


def run(build):
    report = Report("latency", "INSERT to receipt, ms, medians of p50 / p99 / p99.9",
                    ["clients", "load", "pgcdc", "bare client", "ratio of p50 (bar)"])
    with Bench(build, is_pinned=False) as bench:
        with bench.server(is_pinned=False) as server:
            (walsender,) = walsenders(bench)
            for count in CLIENTS:
                measure(bench, report, server, walsender, count)
