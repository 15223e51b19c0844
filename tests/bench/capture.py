# SPDX-License-Identifier: Apache-2.0
"""Changes a second through the whole program, against a bare reader of the same slot.

The same history is read in turns by drain.c, which throws the bytes away, and by pgcdc, which
decodes it, journals it, asks its index about each row, and delivers the marker row at the end to a
WebSocket client.  The walsender of pgcdc is held (SIGSTOP) while the history is written, so that
both find it whole; times run from START_REPLICATION, or SIGCONT, to that last row.
"""
import os
import signal
import subprocess
import time

from bench.harness import OPTIONS, QUICK, TURNS, Bench, Report, Runs, bar, progress

FILTERS = (10_000,) if QUICK else (0, 10_000)
QUERIES = 50  # of one client
PLUGINS = ("pgoutput",) if QUICK else ("pgoutput", "wal2json")
ROW = """{number}, md5({number}::text)::uuid, 'kind ' || {number} % 10, {number} * 1.5,
         timestamptz '2026-01-01' + {number} * interval '1 s', repeat('x', 100)"""
ROW_N = ROW.format(number="n")


def write_single(bench, rows):
    bench.sql(f"""DO $$ BEGIN FOR n IN 1..{rows} LOOP
                    INSERT INTO events SELECT {ROW_N}; COMMIT; END LOOP; END $$""")
    return rows


def write_thousands(bench, rows):
    """Inserts, and an update of each fourth and a delete of each eighth row."""
    for first in range(1, rows + 1, 1000):
        last = first + 999
        bench.sql(f"""BEGIN; INSERT INTO events SELECT {ROW_N} FROM generate_series({first},{last}) n;
            UPDATE events SET amount = amount + 1 WHERE id BETWEEN {first} AND {last} AND id % 4 = 0;
            DELETE FROM events WHERE id BETWEEN {first} AND {last} AND id % 8 = 0; COMMIT""")
    return rows + rows // 4 + rows // 8


def write_one(bench, rows):
    bench.sql(f"INSERT INTO events SELECT {ROW_N} FROM generate_series(1, {rows}) n")
    return rows


HISTORIES = {  # how it is written, how many rows
    "1 row": (write_single, 30_000),
    "1,000 rows": (write_thousands, 100_000),
    "all rows": (write_one, 100_000 if QUICK else 1_000_000),
}


def is_worth_it(name, filters):
    """A million rows are written for the harder case only: that takes longer than all the rest."""
    return QUICK or filters > 0 or name != "all rows"


def write_history(bench, write, rows):
    """How many changes, and the position behind them."""
    bench.sql("TRUNCATE events, marker; CHECKPOINT")
    changes = write(bench, rows)
    bench.sql("INSERT INTO marker VALUES (1)")
    return changes, bench.sql("SELECT pg_current_wal_insert_lsn()")


def drain(bench, slot, plugin, end):
    done = subprocess.run([str(bench.programs / "drain"), bench.conninfo("replication=database"),
                           slot, OPTIONS[plugin], end], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[0])


def one_turn(bench, server, walsender, turn, plugin, history):
    """Changes a second of the bare reader and of pgcdc; who is first changes."""
    slot = f"bare_{turn}"
    bench.slot(slot, plugin)
    os.kill(walsender, signal.SIGSTOP)
    try:
        changes, end = write_history(bench, *history)
        if turn % 2 == 0:
            bare = drain(bench, slot, plugin, end)
        # Only now: while a history is written nobody would answer its pings.
        waiter = server.query("insert:marker", timeout=60)
        begin = time.monotonic()
    finally:
        os.kill(walsender, signal.SIGCONT)
    waiter.text(600)
    whole = time.monotonic() - begin
    waiter.drop()
    if turn % 2 == 1:
        bare = drain(bench, slot, plugin, end)
    bench.sql(f"SELECT pg_drop_replication_slot('{slot}')")
    return changes / bare, changes / whole


def measure(bench, report, plugin, filters):
    with bench.server(is_pinned=False, plugin=plugin, workers="2") as server:
        others = None
        if filters:
            others = bench.clients(filters // QUERIES, server.port, "-k", QUERIES, "-q",
                                   "*:events:id.eq.-%d")
        walsender = int(bench.sql("SELECT pid FROM pg_stat_replication"))
        for name, history in HISTORIES.items():
            if not is_worth_it(name, filters):
                continue
            progress(f"capture: {plugin}, transactions of {name}, {filters:,} filters")
            bare, whole = Runs(), Runs()
            for turn in range(TURNS):
                for runs, value in zip((bare, whole), one_turn(bench, server, walsender, turn,
                                                               plugin, history)):
                    runs.add(value)
            ratio = whole.ratio(bare)
            report.add([plugin, name, f"{filters:,}", bare.text(), whole.text(),
                        bar(ratio, 0.95, is_least=True)], bare=bare, pgcdc=whole, ratio=ratio)
        if others:
            others.close()


def run(build):
    report = Report("capture", "Capture: changes a second, min / median / max",
                    ["plugin", "transactions of", "filters", "bare reader", "pgcdc", "ratio (bar)"])
    with Bench(build) as bench:
        for plugin in PLUGINS:
            for filters in FILTERS:
                measure(bench, report, plugin, filters)
