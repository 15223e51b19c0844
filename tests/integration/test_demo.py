# SPDX-License-Identifier: Apache-2.0
"""`make demo`: live messages, filtered and unfiltered, and nothing left behind."""
import glob
import os
import pathlib
import re
import signal
import subprocess

import pytest

from support.patience import PATIENCE, wait_for
from support.pgcdc import BINARY

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def place(scratch):
    """Where the demo makes its directory."""
    path = scratch.path / "demo"
    path.mkdir()
    path.chmod(0o711)
    yield path
    path.rmdir()


def start(place, **environment):
    return subprocess.Popen(["/usr/bin/python3", str(ROOT / "tools/demo"), str(BINARY)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                            env={**os.environ, "PGCDC_SCRATCH": str(place), **environment})


def processes_in(place):
    """Command lines that name the directory."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            text = pathlib.Path(path).read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(place) in text:
            found.append(text)
    return found


def test_it_shows_messages_and_leaves_nothing(place):
    demo = start(place, DEMO_SECONDS="10")
    output, _ = demo.communicate(timeout=3 * PATIENCE)
    assert demo.returncode == 0, output
    assert re.search(r"ws://127\.0\.0\.1:\d+/ws\?query=\*:orders\n", output)
    every = re.findall(r"(?m)^all  \| (\{.*\})$", output)
    paid = re.findall(r"(?m)^paid \| (\{.*\})$", output)
    assert len(every) > len(paid) >= 1, output
    assert all('"paid"' in message for message in paid)
    wait_for("nothing to be left", lambda: not list(place.iterdir()) and not processes_in(place))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_leaves_nothing_when_it_is_ended(place, number):
    demo = start(place)
    for line in demo.stdout:
        if line.startswith("all "):
            break
    else:
        raise AssertionError(f"it ended by itself with {demo.wait()}")
    assert list(place.iterdir()) and processes_in(place)
    demo.send_signal(number)
    demo.stdout.close()
    demo.wait(2 * PATIENCE)
    wait_for("the directory to be gone", lambda: not list(place.iterdir()))
    wait_for("the processes to be gone", lambda: not processes_in(place))
