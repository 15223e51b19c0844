#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares filters with SELECT for all of tests/integration/filter_cases.py, without the server.

    tests/unit/match/compare_with_select.py build/tests/unit/filter_probe 'host=/tmp port=5432 ...'

Makes its tables in a schema of its own and drops it.
"""
import pathlib
import subprocess
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration"))
import filter_cases  # noqa: E402

SETTINGS = ("SET search_path = filter_cases, public; SET DateStyle = ISO; SET TimeZone = UTC;"
            "SET IntervalStyle = postgres; SET bytea_output = hex; SET client_min_messages = error;"
            "SET extra_float_digits = 1;\n")
TRY = r"""
CREATE FUNCTION try(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN EXECUTE query INTO result; RETURN '=' || coalesce(result, '');
EXCEPTION WHEN OTHERS THEN RETURN '!' || SQLERRM; END $$;
"""
SHAPE = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), format_type(b.oid, -1), b.oid,
       CASE WHEN b.typsubscript = 'array_subscript_handler'::regproc THEN b.typelem ELSE 0 END,
       b.typtype, coalesce(l.collcollate IN ('C', 'POSIX'), false)::int,
       coalesce(l.collisdeterministic, true)::int
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE a.attrelid = '{}'::regclass AND a.attnum > 0 ORDER BY a.attnum;
"""


def psql(conninfo, script):
    """What all SELECTs of a script print, each field with a NUL behind it."""
    done = subprocess.run(
        ["psql", "-X", "-q", "-At", "-z", "-0", "-P", "null=\\N", "-v", "ON_ERROR_STOP=1",
         "-d", conninfo, "-f", "-"],
        input=(SETTINGS + script).encode(), stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


def rows_of(conninfo, script, width):
    fields = psql(conninfo, script).split("\0")[:-1]
    return [fields[i:i + width] for i in range(0, len(fields), width)]


def literal(text):
    return "NULL" if text is None else filter_cases.literal(text)


def identifier(name):
    return '"' + name.replace('"', '""') + '"'


class Probe:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *fields):
        line = "\t".join("\\N" if f is None else urllib.parse.quote(f, safe="") for f in fields)
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode()
        if not answer:
            raise SystemExit(f"the probe died at {fields}")
        return [urllib.parse.unquote(f) for f in answer[:-1].split("\t")]


def make_tables(conninfo):
    script = "DROP SCHEMA IF EXISTS filter_cases CASCADE; CREATE SCHEMA filter_cases;" + TRY
    script += filter_cases.TYPES
    for name, (columns, rows) in filter_cases.TABLES.items():
        specs = ", ".join(f"{identifier(c)} {t}" for c, t in columns)
        script += f"CREATE TABLE {name} (id integer PRIMARY KEY, {specs});\n"
        for i, row in enumerate(rows):
            script += f"INSERT INTO {name} VALUES ({i + 1}, {', '.join(map(literal, row))});\n"
    psql(conninfo, script)


def tries(conninfo, queries):
    script = "".join(f"SELECT try({filter_cases.literal(q)});\n" for q in queries)
    return [row[0] for row in rows_of(conninfo, script, 1)]


def cast_query(text, cast_type):
    return f"SELECT ({filter_cases.literal(text)}::{cast_type})::text"


def main():
    probe, conninfo = Probe(sys.argv[1]), sys.argv[2]
    make_tables(conninfo)
    cases = filter_cases.CASES + [(t, f, None) for t, f in filter_cases.REFUSED]
    shapes, rows = {}, {}
    ctype_c = psql(conninfo, "SELECT (datctype IN ('C', 'POSIX'))::int FROM pg_database "
                   "WHERE datname = current_database();").split("\0")[0]
    for name, (columns, _) in filter_cases.TABLES.items():
        shapes[name] = [ctype_c] + sum(rows_of(conninfo, SHAPE.format(name), 8), [])
        rows[name] = [[None if f == "\\N" else f for f in row] for row in
                      rows_of(conninfo, f"SELECT * FROM {name} ORDER BY id;", len(columns) + 1)]
    wanted = tries(conninfo, [
        f"SELECT string_agg(id::text, ',' ORDER BY id) FROM {t} WHERE {w}" if w else "SELECT 1/0"
        for t, _, w in cases])
    current, first, casts = None, [], []
    for table, text, _ in cases:
        if table != current:
            probe.ask("shape", *shapes[table])
            current = table
        first.append(probe.ask("query", f"*:t:{text}"))
        pairs = first[-1][1:]
        if first[-1][0] == "casts":
            casts += [(pairs[i], pairs[i + 1]) for i in range(0, len(pairs) - 1, 2)]
    casts = sorted(set(casts))
    canonical = dict(zip(casts, tries(conninfo, [cast_query(*c) for c in casts])))
    different, refused, current = 0, 0, None
    for (table, text, where), answer, want in zip(cases, first, wanted):
        if table != current:
            probe.ask("shape", *shapes[table])
            current = table
        got = None
        if answer[0] == "casts":
            answer = probe.ask("query", f"*:t:{text}")
            pairs = answer[1:]
            values = [canonical[(pairs[i], pairs[i + 1])] for i in range(0, len(pairs) - 1, 2)]
            bad = [v for v in values if v[0] == "!"]
            answer = ["error", bad[0]] if bad else probe.ask("cast", *[v[1:] for v in values])
        if answer[0] == "ok":
            got = ",".join(row[0] for row in rows[table] if probe.ask("row", *row)[0] == "1")
        refused += got is None
        if (want[0] == "!") != (got is None) or (got is not None and want[1:] != got):
            different += 1
            print(f"{table} {text!r} WHERE {where}\n   SELECT {want!r}\n   filter "
                  f"{got if got is not None else answer!r}")
    psql(conninfo, "DROP SCHEMA filter_cases CASCADE;")
    print(f"{len(cases)} cases, {refused} refused, {different} different")
    return different > 0


sys.exit(main())
