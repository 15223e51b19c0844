# SPDX-License-Identifier: Apache-2.0
"""Clients that end and come back at random, and keep what they got.

What one gets is a list of segments.  Each says how it began:

    FIRST       before anything but markers was written
    CONTINUED   from the token of the last message of the segment before
    GAP         after a told gap (4010, 4011, event: gap), at the position told, if any
    ANYWHERE    a base-protocol client, which can only say "from now on"
"""
import json
import random
import threading
import time
import traceback
import urllib.parse

from consistency.essence import TOKEN, parse_message, parse_token
from consistency.schema import Subscription
from support.sse import EventStream
from support.websocket import Closed, Refused, WebSocket

FIRST, CONTINUED, GAP, ANYWHERE = "first", "continued", "gap", "anywhere"


class Segment:
    def __init__(self, how, token=None, reason=""):
        self.how, self.token, self.reason = how, token, reason
        self.got, self.tokens = [], []  # essences of messages, and where each stands


class Told(Exception):
    """A gap; `token` is where to go on, or None."""

    def __init__(self, reason):
        super().__init__(reason)
        found = TOKEN.search(reason)
        self.token = found[0] if found else None


class Subscriber(threading.Thread):
    """`ports` gives the port to connect to, anew each time."""
    can_resume = True

    def __init__(self, name, ports, seed, subscriptions, is_slow=False, is_restless=True):
        super().__init__(name=name, daemon=True)
        self.random = random.Random(f"{seed} {name}")
        self.ports, self.is_slow, self.is_restless = ports, is_slow, is_restless
        self.subscriptions = [*subscriptions, Subscription(["insert"], "marker")]
        self.segments, self.connects, self.told = [], 0, []
        self.socket, self.token, self.failure = None, None, None
        self.has_begun, self.has_ended, self.quit = threading.Event(), threading.Event(), threading.Event()
        self.deadline = None  # once set, it stops being restless

    # The life of the thread

    def run(self):
        try:
            self.begin()
            while not self.has_ended.is_set() and not self.quit.is_set():
                self.session()
        except Exception as error:
            self.failure = f"{error!r}\n{traceback.format_exc()}"
            self.has_begun.set()
            self.has_ended.set()

    def begin(self):
        self.begin_segment(FIRST)

    def session(self):
        """One connection."""
        try:
            self.connect()
        except Refused as refused:
            assert refused.status == 503 and "retry-after" in refused.headers, str(refused)
            self.quit.wait(0.1)
            return
        except (OSError, Closed):
            self.quit.wait(0.1)
            return
        self.connects += 1
        try:
            self.listen()
        except Told as told:
            self.told.append(str(told))
            self.token = told.token
            self.begin_segment(GAP if self.can_resume else ANYWHERE, told.token, str(told))
        except Closed as closed:
            assert closed.code in (None, 1001, 1012), str(closed)
        finally:
            self.left()
            self.socket.drop()
        self.go_on()

    def go_on(self):
        """What comes over the next connection is another segment."""
        if self.segments[-1].got:
            self.begin_segment(CONTINUED if self.can_resume else ANYWHERE)

    def begin_segment(self, how, token=None, reason=""):
        self.segments.append(Segment(how, token, reason))

    def listen(self):
        """Reads until the end of the run, or of its own patience with this connection."""
        left = self.random.choice([0, 3, 30, 300, 3000])
        until = time.monotonic() + self.random.uniform(0.2, 5)
        while not self.has_ended.is_set() and not self.quit.is_set():
            if self.must_leave(left, until):
                return
            if self.is_slow and self.deadline is None:
                self.dawdle()
            try:
                text, token = self.next(0.5)
            except TimeoutError:
                continue
            left -= 1
            self.take(text, token)

    def dawdle(self):
        """It stops reading: its socket fills, and it is served from the history."""
        roll = self.random.random()
        if roll < 0.003:
            self.quit.wait(self.random.uniform(0, 1.5))
        elif roll < 0.0032:
            self.quit.wait(self.random.uniform(3, 9))

    def left(self):
        """The connection is over."""

    def must_leave(self, left, until):
        return (self.is_restless and self.deadline is None and self.has_begun.is_set()
                and (left < 0 or time.monotonic() > until))

    def take(self, text, token):
        essence, pos = parse_message(text)
        token = token or pos
        assert bool(token) == self.can_resume, text
        segment = self.segments[-1]
        segment.got.append(essence)
        if token:
            assert self.token is None or token > self.token or token[:16] != self.token[:16], \
                f"{self.name}: {token} after {self.token}"
            segment.tokens.append(parse_token(token))
            self.token = token
        kind, table, row, _ = essence
        if table == "marker":
            self.has_begun.set()
            if int(row[0][1]) < 0:  # the run is over
                self.has_ended.set()

    def query(self):
        return "&".join("query=" + urllib.parse.quote(each.text(), safe="*:,.()")
                        for each in self.subscriptions)


class PlainSubscriber(Subscriber):
    """/ws as the original had it."""
    can_resume = False
    more = ""

    def connect(self):
        self.socket = WebSocket("127.0.0.1", self.ports(), f"/ws?{self.query()}{self.more}",
                                receive_buffer=4096 if self.is_slow else None)

    def next(self, timeout):
        try:
            return self.socket.text(timeout), None
        except Closed as closed:
            if closed.code in (4010, 4011):
                raise Told(f"{closed.code} {closed.reason}") from None
            raise
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise Closed() from None


class PosSubscriber(PlainSubscriber):
    """/ws?...&since="""
    can_resume = True

    @property
    def more(self):
        return f"&since={self.token or 'now'}"


class SseSubscriber(Subscriber):
    """/sse with Last-Event-ID."""

    def connect(self):
        headers = [("Last-Event-ID", self.token)] if self.token else []
        self.socket = EventStream("127.0.0.1", self.ports(), f"/sse?{self.query()}", headers,
                                  receive_buffer=4096 if self.is_slow else None)

    def next(self, timeout):
        try:
            event = self.socket.event(timeout)
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise Closed() from None
        if event.name == "message":
            return event.data, event.id
        if event.name == "gap":  # told, and the stream goes on
            gap = json.loads(event.data)
            self.told.append(gap["reason"])
            self.begin_segment(GAP, gap["pos"], gap["reason"])
        self.token = event.id
        raise TimeoutError  # nothing to take

    def left(self):
        """What a browser would send: comments may have moved the position as well."""
        self.token = self.socket.last_id or self.token
