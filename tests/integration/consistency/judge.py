# SPDX-License-Identifier: Apache-2.0
"""What must have arrived, by PostgreSQL's own test_decoding on a slot that only we read.

    table public.by_key: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2 code[text]:'it''s'

The slot is peeked at the end, never advanced, so it holds every transaction since it was made.
"""
import bisect
import collections
import json
import re

from consistency.schema import TABLES

Place = collections.namedtuple("Place", "epoch commit index")
TUPLE = re.compile(r"""\ ?("(?:[^"]|"")+"|\w+)\[((?:[^][]|\[\])+)\]:
                       (null|unchanged-toast-datum|'(?:[^']|'')*'|[^\s']+)""", re.X | re.S)
HEAD = re.compile(r"table public\.(\w+): (INSERT|UPDATE|DELETE|TRUNCATE): ?(.*)", re.S)
TOKEN = re.compile("([0-9a-f]{16})-([0-9a-f]{16})-([0-9a-f]{8})(?:-[0-9a-f]{8})?")


def parse_token(text):
    found = TOKEN.fullmatch(text)
    assert found, f"not a token: {text!r}"
    return Place(found[1], int(found[2], 16), int(found[3], 16))


def parse_tuple(text):
    row, at = {}, 0
    while at < len(text):
        found = TUPLE.match(text, at)
        assert found, f"test_decoding: {text[at:at + 200]!r}"
        name, _, value = found.groups()
        if value == "null":
            row[name] = None
        elif value.startswith("'"):
            row[name] = value[1:-1].replace("''", "'")
        elif value != "unchanged-toast-datum":
            row[name] = value
        at = found.end()
    return row


class Change:
    """One decoded change; `end` is the LSN behind its transaction's commit record."""

    def __init__(self, kind, table, old, new):
        self.kind, self.table, self.old, self.new, self.end = kind, table, old, new, None
        keys = TABLES.get(table, ["id"])
        if keys is None and old is not None and new is None:
            self.old = {**dict.fromkeys(self.names), **old}
        self.shown = self.show(keys)

    names = ["id", "code", "region", "amount", "flag", "at", "stamp", "body"]

    def show(self, keys):
        """The message's essence: kind, table, row, old keys.  None: there is no message."""
        if self.kind == "truncate" or (keys == [] and self.kind != "insert"):
            return None
        old = None
        if self.kind != "insert":
            source = self.new if self.old is None else self.old
            names = self.names if keys is None else keys
            old = {name: source[name] for name in names if source.get(name) is not None}
        return freeze(self.kind, self.table, self.new, old)


def freeze(kind, table, row, old):
    def items(of):
        return None if of is None else tuple(sorted(of.items(), key=lambda item: item[0]))
    return kind, table, items(row), items(old)


def parse_message(text):
    """A message of the plain protocol as Change.shown has it, and its token's text or None."""
    message = json.loads(text, parse_int=str, parse_float=str)

    def row(names, values):
        return {name: "true" if value is True else "false" if value is False else value
                for name, value in zip(names, values, strict=True)}
    new = old = None
    if "columnnames" in message:
        new = row(message["columnnames"], message["columnvalues"])
    if "oldkeys" in message:
        old = row(message["oldkeys"]["keynames"], message["oldkeys"]["keyvalues"])
    return freeze(message["kind"], message["table"], new, old), message.get("pos")


class Truth:
    """All committed changes in commit order."""

    def __init__(self, cluster, database="postgres", slot="judge"):
        self.cluster, self.database, self.slot = cluster, database, slot
        cluster.psql(f"SELECT pg_create_logical_replication_slot('{slot}', 'test_decoding')", database)
        self.changes, self.ends = [], []

    def read(self):
        connection = self.cluster.connect(self.database)
        with connection.cursor() as cursor:
            cursor.execute("SET timezone = 'UTC'")
            cursor.execute("SELECT (lsn - '0/0')::bigint, data FROM pg_logical_slot_peek_changes("
                           "%s, NULL, NULL, 'include-xids', '1', 'skip-empty-xacts', '1')", [self.slot])
            rows = cursor.fetchall()
        connection.close()
        self.changes, self.ends, open_changes = [], [], []
        for position, data in rows:
            if data.startswith("BEGIN"):
                open_changes = []
            elif data.startswith("COMMIT"):
                for change in open_changes:
                    change.end = position
                self.changes += open_changes
                self.ends.append(position)
            else:
                open_changes += self.parse(data)
        return self

    @staticmethod
    def parse(data):
        found = HEAD.fullmatch(data)
        if not found:
            return []  # several tables truncated at once: no message, either
        table, kind, rest = found[1], found[2].lower(), found[3]
        old = new = None
        if kind == "truncate" or rest == "(no-tuple-data)":
            pass
        elif kind == "delete":
            old = parse_tuple(rest)
        elif rest.startswith("old-key: "):
            before, after = split_update(rest)
            old, new = parse_tuple(before), parse_tuple(after)
        else:
            new = parse_tuple(rest)
        return [Change(kind, table, old, new)]

    def of(self, subscriptions):
        """The changes that these subscriptions must hear of."""
        return [change for change in self.changes if change.shown is not None
                and any(each.wants(change) for each in subscriptions)]

    def end_of(self, commit):
        """The end LSN of the transaction whose commit record is at or before `commit`...

        A commit record begins where the one before has ended, or later, and ends at `end`.  So the
        transaction of a commit LSN is the first one with a greater end.
        """
        at = bisect.bisect_right(self.ends, commit)
        assert at < len(self.ends), f"no transaction commits at {commit:x}"
        return self.ends[at]


def split_update(rest):
    """The two tuples of 'old-key: ... new-tuple: ...'; a value may hold these words, too."""
    at = len("old-key: ")
    while not rest.startswith(" new-tuple: ", at):
        found = TUPLE.match(rest, at)
        assert found, f"test_decoding: {rest[at:at + 200]!r}"
        at = found.end()
    return rest[len("old-key: "):at], rest[at + len(" new-tuple: "):]
