# SPDX-License-Identifier: Apache-2.0
"""What must have arrived, by PostgreSQL's own test_decoding on a slot that only we read.

    table public.by_key: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2 code[text]:'it''s'

The slot is peeked at the end, never advanced, so it holds every transaction since it was made.
Long runs have a million changes: equal values are kept once (`shared`).
"""
import bisect
import re

from consistency.essence import ALL, freeze, freeze_rich, shared, show_time
from consistency.schema import TABLES

TUPLE = re.compile(r"""\ ?("(?:[^"]|"")+"|\w+)\[((?:[^][]|\[\])+)\]:
                       (null|unchanged-toast-datum|'(?:[^']|'')*'|[^\s']+)""", re.X | re.S)
HEAD = re.compile(r"table public\.(\w+): (INSERT|UPDATE|DELETE|TRUNCATE): ?(.*)", re.S)
COMMIT = re.compile(r"COMMIT (\d+) \(at (.*)\)")


def parse_tuple(text):
    """The row, and the names of the columns whose TOASTed value was left alone."""
    row, unchanged, at = {}, [], 0
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
        else:
            unchanged.append(name)
        at = found.end()
    return row, tuple(unchanged)


class Change:
    """One decoded change; `end` is the LSN behind its transaction's commit record, `index` its place
    in the transaction among those that a decoder may tell."""
    __slots__ = ("kind", "table", "old", "new", "unchanged", "end", "index", "xid", "at", "is_last",
                 "shown", "whole")
    names = ["id", "code", "region", "amount", "flag", "at", "stamp", "body"]

    def __init__(self, kind, table, old, new, unchanged=()):
        self.kind, self.table, self.old, self.new, self.unchanged = kind, table, old, new, unchanged
        self.end, self.index, self.xid, self.at, self.is_last, self.whole = None, 0, None, None, False, None
        if self.keys is None and old is not None:  # NULLs are not printed of an old row
            self.old = {**dict.fromkeys(self.names), **old}
        self.shown = self.show() if self.is_told else None

    @property
    def keys(self):
        return TABLES.get(self.table, ["id"])

    @property
    def is_told(self):
        """Without a replica identity there are only inserts and truncates."""
        return self.keys != [] or self.kind in ("insert", "truncate")

    def identity(self, row):
        """Of a row, what the replica identity has; None: there is no identity."""
        if self.keys == [] or row is None:
            return None
        return row if self.keys is None else {name: row[name] for name in self.keys}

    @property
    def seen(self):
        """The new row as filters see it: a TOASTed value that was left alone is that of the old row."""
        if not self.unchanged or self.keys is not None or self.old is None:
            return self.new
        return {**self.new, **{name: self.old[name] for name in self.unchanged}}

    def show(self):
        """The plain message's essence: kind, table, row, old keys."""
        old = None
        if self.kind in ("update", "delete"):
            found = self.identity(self.new if self.old is None else self.old)
            old = {name: value for name, value in found.items() if value is not None}
        return freeze(self.kind, self.table, self.new, old)

    def rich(self, wanted=None):
        """The essence of the message of pgcdc.v1, of these columns or of all."""
        if wanted is None and self.whole:
            return self.whole
        names = wanted if wanted is None or not self.keys else wanted | {*self.keys}

        def of(row):
            return row if row is None or names is None else {
                name: value for name, value in row.items() if name in names}
        key = self.identity(self.new if self.old is None else self.old)
        unchanged = [name for name in self.unchanged if names is None or name in names]
        found = freeze_rich(self.kind, self.table, of(self.new), of(self.old), of(key), unchanged,
                            self.xid, self.at)
        if wanted is None:
            self.whole = found
        return found


