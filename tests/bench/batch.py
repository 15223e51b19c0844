# SPDX-License-Identifier: Apache-2.0
"""What batch_delay buys, and what it costs: lone changes at a steady pace, with it and without.

Both servers read the same changes at the same time, each on a core of its own with clients of its
own, so that they feel the same noise.  The worker's CPU is that of its thread, kernel included.
"""
from bench.harness import (CORES, QUICK, TURNS, Bench, Report, Runs, on_core, progress,
                           workers_ns)

CLIENTS, RATE, SIZE = 100, 1000, 300
SECONDS = 1 if QUICK else 3
DELAYS = ("0.5ms", "2ms", "5ms")


class Side:
    def __init__(self, bench, delay, core):
        self.server = bench.server(is_pinned=False, batch_delay=delay)
        self.server.command = on_core(core, self.server.command)
        self.server.start()
        self.clients = bench.clients(CLIENTS, self.server.port)
        self.ns, self.per_send, self.p50, self.p99 = (Runs() for _ in range(4))

    def counts(self):
        return (workers_ns(self.server.process.pid), self.server.metric("pgcdc_frames_sent_total"),
                self.server.metric("pgcdc_sends_total"))

    def begin(self, frames):
        self.clients.expect(frames)
        self.before = self.counts()

    def end(self, frames):
        found = self.clients.finish(frames)
        ns, sent, sends = (after - before for after, before in zip(self.counts(), self.before))
        self.ns.add(ns / frames)
        self.per_send.add(sent / sends)
        self.p50.add(found["p50_us"] / 1e3)
        self.p99.add(found["p99_us"] / 1e3)

    def close(self):
        self.clients.close()
        self.server.end()


def measure(bench, report, delay):
    rows = RATE * SECONDS
    sides = [Side(bench, "0", CORES[0]), Side(bench, delay, CORES[-1])]
    for _ in range(TURNS):
        for side in sides:
            side.begin(rows * CLIENTS)
        bench.feed("sql", rows, 1, RATE, SIZE).wait(120)
        for side in sides:
            side.end(rows * CLIENTS)
    plain, batched = sides
    report.add([delay, plain.ns.text(), batched.ns.text(), f"{batched.ns.ratio(plain.ns):.2f}",
                f"{plain.per_send.median:.1f}, {batched.per_send.median:.1f}",
                f"{plain.p50.median:.1f}, {batched.p50.median:.1f}",
                f"{plain.p99.median:.1f}, {batched.p99.median:.1f}"],
               plain_ns=plain.ns, batched_ns=batched.ns, ratio=batched.ns.ratio(plain.ns),
               plain_per_send=plain.per_send, batched_per_send=batched.per_send,
               plain_p50_ms=plain.p50, batched_p50_ms=batched.p50,
               plain_p99_ms=plain.p99, batched_p99_ms=batched.p99)
    for side in sides:
        side.close()


def run(build):
    report = Report("batch", f"{RATE} lone changes a second to {CLIENTS} clients, without"
                    " batch_delay and with it", ["delay", "ns a frame without", "with", "ratio",
                    "frames a send", "p50 ms", "p99 ms"])
    with Bench(build) as bench:
        for delay in DELAYS:
            progress(f"batch: {delay}")
            measure(bench, report, delay)
