# SPDX-License-Identifier: Apache-2.0
"""A scratch directory, and nothing left behind whatever happens to us.

A small shell in a session of its own waits for our end of a pipe to close, which the kernel does
even after kill -9.  Then it ends the processes that are still noted and removes the directory.
"""
import os
import pathlib
import signal
import subprocess
import tempfile

from support.patience import PATIENCE

WATCH = r"""
trap '' INT TERM HUP
cat >/dev/null
for pass in QUIT KILL; do
    for pid in $(ls "$1/pids" 2>/dev/null); do kill -$pass "$pid" 2>/dev/null; done
    [ -z "$(ls "$1/pids" 2>/dev/null)" ] || sleep 1
done
rm -rf "$1"
"""


class Scratch:
    """A directory under /tmp, or PGCDC_SCRATCH; its path is short, since sockets are in it."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="pgcdc-", dir=os.environ.get("PGCDC_SCRATCH", "/tmp")))
        self.path.chmod(0o711)
        (self.path / "pids").mkdir()
        reading, self.writing = os.pipe()
        self.guard = subprocess.Popen(["sh", "-c", WATCH, "guard", str(self.path)], stdin=reading,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                      start_new_session=True)
        os.close(reading)

    def note(self, pid):
        (self.path / "pids" / str(pid)).touch()

    def forget(self, pid):
        (self.path / "pids" / str(pid)).unlink(missing_ok=True)

    def close(self):
        os.close(self.writing)
        self.guard.wait(4 * PATIENCE)


def end_process(process, timeout, first=signal.SIGTERM):
    """Asks a process to end, kills it after the timeout; its exit code."""
    if process.poll() is None:
        process.send_signal(first)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(PATIENCE)
