# SPDX-License-Identifier: Apache-2.0
"""Clients of pgcdc.v1: several subscriptions on a socket, which come, go and are resumed one by one.

    socket   ---- cut ---- new socket ------------------------
    s1       since its last position          unsubscribed
    s2       since its last position ........................... to the end
    s3                        asked for with a snapshot ........

Each subscription, from `subscribe` to its end, is a Stream; a Stream's segments begin as those of
the plain subscribers do, or

    NOW         from the position in `subscribed` on
    SINCE       from a position of this client's own, of a moment ago
    LIVE        behind the rows of a snapshot, from the position in `live` on
"""
import collections
import json
import time

from consistency.essence import parse, parse_token, rich_essence
from consistency.schema import Subscription, random_snapshot, random_subscription
from consistency.subscribers import CONTINUED, FIRST, GAP, Segment, Subscriber
from support.websocket import TEXT, Closed, WebSocket
from v1_client import PROTOCOL
from v1_schema import check

NOW, SINCE, LIVE = "now", "since", "live"
STREAMS = 6  # at most on one socket
Message = collections.namedtuple("Message", "essence scope is_last wanted")


class Stream:
    """One subscription; `token` is how far it is known to be complete."""

    def __init__(self, client, id, subscription, how, since=None):
        self.name, self.id, self.subscription, self.how = f"{client} {id}", id, subscription, how
        self.segments, self.token, self.since = [], since, since
        self.before_live = []  # of a snapshot: rows and changes, in order
        self.is_subscribed, self.is_live, self.is_whole = False, False, False
        self.is_leaving, self.warnings = False, ()

    def begin(self, how, token, reason=""):
        segment = Segment(how, token, reason)
        segment.until = None
        self.segments.append(segment)

    def reach(self, token):
        """All up to there has come."""
        assert not self.token or token >= self.token or token[:16] != self.token[:16], \
            f"{self.name}: {token} after {self.token}"
        self.token = token
        if self.segments:
            self.segments[-1].until = token

    def subscribed(self, position):
        if self.is_live:  # again, over another connection
            self.begin(CONTINUED, None)
        elif self.how == SINCE:
            assert position == self.since, f"{self.name}: subscribed at {position}, not {self.since}"
            self.begin(SINCE, self.since)
            self.is_live = True
        elif self.how != LIVE:
            self.begin(self.how, position)
            self.token, self.is_live = position, True
        self.is_subscribed = True

    def take(self, message, scope, wanted):
        pos = message["pos"]
        assert not self.token or pos > self.token or pos[:16] != self.token[:16], \
            f"{self.name}: {pos} after {self.token}"
        place = parse_token(pos)
        lsn = "{:X}/{:X}".format(place.commit >> 32, place.commit & 0xFFFFFFFF)
        assert message["lsn"] == lsn, f"{self.name}: {message['lsn']} is not the commit of {pos}"
        got = Message(rich_essence(message), scope, message.get("last", False), wanted)
        if not self.is_live:
            self.before_live.append((got, place))
            return
        self.segments[-1].got.append(got)
        self.segments[-1].tokens.append(place)
        self.reach(pos)


