# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL: its own data directory, port and socket directory, no trace elsewhere.

When we are root the server runs as `postgres` or `nobody`, since it refuses to run as root.

PGCDC_TEST_POSTGRES is the bin directory of the server to test against; without it that is the
newest one that Debian has installed.  Client programs that are not there (psql) are Debian's.
"""
import glob
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import time

from support.patience import PATIENCE, wait_for
from support.ports import Port

SETTINGS = {
    "wal_level": "logical",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_connections": "100",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "warning",
    "timezone": "UTC",
}
PLUGINS = "pgoutput,test_decoding,wal2json"
BUSY = re.compile("is active for PID|active logical replication slot|being accessed by other users")


def installed(program):
    """Debian's newest of a program."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{program}"),
                   key=lambda path: int(path.split("/")[4]))
    if not found:
        raise RuntimeError(f"no PostgreSQL with {program} is installed; tools/install installs it")
    return pathlib.Path(found[-1])


def binaries():
    """The server's bin directory."""
    chosen = os.environ.get("PGCDC_TEST_POSTGRES")
    return pathlib.Path(chosen) if chosen else installed("initdb").parent


def client(program):
    """A program that need not be of the server's version."""
    own = binaries() / program
    return str(own if own.exists() else installed(program))


def server_major():
    """15 of "postgres (PostgreSQL) 15.20 (Debian ...)"."""
    told = run_as(None, [str(binaries() / "postgres"), "--version"]).stdout
    return int(re.search(r"\) (\d+)", told)[1])


def has_plugin(name):
    """Is this output plugin beside the server?"""
    lib = binaries().parent / "lib"
    return any((place / f"{name}.so").exists() for place in (lib, lib / "postgresql"))


def server_user():
    """(uid, gid) that servers run as, or None for our own."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
        except KeyError:
            pass
    raise RuntimeError("neither a user postgres nor nobody exists to run the server as")


def run_as(user, command, **options):
    if user:
        options.update(user=user[0], group=user[1], extra_groups=[])
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          cwd="/", check=False, **options)


class Postgres:
    """One cluster.  `template` is the data directory of a stopped cluster to copy."""

    def __init__(self, scratch, name="pg", template=None, **settings):
        self.scratch, self.user, self.bin = scratch, server_user(), binaries()
        self.home = scratch.path / name
        self.data = self.home / "data"
        self.kept = Port()
        self.port = self.kept.number
        self.home.mkdir()
        if self.user:
            os.chown(self.home, *self.user)
        if template:
            done = run_as(self.user, ["cp", "-a", str(template), str(self.data)])
        else:
            done = run_as(self.user, [str(self.bin / "initdb"), "-D", str(self.data), "-U",
                                      "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                                      "-N"])
        if done.returncode:
            raise RuntimeError(done.stdout)
        self.configure(**{**SETTINGS, "port": str(self.port),
                          "unix_socket_directories": str(self.home), **settings})
        if self.knows("output_plugin_libraries"):
            self.configure(output_plugin_libraries=PLUGINS)
        self.pid = None

    def configure(self, **settings):
        """Appends to postgresql.conf; takes effect at the next start or reload()."""
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            for key, value in settings.items():
                quoted = str(value).replace("'", "''")
                conf.write(f"{key} = '{quoted}'\n")

    def knows(self, setting):
        return run_as(self.user, [str(self.bin / "postgres"), "-D", str(self.data), "-C",
                                  setting]).returncode == 0

    def pg_ctl(self, *arguments, timeout=4 * PATIENCE):
        return run_as(self.user, [str(self.bin / "pg_ctl"), "-D", str(self.data), *arguments],
                      timeout=timeout)

    def start(self):
        done = self.pg_ctl("-w", "-s", "-t", str(int(3 * PATIENCE)), "-l", str(self.home / "log"),
                           "start")
        if done.returncode:
            raise RuntimeError(done.stdout + self.log())
        self.pid = int((self.data / "postmaster.pid").read_text().split()[0])
        self.scratch.note(self.pid)
        return self

    def stop(self, mode="fast", timeout=2 * PATIENCE):
        """Stops the server; the seconds that it took."""
        if self.pid is None:
            return 0.0
        begin = time.monotonic()
        done = self.pg_ctl("-w", "-s", "-t", str(int(timeout)), "-m", mode, "stop",
                           timeout=timeout + PATIENCE)
        if done.returncode:
            raise RuntimeError(f"stop -m {mode}: {done.stdout}")
        self.scratch.forget(self.pid)
        self.pid = None
        return time.monotonic() - begin

    def reload(self):
        self.pg_ctl("reload")

    def log(self):
        path = self.home / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def remove(self):
        try:
            self.stop("immediate")
        finally:
            shutil.rmtree(self.home, ignore_errors=True)

    def url(self, database="postgres", user="postgres"):
        """A URL through the Unix socket."""
        return f"postgres://{user}@/{database}?host={self.home}&port={self.port}"

    def tcp_url(self, database="postgres", user="postgres"):
        return f"postgres://{user}@127.0.0.1:{self.port}/{database}"

    def connect(self, database="postgres", user="postgres"):
        """A psycopg2 connection that commits each statement."""
        import psycopg2  # the demo does without it
        connection = psycopg2.connect(self.url(database, user))
        connection.autocommit = True
        return connection

    def psql(self, script, database="postgres"):
        """Runs a script; its output, one row a line, columns separated by |."""
        done = subprocess.run([client("psql"), "-X", "-q", "-A", "-t", "-v",
                               "ON_ERROR_STOP=1", self.url(database)], input=script, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"})
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def psql_when_free(self, statement, database="postgres"):
        """Runs it as soon as nobody is in its way: a walsender and other backends live on for a
        moment behind a client that has ended or was cut off, and hold their slot and database."""
        def is_done():
            try:
                self.psql(statement, database)
                return True
            except RuntimeError as error:
                if not BUSY.search(str(error)):
                    raise
                return False
        wait_for(f"nobody to be in the way of {statement}", is_done)

    def drop_slot(self, name):
        self.psql_when_free(f"SELECT pg_drop_replication_slot('{name}')")

    def drop_database(self, name):
        self.psql_when_free(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
