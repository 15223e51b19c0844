# SPDX-License-Identifier: Apache-2.0
"""Compares what a subscription of pgcdc.v1 got with what it must have got.

Where a segment begins is said by a position.  One between two transactions may leave open whether
the next commit record is before or behind it, so `ats` are all places in `expected` that are
possible; messages narrow them to one.
"""
import re

from consistency.essence import parse_token, texts
from consistency.judge import Change, Expected
from consistency.rich import LIVE
from consistency.schema import TABLES
from consistency.subscribers import CONTINUED, FIRST

UNKNOWN = "a value that no message held"


class RichVerdict:
    """`expected`: (change, scope), in commit order."""

    def __init__(self, truth, states, stream):
        self.truth, self.states, self.stream, self.subscriber = truth, states, stream, stream
        pairs = ((change, stream.subscription.scope(change)) for change in truth.changes)
        self.expected = [pair for pair in pairs if pair[1] is not False]
        self.places_of = Expected(truth, [change for change, _ in self.expected])
        self.ats, self.at, self.places = set(), 0, {}

    def check(self):
        """Raises AssertionError that says what is wrong, and where; the number of messages."""
        self.ats, self.places = {0}, {}
        for number, segment in enumerate(self.stream.segments):
            self.begin(segment, number)
            if segment.got:
                self.compare(segment, number)
            if segment.until:
                self.reach(segment, number)
        if self.stream.is_whole:
            self.end()
        self.at = max(self.ats)
        return sum(len(segment.got) for segment in self.stream.segments) + len(self.stream.before_live)

    def say(self, number, what):
        near = range(max(0, number - 3), min(len(self.stream.segments), number + 3))
        segments = "; ".join("{0.how} {0.token} {0.reason}: {1} until {0.until}".format(each, len(each.got))
                             for each in (self.stream.segments[at] for at in near))
        return f"{self.stream.name} ({self.stream.subscription.text()}), segment {number} of [{segments}]: {what}"

    def begin(self, segment, number):
        if segment.how == CONTINUED:
            return
        ats = self.places_of.behind(parse_token(segment.token))
        assert max(ats) >= min(self.ats), self.say(number, "a gap leads back")
        if segment.how == FIRST:
            missed = [change for change, _ in self.expected[:min(ats)] if change.table != "marker"]
            assert not missed, self.say(number, f"without {missed[0].shown}")
        if segment.how == LIVE:
            self.check_rows(segment, number)
        self.ats = ats

    def reach(self, segment, number):
        """What is said to be complete up to a position is."""
        floor = min(self.places_of.behind(parse_token(segment.until)))
        late = self.expected[max(self.ats)][0].shown if max(self.ats) < floor else None
        self.ats = {at for at in self.ats if at >= floor}
        assert self.ats, self.say(number, f"up to {segment.until} without {late}")

    def end(self):
        rest = [change for change, _ in self.expected[max(self.ats):]]
        assert not rest, self.say(len(self.stream.segments) - 1, f"it ends without {rest[0].shown}")

    def wrong(self, got, place, at):
        """What is wrong with a message, or None."""
        if at >= len(self.expected):
            return "nothing was to come"
        change, scope = self.expected[at]
        want = change.rich(got.wanted)
        if got.essence != want and (self.truth.is_exact or not is_as_wal2json(got.essence, want)):
            return f"expected {brief(want)}"
        if (self.truth.learn(place), place.index) != (change.end, change.index):
            return f"its place is {change.index} of the transaction that ends at {change.end:x}"
        if got.scope != scope:
            return f"its scope is {scope}"
        if got.is_last and not change.is_last:
            return "it is not the last one of its transaction"
        return None

    def compare(self, segment, number):
        fits = [at for at in sorted(self.ats) if not self.wrong(segment.got[0], segment.tokens[0], at)]
        at = fits[0] if fits else max(self.ats)
        for count, (got, place) in enumerate(zip(segment.got, segment.tokens)):
            wrong = self.wrong(got, place, at)
            if wrong:
                raise AssertionError(self.say(number, self.difference(wrong, segment, count, at)))
            self.places[place] = self.expected[at][0]
            at += 1
        self.ats = {at}

    def difference(self, wrong, segment, count, at):
        around = "\n    ".join(brief((change.rich(), scope)) for change, scope in self.expected[max(0, at - 2):at + 3])
        return (f"message {count} differs: {brief(segment.got[count])} at {segment.tokens[count]}: {wrong[:2000]}\n"
                f"  expected from {max(0, at - 2)} of {len(self.expected)}\n    {around}")

    # Rows, then changes

    def check_rows(self, segment, number):
        """The rows and the changes before `live` make the table as of then."""
        try:
            rows = rebuild(self.stream)
        except AssertionError as error:
            raise AssertionError(self.say(number, f"before live: {error}")) from None
        place = parse_token(segment.token)
        choices = self.states.at(self.stream.subscription.table, place)
        wrong = [differences(rows, self.within(state)) for state in choices]
        assert not all(wrong), self.say(number, f"rows at live, held and right: {wrong[0]}")

    def within(self, state):
        return {key: row for key, row in state.items() if self.stream.subscription.passes(row)}


