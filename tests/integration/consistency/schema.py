# SPDX-License-Identifier: Apache-2.0
"""The tables that are written, and filters on them: as text for pgcdc, as a judgement of ours.

A row is a dict of column to the text that PostgreSQL prints; None is NULL, a column that is
missing is not known (an unchanged TOASTed value, or not part of the replica identity).
"""
import decimal
import itertools

COLUMNS = {"id": "integer", "code": "text", "region": "text", "amount": "numeric(12,2)",
           "flag": "boolean", "at": "timestamp with time zone", "stamp": "text", "body": "text"}

# name: (replica identity's columns, or None for the whole row)
TABLES = {"by_key": ["id"], "by_full": None, "by_index": ["code", "id"], "by_two": ["id", "code"],
          "only_inserts": []}
REGIONS = ["eu", "us", "ap", "it's, \"quoted\"", "grüße", ""]

SQL = """
CREATE TABLE by_key (id int PRIMARY KEY, code text, region text, amount numeric(12,2),
                     flag boolean, at timestamptz, stamp text, body text);
CREATE TABLE by_full (LIKE by_key);
ALTER TABLE by_full ADD PRIMARY KEY (id), REPLICA IDENTITY FULL;
CREATE TABLE by_index (LIKE by_key);
ALTER TABLE by_index ALTER code SET NOT NULL, ALTER id SET NOT NULL;
CREATE UNIQUE INDEX by_index_both ON by_index (code, id);
ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_both;
CREATE TABLE by_two (LIKE by_key);
ALTER TABLE by_two ALTER code SET NOT NULL, ADD PRIMARY KEY (id, code);
CREATE TABLE only_inserts (LIKE by_key);
ALTER TABLE only_inserts ALTER id DROP NOT NULL;
"""


def quote(value):
    if value and not set(value) & set(',."()\\ :'):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def typed(column, value):
    return decimal.Decimal(value) if COLUMNS[column] in ("integer", "numeric(12,2)") else value


class Condition:
    """column.op.value"""
    OPS = {"eq": lambda a, b: a == b, "neq": lambda a, b: a != b, "lt": lambda a, b: a < b,
           "lte": lambda a, b: a <= b, "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b}

    def __init__(self, column, op, value):
        self.column, self.op, self.value = column, op, value

    def text(self):
        if self.op == "in":
            return f"{self.column}.in.({','.join(quote(value) for value in self.value)})"
        if self.op == "is":
            return f"{self.column}.is.null"
        return f"{self.column}.{self.op}.{quote(self.value)}"

    def judge(self, row):
        """The truths that are possible: of True, False and None, which is SQL's NULL."""
        return {self.truth(row[self.column])} if self.column in row else {True, False, None}

    def truth(self, value):
        if self.op == "is":
            return value is None
        if value is None:
            return None
        value = typed(self.column, value)
        if self.op == "in":
            return value in [typed(self.column, each) for each in self.value]
        return self.OPS[self.op](value, typed(self.column, self.value))


class Junction:
    """and(...) or or(...), with SQL's three truths."""

    def __init__(self, word, parts):
        self.word, self.parts = word, parts

    def text(self):
        return f"{self.word}({','.join(part.text() for part in self.parts)})"

    def judge(self, row):
        return {self.join(truths) for truths in itertools.product(*(part.judge(row) for part in self.parts))}

    def join(self, truths):
        deciding = self.word == "or"
        if deciding in truths:
            return deciding
        return None if None in truths else not deciding


class Negation:
    def __init__(self, part):
        self.part = part

    def text(self):
        return "not." + self.part.text()

    def judge(self, row):
        return {None if truth is None else not truth for truth in self.part.judge(row)}


ASKED = ["id", "region", "region", "amount", "flag", "code", "at", "body"]


def random_condition(random, columns):
    column = random.choice(columns)
    if random.random() < 0.1:
        return Condition(column, "is", None)
    if column == "id":
        if random.random() < 0.3:
            return Condition(column, "in", [str(random.randrange(1, 400)) for _ in range(9)])
        return Condition(column, random.choice(["lt", "lte", "gt", "gte"]), str(random.randrange(400)))
    if column == "amount":
        return Condition(column, random.choice([*Condition.OPS]), f"{random.randrange(0, 100000) / 100:.2f}")
    if column == "flag":
        return Condition(column, "eq", random.choice(["true", "false"]))
    if column == "at":
        return Condition(column, random.choice(["lt", "gte"]), f"2026-01-{random.randrange(1, 28):02} 00:00:00+00")
    if column == "body":
        return Condition(column, random.choice(["eq", "neq"]), "it's a body")
    values = REGIONS if column == "region" else [f"c{number}" for number in range(20)]
    if random.random() < 0.4:
        return Condition(column, "in", random.sample(values, 3))
    return Condition(column, random.choice(["eq", "eq", "neq"]), random.choice(values))


def random_filter(random, columns=None, depth=2):
    roll = random.random()
    if depth == 0 or roll < 0.55:
        found = random_condition(random, columns or ASKED)
        return Negation(found) if random.random() < 0.1 else found
    parts = [random_filter(random, columns, depth - 1) for _ in range(random.randrange(2, 4))]
    return Junction("and" if roll < 0.75 else "or", parts)


class Subscription:
    """A query; over pgcdc.v1 it may have a `select` list."""

    def __init__(self, kinds, table, condition=None, select=None):
        self.kinds, self.table, self.condition, self.select = kinds, table, condition, select

    def text(self):
        head = f"{','.join(self.kinds)}:{self.table}"
        return f"{head}:{self.condition.text()}" if self.condition else head

    def asks(self, change):
        if self.table not in (change.table, "*") or not change.is_told:
            return False
        return change.kind in self.kinds or (self.kinds == ["*"] and change.kind != "truncate")

    def passes(self, row):
        return self.condition is None or self.condition.judge(row) == {True}

    def wants(self, change):
        if not self.asks(change) or change.kind == "truncate":
            return self.asks(change)
        return self.passes(change.old if change.kind == "delete" else change.seen)

    def scope(self, change):
        """Of a change over pgcdc.v1: False where it does not come, else None, "enter" or "leave"."""
        if change.kind != "update" or change.old is None or self.condition is None or not self.asks(change):
            return None if self.wants(change) else False
        now, before = self.condition.judge(change.seen), self.condition.judge(change.old)
        if now == {True}:
            return None if True in before else "enter"
        return "leave" if before == {True} and True not in now else False


def random_kinds(random):
    if random.random() < 0.6:
        return ["*"]
    return random.sample(["insert", "update", "delete", "truncate"], random.choice([2, 2, 4]))


def random_subscription(random):
    """One query for pgcdc.v1."""
    table = random.choice([*TABLES])
    condition = None if random.random() < 0.2 else random_filter(random)
    select = random.sample([*COLUMNS], 3) if random.random() < 0.25 else None
    return Subscription(random_kinds(random), table, condition, select)


def random_snapshot(random):
    """One of a table and a filter of which every change tells whether a row is within."""
    table = random.choice([name for name, keys in TABLES.items() if keys != []])
    condition = None if random.random() < 0.2 else random_filter(random, TABLES[table])
    return Subscription(["insert", "update", "delete", "truncate"], table, condition)


def random_subscriptions(random):
    """The queries of one plain connection."""
    table = random.choice([*TABLES])
    condition = None if random.random() < 0.2 else random_filter(random)
    found = [Subscription(random_kinds(random), table, condition)]
    if random.random() < 0.4:
        found.append(Subscription(["*"], random.choice([*TABLES]), random_filter(random)))
    return found
