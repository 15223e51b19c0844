# SPDX-License-Identifier: Apache-2.0
"""Positions: going on exactly where one was, or being told that this cannot be (D5, D6, R1-R4, H3)."""
import json
import re
import signal
import urllib.parse

import pytest

from support.patience import wait_for
from support.sse import EventStream
from support.websocket import Closed, Refused, WebSocket

ROWS = "CREATE TABLE rows (id int PRIMARY KEY, body text)"
TOKEN = re.compile("[0-9a-f]{16}-[0-9a-f]{16}-[0-9a-f]{8}(-[0-9a-f]{8})?")
NOW = "now"


def path_of(kind, *queries, since=None):
    words = "&".join("query=" + urllib.parse.quote(query, safe="*:,.") for query in queries)
    return f"/{kind}?{words}" + (f"&since={since}" if since else "")


def listen(server, *queries, since=NOW, **how):
    """A live WebSocket for these queries and markers, whose messages have positions."""
    path = path_of("ws", *queries, "insert:marker", since=since)
    return WebSocket("127.0.0.1", server.port, path, **how)


def insert(database, first, last, size=10):
    database.run("INSERT INTO rows SELECT n, repeat('x', %s) FROM generate_series(%s, %s) n",
                 [size, first, last])


def ids(messages):
    return [message["columnvalues"][0] for message in messages if message["table"] == "rows"]


def until_mark(database, socket):
    return ids(database.mark(socket))


def slot_of(database):
    return {"slot_name": f"durable_{database.name[-24:]}"}


def assert_gap(socket, *words, code=4010):
    """The socket is closed with a gap before any change; the position to go on from."""
    with pytest.raises(Closed) as closed:
        raise AssertionError(f"a message came: {socket.text()}")
    assert closed.value.code == code, closed.value
    reason, _, position = closed.value.reason.rpartition(" pos=")
    assert TOKEN.fullmatch(position) and reason, closed.value.reason
    assert any(word in reason for word in words) or not words, reason
    return position


# Positions

def test_messages_carry_positions_that_grow(database, pgcdc):
    database.run(ROWS)
    server = pgcdc()
    first, second = listen(server, "*:rows"), listen(server, "insert,update:rows")
    plain = server.query("*:rows")
    insert(database, 1, 3)
    database.run("UPDATE rows SET body = 'y' WHERE id = 2")
    messages = [first.message() for _ in range(4)]
    positions = [message["pos"] for message in messages]
    assert all(TOKEN.fullmatch(position) for position in positions)
    assert positions == sorted(set(positions)) and len({each[:16] for each in positions}) == 1
    assert [position.split("-")[2] for position in positions] == ["00000000", "00000001", "00000002", "00000000"]
    assert list(messages[0])[-1] == "pos"
    assert [second.message() for _ in range(4)] == messages
    assert "pos" not in plain.message()


@pytest.mark.parametrize("done", range(0, 10, 3))
def test_going_on_is_exact_within_a_transaction(database, pgcdc, done):
    """R1, D6: behind the very change that was processed."""
    database.run(ROWS)
    server = pgcdc()
    with listen(server, "insert:rows") as socket:
        insert(database, 1, 10)
        messages = [socket.message() for _ in range(10)]
    insert(database, 11, 12)
    with listen(server, "insert:rows", since=messages[done]["pos"]) as socket:
        insert(database, 13, 14)
        assert until_mark(database, socket) == [*range(done + 2, 15)]


def test_going_on_with_another_filter_and_kind(database, pgcdc):
    """A position is one of the stream, not of a subscription."""
    database.run(ROWS)
    server = pgcdc()
    with listen(server, "insert:rows:id.eq.1") as socket:
        insert(database, 1, 9)
        position = socket.message()["pos"]
    database.run("DELETE FROM rows WHERE id = 5")
    with listen(server, "insert:rows:id.gt.6", "delete:rows", since=position) as socket:
        got = database.mark(socket)
    assert [(each["kind"], each.get("columnvalues", [0])[0]) for each in got] == \
           [("insert", 7), ("insert", 8), ("insert", 9), ("delete", 0)]


