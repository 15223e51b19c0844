# SPDX-License-Identifier: Apache-2.0
"""Random writers, and clients that hold the rows of random filters by the recipe of doc/protocol.md.

Whoever follows that recipe has, at the end, exactly the rows of SELECT with its filter.
"""
import json
import random
import threading
import time

import psycopg2

from support.patience import PATIENCE, wait_for
from support.websocket import TEXT, Closed, WebSocket
from v1_client import PROTOCOL

ROWS = 300  # identities in use: few, so that updates and deletes find their rows
REGIONS = ["eu", "us", "ap", "it's, \"quoted\"", "grüße", ""]
COLUMNS = ["id", "region", "amount", "flag", "tags", "doc", "body"]
# With the whole old row every filter is told of what leaves; with the key those on the key are.
# `cut` is truncated now and then.
TABLES = {"whole": ["id", "region", "amount", "flag"], "keyed": ["id"], "cut": ["id"]}
SQL = """
CREATE TABLE whole (id int PRIMARY KEY, region text, amount numeric(12,2), flag boolean, tags text[],
                    doc jsonb, body text);
ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE keyed (LIKE whole, PRIMARY KEY (id));
CREATE TABLE cut (LIKE whole, PRIMARY KEY (id));
"""
UNKNOWN = "a large value that no message held"


def quote_sql(text):
    return "'" + text.replace("'", "''") + "'"


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Filter:
    """`text` for the query, `sql` for WHERE."""

    def __init__(self, text, sql):
        self.text, self.sql = text, sql


def random_condition(dice, columns):
    column = dice.choice(columns)
    if column == "id":
        if dice.random() < 0.3:
            ids = ",".join(str(dice.randrange(1, ROWS)) for _ in range(60))
            return Filter(f"id.in.({ids})", f"id IN ({ids})")
        word, sign = dice.choice([("lt", "<"), ("gte", ">=")])
        value = dice.randrange(20, ROWS - 20)
        return Filter(f"id.{word}.{value}", f"id {sign} {value}")
    if column == "amount":
        word, sign = dice.choice([("lt", "<"), ("gt", ">"), ("neq", "<>")])
        value = dice.randrange(-5000, 5000) / 100
        return Filter(f"amount.{word}.{value}", f"amount {sign} {value}")
    if dice.random() < 0.15:
        return Filter(f"{column}.is.null", f"{column} IS NULL")
    if column == "flag":
        return Filter("flag.eq.true", "flag")
    chosen = dice.sample(REGIONS, 2)
    if dice.random() < 0.5:
        return Filter(f"region.in.({','.join(map(quote, chosen))})",
                      f"region IN ({','.join(map(quote_sql, chosen))})")
    return Filter(f"region.neq.{quote(chosen[0])}", f"region <> {quote_sql(chosen[0])}")


def random_filter(dice, columns, depth=2):
    roll = dice.random()
    if depth == 0 or roll < 0.5:
        found = random_condition(dice, columns)
        return Filter("not." + found.text, f"NOT ({found.sql})") if dice.random() < 0.1 else found
    parts = [random_filter(dice, columns, depth - 1) for _ in range(2)]
    word = "and" if roll < 0.7 else "or"
    return Filter(f"{word}({','.join(part.text for part in parts)})",
                  "(" + f" {word} ".join(part.sql for part in parts) + ")")


class Writer(threading.Thread):
    """Random transactions until `stop`.  wal2json's format 1 tells nobody of TRUNCATE, nor of NULLs
    in old rows: with `is_format_1` there are none."""

    def __init__(self, database, seed, stop, pace, is_format_1):
        super().__init__(daemon=True)
        self.dice, self.stop, self.pace = random.Random(seed), stop, pace
        self.is_format_1 = is_format_1
        self.connection = psycopg2.connect(database.url)
        self.failure, self.commits = None, 0

    def run(self):
        try:
            while not self.stop.is_set():
                try:
                    self.transact(self.connection.cursor())
                except psycopg2.Error:  # a deadlock, or a key that was there
                    self.connection.rollback()
                self.stop.wait(self.dice.expovariate(1 / self.pace))
        except Exception as error:
            self.failure = error
        self.connection.close()

    def transact(self, cursor):
        for number in range(self.dice.choice([1, 1, 2, 3, 8])):
            if self.dice.random() < 0.2:
                cursor.execute(f"SAVEPOINT s{number}")
                self.write(cursor)
                word = "ROLLBACK TO" if self.dice.random() < 0.5 else "RELEASE"
                cursor.execute(f"{word} SAVEPOINT s{number}")
            self.write(cursor)
        if self.dice.random() < 0.2:  # stay open while others commit
            self.stop.wait(self.dice.uniform(0, 0.2))
        if self.dice.random() < 0.15:
            self.connection.rollback()
        else:
            self.connection.commit()
            self.commits += 1

    def value(self, column):
        dice = self.dice
        if dice.random() < 0.1 and not self.is_format_1:
            return None
        return {"region": lambda: dice.choice(REGIONS),
                "amount": lambda: dice.randrange(-5000, 5000) / 100,
                "flag": lambda: dice.random() < 0.5,
                "tags": lambda: dice.sample(REGIONS, 2),
                "doc": lambda: json.dumps({"n": dice.random(), "list": [1, None, "ü"]}),
                "body": lambda: dice.randbytes(1500 if dice.random() < 0.1 else 5).hex()}[column]()

    def write(self, cursor):
        dice, table = self.dice, self.dice.choice([*TABLES])
        roll, id = dice.random(), dice.randrange(1, ROWS)
        if roll < 0.4:
            cursor.execute(f"INSERT INTO {table} VALUES (%s, %s, %s, %s, %s, %s, %s)"
                           " ON CONFLICT DO NOTHING",
                           [id, *(self.value(column) for column in COLUMNS[1:])])
        elif roll < 0.7:
            column = dice.choice(COLUMNS[1:])
            cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id BETWEEN %s AND %s",
                           [self.value(column), id, id + dice.choice([0, 0, 5])])
        elif roll < 0.8:
            cursor.execute(f"UPDATE {table} SET id = %s WHERE id = %s",
                           [dice.randrange(1, ROWS), id])
        elif roll < 0.99:
            cursor.execute(f"DELETE FROM {table} WHERE id = %s", [id])
        elif not self.is_format_1:
            cursor.execute("TRUNCATE cut")


