# SPDX-License-Identifier: Apache-2.0
"""The program under test, as a process."""
import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import urllib.parse
import weakref

from support import guard
from support.patience import PATIENCE, wait_for
from support.ports import Port
from support.websocket import Closed, Stream, WebSocket, open_socket

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("PGCDC_BINARY", ROOT / "build" / "pgcdc"))
numbers = itertools.count(1)
# A sanitizer keeps what was freed, and notes on every word.
MEMORY_FACTOR = 12 if re.search(b"__[at]san_init", BINARY.read_bytes()) else 1
SANITIZER = re.compile(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:).*")


def clean_environment(**more):
    """Ours, without what would configure libpq or the program."""
    kept = {key: value for key, value in os.environ.items()
            if not key.startswith(("PG", "PGCDC_"))}
    return {**kept, **more}


def run(*arguments, timeout=PATIENCE, **environment):
    """Runs the program to its end; a CompletedProcess with text."""
    return subprocess.run([str(BINARY), *arguments], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                          check=False, env=clean_environment(**environment))


class Pgcdc:
    """`settings` become --set arguments; `binding` is a free port of 127.0.0.1."""

    def __init__(self, scratch, url, arguments=(), environment=None, tls=None, **settings):
        self.scratch, self.tls = scratch, tls
        self.kept = Port()
        self.port = self.kept.number
        self.log_path = scratch.path / f"pgcdc-{next(numbers)}.log"
        settings.setdefault("binding", f"127.0.0.1:{self.port}")
        settings.setdefault("workers", "2")
        settings.setdefault("ping_interval", "50")  # the most: some clients do not read for long
        self.command = [str(BINARY), *arguments]
        for key, value in settings.items():
            self.command += ["--set", f"{key}={value}"]
        if url:
            self.command.append(url)
        self.environment = clean_environment(**(environment or {}))
        self.process = None
        self.clients = weakref.WeakSet()

    def start(self, is_ready=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, env=self.environment,
                                            start_new_session=True)
        self.scratch.note(self.process.pid)
        if is_ready:
            self.wait_ready()
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        self.drop_clients()
        code = self.end()
        if kind is None:
            assert code == 0, f"exit code {code}\n{self.log()}"
            self.assert_clean()

    def end(self, how=signal.SIGTERM, timeout=PATIENCE):
        code = guard.end_process(self.process, timeout, how)
        self.scratch.forget(self.process.pid)
        return code

    def drop_clients(self):
        """A client that is there and says nothing delays the end by the time for its goodbye."""
        for client in list(self.clients):
            client.drop()

    def assert_clean(self):
        found = SANITIZER.search(self.log())
        assert not found, self.log()[found.start():]

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_log(self, pattern, timeout=PATIENCE):
        return wait_for(f"the log line {pattern!r} in\n{self.log()}",
                        lambda: re.search(pattern, self.log()), timeout)

    def is_alive(self):
        return self.process.poll() is None

    def ready(self):
        """(status, parsed body) of /ready; (0, None) while nothing listens."""
        try:
            reply = self.get("/ready", timeout=10)
        except (OSError, Closed):
            return 0, None
        return reply.status, json.loads(reply.body)

    def wait_ready(self, timeout=PATIENCE):
        def is_ready():
            assert self.is_alive(), f"it ended\n{self.log()}"
            return self.ready()[0] == 200
        try:
            wait_for("/ready", is_ready, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.ready()}\n{self.log()}") from None

    def open(self, **how):
        return Stream(open_socket("127.0.0.1", self.port, self.tls, **how))

    def exchange(self, request, timeout=PATIENCE):
        """Sends bytes, gives the answer; the connection is closed after it."""
        stream = self.open()
        try:
            stream.socket.sendall(request)
            return stream.reply(timeout)
        finally:
            stream.socket.close()

    def get(self, path, headers=(), method="GET", timeout=PATIENCE):
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers]
        return self.exchange("\r\n".join(lines).encode() + b"\r\n\r\n", timeout)

    def query(self, *queries, headers=(), **how):
        """A live WebSocket for these queries."""
        path = "/ws?" + "&".join("query=" + urllib.parse.quote(query, safe="*:,.")
                                 for query in queries)
        client = WebSocket("127.0.0.1", self.port, path, headers, self.tls, **how)
        self.clients.add(client)
        return client

    def metric(self, name):
        for line in self.get("/metrics").body.splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise AssertionError(f"no metric {name}")

    def wait_metric(self, name, value):
        """Threads count on their own: a count may come after what it counts."""
        wait_for(f"{name} to be {value}", lambda: self.metric(name) == value)

    def rss_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def peak_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1])