def test_all_that_is_kept_is_had_again_by_many(database, pgcdc):
    """R4: from the journal, in the order of the commits, while writers go on."""
    database.run(ROWS)
    server = pgcdc()
    with listen(server, "insert:rows") as socket:
        insert(database, 0, 0)
        position = socket.message()["pos"]
    for first in range(1, 5001, 500):
        insert(database, first, first + 499)
    sockets = []
    for number in range(20):
        sockets.append(listen(server, "insert:rows", since=position))
        insert(database, 5001 + number, 5001 + number)
    expected = [*range(1, 5021)]
    assert [ids(messages) == expected for messages in database.mark(*sockets)] == [True] * 20


def test_a_position_of_nothing_newer_waits_for_what_comes(database, pgcdc):
    database.run(ROWS)
    server = pgcdc()
    with listen(server, "insert:rows") as socket:
        insert(database, 1, 1)
        position = socket.message()["pos"]
    with listen(server, "insert:rows", since=position) as socket:
        insert(database, 2, 2)
        assert until_mark(database, socket) == [2]


# What is no position of ours

@pytest.mark.parametrize("forge, words", [
    (lambda pos: "0" * 16 + pos[16:], ["epoch"]),
    (lambda pos: pos[:17] + "f" * 16 + pos[33:], ["future"]),
    (lambda pos: pos[:17] + "0" * 16 + pos[33:], ["old"]),
    (lambda pos: "nonsense", []),
    (lambda pos: pos + "0", []),
    (lambda pos: pos.upper().replace("0", "g"), []),
    (lambda pos: "x" * 200, []),
], ids=["foreign", "future", "too old", "no position", "longer", "no hex", "long"])
def test_a_position_that_is_not_ours_is_a_told_gap(database, pgcdc, forge, words):
    """R2: a gap, never a guess; and from the position told everything goes on."""
    database.run(ROWS)
    server = pgcdc()
    with listen(server, "insert:rows") as socket:
        insert(database, 1, 1)
        position = socket.message()["pos"]
    with listen(server, "insert:rows", since=urllib.parse.quote(forge(position))) as socket:
        told = assert_gap(socket, *words)
    insert(database, 2, 2)
    with listen(server, "insert:rows", since=told) as socket:
        assert until_mark(database, socket) == [2]


def test_since_twice_is_refused(database, pgcdc):
    """X1."""
    server = pgcdc()
    with pytest.raises(Refused) as refused:
        WebSocket("127.0.0.1", server.port, path_of("ws", "insert:marker", since="now") + "&since=now")
    assert refused.value.status == 400


def test_a_position_of_a_former_temporary_slot_is_a_told_gap(database, pgcdc):
    """R2: nobody knows what was between two temporary slots."""
    database.run(ROWS)
    first = pgcdc()
    with listen(first, "insert:rows") as socket:
        insert(database, 1, 1)
        position = socket.message()["pos"]
    first.end()
    with listen(pgcdc(), "insert:rows", since=position) as socket:
        assert_gap(socket, "epoch")


def test_a_position_of_another_database_is_a_told_gap(database, postgres, pgcdc):
    """R2."""
    database.run(ROWS)
    with listen(pgcdc(), "insert:rows") as socket:
        insert(database, 1, 1)
        position = socket.message()["pos"]
    with WebSocket("127.0.0.1", pgcdc(url=postgres.url("postgres")).port,
                   path_of("ws", "insert:marker", since=position)) as socket:
        assert_gap(socket, "epoch")


def test_older_than_the_journal_is_a_told_gap(database, pgcdc):
    """H3: a small journal has moved on."""
    database.run(ROWS)
    server = pgcdc(journal_size="1MiB")
    with listen(server, "insert:rows") as socket:
        insert(database, 1, 1)
        position = socket.message()["pos"]
    for first in range(2, 30):  # 2.8 MB
        insert(database, first, first, size=100_000)
    wait_for("capture", lambda: server.metric("pgcdc_changes_captured_total") >= 29)
    with listen(server, "insert:rows", since=position) as socket:
        told = assert_gap(socket, "old")
    insert(database, 30, 30)
    with listen(server, "insert:rows", since=told) as socket:
        assert until_mark(database, socket) == [30]


