# SPDX-License-Identifier: Apache-2.0
"""The test that judges it all: nothing missed, nothing twice (D1-D6, R1, R2, C1, C4, H1).

Writers do random transactions, subscribers with random filters come and go, everything that may
break is broken.  At the end PostgreSQL's own test_decoding says what each of them must have got.
A failure prints its seed; PGCDC_SEED repeats its choices (not its timing).  `make soak` runs it
for PGCDC_SOAK_SECONDS.
"""
import itertools
import os
import random
import threading
import time

import psycopg2
import pytest

from consistency.faults import Faults
from consistency.judge import Truth
from consistency.schema import SQL, random_subscriptions
from consistency.subscribers import PlainSubscriber, PosSubscriber, SseSubscriber
from consistency.verdict import Verdict, judge
from consistency.writers import Writer
from support.patience import PATIENCE
from support.pgcdc import Pgcdc
from support.proxy import Proxy

SEED = os.environ.get("PGCDC_SEED", str(random.SystemRandom().randrange(10**6)))
SECONDS = float(os.environ.get("PGCDC_SOAK_SECONDS", "20"))
WRITERS = 4


class Play:
    """Everything that runs, from the first marker to the verdict."""

    def __init__(self, cluster, scratch, seed, **settings):
        self.seed, self.random, self.cluster = seed, random.Random(seed), cluster
        cluster.psql(SQL)
        self.truth = Truth(cluster)
        self.to_database = Proxy(cluster.home / f".s.PGSQL.{cluster.port}")
        url = f"postgres://postgres@127.0.0.1:{self.to_database.port}/postgres"
        self.server = Pgcdc(scratch, url, slot_name="judged", **settings)
        self.server.start()
        self.to_server = Proxy(("127.0.0.1", self.server.port))
        self.faults = Faults(self.random, cluster, self.server, self.to_database, self.to_server)
        self.stop = threading.Event()
        self.subscribers, self.writers, self.verdicts = [], [], []

    def subscribe(self, kind, count):
        for _ in range(count):
            number = len(self.subscribers)
            has_proxy = self.random.random() < 0.4
            self.subscribers.append(kind(
                f"{kind.__name__} {number}",
                lambda proxied=has_proxy: self.to_server.port if proxied else self.server.port,
                self.seed, random_subscriptions(self.random), is_slow=self.random.random() < 0.25,
                is_restless=self.random.random() < 0.7))

    def mark_until(self, ids, event):
        """Writes markers until every subscriber has met one: some may be away just then."""
        deadline = time.monotonic() + 3 * PATIENCE
        connection = None
        for number in ids:
            try:
                connection = connection or self.cluster.connect()
                with connection.cursor() as cursor:
                    cursor.execute("INSERT INTO marker VALUES (%s)", [number])
            except psycopg2.Error:
                connection = None
            late = [each for each in self.subscribers if not getattr(each, event).wait(0.2)]
            if not late:
                break
            assert time.monotonic() < deadline, f"{event}: {[each.name for each in late]} never came to it"
        connection.close()

    def run(self, seconds):
        for each in self.subscribers:
            each.start()
        self.mark_until(itertools.count(1), "has_begun")
        self.writers = [Writer(self.cluster, self.seed, number, self.stop) for number in range(WRITERS)]
        for each in self.writers:
            each.start()
        self.faults.run(seconds)
        self.stop.set()
        for each in self.writers:
            each.join(PATIENCE)
        for each in self.subscribers:
            each.deadline = time.monotonic()
        self.server.wait_ready(2 * PATIENCE)
        self.mark_until(itertools.count(-1, -1), "has_ended")

    def verdict(self):
        assert [each.failure for each in self.writers if each.failure] == []
        self.truth.read()
        self.verdicts = [Verdict(self.truth, each) for each in self.subscribers]
        return judge(self.verdicts)

    def close(self):
        for each in self.subscribers:
            each.quit.set()
        self.stop.set()
        for each in [*self.subscribers, *self.writers]:
            if each.ident:
                each.join(PATIENCE)
        self.to_server.close()
        code = self.server.end()
        self.to_database.close()
        self.server.assert_clean()
        return code

    def say(self):
        told = [f"{each.name}: {reason}" for each in self.subscribers for reason in each.told]
        return (f"PGCDC_SEED={self.seed}, {len(self.truth.changes)} changes of {len(self.truth.ends)}"
                f" transactions, {sum(each.connects for each in self.subscribers)} connections, "
                f"{len(told)} gaps told {told[:5]}, faults {self.faults.done}")


def assert_judge_is_awake(verdicts):
    """A message less, twice or out of order in the middle of what somebody got is found."""
    verdict, segment = max(((verdict, segment) for verdict in verdicts
                            for segment in verdict.subscriber.segments),
                           key=lambda pair: len(pair[1].got))
    got, middle = segment.got, len(segment.got) // 2
    while got[middle] == got[middle - 1]:  # a key that is deleted twice, say
        middle += 1
    for spoil in (lambda items: items[:middle] + items[middle + 1:],
                  lambda items: items[:middle] + items[middle - 1:],
                  lambda items: items[:middle - 1] + [items[middle], items[middle - 1]] + items[middle + 1:]):
        kept = segment.got, segment.tokens
        segment.got, segment.tokens = spoil(segment.got), segment.tokens and spoil(segment.tokens)
        with pytest.raises(AssertionError, match="message .* differs|not a run|without"):
            verdict.check()
        segment.got, segment.tokens = kept


def test_nothing_missed_nothing_twice(own_postgres, scratch):
    print(f"PGCDC_SEED={SEED}")
    cluster = own_postgres(max_connections="60", max_wal_size="4GB").start()
    play = Play(cluster, scratch, SEED)
    play.subscribe(PlainSubscriber, 4)
    play.subscribe(PosSubscriber, 8)
    play.subscribe(SseSubscriber, 4)
    try:
        play.run(SECONDS)
        right = play.verdict()
    except BaseException:
        print(play.say(), play.server.log()[-6000:], sep="\n")
        raise
    finally:
        code = play.close()
    print(play.say(), f"{right} messages were right")
    assert_judge_is_awake(play.verdicts)
    assert code == 0, play.server.log()
    assert right > 100
