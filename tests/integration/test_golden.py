# SPDX-License-Identifier: Apache-2.0
"""The same SQL gives the same messages through all three decoders, byte for byte (F16, D3).

tests/golden/types.sql is run by psql; what a client of `*:*` hears is compared between pgoutput (in
all its protocols), wal2json format 2 and format 1, and with tests/golden/messages.txt, one message a line.
"""
import json
import pathlib
import re
import subprocess

import pytest

from support.patience import PATIENCE, wait_for
from support.postgres import client, has_plugin

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
DECODERS = {
    "pgoutput": {"plugin": "pgoutput"},
    "pgoutput 1": {"plugin": "pgoutput", "pgoutput_protocol": "1"},
    "pgoutput 2": {"plugin": "pgoutput", "pgoutput_protocol": "2"},
}
if has_plugin("wal2json"):
    DECODERS["wal2json 2"] = {"plugin": "wal2json", "wal2json_format": "2"}
    DECODERS["wal2json 1"] = {"plugin": "wal2json", "wal2json_format": "1"}

# Tables that are in `pgcdc` and should not be, or the other way round.
UNSETTLED = r"""
SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relkind = 'r' AND relpersistence = 'p' AND nspname !~ '^(pg_|information_schema)'
   AND (relreplident = 'f'
        OR relreplident = 'd' AND EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary)
        OR relreplident = 'i' AND EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisreplident))
    <> EXISTS (SELECT FROM pg_publication_tables p
                WHERE p.pubname = 'pgcdc' AND p.schemaname = nspname AND p.tablename = relname)
"""


def statements(script):
    """Pieces of whole lines, each ending where a line ends with a semicolon."""
    piece = []
    for line in script.split("\n"):
        piece.append(line)
        if line.endswith(";") or line.startswith("\\"):
            yield "\n".join(piece) + "\n"
            piece = []
    yield "\n".join(piece) + "\n"


def run_script(database, path):
    """Runs it by psql.  Before an update or delete that follows a definition it waits until the
    publication has taken the definition in: until then PostgreSQL sends inserts only."""
    cluster = database.cluster
    psql = subprocess.Popen([client("psql"), "-X", "-q", "-A", "-t", database.url],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)
    is_new = False
    for statement in statements(path.read_text()):
        words = re.sub(r"(?m)^\s*--.*$", "", statement).split()
        first = words[0].upper() if words else ""
        if first in ("UPDATE", "DELETE", "BEGIN") and is_new:
            psql.stdin.write("\\echo settled\n")
            psql.stdin.flush()
            while (line := psql.stdout.readline()) != "settled\n":
                assert line, psql.stderr.read()
            wait_for("the publication", lambda: not database.run(UNSETTLED))
            is_new = False
        is_new = is_new or first in ("CREATE", "ALTER", "DROP")
        psql.stdin.write(statement)
    _, errors = psql.communicate()
    assert psql.returncode == 0 and not errors, errors


def hear(database, pgcdc, name):
    """What each decoder's clients hear of a script: {decoder: [message text]}."""
    servers = {decoder: pgcdc(**settings) for decoder, settings in DECODERS.items()}
    sockets = {decoder: server.query("*:*", timeout=PATIENCE) for decoder, server in servers.items()}
    run_script(database, GOLDEN / f"{name}.sql")
    database.run("INSERT INTO marker VALUES (1)")
    heard = {}
    for decoder, socket in sockets.items():
        heard[decoder] = []
        while '"table":"marker"' not in (text := socket.text()):
            heard[decoder].append(text)
    for server in servers.values():
        assert server.metric("pgcdc_undecodable_transactions_total") == 0
    return heard


def compare(heard, expected, what):
    for number, (got, wanted) in enumerate(zip(heard, expected), 1):
        assert got == wanted, f"{what}, message {number}"
    assert len(heard) == len(expected), what


def test_all_decoders_give_the_same_messages(database, pgcdc):
    heard = hear(database, pgcdc, "types")
    expected = (GOLDEN / "messages.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    for decoder, texts in heard.items():
        compare(texts, expected, decoder)
    for text in expected:
        assert json.loads(text)["kind"] in ("insert", "update", "delete")


@pytest.mark.wal2json
def test_generated_columns_are_the_one_difference(database, pgcdc):
    """wal2json prints them, pgoutput leaves them out before PostgreSQL 18."""
    heard = hear(database, pgcdc, "generated")
    assert heard["wal2json 1"] == heard["wal2json 2"]
    names = {decoder: json.loads(texts[0])["columnnames"] for decoder, texts in heard.items()}
    assert "twice" in names["wal2json 2"]
    assert [name for name in names["wal2json 2"] if name != "twice"] == \
           [name for name in names["pgoutput"] if name != "twice"]
    assert heard["pgoutput"][-1] == heard["wal2json 2"][-1]


def test_settings_of_role_and_database_change_nothing(database, pgcdc):
    """Whatever an administrator has set, the same text is printed and the same tables are found."""
    name = database.name
    for setting in ("DateStyle = 'SQL, DMY'", "TimeZone = 'Asia/Tokyo'", "bytea_output = 'escape'",
                    "standard_conforming_strings = off", "search_path = nowhere",
                    "IntervalStyle = 'sql_standard'", "extra_float_digits = -15",
                    "statement_timeout = '1s'", "lock_timeout = '10ms'",
                    "default_transaction_read_only = on", "idle_session_timeout = '2s'"):
        database.run(f"ALTER DATABASE {name} SET {setting}")
    database.run(r"""CREATE TABLE public.printed (id int PRIMARY KEY, d date, tstz timestamptz,
                     ba bytea, iv interval, f8 float8, t text)""")
    servers = [pgcdc(**settings) for settings in DECODERS.values()]
    sockets = [server.query(r"insert:printed:t.eq.a\b'c", "insert:marker") for server in servers]
    database.run(r"INSERT INTO public.printed VALUES (1, '2026-02-01', '2026-01-02 03:04:05+00',"
                 r" '\xff00', '1 day 02:00:00', 0.1::float8 + 0.2, 'a\b''c')")
    for messages in database.mark(*sockets):
        assert messages[0]["columnvalues"] == [
            1, "2026-02-01", "2026-01-02 03:04:05+00", "ff00", "1 day 02:00:00",
            0.30000000000000004, "a\\b'c"]
