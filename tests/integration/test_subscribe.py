# SPDX-License-Identifier: Apache-2.0
"""What it costs to subscribe: questions to PostgreSQL, however many queries a client has."""
import json
import urllib.parse

import pytest

from support.sse import EventStream
from support.websocket import TEXT, Refused, encode_frame
from v1_client import V1

TABLES = 8
MOST = 64  # queries of one request
QUESTIONS = "pgcdc_catalogue_questions_total"


@pytest.fixture
def tables(database):
    for number in range(TABLES):
        database.run(f"CREATE TABLE t{number} (id int PRIMARY KEY, amount numeric, note text)")
    return database


def questions_of(server, subscribe):
    """How many it took, and what subscribe() gave."""
    before = server.metric(QUESTIONS)
    made = subscribe()
    return server.metric(QUESTIONS) - before, made


def ids(messages):
    return [message["columnvalues"][0] for message in messages]


def test_all_queries_for_a_table_take_one_question_and_one_for_their_values(tables, pgcdc):
    server = pgcdc()
    queries = [f"insert:t0:or(id.eq.{n},amount.gt.{1000 + n})" for n in range(MOST - 1)]
    count, socket = questions_of(server, lambda: server.query(*queries, "insert:marker"))
    assert count == 2 + 1  # t0, marker; 126 values
    tables.run("INSERT INTO t0 SELECT n, 0 FROM generate_series(50, 70) n")
    tables.run("INSERT INTO t0 VALUES (100, 1062), (101, 1000)")
    assert ids(tables.mark(socket)) == [*range(50, 63), 100]


def test_each_table_is_asked_for_once(tables, pgcdc):
    server = pgcdc()
    queries = [f"insert:t{n % TABLES}:id.eq.{n}" for n in range(MOST)]
    count, socket = questions_of(server, lambda: server.query(*queries))
    assert count == TABLES + 1
    tables.run("INSERT INTO t3 VALUES (2), (3), (11)")
    assert ids([socket.message(), socket.message()]) == [3, 11]


def test_values_that_are_known_and_text_are_not_asked_for(tables, pgcdc):
    server = pgcdc()
    queries = [f"insert:t0:id.eq.{n}" for n in range(10)]
    assert questions_of(server, lambda: server.query(*queries))[0] == 2
    assert questions_of(server, lambda: server.query(*queries))[0] == 1
    assert questions_of(server, lambda: server.query("insert:t1:note.eq.x"))[0] == 1
    assert questions_of(server, lambda: server.query("*:*", "*:public.*"))[0] == 0


def test_streams_of_events_ask_no_more(tables, pgcdc):
    server = pgcdc()
    path = "/sse?" + "&".join("query=" + urllib.parse.quote(f"insert:t1:id.eq.{n}", safe=":.")
                              for n in range(MOST))
    count, stream = questions_of(server, lambda: EventStream("127.0.0.1", server.port, path))
    assert count == 2
    tables.run("INSERT INTO t1 VALUES (7)")
    assert stream.event().name == "ready"
    assert json.loads(stream.event().data)["columnvalues"][0] == 7
    stream.drop()


def test_subscriptions_that_come_together_share_the_tables_question(tables, pgcdc):
    """Of the rich protocol: each message is bound by itself, but all of them at once."""
    server = pgcdc()
    messages = [{"type": "subscribe", "id": str(n), "query": f"insert:t0:note.eq.{n}"}
                for n in range(MOST)]
    frames = b"".join(encode_frame(TEXT, json.dumps(message).encode()) for message in messages)

    def subscribe(client):
        client.stream.socket.sendall(frames)
        return {client.next()["id"] for _ in messages}

    with V1(server) as client:
        count, answered = questions_of(server, lambda: subscribe(client))
    assert answered == {message["id"] for message in messages}
    assert count < MOST / 2


@pytest.mark.parametrize("queries, words", [
    (["insert:t0:id.eq.1", "insert:gone:id.eq.1", "insert:t0:nope.eq.1"], "does not exists"),
    (["insert:t0:nope.eq.1", "insert:gone"], "nope"),
    (["insert:t0:id.eq.1", "insert:t0:id.eq.first", "insert:t0:id.eq.second"], '"first"'),
    (["insert:t0:id.eq.first", "insert:gone"], "does not exists"),  # tables come before values
    (["insert:t0:note.match.(", "insert:t0:id.eq.second"], '"second"'),  # and these before patterns
    (["insert:t0:id.eq.first", "insert:t0:and("], "and("),
], ids=["table", "column", "value", "table first", "value first", "words first"])
def test_of_several_mistakes_the_first_of_the_earliest_step_is_told(tables, pgcdc, queries, words):
    with pytest.raises(Refused) as refused:
        pgcdc().query(*queries)
    assert refused.value.status == 400 and words in refused.value.body
