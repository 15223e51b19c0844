# SPDX-License-Identifier: Apache-2.0
"""The test that judges it all: nothing missed, nothing twice (D1-D6, R1, R2, C1, C4, C9, S1, H1).

Writers do random transactions, subscribers with random filters come and go, everything that may
break is broken.  At the end PostgreSQL's own test_decoding says what each of them must have got:
every message, its order and its position; over pgcdc.v1 the transaction, the time and who enters or
leaves a filter, too; and the rows that a snapshot and the changes after it make.

No gap is allowed: the journal is larger than all that anybody can be behind.

A failure prints its seed; PGCDC_SEED repeats its choices (not its timing).  `make soak` runs it
for PGCDC_SOAK_SECONDS.
"""
import os
import random

import pytest

from consistency.play import Play
from consistency.rich import RichSubscriber, Stream
from consistency.subscribers import PlainSubscriber, PosSubscriber, SseSubscriber

SEED = os.environ.get("PGCDC_SEED", str(random.SystemRandom().randrange(10**6)))
SECONDS = float(os.environ.get("PGCDC_SOAK_SECONDS", "12"))
PLUGINS = {"pgoutput": {"plugin": "pgoutput"},
           "wal2json": {"plugin": "wal2json", "wal2json_format": "2"}}
# What each decoding session may hold before it streams, or spills, is little.
POSTGRES = {"max_connections": "60", "max_wal_size": "4GB", "logical_decoding_work_mem": "64kB",
            "wal_sender_timeout": "6s"}
PGCDC = {"spill_memory": "1MiB", "ping_interval": "1"}


# Ways in which a delivery may be wrong: a message less, twice, out of order.
SPOILS = [lambda items, at: items[:at] + items[at + 1:],
          lambda items, at: items[:at] + items[at - 1:],
          lambda items, at: items[:at - 1] + [items[at], items[at - 1]] + items[at + 1:]]


def assert_judge_is_awake(verdicts):
    """Whatever is spoiled of the most that somebody got is found."""
    verdict, segment = max(((verdict, segment) for verdict in verdicts for segment in verdict.subscriber.segments),
                           key=lambda pair: len(pair[1].got))
    kept = got, tokens = segment.got, segment.tokens
    middle = len(got) // 2
    while got[middle] == got[middle - 1]:  # a key that is deleted twice, say
        middle += 1
    for spoil in SPOILS:
        segment.got, segment.tokens = spoil(got, middle), tokens and spoil(tokens, middle)
        with pytest.raises(AssertionError, match="message .* differs|not a run|without"):
            verdict.check()
    segment.got, segment.tokens = kept


@pytest.mark.parametrize("plugin", [*PLUGINS])
def test_nothing_missed_nothing_twice(own_postgres, scratch, plugin):
    print(f"PGCDC_SEED={SEED}")
    cluster = own_postgres(**POSTGRES).start()
    play = Play(cluster, scratch, f"{SEED} {plugin}", 2, **PGCDC, **PLUGINS[plugin])
    play.subscribe(PlainSubscriber, 4)
    play.subscribe(PosSubscriber, 6)
    play.subscribe(SseSubscriber, 4)
    play.subscribe(RichSubscriber, 8)
    try:
        play.run(SECONDS)
        right = play.verdict()
        assert play.told() == []
    except BaseException:
        print(play.say(), play.log(), sep="\n")
        raise
    finally:
        codes = play.close()
    print(play.say(), f"{right} messages were right")
    for kind in (PlainSubscriber, PosSubscriber, SseSubscriber, Stream):
        assert_judge_is_awake([each for each in play.verdicts if type(each.subscriber) is kind])
    assert codes == [0, 0], play.log()
    assert right > 100