def parse(text):
    """JSON with numbers as their digits: 1.50 is not 1.5."""
    return json.loads(text, parse_int=str, parse_float=str)


class Holding:
    """One subscription and its rows."""

    def __init__(self, dice, id):
        self.id, self.table = id, dice.choice(["whole", "whole", "keyed", "cut"])
        self.filter = None if dice.random() < 0.15 else random_filter(dice, TABLES[self.table])
        self.select = None
        if dice.random() < 0.3:
            self.select = ["id", *dice.sample(COLUMNS[1:], 2)]
        self.rows, self.position, self.is_live, self.is_subscribed = {}, None, False, False
        self.log = []

    @property
    def query(self):
        kinds = "insert,update,delete,truncate" if self.table == "cut" else "*"
        return f"{kinds}:{self.table}" + (f":{self.filter.text}" if self.filter else "")

    def columns(self):
        return [column for column in COLUMNS if not self.select or column in self.select]

    def begin(self):
        self.rows, self.is_live = {}, False

    def change(self, message):
        kind = message["kind"]
        scope = message.get("scopes", {}).get(self.id, message.get("scope"))
        # wal2json's format 1 names no key before the first update or delete of a table.
        before = self.rows.get(message["new" if kind == "insert" else "key"]["id"])
        comes = kind == "insert" or scope == "enter"
        assert comes == (before is None), (self.query, before, self.log[-20:])
        if kind == "delete" or kind == "update" and scope == "leave":
            self.rows.pop(message["key"]["id"], None)
            return
        row = {column: message["new"][column] for column in self.columns()
               if column in message["new"]}
        if kind == "update":
            self.rows.pop(message["key"]["id"], None)
            for column in message.get("unchanged", ()):
                if column in self.columns():
                    row[column] = (before or message.get("old", {})).get(column, UNKNOWN)
        assert set(row) == set(self.columns()), (self.id, message)
        self.rows[row["id"]] = row

    def expected(self, database):
        columns = ", ".join(self.columns())
        where = f" WHERE {self.filter.sql}" if self.filter else ""
        found = database.run(f"SELECT row_to_json(t)::text FROM (SELECT {columns} FROM {self.table}"
                             f"{where}) t")
        rows = [parse(text) for text, in found]
        return {row["id"]: row for row in rows}

    def assert_equal(self, database):
        expected = self.expected(database)
        for id, row in self.rows.items():
            for column in [column for column in row if row[column] is UNKNOWN]:
                row[column] = expected.get(id, {}).get(column)
        wrong = {id: (self.rows.get(id), expected.get(id)) for id in {*self.rows, *expected}
                 if self.rows.get(id) != expected.get(id)}
        assert not wrong, (f"{self.query} select {self.select}: rows by id, held and right: {wrong}\n"
                           + "\n".join(line for line in self.log
                                       if any(f'"id":{id}' in line for id in wrong)))


