# SPDX-License-Identifier: Apache-2.0
"""What permessage-deflate costs and saves, in turns with the same clients without it.

One worker, 1 to 1,000 clients of one filter, rows of words and numbers in transactions of 32.  CPU
is the worker's, kernel included, for each frame delivered; bytes are those of the frames' payloads.
A change is compressed once however many get it, so the more clients, the less it costs each.
"""
from bench.harness import QUICK, TURNS, Bench, Report, Runs, progress, workers_ns

ROWS = 32
CLIENTS = (1, 100, 1000)
SIZES = {"300 B": 5, "2 KB": 60} if not QUICK else {"300 B": 5}  # readings in a row
BODY = """INSERT INTO feed (body) SELECT (SELECT string_agg(format('sensor_%s: %s, %s; ', n * k % 30,
    round((random() * 100)::numeric, 2), (ARRAY['open', 'closed', 'unknown'])[1 + (n * k) % 3]), '')
    FROM generate_series(1, {readings}) k) FROM generate_series(1, {rows}) n"""


class Side:
    def __init__(self, *flags):
        self.flags, self.ns, self.bytes = flags, Runs(), Runs()

    def run(self, bench, server, count, readings):
        """Clients come, hear their rows, and leave: only one side is there at a time."""
        bursts = max(3, min(30, 3000 // count))
        frames = bursts * ROWS * count
        clients = bench.clients(count, server.port, *self.flags)
        clients.expect(frames)
        spent = workers_ns(server.process.pid)
        for _ in range(bursts):
            bench.sql(BODY.format(readings=readings, rows=ROWS))
        found = clients.finish(frames)
        self.ns.add((workers_ns(server.process.pid) - spent) / frames)
        self.bytes.add(found["bytes"] / frames)
        clients.close()


def measure(bench, report, server, count):
    for size, readings in SIZES.items():
        progress(f"deflate: {count:,} clients, {size}")
        plain, packed = Side(), Side("-d")
        before = server.metric("pgcdc_deflated_messages_total")
        for turn in range(TURNS):
            for side in (plain, packed) if turn % 2 == 0 else (packed, plain):
                side.run(bench, server, count, readings)
        compressed = server.metric("pgcdc_deflated_messages_total") - before
        report.add([f"{count:,}", size, plain.ns.text(), packed.ns.text(),
                    f"{packed.ns.ratio(plain.ns):.2f}", f"{plain.bytes.median:,.0f}",
                    f"{packed.bytes.median:,.0f}", f"{packed.bytes.ratio(plain.bytes):.2f}",
                    f"{compressed:,.0f}"],
                   plain_ns=plain.ns, deflate_ns=packed.ns, ratio=packed.ns.ratio(plain.ns),
                   plain_bytes=plain.bytes, deflate_bytes=packed.bytes)


def run(build):
    report = Report("deflate", "Compression: CPU per delivered frame, min / median / max",
                    ["clients", "frame", "plain ns", "deflate ns", "ratio", "bytes", "deflated",
                     "ratio", "messages compressed"])
    with Bench(build) as bench:
        bench.pin_database()
        with bench.server() as server:
            for count in CLIENTS:
                measure(bench, report, server, count)
