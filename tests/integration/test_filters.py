# SPDX-License-Identifier: Apache-2.0
"""Each operator passes just the rows that SELECT ... WHERE gives, through the whole server.

All cases are subscribed at once; the rows are inserted, updated and deleted once; then each
case's messages are compared with what PostgreSQL says for the same rows.  The table has REPLICA
IDENTITY FULL, so deletes are decided by the whole old row.
"""
import filter_cases
from support.websocket import Refused

TABLE = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE TABLE f (
    id integer PRIMARY KEY, small smallint, big bigint, num numeric(20,4), any_num numeric,
    real4 real, real8 float8, flag boolean, word text, code varchar(10), fixed char(5),
    c_word text COLLATE "C", day date, at timestamptz, local timestamp, hour time, span interval,
    u uuid, feeling mood, dom positive, tags text[], numbers integer[], data jsonb, doc json,
    bin bytea, ip inet);
ALTER TABLE f REPLICA IDENTITY FULL;
"""
WORDS = ["apple", "Apple", "banana", "", " ", "a.b", "a,b", "a:b", 'say "hi"', "100%", "a_b", "a*b",
         "back\\slash", "äpfel", "Äpfel", "日本", "null", "true", "(x)", "it's", "straße", "z"]
WORD_ARRAY = "ARRAY[" + ",".join("'" + word.replace("'", "''") + "'" for word in WORDS) + "]"
ROWS = f"""
INSERT INTO f SELECT n, n, n * 1000000000000, n * 1.25, ('1e' || n)::numeric - 5, n / 4.0, n / 3.0,
    CASE n % 3 WHEN 0 THEN true WHEN 1 THEN false END,
    ({WORD_ARRAY})[n], left('code' || n, 10), 'f' || n % 4, ({WORD_ARRAY})[n],
    date '2026-01-01' + n, timestamptz '2026-01-01 00:00:00+00' + n * interval '7 hours',
    timestamp '2026-01-01' + n * interval '11 minutes', time '00:00' + n * interval '31 minutes',
    n * interval '13 hours', ('a0eebc99-9c0b-4ef8-bb6d-' || lpad(n::text, 12, '0'))::uuid,
    (enum_range(null::mood))[1 + n % 3], n, ARRAY['t' || n, 'all', NULL], ARRAY[n, n + 1, n * n],
    jsonb_build_object('n', n, 's', 'v' || n % 5, 'deep', jsonb_build_object('list',
        jsonb_build_array(n, 'x', null)), 'flag', n % 2 = 0, 'none', null),
    json_build_object('n', n), decode(lpad(to_hex(n), 4, '0'), 'hex'), ('10.0.0.' || n)::inet
  FROM generate_series(1, {len(WORDS)}) n;
INSERT INTO f (id) VALUES (100);
INSERT INTO f (id, any_num, real4, real8, num, big) VALUES
    (101, 'NaN', 'NaN', 'NaN', 0, 0), (102, 'Infinity', 'Infinity', 'Infinity', -0.0001, -1),
    (103, '-Infinity', '-Infinity', '-Infinity', 9999999999999999.9999, 9223372036854775807),
    (104, 123456789012345678901234567890.5, 1e-45, 5e-324, 1, -9223372036854775808),
    (105, 1.0, -0.0, -0.0, 1.0, 1);
