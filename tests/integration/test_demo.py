# SPDX-License-Identifier: Apache-2.0
"""`make demo`: live messages, filtered and unfiltered, and nothing left behind."""
import glob
import os
import pathlib
import re
import signal
import subprocess

import pytest

from support.pgcdc import BINARY, PATIENCE, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]


def start(**environment):
    return subprocess.Popen(["/usr/bin/python3", str(ROOT / "tools/demo"), str(BINARY)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env={**os.environ, **environment}, start_new_session=True)


def traces():
    """Scratch directories, ours of this test session among them."""
    return set(glob.glob("/tmp/pgcdc-*"))


def processes_in(directories):
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            text = pathlib.Path(path).read_bytes().decode(errors="replace")
        except OSError:
            continue
        found += [text for directory in directories if directory in text]
    return found


def test_it_shows_messages_and_leaves_nothing(scratch):
    before = traces()
    demo = start(DEMO_SECONDS="6")
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, output
    assert re.search(r"ws://127\.0\.0\.1:\d+/ws\?query=\*:orders\n", output)
    every = re.findall(r"(?m)^all  \| (\{.*\})$", output)
    paid = re.findall(r"(?m)^paid \| (\{.*\})$", output)
    assert len(every) > len(paid) >= 1, output
    assert all('"paid"' in message for message in paid if '"kind":"delete"' not in message)
    assert traces() <= before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_leaves_nothing_when_it_is_ended(scratch, number):
    before = traces()
    demo = start()
    for line in demo.stdout:
        if line.startswith("all "):
            break
    made = traces() - before
    assert made and processes_in(made)
    demo.send_signal(number)
    demo.stdout.close()
    demo.wait(PATIENCE)
    wait_for("the directory to be gone", lambda: not traces() & made)
    wait_for("the processes to be gone", lambda: not processes_in(made))