# Slow clients

def test_a_slow_client_catches_up_without_loss(database, pgcdc):
    """F36: more than any buffer holds, but no more than the journal keeps."""
    database.run(ROWS)
    server = pgcdc(journal_size="64MiB")
    slow = [listen(server, "insert:rows", receive_buffer=4096),
            server.query("insert:rows", "insert:marker", receive_buffer=4096)]
    for first in range(0, 2000, 100):  # 20 MB
        insert(database, first, first + 99, size=10_000)
    wait_for("capture", lambda: server.metric("pgcdc_changes_captured_total") >= 2000)
    for messages in database.mark(*slow):
        assert ids(messages) == [*range(2000)]
    insert(database, 2000, 2000)  # live again
    for messages in database.mark(*slow):
        assert ids(messages) == [2000]


@pytest.mark.parametrize("since", [NOW, None], ids=["with positions", "plain"])
def test_who_falls_off_the_journal_is_told_and_can_go_on(database, pgcdc, since):
    """H3, L1: 4011, and before it a whole run without a hole."""
    database.run(ROWS)
    server = pgcdc(journal_size="1MiB")
    slow = listen(server, "insert:rows", since=since, receive_buffer=4096)
    other = listen(server, "insert:rows")
    for first in range(0, 3000, 50):  # 30 MB, of which sockets hold at most a few
        insert(database, first, first + 49, size=10_000)
        assert until_mark(database, other) == [*range(first, first + 50)]
    got = []
    with pytest.raises(Closed) as closed:
        while True:
            got.append(slow.message())
    assert ids(got) == [*range(len(ids(got)))] and len(ids(got)) < 3000
    assert closed.value.code == 4011, closed.value
    told = re.search(" pos=(.*)$", closed.value.reason)
    assert told and TOKEN.fullmatch(told[1]), closed.value.reason
    insert(database, 3000, 3000)
    with listen(server, "insert:rows", since=told[1]) as socket:
        assert until_mark(database, socket)[-1] == 3000


def test_joining_while_a_transaction_streams_begins_at_a_beginning(database, pgcdc):
    """D6: of a transaction all or nothing, whenever one joins."""
    database.run(ROWS)
    server = pgcdc(journal_size="256MiB")
    count = 15_000
    for round_number in range(3):
        first = round_number * count
        insert(database, first, first + count - 1)
        joined = [server.query("insert:rows", "insert:marker") for _ in range(4)]
        joined += [listen(server, "insert:rows") for _ in range(4)]
        for messages in database.mark(*joined):
            assert ids(messages) in ([], [*range(first, first + count)])
        for socket in joined:
            socket.drop()


# Across restarts of ours

@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_after_a_restart_everything_goes_on_where_it_was(database, pgcdc, how):
    """R1, H1: the journal stands again, with the same positions."""
    database.run(ROWS)
    server = pgcdc(**slot_of(database))
    socket = listen(server, "insert:rows")
    insert(database, 1, 10)
    insert(database, 11, 20)
    before = [socket.message() for _ in range(20)]
    server.end(how)
    insert(database, 21, 25)
    server.start()
    insert(database, 26, 30)
    for done in (0, 4, 9, 10, 19):
        with listen(server, "insert:rows", since=before[done]["pos"]) as socket:
            got = [socket.message() for _ in range(29 - done)]
        assert ids(got) == [*range(done + 2, 31)]
        assert got[:19 - done] == before[done + 1:]  # positions and all


def test_restarts_again_and_again(database, pgcdc):
    """H1: each time from the same positions."""
    database.run(ROWS)
    server = pgcdc(**slot_of(database))
    with listen(server, "insert:rows") as socket:
        insert(database, 0, 0)
        position = socket.message()["pos"]
    for number in range(1, 5):
        insert(database, number, number)
        server.end(signal.SIGKILL)
        server.start()
        with listen(server, "insert:rows", since=position) as socket:
            assert until_mark(database, socket) == [*range(1, number + 1)]


