# SPDX-License-Identifier: Apache-2.0
"""What is done to the program, its database and its connections while it runs.

`servers` is one, or a pair on one slot: when the first is killed the second takes over, and the
first, started again, stands by.
"""
import collections
import re
import signal
import time

import psycopg2

COUNTED = re.compile(r"^(pgcdc_\w+) (\d+)$", re.M)


class Faults:
    def __init__(self, random, cluster, servers, to_database, fronts):
        self.random, self.cluster, self.servers = random, cluster, servers
        self.to_database, self.fronts = to_database, fronts
        self.done = []
        self.counters = {}  # process: what /metrics said last
        self.columns = 0

    def pause(self, most):
        time.sleep(self.random.uniform(0.1, most))

    # The program

    def victim(self):
        """Mostly the one that serves."""
        serving = [server for server in self.servers if server.ready()[0] == 200]
        return self.random.choice(serving if serving and self.random.random() < 0.8 else self.servers)

    def kill(self):
        """F1."""
        server = self.victim()
        server.end(signal.SIGKILL)
        if len(self.servers) > 1:
            self.pause(2)
        server.start(is_ready=False)

    def restart(self):
        server = self.victim()
        assert server.end() == 0, server.log()
        server.start(is_ready=False)

    def freeze(self, most=1.0):
        """F2."""
        server = self.victim()
        server.process.send_signal(signal.SIGSTOP)
        self.pause(most)
        server.process.send_signal(signal.SIGCONT)

    def freeze_for_long(self):
        """F2, F38: beyond wal_sender_timeout, so that the other one of a pair takes over."""
        self.freeze(9.0)

    # PostgreSQL

    def crash_database(self):
        """F3."""
        self.cluster.stop("immediate")
        self.cluster.start()

    def restart_database(self):
        """F4."""
        self.cluster.stop("fast")
        self.cluster.start()

    def terminate(self, whom):
        connection = self.cluster.connect()
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {whom}")
        connection.close()

    def terminate_walsender(self):
        """F5."""
        self.terminate("backend_type = 'walsender'")

    def terminate_questions(self):
        """F5."""
        self.terminate("backend_type = 'client backend' AND application_name LIKE 'pgcdc%'")

    def terminate_everyone(self):
        self.terminate("backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid()")

    def checkpoint(self):
        """Lets the slot's position be saved, so that a crash does not lead back to the beginning."""
        self.cluster.psql("CHECKPOINT")

    def change_schema(self):
        """F15."""
        table = self.random.choice(["by_key", "by_two"])
        if self.columns and self.random.random() < 0.4:
            what = f"DROP COLUMN IF EXISTS more{self.random.randrange(self.columns)}"
        else:
            what = f"ADD COLUMN more{self.columns} text DEFAULT 'more'"
            self.columns += 1
        self.cluster.psql(f"SET lock_timeout = '2s'; ALTER TABLE {table} {what}")

    # Connections

    def cut_database(self):
        """F7."""
        self.to_database.reset()

    def stall(self, proxy):
        proxy.stall()
        self.pause(1.5)
        proxy.resume()

    def stall_database(self):
        """F6, short."""
        self.stall(self.to_database)

    def chop_database(self):
        self.to_database.chop = 100
        self.pause(0.5)
        self.to_database.chop = 0

    def delay_database(self):
        self.to_database.delay = 0.1
        self.pause(1)
        self.to_database.delay = 0

    def refuse_database(self):
        self.to_database.refuse()
        self.to_database.reset()
        self.pause(1.5)
        self.to_database.accept()

    def cut_clients(self):
        self.random.choice(self.fronts).reset()

    def stall_clients(self):
        """F31: neither side hears of the other, and perhaps never again."""
        front = self.random.choice(self.fronts)
        front.stall()
        self.pause(2)
        if self.random.random() < 0.5:
            front.reset()
        front.resume()

    def slow_clients(self):
        """F32."""
        front = self.random.choice(self.fronts)
        front.rate = 200_000
        self.pause(1.5)
        front.rate = 0

    WEIGHTS = {"kill": 4, "restart": 1, "freeze": 1, "freeze_for_long": 0.4, "crash_database": 2,
               "restart_database": 1, "terminate_walsender": 3, "terminate_questions": 1,
               "terminate_everyone": 1, "checkpoint": 2, "change_schema": 2, "cut_database": 3,
               "stall_database": 1, "chop_database": 1, "delay_database": 1, "refuse_database": 1,
               "cut_clients": 3, "stall_clients": 1, "slow_clients": 1}

    def run(self, seconds):
        """One fault after the other."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.count()
            name, = self.random.choices([*self.WEIGHTS], [*self.WEIGHTS.values()])
            self.done.append(name)
            try:
                getattr(self, name)()
            except psycopg2.Error:
                pass  # our own connection was ended as well
            except RuntimeError as error:
                assert "lock timeout" in str(error) or name == "checkpoint", error
            time.sleep(self.random.choice([0.1, 0.5, 1, 2, 3]))
        self.count()

    # What the program says of itself

    def count(self):
        for server in self.servers:
            try:
                text = server.get("/metrics").body
            except Exception:
                continue  # it is not up, or away in the midst of it
            self.counters[server.process.pid] = {name: int(value) for name, value in COUNTED.findall(text)}

    def total(self, *names):
        """Sums over all processes there were, roughly: one that is killed says nothing any more."""
        sums = collections.Counter()
        for counters in self.counters.values():
            sums.update({name: counters.get(name, 0) for name in names})
        return dict(sums)
