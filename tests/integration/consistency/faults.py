# SPDX-License-Identifier: Apache-2.0
"""What is done to the program, its database and its connections while it runs."""
import signal
import time

import psycopg2


class Faults:
    def __init__(self, random, cluster, server, to_database, to_server):
        self.random, self.cluster, self.server = random, cluster, server
        self.to_database, self.to_server = to_database, to_server
        self.done = []

    def kill(self):
        """F1."""
        self.server.end(signal.SIGKILL)
        self.server.start(is_ready=False)

    def restart(self):
        assert self.server.end() == 0, self.server.log()
        self.server.start(is_ready=False)

    def freeze(self):
        """F2."""
        self.server.process.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(0.1, 1))
        self.server.process.send_signal(signal.SIGCONT)

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

    def cut_database(self):
        """F7."""
        self.to_database.reset()

    def stall_database(self):
        """F6, short."""
        self.to_database.stall()
        time.sleep(self.random.uniform(0.1, 1.5))
        self.to_database.resume()

    def chop_database(self):
        self.to_database.chop = 100
        time.sleep(self.random.uniform(0.1, 0.5))
        self.to_database.chop = 0

    def cut_clients(self):
        self.to_server.reset()

    def checkpoint(self):
        """Lets the slot's position be saved, so that a crash does not lead back to the beginning."""
        self.cluster.psql("CHECKPOINT")

    WEIGHTS = {"kill": 4, "restart": 1, "freeze": 1, "crash_database": 2, "restart_database": 1,
               "terminate_walsender": 3, "terminate_questions": 1, "terminate_everyone": 1,
               "cut_database": 3, "stall_database": 1, "chop_database": 1, "cut_clients": 3,
               "checkpoint": 2}

    def run(self, seconds):
        """One fault after the other."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            name, = self.random.choices([*self.WEIGHTS], [*self.WEIGHTS.values()])
            self.done.append(name)
            try:
                getattr(self, name)()
            except psycopg2.Error:
                pass  # our own connection was ended as well
            time.sleep(self.random.choice([0.1, 0.5, 1, 2, 3]))
