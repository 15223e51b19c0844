# SPDX-License-Identifier: Apache-2.0
"""What an idle connection costs: our memory, the time to accept it, CPU at rest.

Memory is the growth of the server's resident size while the clients connect, each with a
subscription and after its upgrade, beside a thousand who did so before: what is needed once, such
as the room of requests under way, counts for nobody.  What the kernel holds comes on top.  The
reference of accepting is the floor program, which answers every request with the same bytes.
"""
import ssl
import subprocess
import time

from bench.harness import QUICK, TURNS, Bench, Report, Runs, bar, cpu_ns, progress, rss_bytes, workers_ns

FIRST = 1000
PLAIN = 5000 if QUICK else 18_000
TLS = 1000 if QUICK else 5000
REST = 1 if QUICK else 3  # seconds
KINDS = {"plain": (PLAIN, 512, ()), "deflate": (PLAIN, 512, ("-d",)),
         "TLS": (TLS, 18 * 1024, ("-t",))}


def key_pair(bench):
    """A server that speaks TLS with a P-256 key, and how to ask it."""
    asking = ssl._create_unverified_context()
    key, cert = bench.scratch.path / "key.pem", bench.scratch.path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost", "-keyout",
                    str(key), "-out", str(cert)], check=True, capture_output=True)
    return {"tls": asking, "https": "true", "key_priv": str(key), "key_cert": str(cert)}


class Kind:
    def __init__(self):
        self.size, self.rate, self.accept_us, self.rest = Runs(), Runs(), Runs(), Runs()

    def run(self, bench, server, count, flags):
        pid = server.process.pid
        first = bench.clients(FIRST, server.port, *flags)
        size, spent = rss_bytes(pid), workers_ns(pid)
        clients = bench.clients(count, server.port, *flags)
        self.rate.add(count / clients.hello["seconds"])
        self.accept_us.add((workers_ns(pid) - spent) / count / 1e3)
        time.sleep(0.5)
        self.size.add((rss_bytes(pid) - size) / count)
        spent = sum(cpu_ns(pid).values())
        time.sleep(REST)
        self.rest.add((sum(cpu_ns(pid).values()) - spent) / REST / 1e7)
        clients.close()
        first.close()


def floor_accept_us(bench, count):
    process, port, _ = bench.floor()
    spent = sum(cpu_ns(process.pid).values())
    clients = bench.clients(count, port)
    spent = sum(cpu_ns(process.pid).values()) - spent
    clients.close()
    return spent / count / 1e3


def run(build):
    report = Report("idle", "Idle connections, min / median / max",
                    ["kind", "clients", "our bytes each", "bar", "accepted/s", "us of CPU each",
                     "floor's us", "CPU at rest, % of a core"])
    with Bench(build) as bench:
        bench.pin_database()
        settings = key_pair(bench)
        for name, (count, limit, flags) in KINDS.items():
            kind, floor = Kind(), Runs()
            for turn in range(TURNS):
                progress(f"idle: {name}, turn {turn + 1} of {TURNS}")
                with bench.server(**(settings if "-t" in flags else {})) as server:
                    kind.run(bench, server, count, flags)
                floor.add(floor_accept_us(bench, count))
            report.add([name, f"{count:,}", kind.size.text(), bar(kind.size.median, limit),
                        kind.rate.text(), kind.accept_us.text("{:.1f}"), f"{floor.median:.1f}",
                        kind.rest.text("{:.2f}")],
                       bytes_each=kind.size, accepts=kind.rate, accept_us=kind.accept_us,
                       floor_us=floor, rest_percent=kind.rest)
