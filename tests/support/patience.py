# SPDX-License-Identifier: Apache-2.0
"""How long a test waits: for events, not for the clock.

A wait that fails only when something is broken costs nothing while nothing is, so it is long:
PATIENCE.  Where the program promises a time, as in "the stop takes no 10 s", promised(10) is what
the test allows: LEEWAY times as long, since the suite also runs where others keep the machine busy,
and under sanitizers.  PGCDC_LEEWAY=1 holds a quiet machine to the very promise.
"""
import os
import time

PATIENCE = float(os.environ.get("PGCDC_PATIENCE", "60"))
LEEWAY = float(os.environ.get("PGCDC_LEEWAY", "5"))


def promised(seconds):
    return seconds * LEEWAY


def wait_for(what, condition, timeout=PATIENCE):
    """Polls until condition() is true, and returns what it gave."""
    deadline = time.monotonic() + timeout
    while True:
        is_late = time.monotonic() > deadline  # before the look, which may be what takes long
        value = condition()
        if value:
            return value
        if is_late:
            raise AssertionError(f"waited {timeout} s for {what}")
        time.sleep(0.02)