class RichSubscriber(Subscriber):
    """A socket with the mark, and up to STREAMS subscriptions."""

    def __init__(self, *arguments, **how):
        super().__init__(*arguments, **how)
        self.streams, self.here = [], {}  # all there were; those on this socket, by id
        self.number, self.end, self.next_act = 0, None, 0.0
        self.positions = collections.deque(maxlen=50)  # (when, token): places to go on from
        self.notices = collections.Counter()
        self.has_mark = False

    def begin(self):
        self.add(FIRST, Subscription(["insert"], "marker"), "mark")
        for _ in range(self.random.randrange(1, 4)):
            self.add(FIRST, random_subscription(self.random))

    def add(self, how, subscription, id=None, since=None):
        self.number += 1
        stream = Stream(self.name, id or f"s{self.number}", subscription, how, since)
        self.streams.append(stream)
        self.here[stream.id] = stream
        return stream

    # The socket

    def connect(self):
        self.socket = WebSocket("127.0.0.1", self.ports(), "/ws", PROTOCOL,
                                receive_buffer=4096 if self.is_slow else None)
        for stream in list(self.here.values()):
            self.subscribe(stream)

    def say(self, **message):
        try:
            self.socket.send(TEXT, json.dumps(message).encode())
        except OSError:
            raise Closed() from None

    def subscribe(self, stream):
        message = {"type": "subscribe", "id": stream.id, "query": stream.subscription.text()}
        if stream.subscription.select:
            message["select"] = stream.subscription.select
        if stream.is_live or stream.how == SINCE:
            message["since"] = stream.token
        elif stream.how == LIVE:
            message["snapshot"] = True
            stream.before_live = []
        self.say(**message)

    def next(self, timeout):
        self.fidget()
        try:
            return self.socket.text(timeout), None
        except OSError as error:  # a pong that could not be sent
            if isinstance(error, TimeoutError):
                raise
            raise Closed() from None

    def go_on(self):
        """The next connection: what had not begun is forgotten, the rest goes on."""
        for stream in list(self.here.values()):
            stream.is_subscribed = stream.is_leaving = False
            if not stream.is_live and stream.how not in (FIRST, SINCE):
                self.forget(stream)

    def forget(self, stream):
        del self.here[stream.id]

    # What it does besides reading

    def fidget(self):
        now = time.monotonic()
        if self.deadline is not None:
            self.settle()
        elif self.has_begun.is_set() and self.is_restless and now > self.next_act:
            self.next_act = now + self.random.expovariate(1.5)
            self.random.choice([self.leave_one, self.come_now, self.come_since, self.come_with_rows])()

    def leave_one(self):
        able = [one for one in self.here.values()
                if one.is_live and one.is_subscribed and not one.is_leaving and one.id != "mark"]
        if able:
            self.unsubscribe(self.random.choice(able))

    def unsubscribe(self, stream):
        stream.is_leaving = True
        self.say(type="unsubscribe", id=stream.id)

    def has_room(self):
        return len(self.here) <= STREAMS

    def come_now(self):
        if self.has_room():
            self.subscribe(self.add(NOW, random_subscription(self.random)))

    def come_since(self):
        fresh = [token for when, token in self.positions if time.monotonic() - when < 10]
        if fresh and self.has_room():
            self.subscribe(self.add(SINCE, random_subscription(self.random),
                                    since=self.random.choice(fresh)))

    def come_with_rows(self):
        if self.has_room():
            self.subscribe(self.add(LIVE, random_snapshot(self.random)))

    def settle(self):
        """The run is over: without the mark, `progress` says when all has come."""
        mark = self.here.get("mark")
        if self.end and mark and mark.is_subscribed and not mark.is_leaving:
            self.unsubscribe(mark)

    # What comes

    def take(self, text, _):
        if self.random.random() < 0.01:
            check(text)
        message = parse(text)
        getattr(self, "on_" + message["type"])(message)

    def on_change(self, message):
        streams = [self.here[id] for id in message["ids"]]
        lists = [stream.subscription.select for stream in streams]
        wanted = None if None in lists else frozenset().union(*lists)
        assert streams and len({*message["ids"]}) == len(streams), message
        assert not ("scope" in message and "scopes" in message), message
        for stream in streams:
            scope = message.get("scopes", {}).get(stream.id, message.get("scope"))
            stream.take(message, scope, wanted)
        self.positions.append((time.monotonic(), message["pos"]))
        if "mark" in message["ids"]:
            self.take_mark(message)

    on_truncate = on_change

    def take_mark(self, message):
        self.has_mark = True
        self.look_whether_all_has_begun()
        if int(message["new"]["id"]) < 0:
            self.end = message["pos"]

    def look_whether_all_has_begun(self):
        if self.has_mark and all(one.is_live for one in self.here.values() if one.how == FIRST):
            self.has_begun.set()

    def on_progress(self, message):
        for stream in self.here.values():
            if stream.is_live and stream.is_subscribed:
                stream.reach(message["position"])
        self.positions.append((time.monotonic(), message["position"]))
        if self.end and "mark" not in self.here and message["position"] >= self.end \
                and all(one.is_live and one.is_subscribed for one in self.here.values()):
            for stream in self.here.values():
                stream.is_whole = True
            self.has_ended.set()

    def on_subscribed(self, message):
        stream = self.here[message["id"]]
        stream.warnings = tuple(warning["code"] for warning in message["warnings"])
        stream.subscribed(message["position"])
        self.look_whether_all_has_begun()

    def on_snapshot(self, message):
        self.here[message["id"]].before_live.append((message["rows"], None))

    def on_live(self, message):
        stream = self.here[message["id"]]
        assert stream.how == LIVE and not stream.is_live, message
        stream.begin(LIVE, message["position"])
        stream.token, stream.is_live = message["position"], True

    def on_gap(self, message):
        for id in message["ids"]:
            stream = self.here[id]
            self.told.append(f"{message['reason']} ({id}, {stream.how})")
            if stream.is_live:
                stream.begin(GAP, message["position"], message["reason"])
                stream.token = message["position"]
            else:  # its rows are worth nothing
                self.unsubscribe(stream)

    def on_unsubscribed(self, message):
        assert "reason" not in message, message
        self.forget(self.here[message["id"]])

    def on_error(self, message):
        stream = self.here[message["id"]]
        assert message["code"] in ("unavailable", "no_snapshot", "too_many"), message
        assert message["code"] == "unavailable" or stream.how == LIVE and not stream.is_live, message
        if stream.how == LIVE and not stream.is_live:
            self.forget(stream)
        else:
            self.quit.wait(0.1)
            self.subscribe(stream)

    def on_notice(self, message):
        self.notices[message["code"]] += 1

    def on_welcome(self, message):
        assert message["protocol"] == "pgcdc.v1", message

    on_pong = on_welcome
