# SPDX-License-Identifier: Apache-2.0
"""Compares what a subscriber of the plain protocols got with what it must have got."""
from consistency.essence import parse_token
from consistency.judge import Expected
from consistency.subscribers import CONTINUED, FIRST


class Verdict:
    """`expected`: the changes that its subscriptions want, in commit order."""

    def __init__(self, truth, subscriber):
        self.truth, self.subscriber = truth, subscriber
        queries = subscriber.subscriptions
        self.expected = [change for change in truth.changes if any(query.wants(change) for query in queries)]
        self.places_of = Expected(truth, self.expected)
        self.shown = [change.shown for change in self.expected]
        self.at, self.places = 0, {}

    def check(self):
        """Raises AssertionError that says what is wrong, and where; the number of messages."""
        subscriber = self.subscriber
        self.at = 0  # how many of them are accounted for
        self.places = {}  # place of a token -> the change it names
        assert subscriber.failure is None, f"{subscriber.name}: {subscriber.failure}"
        for number, segment in enumerate(subscriber.segments):
            if not segment.got:
                continue
            begin = self.find(segment, number)
            missed = [change for change in self.expected[self.at:begin] if change.table != "marker"]
            assert not missed or segment.how != FIRST, self.say(number, f"without {missed[0].shown}")
            self.at = begin
            self.compare(segment, number)
        rest = [change for change in self.expected[self.at:] if change.table != "marker"]
        assert not rest, self.say(len(subscriber.segments) - 1,
                                  f"it ends at {self.at} of {len(self.expected)}, without {rest[0].shown}")
        return sum(len(segment.got) for segment in subscriber.segments)

    def say(self, number, what):
        segments = "; ".join(f"{each.how} {each.reason}: {len(each.got)}"
                             for each in self.subscriber.segments)
        queries = " ".join(each.text() for each in self.subscriber.subscriptions)
        return f"{self.subscriber.name} ({queries}), segment {number} of [{segments}]: {what}"

    def find(self, segment, number):
        """Where in `expected` a segment begins."""
        if segment.how == CONTINUED:
            return self.at
        if not segment.tokens:
            return self.find_by_content(segment, number)
        begin = self.places_of.begin_of(segment.tokens[0])
        assert begin >= self.at, self.say(number, "a gap leads back")
        if segment.token:
            choices = self.places_of.behind(parse_token(segment.token))
            assert begin in choices, \
                self.say(number, f"from {segment.token} on, not {sorted(choices)} but {begin}")
        return begin

    def find_by_content(self, segment, number):
        """At the beginning of a transaction, behind what was had before; or where the worker was that
        let it in, which may be behind the one that it had: who names no position begins there."""
        got, starts = segment.got, [at for at in range(len(self.expected)) if self.is_start(at)]
        for at in sorted(starts, key=lambda at: (at < self.at, at)):
            if self.shown[at] == got[0] and self.shown[at:at + len(got)] == got:
                return at
        close = max(starts, key=lambda at: self.common(at, got), default=self.at)
        raise AssertionError(self.say(number, "not a run of what was committed; " +
                                      self.difference(close + self.common(close, got), got, self.common(close, got))))

    def is_start(self, at):
        return at == 0 or self.expected[at - 1].end != self.expected[at].end

    def common(self, at, got):
        count = 0
        while count < len(got) and at + count < len(self.shown) and self.shown[at + count] == got[count]:
            count += 1
        return count

    def compare(self, segment, number):
        count = self.common(self.at, segment.got)
        if count < len(segment.got):
            raise AssertionError(self.say(number, self.difference(self.at + count, segment.got, count)))
        for offset, place in enumerate(segment.tokens):
            change = self.expected[self.at + offset]
            assert (self.truth.learn(place), place.index) == (change.end, change.index), \
                self.say(number, f"{place} is not the place of {change.shown}, {change.index} of its transaction")
            self.places[place] = change
        self.at += count

    def difference(self, at, got, count):
        def window(items, middle):
            return "\n    ".join(str(each) for each in items[max(0, middle - 2):middle + 4])
        repeated = count < len(got) and got[count] in self.shown[:at]
        return (f"message {count} differs{' (it had been sent before)' if repeated else ''}\n  expected"
                f" from {max(0, at - 2)}\n    {window(self.shown, at)}\n  got\n    {window(got, count)}")