class Truth:
    """All committed changes in commit order; `is_exact`: the decoder that is judged says all of it."""

    def __init__(self, cluster, is_exact, database="postgres", slot="judge"):
        self.cluster, self.is_exact, self.database, self.slot = cluster, is_exact, database, slot
        cluster.psql(f"SELECT pg_create_logical_replication_slot('{slot}', 'test_decoding')", database)
        self.changes, self.ends = [], []
        self.commits = {}  # end -> commit LSN, of those that somebody was told of

    def read(self):
        connection = self.cluster.connect(self.database)
        connection.autocommit = False
        with connection.cursor() as cursor:
            cursor.execute("SET timezone = 'UTC'")
        with connection.cursor("changes") as cursor:
            cursor.itersize = 10000
            cursor.execute("SELECT (lsn - '0/0')::bigint, data FROM pg_logical_slot_peek_changes(%s, NULL,"
                           " NULL, 'include-timestamp', '1', 'skip-empty-xacts', '1')", [self.slot])
            self.take(cursor)
        connection.close()
        return self

    def take(self, rows):
        self.changes, self.ends, transaction = [], [], []
        for position, data in rows:
            if data.startswith("BEGIN"):
                transaction = []
            elif data.startswith("COMMIT"):
                self.commit(transaction, position, COMMIT.fullmatch(data))
            else:
                transaction += self.parse(data)

    def commit(self, transaction, end, found):
        index = 0
        for change in transaction:
            change.end, change.index, change.xid = end, index, found[1]
            change.at = show_time(found[2])
            index += change.is_told
        told = [change for change in transaction if change.is_told]
        if told:
            told[-1].is_last = True
        self.changes += transaction
        self.ends.append(end)

    @staticmethod
    def parse(data):
        found = HEAD.fullmatch(data)
        if not found:
            return []
        table, kind, rest = shared(found[1]), shared(found[2].lower()), found[3]
        old = new = None
        unchanged = ()
        if kind == "truncate" or rest == "(no-tuple-data)":
            pass
        elif kind == "delete":
            old, _ = parse_tuple(rest)
        elif rest.startswith("old-key: "):
            before, after = split_update(rest)
            old, _ = parse_tuple(before)
            new, unchanged = parse_tuple(after)
        else:
            new, unchanged = parse_tuple(rest)
        return [Change(kind, table, old, new, unchanged)]

    def end_of(self, commit):
        """The end LSN of the transaction whose commit record is at or before `commit`...

        A commit record begins where the one before has ended, or later, and ends at `end`.  So the
        transaction of a commit LSN is the first one with a greater end.
        """
        at = bisect.bisect_right(self.ends, commit)
        assert at < len(self.ends), f"no transaction commits at {commit:x}"
        return self.ends[at]

    def learn(self, place):
        """A change was told of with this place: where its transaction's commit record is."""
        end = self.end_of(place.commit)
        known = self.commits.setdefault(end, place.commit)
        assert known == place.commit, f"a transaction commits both at {known:x} and at {place.commit:x}"
        return end


class Expected:
    """The changes that somebody must hear of, in commit order."""

    def __init__(self, truth, changes):
        self.truth, self.changes = truth, changes
        self.order = [(change.end, change.index) for change in changes]

    def begin_of(self, place):
        """The first one of the place's transaction."""
        return bisect.bisect_left(self.order, (self.truth.end_of(place.commit), 0))

    def behind(self, place):
        """Where they go on behind a place: the only choice, or two where it is a position between
        transactions of which we do not know on which side of a commit record it is."""
        at = bisect.bisect_right(self.truth.ends, place.commit)
        if at == len(self.truth.ends):
            return {len(self.changes)}
        end = self.truth.ends[at]
        if place.index != ALL:
            return {bisect.bisect_right(self.order, (end, place.index))}
        before, after = bisect.bisect_left(self.order, (end, 0)), bisect.bisect_right(self.order, (end, ALL))
        commit = self.truth.commits.get(end)
        if commit is None:
            return {before, after}
        return {after if commit <= place.commit else before}


def split_update(rest):
    """The two tuples of 'old-key: ... new-tuple: ...'; a value may hold these words, too."""
    at = len("old-key: ")
    while not rest.startswith(" new-tuple: ", at):
        found = TUPLE.match(rest, at)
        assert found, f"test_decoding: {rest[at:at + 200]!r}"
        at = found.end()
    return rest[len("old-key: "):at], rest[at + len(" new-tuple: "):]
