# SPDX-License-Identifier: Apache-2.0
"""Snapshots over pgcdc.v1: the rows as they stand, and then each change once (doc/protocol.md)."""
import os
import random

import pytest

import storm


def seed_of_run():
    seed = int(os.environ.get("PGCDC_SEED") or random.randrange(1 << 30))
    print(f"PGCDC_SEED={seed}")
    return seed


# (settings, seconds, clients)
STORMS = {
    "pgoutput": ({"plugin": "pgoutput"}, 8, 80),
    "wal2json 2": ({"plugin": "wal2json", "wal2json_format": "2"}, 3, 20),
    "wal2json 1": ({"plugin": "wal2json", "wal2json_format": "1"}, 3, 20),
}


@pytest.mark.parametrize("name", [*STORMS])
def test_whoever_begins_in_a_storm_has_the_rows_of_select(database, pgcdc, name):
    settings, seconds, clients = STORMS[name]
    database.run("SET lock_timeout = '10s'")
    server = pgcdc(snapshot_connections="8", **settings)
    played = storm.play(database, server, f"{seed_of_run()} {name}", seconds, clients,
                        truncates=name != "wal2json 1")
    count = sum(len(client.holdings) for client in played)
    assert count >= clients * 1.3
    print(f"{count} subscriptions, {sum(client.resumptions for client in played)} came back")