class Client(threading.Thread):
    """A socket with some subscriptions that begin at random moments, and sometimes anew."""

    def __init__(self, server, seed, seconds):
        super().__init__(daemon=True)
        self.server, self.dice = server, random.Random(seed)
        self.begin = time.monotonic() + self.dice.uniform(0, seconds * 0.8)
        self.seconds = seconds
        self.holdings = [Holding(self.dice, f"s{number}")
                         for number in range(self.dice.choice([1, 1, 2, 3]))]
        self.failure, self.resumptions, self.gaps = None, 0, 0
        self.mark_at = self.told_up_to = ""
        self.listens = threading.Event()  # to the mark, which must not come before
        self.socket = None

    def run(self):
        try:
            time.sleep(max(0, self.begin - time.monotonic()))
            while not self.has_all():
                self.read_on()
        except Exception as error:
            self.failure = error
        finally:
            self.listens.set()
            if self.socket:
                self.socket.drop()

    def read_on(self):
        """To the end; where a thousand threads share a core a ping may be answered too late."""
        try:
            if self.socket:
                self.begin_again()
            else:
                self.connect()
                if self.dice.random() < 0.3:
                    self.come_back()
            self.read_until(self.has_all)
        except (ConnectionError, Closed):
            assert self.server.is_alive(), self.server.log()

    def has_all(self):
        """Between subscriptions of which one is catching up there is no order: only `progress`
        tells that what was before the mark has been sent to all."""
        return (self.mark_at and self.told_up_to > self.mark_at
                and all(one.is_live and one.is_subscribed for one in self.holdings))

    def connect(self):
        self.told_up_to = ""
        self.socket = WebSocket("127.0.0.1", self.server.port, "/ws", PROTOCOL)
        self.say(type="subscribe", id="mark", query="insert:marker:id.eq.1",
                 **({"since": self.mark_position} if self.resumptions else {}))
        for holding in self.holdings:
            self.subscribe(holding)

    def subscribe(self, holding):
        message = {"type": "subscribe", "id": holding.id, "query": holding.query, "snapshot": True}
        if holding.select:
            message["select"] = holding.select
        if holding.position and holding.is_live:
            message["since"] = holding.position
        else:
            holding.begin()
        holding.is_subscribed = False
        self.say(**message)

    def come_back(self):
        """The connection is lost, in the midst of a snapshot or later; each goes on where it can."""
        deadline = time.monotonic() + self.dice.uniform(0, 1.5)
        self.read_until(lambda: time.monotonic() > deadline)
        self.begin_again()

    def begin_again(self):
        self.socket.drop()
        self.resumptions += 1
        self.connect()

    def say(self, **message):
        self.socket.send(TEXT, json.dumps(message).encode())

    mark_position = "now"

    def read_until(self, is_done):
        deadline = time.monotonic() + self.seconds + 2 * PATIENCE
        while not is_done():
            try:
                self.take(self.socket.text(0.3))
            except TimeoutError:
                assert time.monotonic() < deadline, [
                    (one.id, one.query, one.is_live) for one in self.holdings]

    def take(self, text):
        message = parse(text)
        kind = message["type"]
        concerned = [one for one in self.holdings
                     if one.id in (message.get("id"), *message.get("ids", ()))]
        for holding in concerned:
            holding.log.append(text)
        if kind == "change":
            if "mark" in message["ids"]:
                self.mark_at = message["pos"]
            for holding in concerned:
                holding.change(message)
                holding.position = message["pos"] if holding.is_live else None
        elif kind == "truncate":
            for holding in concerned:
                holding.rows = {}
                holding.position = message["pos"] if holding.is_live else None
        elif kind == "snapshot":
            for row in message["rows"]:
                assert concerned[0].rows.setdefault(row["id"], row) is row, text
        elif kind == "live":
            concerned[0].is_live, concerned[0].position = True, message["position"]
        elif kind == "progress":
            if all(one.is_subscribed for one in self.holdings):  # it counts for these only
                self.told_up_to = message["position"]
            for holding in self.holdings:
                if holding.is_live and holding.is_subscribed:
                    holding.position = message["position"]
        elif kind == "subscribed" and message["id"] == "mark":
            if self.mark_position == "now":
                self.mark_position = message["position"]
            self.listens.set()
        elif kind == "gap":
            self.gaps += 1
            raise AssertionError(text)
        elif kind == "subscribed":
            concerned[0].is_subscribed = True
        else:
            assert kind in ("welcome", "notice"), text


def play(database, server, seed, seconds, clients, writers=4, pace=0.05, is_format_1=False):
    """Runs it all; the clients, whose rows are right."""
    database.run(SQL)
    database.run("".join(f"INSERT INTO {table} SELECT n, 'eu', n / 7.0, n % 2 = 0, '{{a,b}}', "
                         f"'{{\"n\": 1}}', repeat('x', n) FROM generate_series(1, {ROWS}, 2) n;"
                         for table in TABLES))
    stop = threading.Event()
    writing = [Writer(database, f"{seed} writer {number}", stop, pace, is_format_1)
               for number in range(writers)]
    reading = [Client(server, f"{seed} client {number}", seconds) for number in range(clients)]
    for thread in [*writing, *reading]:
        thread.start()
    time.sleep(seconds)
    wait_for("each writer to have written", lambda: all(
        thread.commits > 10 or thread.failure for thread in writing))
    stop.set()
    for thread in writing:
        thread.join()
        assert thread.failure is None, thread.failure
    for thread in reading:
        assert thread.listens.wait(2 * PATIENCE), "a client has not begun"
    database.run("INSERT INTO marker VALUES (1)")
    for thread in reading:
        thread.join()
        if thread.failure:
            raise thread.failure
    for thread in reading:
        for holding in thread.holdings:
            holding.assert_equal(database)
    return reading
