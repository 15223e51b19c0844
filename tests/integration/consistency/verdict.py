# SPDX-License-Identifier: Apache-2.0
"""Compares what a subscriber got with what it must have got."""
from consistency.judge import parse_token
from consistency.subscribers import CONTINUED, FIRST

ALL = 0xFFFFFFFF


class Verdict:
    """`expected`: the changes that its subscriptions want, in commit order."""

    def __init__(self, truth, subscriber):
        self.truth, self.subscriber = truth, subscriber
        self.expected = truth.of(subscriber.subscriptions)
        self.shown = [change.shown for change in self.expected]
        self.at, self.places = 0, {}

    def check(self):
        """Raises AssertionError that says what is wrong, and where; the number of messages."""
        subscriber = self.subscriber
        self.at = 0  # how many of them are accounted for
        self.places = {}  # place of a token -> essence
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
        begin = self.first_behind(self.truth.end_of(segment.tokens[0].commit), is_including=True)
        assert begin >= self.at, self.say(number, "a gap leads back")
        if segment.token:
            self.check_gap(segment, number, begin)
        return begin

    def first_behind(self, end, is_including=False):
        for at, change in enumerate(self.expected):
            if change.end > end or (is_including and change.end == end):
                return at
        return len(self.expected)

    def check_gap(self, segment, number, begin):
        """The next position that was told must lead to where the segment begins."""
        told = parse_token(segment.token)
        behind = [end for end in self.truth.ends if end > told.commit]
        choices = {self.first_behind(behind[0], True)} if behind else {len(self.expected)}
        if told.index == ALL and behind:  # of that transaction, too, nothing is to come
            choices.add(self.first_behind(behind[0]))
        assert begin in choices, self.say(number, f"from {segment.token} on, not {sorted(choices)} but {begin}")

    def find_by_content(self, segment, number):
        """At the beginning of a transaction, behind what was had before."""
        got, starts = segment.got, [at for at in range(self.at, len(self.expected)) if self.is_start(at)]
        for at in starts:
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
            assert self.truth.end_of(place.commit) == change.end, \
                self.say(number, f"{place} is not the place of {change.shown}")
            self.places[place] = change.shown
        self.at += count

    def difference(self, at, got, count):
        def window(items, middle):
            return "\n    ".join(str(each) for each in items[max(0, middle - 2):middle + 4])
        repeated = count < len(got) and got[count] in self.shown[:at]
        return (f"message {count} differs{' (it had been sent before)' if repeated else ''}\n  expected"
                f" from {max(0, at - 2)}\n    {window(self.shown, at)}\n  got\n    {window(got, count)}")


def judge(verdicts):
    """The verdict on all of them; returns the number of messages that were right."""
    total, places, wrong = 0, {}, []
    for verdict in verdicts:
        try:
            total += verdict.check()
        except AssertionError as error:
            wrong.append(str(error))
            continue
        for place, shown in verdict.places.items():
            assert places.setdefault(place, shown) == shown, f"{place} names two changes"
    assert not wrong, "\n\n".join(wrong[:3]) + f"\n{len(wrong)} of {len(verdicts)} subscribers are wrong"
    return total
