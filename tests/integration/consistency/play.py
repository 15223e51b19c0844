# SPDX-License-Identifier: Apache-2.0
"""Everything that runs in the randomised test, from the first marker to the verdict."""
import collections
import itertools
import random
import threading
import time

import psycopg2

from consistency.faults import Faults
from consistency.judge import Truth
from consistency.rich import RichSubscriber
from consistency.rich_verdict import RichVerdict, States
from consistency.schema import SQL, random_subscriptions
from consistency.verdict import Verdict
from consistency.writers import Writer
from support.patience import PATIENCE
from support.pgcdc import Pgcdc, wait_for
from support.proxy import Proxy

WRITERS = 4
SAID = ("pgcdc_spilled_transactions_total", "pgcdc_capture_connects_total", "pgcdc_slow_closed_total")


class Play:
    def __init__(self, cluster, scratch, seed, count=1, **settings):
        self.seed, self.random, self.cluster = seed, random.Random(seed), cluster
        cluster.psql(SQL)
        self.truth = Truth(cluster, is_exact=settings.get("plugin") != "wal2json")
        self.to_database = Proxy(cluster.home / f".s.PGSQL.{cluster.port}")
        url = f"postgres://postgres@127.0.0.1:{self.to_database.port}/postgres"
        self.servers = [Pgcdc(scratch, url, slot_name="judged", **settings) for _ in range(count)]
        for number, server in enumerate(self.servers):
            server.start(is_ready=number == 0)
        self.fronts = [Proxy(("127.0.0.1", server.port)) for server in self.servers]
        self.faults = Faults(self.random, cluster, self.servers, self.to_database, self.fronts)
        self.stop = threading.Event()
        self.subscribers, self.writers, self.verdicts = [], [], []

    def subscribe(self, kind, count):
        for _ in range(count):
            number = len(self.subscribers)
            queries = [] if kind is RichSubscriber else random_subscriptions(self.random)
            self.subscribers.append(kind(
                f"{kind.__name__} {number}", self.ports(self.random.random() < 0.4, number), self.seed,
                queries, is_slow=self.random.random() < 0.25, is_restless=self.random.random() < 0.7))

    def ports(self, has_proxy, number):
        """Where to connect next; of a pair this one or that one."""
        ends, dice = self.fronts if has_proxy else self.servers, random.Random(number)
        return lambda: dice.choice(ends).port

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
        large = 0.012 * min(1, 60 / seconds)
        self.writers = [Writer(self.cluster, self.seed, number, self.stop, large) for number in range(WRITERS)]
        for each in self.writers:
            each.start()
        self.faults.run(seconds)
        self.stop.set()
        for each in self.writers:
            each.join(PATIENCE)
        for each in self.subscribers:
            each.deadline = time.monotonic()
        wait_for("a server to be ready", lambda: any(server.ready()[0] == 200 for server in self.servers),
                 2 * PATIENCE)
        self.mark_until(itertools.count(-1, -1), "has_ended")

    def verdict(self):
        """How many messages were right; AssertionError where something was wrong."""
        failed = [f"{each.name}: {each.failure}" for each in [*self.writers, *self.subscribers] if each.failure]
        assert not failed, "\n".join(failed[:3]) + f"\n{len(failed)} have failed"
        self.truth.read()
        plain = [each for each in self.subscribers if not isinstance(each, RichSubscriber)]
        streams = [stream for each in self.subscribers if isinstance(each, RichSubscriber)
                   for stream in each.streams]
        for segment in [segment for each in [*plain, *streams] for segment in each.segments]:
            for place in segment.tokens:
                self.truth.learn(place)
        states = States(self.truth, streams)
        self.verdicts = [*(Verdict(self.truth, each) for each in plain),
                         *(RichVerdict(self.truth, states, stream) for stream in streams)]
        return judge(self.verdicts)

    def close(self):
        for each in self.subscribers:
            each.quit.set()
        self.stop.set()
        for each in [*self.subscribers, *self.writers]:
            if each.ident:
                each.join(PATIENCE)
        for front in self.fronts:
            front.close()
        codes = [server.end() for server in self.servers]
        self.to_database.close()
        for server in self.servers:
            server.assert_clean()
        return codes

    def told(self):
        """The gaps."""
        return [f"{each.name}: {reason}" for each in self.subscribers for reason in each.told]

    def say(self):
        told = self.told()
        rich = [each for each in self.subscribers if isinstance(each, RichSubscriber)]
        hows = collections.Counter(segment.how for each in rich for stream in each.streams
                                   for segment in stream.segments)
        notices = sum((each.notices for each in rich), collections.Counter())
        return (f"PGCDC_SEED={self.seed}, {len(self.truth.changes)} changes of {len(self.truth.ends)}"
                f" transactions, {sum(each.connects for each in self.subscribers)} connections, "
                f"{sum(len(each.streams) for each in rich)} subscriptions of pgcdc.v1 {dict(hows)}, "
                f"notices {dict(notices)}, {len(told)} gaps told {told[:5]}, {self.faults.total(*SAID)}, "
                f"{len(self.faults.done)} faults {dict(collections.Counter(self.faults.done))}")

    def log(self):
        return "\n".join(server.log()[-6000:] for server in self.servers)


def judge(verdicts):
    """The verdict on all of them; returns the number of messages that were right."""
    total, wrong = 0, {}
    for verdict in verdicts:
        try:
            total += verdict.check()
        except AssertionError as error:
            wrong[verdict.subscriber.name] = str(error)
    assert not wrong, "\n\n".join([*wrong.values()][:3]) + \
        f"\n{len(wrong)} of {len(verdicts)} are wrong: {[*wrong]}"
    return total
