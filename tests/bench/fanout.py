# SPDX-License-Identifier: Apache-2.0
"""CPU per delivered frame, against the floor program.

Server and floor have the same number of clients at the same time and are fed in turns with the
same messages at the same pace: pgcdc through PostgreSQL, the floor by lines.  Both are pinned to
one core; clients, feeder and PostgreSQL to another.  pgcdc's figure is its worker's; what its
capture thread spends for each frame is shown apart.

Whoever is late sends several frames with one `send` and looks cheap: `frames a read` tells, as the
clients see it.  Where it is 1.0 on both sides nobody was, and lone frames are compared with lone
frames.
"""
import time

from bench.harness import (QUICK, TURNS, Bench, Report, Runs, bar, cpu_ns, progress,
                           workers_ns)

SECONDS = 1.0 if QUICK else 1.5
CLIENTS = (1000,) if QUICK else (100, 1000, 10_000)
SIZES = (300,) if QUICK else (300, 2048)
BARS = {"singly": 1.1, "bursts of 32": 1.2, "saturated": 1.5}


def plans(clients, size):
    """name: (bursts, rows of each, bursts a second)"""
    single = min(100, 20_000 / clients)
    burst = min(20, 10_000 / clients)
    deliveries = 6_000_000 if size < 1000 else 2_000_000
    rows = max(10, min(1000, deliveries // clients // 8))
    return {
        "singly": (max(5, int(single * SECONDS)), 1, single),
        "bursts of 32": (max(3, int(burst * SECONDS)), 32, burst),
        "saturated": (max(1, deliveries // clients // rows), rows, 0),
    }


class Side:
    def __init__(self, process, clients, where):
        self.process, self.clients, self.where = process, clients, where
        self.ns, self.capture_ns, self.rate = Runs(), Runs(), Runs()
        self.p50, self.p99, self.per_read = Runs(), Runs(), Runs()

    def own_ns(self):
        if self.where == "sql":
            return workers_ns(self.process.pid)
        return sum(cpu_ns(self.process.pid).values())


def one_run(bench, side, count, plan, size):
    bursts, rows, rate = plan
    frames = bursts * rows * count
    side.clients.expect(frames)
    own, whole = side.own_ns(), cpu_ns(side.process.pid)
    feeder = bench.feed(side.where, bursts, rows, rate, size)
    found = side.clients.finish(frames)
    side.ns.add((side.own_ns() - own) / frames)
    after = cpu_ns(side.process.pid)
    side.capture_ns.add((after.get("capture", 0) - whole.get("capture", 0)) / frames)
    side.rate.add(frames / max(found["seconds"], 1e-6))
    side.p50.add(found["p50_us"])
    side.p99.add(found["p99_us"])
    side.per_read.add(found["frames"] / found["reads"])
    feeder.wait(60)
    return found["bytes"] / frames


def measure(bench, report, server, floor, count):
    process, port, feed_port = floor
    ours = bench.clients(count, server.port)
    its = bench.clients(count, port)
    for size in SIZES:
        for name, plan in plans(count, size).items():
            progress(f"fanout: {count:,} clients, {size:,} B, {name}")
            sides = [Side(server.process, ours, "sql"), Side(process, its, feed_port)]
            sizes = {}
            for turn in range(TURNS):
                for side in sides if turn % 2 == 0 else sides[::-1]:
                    sizes[side.where] = one_run(bench, side, count, plan, size)
                    time.sleep(0.1)
            mine, least = sides
            assert abs(sizes["sql"] - sizes[feed_port]) < 8, sizes
            report.add([f"{count:,}", f"{size:,} B", name, mine.ns.text(), least.ns.text(),
                        bar(mine.ns.ratio(least.ns), BARS[name]), f"{mine.capture_ns.median:.0f}",
                        f"{mine.rate.median / 1e3:,.0f} k", f"{least.rate.median / 1e3:,.0f} k",
                        f"{mine.p99.median / 1e3:.1f}", f"{least.p99.median / 1e3:.1f}",
                        f"{mine.per_read.median:,.1f}", f"{least.per_read.median:,.1f}"],
                       pgcdc_ns=mine.ns, floor_ns=least.ns, ratio=mine.ns.ratio(least.ns),
                       capture_ns=mine.capture_ns, pgcdc_rate=mine.rate, floor_rate=least.rate,
                       pgcdc_p50_us=mine.p50, pgcdc_p99_us=mine.p99, floor_p50_us=least.p50,
                       floor_p99_us=least.p99, pgcdc_frames_a_read=mine.per_read,
                       floor_frames_a_read=least.per_read)
    ours.close()
    its.close()


def run(build):
    report = Report("fanout", "Fan-out: CPU per delivered frame, min / median / max",
                    ["clients", "frame", "how", "pgcdc ns", "floor ns", "ratio (bar)",
                     "capture ns", "deliveries/s", "floor's", "p99 ms", "floor's p99", "frames a read",
                     "floor's"])
    with Bench(build) as bench:
        bench.pin_database()
        floor = bench.floor()
        with bench.server() as server:
            for count in CLIENTS:
                measure(bench, report, server, floor, count)
