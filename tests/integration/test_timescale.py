# SPDX-License-Identifier: Apache-2.0
"""TimescaleDB: rows written to a chunk belong to the hypertable.

The extension is not packaged by Debian, so a catalogue of the same shape stands in: hypertables in
_timescaledb_catalog.hypertable, chunks as inheriting tables _hyper_<id>_<n>_chunk.
"""
import pytest

CATALOGUE = """
CREATE SCHEMA _timescaledb_catalog;
CREATE SCHEMA _timescaledb_internal;
CREATE TABLE _timescaledb_catalog.hypertable (
    id serial PRIMARY KEY, schema_name name NOT NULL, table_name name NOT NULL,
    associated_schema_name name NOT NULL DEFAULT '_timescaledb_internal');
"""


def make_hypertable(database, number, name, schema="public"):
    database.run(f'CREATE TABLE {schema}."{name}" (host int NOT NULL, at timestamptz NOT NULL,'
                 f' load numeric(5,2), PRIMARY KEY (host, at))')
    database.run("INSERT INTO _timescaledb_catalog.hypertable VALUES (%s, %s, %s)",
                 [number, schema, name])


def make_chunk(database, hypertable, number, parent):
    chunk = f"_timescaledb_internal._hyper_{hypertable}_{number}_chunk"
    database.run(f"CREATE TABLE {chunk} (PRIMARY KEY (host, at)) INHERITS ({parent})")
    return chunk


@pytest.mark.parametrize("plugin", ["pgoutput", "wal2json"])
def test_chunks_belong_to_their_hypertable(database, pgcdc, plugin):
    database.run(CATALOGUE)
    make_hypertable(database, 1, "cputimes")
    make_hypertable(database, 40000, "Disk", "public")
    old = make_chunk(database, 1, 1, "public.cputimes")
    server = pgcdc(plugin=plugin)
    cpu = server.query("*:cputimes:host.eq.7", "insert:marker")
    disk = server.query("*:Disk", "insert:marker")
    database.run(f"INSERT INTO {old} VALUES (7, '2026-01-02', 1.50), (8, '2026-01-02', 2)")
    # A new chunk's first row is there at once, as Timescale makes it: in the writer's transaction.
    other = database.cluster.connect(database.name)
    other.autocommit = False
    with other.cursor() as cursor:
        cursor.execute("CREATE TABLE _timescaledb_internal._hyper_40000_129_chunk"
                       " (PRIMARY KEY (host, at)) INHERITS (public.\"Disk\")")
        cursor.execute("INSERT INTO _timescaledb_internal._hyper_40000_129_chunk"
                       " VALUES (1, '2026-01-02 03:04:05+00', 99.25)")
    other.commit()
    other.close()
    make_hypertable(database, 128, "later")
    new = make_chunk(database, 128, 7, "public.later")
    later = server.query("*:later", "insert:marker")
    database.run(f"INSERT INTO {new} VALUES (1, '2026-01-02', 3)")
    got = database.mark(cpu, disk, later)
    assert [[message["columnvalues"][0] for message in messages] for messages in got] == [[7], [1], [1]]
    message = got[1][0]
    assert (message["schema"], message["table"]) == ("public", "Disk")
    assert message["columntypes"] == ["integer", "timestamp with time zone", "numeric(5,2)"]
    assert message["columnvalues"] == [1, "2026-01-02 03:04:05+00", 99.25]


def test_updates_and_deletes_of_a_chunk(database, pgcdc):
    from support.pgcdc import wait_for
    database.run(CATALOGUE)
    make_hypertable(database, 3, "cputimes")
    chunk = make_chunk(database, 3, 1, "public.cputimes")
    server = pgcdc()
    socket = server.query("*:cputimes", "insert:marker")
    database.run(f"INSERT INTO {chunk} VALUES (7, '2026-01-02', 1)")
    database.run(f"UPDATE {chunk} SET load = 2")
    database.run(f"DELETE FROM {chunk}")
    got = database.mark(socket)
    assert [(message["kind"], message["table"]) for message in got] == [
        ("insert", "cputimes"), ("update", "cputimes"), ("delete", "cputimes")]
    assert got[2]["oldkeys"]["keynames"] == ["host", "at"]


def test_a_table_that_only_looks_like_a_chunk(database, pgcdc):
    """Without a catalogue entry it stays what it is."""
    database.run(CATALOGUE)
    database.run("CREATE TABLE _hyper_1_1_chunk (id int PRIMARY KEY)")
    socket = pgcdc().query("*:_hyper_1_1_chunk", "insert:marker")
    database.run("INSERT INTO _hyper_1_1_chunk VALUES (5)")
    assert [message["table"] for message in database.mark(socket)] == ["_hyper_1_1_chunk"]