def test_a_dropped_slot_is_a_told_gap(database, pgcdc):
    """C6, F8: a slot made anew under the old name knows nothing older."""
    database.run(ROWS)
    server = pgcdc(**slot_of(database))
    with listen(server, "insert:rows") as socket:
        insert(database, 1, 1)
        position = socket.message()["pos"]
    server.end()
    database.drop_slot(slot_of(database)["slot_name"])
    insert(database, 2, 2)
    server.start()
    with listen(server, "insert:rows", since=position) as socket:
        told = assert_gap(socket, "epoch", "old")
    insert(database, 3, 3)
    with listen(server, "insert:rows", since=told) as socket:
        assert until_mark(database, socket) == [3]


# Server-Sent Events

def events(server, *queries, last=None, since=None, **how):
    headers = [("Last-Event-ID", last)] if last else []
    return EventStream("127.0.0.1", server.port, path_of("sse", *queries, since=since), headers, **how)


def row_of(event):
    return json.loads(event.data)["columnvalues"][0]


def test_sse_tells_that_it_is_ready_and_then_changes(database, pgcdc):
    database.run(ROWS)
    server = pgcdc()
    with events(server, "*:rows") as stream, listen(server, "*:rows") as socket:
        ready = stream.event()
        assert ready.name == "ready" and json.loads(ready.data) == {"pos": ready.id}
        insert(database, 1, 2)
        database.run("DELETE FROM rows WHERE id = 1")
        got = [stream.event() for _ in range(3)]
        same = [socket.message() for _ in range(3)]
        assert [event.id for event in got] == [message.pop("pos") for message in same]
        assert [json.loads(event.data) for event in got] == same
        assert stream.retry_ms
        assert {event.name for event in got} == {"message"}


def test_sse_goes_on_behind_its_last_event(database, pgcdc):
    """The header, or since=; the header wins."""
    database.run(ROWS)
    server = pgcdc()
    with events(server, "*:rows") as stream:
        insert(database, 1, 5)
        ready, *got = [stream.event() for _ in range(6)]
    for last, since in ((got[2].id, None), (None, got[2].id), (got[2].id, got[0].id)):
        with events(server, "*:rows", last=last, since=since) as stream:
            assert stream.event().name == "ready"
            assert [row_of(stream.event()) for _ in range(2)] == [4, 5]
    with events(server, "*:rows", last=ready.id) as stream:
        again = stream.event()
        assert again.name == "ready", (ready, again)
        assert [row_of(stream.event()) for _ in range(5)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("last", ["nonsense", "0" * 16 + "-" + "0" * 16 + "-" + "0" * 8, "x" * 5000])
def test_sse_tells_a_gap_and_goes_on(database, pgcdc, last):
    database.run(ROWS)
    server = pgcdc()
    with events(server, "*:rows", last=last) as stream:
        told = [stream.event()]
        if told[0].name == "ready":
            told.append(stream.event())
        gap = told[-1]
        assert gap.name == "gap" and json.loads(gap.data)["reason"]
        assert json.loads(gap.data)["pos"] == gap.id and TOKEN.fullmatch(gap.id)
        insert(database, 1, 1)
        event = stream.event()
        while event.name == "ready":
            event = stream.event()
        assert row_of(event) == 1


def test_sse_slow_reader_is_told_a_gap_and_lives_on(database, pgcdc):
    """H3."""
    database.run(ROWS)
    server = pgcdc(journal_size="1MiB")
    slow = events(server, "insert:rows", receive_buffer=4096)
    other = listen(server, "insert:rows")
    for first in range(0, 3000, 50):
        insert(database, first, first + 49, size=10_000)
        assert until_mark(database, other) == [*range(first, first + 50)]
    got, event = [], slow.event()
    while event.name != "gap":
        if event.name == "message":
            got.append(row_of(event))
        event = slow.event()
    assert got == [*range(len(got))] and len(got) < 3000
    insert(database, 3000, 3001)
    assert [row_of(slow.event()) for _ in range(2)] == [3000, 3001]


def test_sse_refuses_as_ws_does(database, pgcdc):
    server = pgcdc()
    for path, status in (("/sse", 400), ("/sse?query=nonsense", 400), ("/sse?query=*:nowhere", 400)):
        assert server.get(path).status == status
