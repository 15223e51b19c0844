# SPDX-License-Identifier: Apache-2.0
"""Threads of random transactions.  What they commit is for PostgreSQL to say, not for us."""
import random
import threading

import psycopg2

from consistency.schema import REGIONS, TABLES

COLUMNS = "(id, code, region, amount, flag, at, stamp, body)"
ROWS = 400  # identities in use: small, so that updates and deletes find their rows


class Writer(threading.Thread):
    """`large`: the share of transactions of thousands of rows."""

    def __init__(self, cluster, seed, number, stop, large=0.012):
        super().__init__(name=f"writer {number}", daemon=True)
        self.cluster, self.number, self.stop = cluster, number, stop
        self.random = random.Random(f"{seed} writer {number}")
        self.large = large
        self.count = self.transactions = 0
        self.connection, self.failure = None, None

    def run(self):
        try:
            while not self.stop.is_set():
                try:
                    self.step()
                except psycopg2.Error:  # a fault, a deadlock, or a key that was there
                    self.recover()
                self.stop.wait(self.random.uniform(0, 0.06))
        except Exception as error:
            self.failure = error
        if self.connection:
            self.connection.close()

    def recover(self):
        try:
            self.connection.rollback()
        except (psycopg2.Error, AttributeError):
            self.connection = None
            self.stop.wait(0.1)

    def step(self):
        if self.connection is None or self.connection.closed:
            self.connection = psycopg2.connect(self.cluster.url())
        with self.connection.cursor() as cursor:
            self.transaction(cursor)
        if self.random.random() < 0.15:
            self.connection.rollback()
        else:
            self.connection.commit()
        self.transactions += 1

    def transaction(self, cursor):
        roll = self.random.random()
        if roll < self.large:
            self.many(cursor)
        elif roll < self.large + 0.01:
            cursor.execute(f"TRUNCATE {self.random.choice([*TABLES])}")
        for number in range(self.random.choice([1, 1, 1, 2, 5, 12])):
            if self.random.random() < 0.15:
                self.savepoint(cursor, f"s{number}")
            else:
                self.write(cursor)

    def savepoint(self, cursor, name):
        cursor.execute(f"SAVEPOINT {name}")
        try:
            for _ in range(self.random.randrange(1, 4)):
                self.write(cursor)
        except psycopg2.IntegrityError:
            cursor.execute(f"ROLLBACK TO {name}")
            return
        if self.random.random() < 0.5:
            cursor.execute(f"ROLLBACK TO {name}")
        else:
            cursor.execute(f"RELEASE {name}")

    def stamp(self):
        self.count += 1
        return f"w{self.number}-{self.count}"

    def body(self):
        """None, short, or long enough to be TOASTed: a later update leaves it unchanged."""
        roll = self.random.random()
        if roll < 0.4:
            return None
        return "it's a body" if roll < 0.9 else self.random.randbytes(4000).hex()

    def row(self, table):
        code = f"c{self.random.randrange(20)}"
        if TABLES[table] and "code" in TABLES[table] or self.random.random() > 0.1:
            return code
        return None

    def write(self, cursor):
        table = self.random.choice([*TABLES])
        roll = self.random.random()
        if roll < 0.5:
            self.insert(cursor, table)
        elif roll < 0.72:
            self.update(cursor, table)
        elif roll < 0.8:
            self.rekey(cursor, table)
        else:
            cursor.execute(f"DELETE FROM {table} WHERE id = %s", [self.random.randrange(1, ROWS)])

    def insert(self, cursor, table):
        roll = self.random.random
        cursor.execute(
            f"INSERT INTO {table} {COLUMNS} VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [self.random.randrange(1, ROWS), self.row(table),
             None if roll() < 0.1 else self.random.choice(REGIONS),
             None if roll() < 0.1 else self.random.randrange(-10**7, 10**7) / 100,
             self.random.choice([True, False, None]),
             None if roll() < 0.1 else f"2026-01-{self.random.randrange(1, 28):02} 0{self.random.randrange(10)}:00:00+00",
             self.stamp(), self.body()])

    def update(self, cursor, table):
        cursor.execute(f"UPDATE {table} SET region = %s, amount = amount + 0.01, stamp = %s"
                       " WHERE id BETWEEN %s AND %s",
                       [self.random.choice([*REGIONS, None]), self.stamp(),
                        *self.between(self.random.choice([1, 1, 4]))])

    def between(self, count):
        low = self.random.randrange(1, ROWS)
        return low, low + count - 1

    def rekey(self, cursor, table):
        cursor.execute(f"UPDATE {table} SET id = %s, stamp = %s WHERE id = %s",
                       [self.random.randrange(1, ROWS), self.stamp(), self.random.randrange(1, ROWS)])

    def many(self, cursor):
        """A large transaction: thousands of rows come, and half of them go."""
        table, first = self.random.choice([*TABLES]), 1000 + 100_000 * self.number
        count = self.random.randrange(1000, 4000)
        cursor.execute(f"DELETE FROM {table} WHERE id >= %s AND id < %s", [first, first + 100_000])
        cursor.execute(f"INSERT INTO {table} {COLUMNS} SELECT n, 'c' || n %% 20, %s, n / 100.0, n %% 2 = 0,"
                       " '2026-01-05 05:00:00+00', %s, %s FROM generate_series(%s, %s) n",
                       [self.random.choice(REGIONS), self.stamp(),
                        self.random.choice([None, "large " * 150]), first, first + count])
        cursor.execute(f"UPDATE {table} SET amount = -1 WHERE id >= %s AND id < %s",
                       [first, first + count // 4])
