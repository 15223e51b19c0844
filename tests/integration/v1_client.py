# SPDX-License-Identifier: Apache-2.0
"""A client of pgcdc.v1 that holds every message of the server against the schema.

    with V1(server) as socket:
        socket.subscribe("s1", "*:orders")
        database.run("INSERT INTO orders VALUES (7)")
        assert [change["new"]["id"] for change in socket.changes(database)] == [7]
"""
import itertools
import json
import time

from support.patience import PATIENCE
from support.websocket import TEXT, WebSocket, sign_of_life
from v1_schema import check

PROTOCOL = [("Sec-WebSocket-Protocol", "pgcdc.v1")]
marks = itertools.count(1_000_000)


class V1(WebSocket):
    """`welcome` is the server's first message.  What comes while an answer is waited for is kept
    in `waiting`, in order, for next()."""

    def __init__(self, server, headers=(), **how):
        super().__init__("127.0.0.1", server.port, "/ws", [*PROTOCOL, *headers], server.tls, **how)
        self.waiting, self.is_marking = [], False
        self.welcome = self.next()
        assert self.welcome["type"] == "welcome"

    def read(self, timeout=PATIENCE):
        return check(self.text(timeout))

    def next(self, timeout=PATIENCE):
        return self.waiting.pop(0) if self.waiting else self.read(timeout)

    def say(self, type, **members):
        """Sends a message, of which the schema approves."""
        message = {"type": type, **members}
        check(message, "client")
        self.send(TEXT, json.dumps(message).encode())

    def say_raw(self, text):
        self.send(TEXT, text if isinstance(text, bytes) else text.encode())

    def await_message(self, is_it, timeout=PATIENCE):
        """The first message not yet taken of which is_it() is true; those before it wait."""
        deadline = time.monotonic() + timeout
        for place, message in enumerate(self.waiting):
            if is_it(message):
                return self.waiting.pop(place)
        while True:
            message = self.read(deadline - time.monotonic())
            if is_it(message):
                return message
            self.waiting.append(message)

    def answer(self, id, *types, timeout=PATIENCE):
        return self.await_message(
            lambda message: message.get("id") == id and message["type"] in types, timeout)

    def subscribe(self, id, query, **more):
        """The `subscribed`; an error fails."""
        self.say("subscribe", id=id, query=query, **more)
        answer = self.answer(id, "subscribed", "error")
        assert answer["type"] == "subscribed", answer
        return answer

    def unsubscribe(self, id):
        self.say("unsubscribe", id=id)
        answer = self.answer(id, "unsubscribed", "error")
        assert answer == {"type": "unsubscribed", "id": id}
        return answer

    def refusal(self, text):
        """Sends what the server must refuse; the error."""
        self.say_raw(text if isinstance(text, (str, bytes)) else json.dumps(text))
        error = self.await_message(lambda message: message["type"] == "error")
        self.ping("alive")
        return error

    def ping(self, payload):
        """Everything sent before is answered when this is."""
        self.say("ping", payload=payload)
        self.await_message(lambda message: message == {"type": "pong", "payload": payload})

    def until_mark(self, database, timeout=PATIENCE):
        """All that comes up to a row of `marker` that is written now."""
        if not self.is_marking:
            self.subscribe("the mark", "insert:marker")
            self.is_marking = True
        mark = next(marks)
        database.run("INSERT INTO marker VALUES (%s)", [mark])
        before = []
        while True:
            sign_of_life()
            message = self.next(timeout)
            if message.get("table") == "marker":
                if message["new"] == {"id": mark}:
                    return before
            elif message["type"] != "progress":
                before.append(message)

    def changes_of(self, counts, timeout=PATIENCE):
        """Reads until each id has had that many; its changes, by id.  For subscriptions that catch
        up: between them and others there is no order, so no mark can end them."""
        got = {id: [] for id in counts}
        while any(len(got[id]) < counts[id] for id in counts):
            message = self.next(timeout)
            for id in message.get("ids", ()) if message["type"] == "change" else ():
                got.setdefault(id, []).append(message)
        return got

    def changes(self, database, timeout=PATIENCE):
        """The same, all of which must be changes."""
        got = self.until_mark(database, timeout)
        assert all(message["type"] in ("change", "truncate") for message in got), got
        positions = [message["pos"] for message in got]
        assert positions == sorted(set(positions))
        return got