"""



def quoted(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


SQL_OPERATORS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
VALUES = {
    "id": ["5", "007", "-1"], "small": ["5"], "big": ["5000000000000", "9223372036854775807"],
    "num": ["6.25", "6.2500", "1e1", "0"], "any_num": ["95", "95.000", "1e5", "123456789012345678901234567890.5"],
    "real4": ["1.25", "1"], "real8": ["0.3333333333333333", "1"], "word": ["banana", "a", "äpfel"],
    "code": ["code5"], "fixed": ["f1"], "c_word": ["banana", "a", "Z"], "day": ["2026-01-10", "10 January 2026"],
    "at": ["2026-01-03 00:00:00+00", "2026-01-03T02:00:00+02:00"], "local": ["2026-01-01 02:00"],
    "hour": ["05:10"], "u": ["A0EEBC99-9C0B-4EF8-BB6D-000000000005"], "feeling": ["ok"], "dom": ["7"],
    "span": ["65:00:00", "2 days"],
}
# Ordered text needs the server's collation, an enum its labels' order: only columns of collation C
# are compared by < and >.
EQUAL_ONLY = {"word", "code", "fixed", "feeling"}

CASES = [(f"{column}.{operator}.{value}", f"{column} {sql} '{value}'")
         for column, values in VALUES.items() for value in values
         for operator, sql in SQL_OPERATORS.items()
         if column not in EQUAL_ONLY or operator in ("eq", "neq")]
CASES += [(f"word.eq.{value}" if not set(value) & set('",()\\ ') and value else f"word.eq.{quoted(value)}",
           "word = '" + value.replace("'", "''") + "'") for value in WORDS]
CASES += [
    # The original's forms.
    ("id.in.1,2,3", "id IN (1, 2, 3)"), ("word.eq.a:b", "word = 'a:b'"), ("word.eq.a.b", "word = 'a.b'"),
    ("word.in.apple,banana", "word IN ('apple', 'banana')"),
    # Lists.
    ("id.in.(1,2,3)", "id IN (1, 2, 3)"), ('word.in.("a,b","(x)",apple)', "word IN ('a,b', '(x)', 'apple')"),
    ("num.in.(1.25,2.5000,7)", "num IN (1.25, 2.5, 7)"), ("not.id.in.(1,2)", "id NOT IN (1, 2)"),
    ("u.in.(a0eebc99-9c0b-4ef8-bb6d-000000000001,a0eebc999c0b4ef8bb6d000000000002)",
     "u IN ('a0eebc99-9c0b-4ef8-bb6d-000000000001', 'a0eebc99-9c0b-4ef8-bb6d-000000000002')"),
    # Booleans and NULL.
    ("flag.eq.true", "flag = true"), ("flag.eq.f", "flag = false"), ("flag.neq.yes", "flag <> true"),
    ("flag.is.true", "flag IS TRUE"), ("flag.is.false", "flag IS FALSE"), ("flag.is.null", "flag IS NULL"),
    ("flag.is.unknown", "flag IS UNKNOWN"), ("not.flag.is.true", "flag IS NOT TRUE"),
    ("word.is.null", "word IS NULL"), ("not.word.is.null", "word IS NOT NULL"),
    ("not.word.eq.apple", "NOT word = 'apple'"), ("not.id.gt.5", "NOT id > 5"),
    ("word.isdistinct.apple", "word IS DISTINCT FROM 'apple'"), ("id.isdistinct.5", "id IS DISTINCT FROM 5"),
    ("not.word.isdistinct.apple", "word IS NOT DISTINCT FROM 'apple'"),
    ("any_num.eq.NaN", "any_num = 'NaN'"), ("real8.gt.1e300", "real8 > 1e300"),
    # Patterns.
    ("word.like.a%", "word LIKE 'a%'"), ("word.like.a*", "word LIKE 'a%'"), ("word.like.a_b", "word LIKE 'a_b'"),
    ("word.like.*an*", "word LIKE '%an%'"), ("word.like.%", "word LIKE '%'"), ("word.like.apple", "word LIKE 'apple'"),
    ("word.like._____", "word LIKE '_____'"), ("word.like.__", "word LIKE '__'"), ("word.ilike.APPLE", "word ILIKE 'APPLE'"),
    ("word.ilike.a%", "word ILIKE 'a%'"), ("word.ilike.ÄP*", "word ILIKE 'ÄP%'"),
    ("not.word.like.a%", "word NOT LIKE 'a%'"), ("code.like.%1_", "code LIKE '%1_'"),
    ("word.match.^a", "word ~ '^a'"), ("word.match.[bn]an", "word ~ '[bn]an'"), ("word.imatch.^APP", "word ~* '^APP'"),
    ("word.match.^.{2}$", "word ~ '^.{2}$'"), ('word.match."a|z"', "word ~ 'a|z'"), ("not.word.match.a", "word !~ 'a'"),
    # Arrays and JSON documents.
    ("tags.cs.{all}", "tags @> '{all}'"), ("tags.cs.{t1,all}", "tags @> '{t1,all}'"), ("tags.cs.{}", "tags @> '{}'"),
    ("numbers.cs.{4}", "numbers @> '{4}'"), ("numbers.cd.{1,2,3,4,9}", "numbers <@ '{1,2,3,4,9}'"),
    ("tags.cd.{t1,all}", "tags <@ '{t1,all}'"), ("numbers.eq.{2,3,4}", "numbers = '{2,3,4}'"),
    ('data.cs.{"s":"v1"}', """data @> '{"s":"v1"}'"""), ('data.cs.{"deep":{"list":["x"]}}', """data @> '{"deep":{"list":["x"]}}'"""),
    ("data.cs.{}", "data @> '{}'"), ('data.cs.{"n":5.0}', """data @> '{"n":5.0}'"""),
    # JSON paths.
    ("data->>s.eq.v1", "data->>'s' = 'v1'"), ("data->deep->list->>0.eq.7", "data->'deep'->'list'->>0 = '7'"),
    ("data->deep->list->>1.eq.x", "data->'deep'->'list'->>1 = 'x'"), ("data->>none.is.null", "data->>'none' IS NULL"),
    ("data->>missing.is.null", "data->>'missing' IS NULL"), ("data->>s.in.(v1,v2)", "data->>'s' IN ('v1', 'v2')"),
    ("data->>s.like.v*", "data->>'s' LIKE 'v%'"), ("data->n.eq.5", "data->'n' = '5'"), ("doc->>n.eq.5", "doc->>'n' = '5'"),
    ("data->flag.eq.true", "data->'flag' = 'true'"), ("data->deep->list->>-1.is.null", "data->'deep'->'list'->>-1 IS NULL"),
    # Logic.
    ("and(id.gt.3,id.lt.8)", "id > 3 AND id < 8"), ("or(id.eq.1,word.eq.banana)", "id = 1 OR word = 'banana'"),
    ("not.and(id.gt.3,id.lt.8)", "NOT (id > 3 AND id < 8)"), ("not.or(id.gt.3,flag.is.null)", "NOT (id > 3 OR flag IS NULL)"),
    ("and(or(id.eq.1,id.eq.2),not.word.eq.apple)", "(id = 1 OR id = 2) AND NOT word = 'apple'"),
    ("or(flag.eq.true,word.like.a*)", "flag = true OR word LIKE 'a%'"), ("not.or(flag.eq.true,id.gt.10)", "NOT (flag = true OR id > 10)"),
    ("and(id.in.(1,2,3),or(id.eq.2,id.eq.3,and(id.eq.1,word.eq.apple)))", "id IN (1,2,3) AND (id IN (2,3) OR id = 1 AND word = 'apple')"),
    ("or(and(and(and(and(and(id.eq.4,id.eq.4),id.eq.4),id.eq.4),id.eq.4),id.eq.4),id.eq.5)", "id IN (4, 5)"),
]
CASES = list(dict.fromkeys(CASES))


def select_ids(database):
    """{condition: the ids that SELECT finds}."""
    return {condition: [row[0] for row in database.run(f"SELECT id FROM f WHERE {where} ORDER BY id")]
            for condition, where in CASES}


def test_every_operator_agrees_with_select(database, pgcdc):
    database.run(TABLE)
    server = pgcdc()
    sockets = []
    for condition, _ in CASES:
        try:
            sockets.append(server.query(f"*:f:{condition}", "insert:marker"))
        except Exception as refused:
            raise AssertionError(f"{condition}: {refused}") from None
    database.run(ROWS)
    inserted = database.run("SELECT count(*) FROM f")[0][0]
    before = select_ids(database)
    database.run("UPDATE f SET small = -small")
    after = select_ids(database)
    database.run("DELETE FROM f")
    wrong = []
    for (condition, where), messages in zip(CASES, database.mark(*sockets)):
        got = {kind: sorted((message["columnvalues"] if kind != "delete"
                             else message["oldkeys"]["keyvalues"])[0]
                            for message in messages if message["kind"] == kind)
               for kind in ("insert", "update", "delete")}
        for kind, ids in (("insert", before), ("update", after), ("delete", after)):
            rows = ids[condition]
            if got[kind] != rows:
                wrong.append(f"{condition} ({kind}): {got[kind]}, SELECT WHERE {where}: {rows}")
    assert inserted == len(WORDS) + 6
    assert not wrong, "\n".join(wrong)


def select_passing(database, table, where):
    """The ids that SELECT finds, or None where it fails."""
    import psycopg2
    try:
        return [row[0] for row in database.run(f"SELECT id FROM {table} WHERE {where} ORDER BY id")]
    except psycopg2.Error:
        return None


def subscribe(server, table, condition):
    """A socket, or None where the filter is refused."""
    try:
        return server.query(f"insert:{table}:{condition}", "insert:marker")
    except Refused as refused:
        assert refused.status == 400 and refused.body.strip(), condition
        return None


def compare(database, server, table, rows, cases):
    """What is wrong of some cases of one table."""
    sockets = {case: subscribe(server, table, case[0]) for case in cases}
    live = {case: socket for case, socket in sockets.items() if socket}
    values = ["(" + ", ".join([str(number), *("NULL" if text is None else filter_cases.literal(text)
                                              for text in row)]) + ")"
              for number, row in enumerate(rows, 1)]
    database.run(f"TRUNCATE {table}; INSERT INTO {table} VALUES {', '.join(values)}")
    heard = database.mark(*live.values())
    got = {case: sorted(message["columnvalues"][0] for message in messages)
           for case, messages in zip(live, heard if len(live) > 1 else [heard])}
    for socket in live.values():
        socket.drop()
    wanted = {case: select_passing(database, table, case[1]) for case in cases}
    return [f"{table} {case[0]}: {got.get(case)}, SELECT WHERE {case[1]}: {wanted[case]}"
            for case in cases if got.get(case) != wanted[case]]


def test_thousands_of_cases_agree_with_select(database, pgcdc):
    """filter_cases.py: every type, table by table; where SELECT fails the query is refused.  The
    sockets of a table answer no ping before all of them are there."""
    database.run(filter_cases.TYPES)
    wheres = {}
    for table, condition, where in filter_cases.CASES:
        wheres.setdefault(table, []).append((condition, where))
    for table, (columns, _) in filter_cases.TABLES.items():
        names = ", ".join(f'"{name}" {type_name}' for name, type_name in columns)
        database.run(f"CREATE TABLE {table} (id integer PRIMARY KEY, {names})")
    server = pgcdc(ping_interval="50")
    wrong = [f"{table} {condition}: taken" for table, condition in filter_cases.REFUSED
             if subscribe(server, table, condition)]
    for table, (_, rows) in filter_cases.TABLES.items():
        cases = [*dict.fromkeys(wheres.get(table, []))]
        for start in range(0, len(cases), 50):  # few enough to be read before a ping is overdue
            wrong += compare(database, server, table, rows, cases[start:start + 50])
    assert not wrong, f"{len(wrong)} wrong\n" + "\n".join(wrong[:50])


def test_deletes_match_by_their_old_key(database, pgcdc):
    """Without the whole old row a filter on another column cannot be decided, and does not match."""
    database.run("CREATE TABLE k (a int, b text, v int, PRIMARY KEY (a, b))")
    server = pgcdc()
    by_key = server.query("delete:k:and(a.gt.1,b.eq.x)", "insert:marker")
    by_value = server.query("delete:k:v.eq.1", "insert:marker")
    by_either = server.query("delete:k:or(v.eq.1,a.eq.3)", "insert:marker")
    absent = server.query("delete:k:v.is.null", "insert:marker")
    database.run("INSERT INTO k VALUES (1, 'x', 1), (2, 'x', 1), (3, 'y', 1); DELETE FROM k")
    keys = [[message["oldkeys"]["keyvalues"] for message in messages]
            for messages in database.mark(by_key, by_value, by_either, absent)]
    assert keys == [[[2, "x"]], [], [[3, "y"]], []]


def test_updates_match_by_their_new_row(database, pgcdc):
    database.run("CREATE TABLE k (id int PRIMARY KEY, v text)")
    socket = pgcdc().query("update:k:v.eq.on", "insert:marker")
    database.run("INSERT INTO k VALUES (1, 'off')")
    database.run("UPDATE k SET v = 'on'; UPDATE k SET id = 2; UPDATE k SET v = 'off'")
    assert [message["columnvalues"] for message in database.mark(socket)] == [[1, "on"], [2, "on"]]


def test_an_unchanged_toast_value_cannot_be_decided(database, pgcdc):
    database.run("CREATE TABLE k (id int PRIMARY KEY, n int, v text);"
                 "ALTER TABLE k ALTER v SET STORAGE EXTERNAL")
    socket = pgcdc().query("update:k:v.like.x%25".replace("%25", "%"), "insert:marker")
    database.run("INSERT INTO k VALUES (1, 1, repeat('x', 5000)), (2, 1, 'x')")
    database.run("UPDATE k SET n = 2")
    assert [message["columnvalues"][0] for message in database.mark(socket)] == [2]


def test_limits_are_reached_exactly(database, pgcdc):
    """64 nodes, depth 8 and 1,000 values are allowed; one more is 400 (see test_http)."""
    database.run("CREATE TABLE k (id int PRIMARY KEY)")
    server = pgcdc()
    queries = ["or(" + ",".join(["id.eq.1"] * 63) + ")", "id.in.(" + ",".join(["1"] * 1000) + ")",
               "and(" * 7 + "id.eq.1" + ")" * 7]
    sockets = [server.query(f"*:k:{query}", "insert:marker") for query in queries]
    database.run("INSERT INTO k VALUES (1), (2)")
    assert [[message["columnvalues"] for message in messages] for messages in database.mark(*sockets)] \
        == [[[1]]] * 3


def test_many_filters_on_one_server(database, pgcdc):
    """5,000 distinct equalities on 50 sockets: each row goes to the one that asked."""
    database.run("CREATE TABLE k (id int PRIMARY KEY, v text)")
    server = pgcdc()
    sockets = [server.query(*[f"insert:k:id.in.({','.join(map(str, range(n * 100 + d * 50, n * 100 + d * 50 + 50)))})"
                              for d in (0, 1)], "insert:marker") for n in range(50)]
    database.run("INSERT INTO k SELECT n, 'x' FROM generate_series(0, 4999) n")
    for number, messages in enumerate(database.mark(*sockets)):
        assert [message["columnvalues"][0] for message in messages] == [*range(number * 100, number * 100 + 100)]