def brief(item):
    return re.sub("[0-9a-f]{100,}", "...", str(item))


def is_as_wal2json(got, want):
    """It names a table's key with the first update or delete only; and until the next insert a
    dropped column is like a TOASTed one that an update left alone (doc/protocol.md)."""
    if got[0] == "insert":
        return got[4] is None and got[:4] + got[5:] == want[:4] + want[5:]
    unchanged = tuple(name for name in got[5] if name in Change.names)
    return got[:5] + (unchanged, *got[6:]) == want


def is_same(row, right):
    """By the columns that were there from the beginning."""
    return row is not None and right is not None and all(
        row[name] is UNKNOWN or row[name] == right[name] for name in Change.names)


def differences(rows, state):
    return {key: (rows.get(key), state.get(key)) for key in {*rows, *state}
            if not is_same(rows.get(key), state.get(key))}


def key_of(table, row):
    return tuple(row[name] for name in TABLES[table] or ["id"])


def rebuild(stream):
    """The rows by the recipe of doc/protocol.md, as of `live`."""
    rows, table = {}, stream.subscription.table
    for got, place in stream.before_live:
        if place is None:
            for row in map(texts, got):
                assert key_of(table, row) not in rows, f"a row of the snapshot is there: {row}"
                rows[key_of(table, row)] = row
        else:
            apply(rows, table, got)
    return rows


def apply(rows, table, got):
    kind, _, new, old, key, unchanged, *_ = got.essence
    if kind == "truncate":
        rows.clear()
        return
    before = None if kind == "insert" else rows.pop(key_of(table, dict(key)), None)
    assert (before is None) == (kind == "insert" or got.scope == "enter"), \
        f"{got} finds {before}"
    if kind == "delete" or got.scope == "leave":
        return
    row = dict(new)
    for name in unchanged:
        row[name] = (before or dict(old or ())).get(name, UNKNOWN)
    rows[key_of(table, row)] = row


class States:
    """What stands in a table at given places, by the truth alone; asked for once, in one pass."""

    def __init__(self, truth, streams):
        self.truth, self.found = truth, {}
        asked = {}
        for stream in streams:
            for segment in stream.segments:
                if segment.how == LIVE:
                    asked.setdefault(stream.subscription.table, set()).add(parse_token(segment.token))
        for table, places in asked.items():
            self.replay(table, places)

    def at(self, table, place):
        """One or two, see Expected.behind."""
        return self.found[table, place]

    def replay(self, table, places):
        changes = [change for change in self.truth.changes if change.table == table]
        of = Expected(self.truth, changes)
        wanted = {}
        for place in places:
            for count in of.behind(place):
                wanted.setdefault(count, []).append(place)
        rows = {}
        for count in range(len(changes) + 1):
            for place in wanted.get(count, ()):
                self.found.setdefault((table, place), []).append(dict(rows))
            if count < len(changes):
                self.step(rows, table, changes[count])

    @staticmethod
    def step(rows, table, change):
        if change.kind == "truncate":
            rows.clear()
            return
        before = None
        if change.kind != "insert":
            before = rows.pop(key_of(table, change.old or change.new))
        if change.new is not None:
            rows[key_of(table, change.new)] = {**change.new, **{name: before[name] for name in change.unchanged}}
