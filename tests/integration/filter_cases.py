# SPDX-License-Identifier: Apache-2.0
"""What filters must say, as plain data: tables with rows, and pairs of a filter and a WHERE.

For each case (table, filter, where) exactly the rows must pass for which

    SELECT id FROM table WHERE where

has a row; where SELECT fails, the subscription must be refused, too.  REFUSED holds filters that
are refused though SELECT would take them, because we are not sure to compare as it does.
"""

from support.postgres import server_major

# The longest interval that this version reads as text.
LONGEST = "2562047788:00:54.775807" if server_major() >= 15 else "2147483647:59:59"

TYPES = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS numeric(10,2) CHECK (VALUE > 0);
CREATE DOMAIN label AS text;
"""

# table name: (columns, rows); a column is (name, type), a row its values as text, None for NULL.
# Each table has a further first column `id integer PRIMARY KEY`, 1, 2, 3, ...
TABLES = {}
# (table, filter, where)
CASES = []
# (table, filter)
REFUSED = []

SQL_OPS = {"eq": "=", "neq": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=",
           "isdistinct": "IS DISTINCT FROM"}
ORDERED = ("eq", "neq", "gt", "gte", "lt", "lte", "isdistinct")
EQUALITY = ("eq", "neq", "isdistinct")


def literal(text):
    """As an SQL literal."""
    if "\\" in text:
        return " E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    return "'" + text.replace("'", "''") + "'"


def quoted(text):
    """As a quoted value of a filter."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def value(text):
    """As a value of a filter outside brackets: quoted only where it must be."""
    return quoted(text) if text.startswith('"') else text


def scalar(table, type_name, values, operands, ops):
    """One column `v`; every operator with every operand, `in`, `is`, negation."""
    TABLES[table] = ([("v", type_name)], [[text] for text in values] + [[None]])
    for operand in operands:
        for op in ops:
            CASES.append((table, f"v.{op}.{value(operand)}",
                          f"v {SQL_OPS[op]} {literal(operand)}"))
        CASES.append((table, f"not.v.eq.{value(operand)}", f"NOT (v = {literal(operand)})"))
        CASES.append((table, f"v.not.in.({quoted(operand)})", f"v NOT IN ({literal(operand)})"))
    in_list = ",".join(quoted(operand) for operand in operands)
    sql_list = ",".join(literal(operand) for operand in operands)
    CASES.append((table, f"v.in.({in_list})", f"v IN ({sql_list})"))
    CASES.append((table, f"v.in.{in_list}", f"v IN ({sql_list})"))
    CASES.append((table, f"not.and(v.in.({in_list}))", f"NOT (v IN ({sql_list}))"))
    CASES.append((table, "v.is.null", "v IS NULL"))
    CASES.append((table, "not.v.is.null", "v IS NOT NULL"))
    CASES.append((table, "v.not.is.null", "v IS NOT NULL"))


def each(table, column, op, sql_op, operands):
    for operand in operands:
        CASES.append((table, f"{column}.{op}.{value(operand)}",
                      f"{column} {sql_op} {literal(operand)}"))


scalar("f_smallint", "smallint", ["0", "1", "-1", "32767", "-32768", "42"],
       ["0", "1", "-32768", "007", " 42 ", "40000", "1.5", "x", ""], ORDERED)
scalar("f_integer", "integer", ["0", "1", "-1", "2147483647", "-2147483648", "100"],
       ["0", "-0", "+1", "100", "2147483647", "2147483648", "1e2", "NaN"], ORDERED)
scalar("f_bigint", "bigint",
       ["0", "9223372036854775807", "-9223372036854775808", "9007199254740993", "5"],
       ["9007199254740992", "9007199254740993", "9223372036854775807", "-9223372036854775808",
        "9223372036854775808", "5"], ORDERED)
scalar("f_oid", "oid", ["0", "1", "4294967295"], ["1", "4294967295", "-1", "4294967296"], ORDERED)
scalar("f_numeric", "numeric",
       ["0", "-0", "0.00", "1", "1.0", "1.50", "-1.5", "100", "1e2", "99.999", "NaN", "Infinity",
        "-Infinity", "123456789012345678901234567890.123456789", "0.1", "0.10", "0.09", "10",
        "-10.01", "-10.1", "1e-20", "1e40"],
       ["0", "-0.0", "1", "1.000", "1.5", "1.49999999999999999999", "100", "1e2", "0.1", ".1",
        "NaN", "Infinity", "-inf", "-10.1", "-10.01",
        "123456789012345678901234567890.1234567890", "1e400", "1e-20", "x", "1,5"], ORDERED)
scalar("f_numeric_scale", "numeric(10,2)", ["1.5", "1.50", "2", "0.004"],
       ["1.5", "1.500", "1.504", "2.00", "0"], ORDERED)
scalar("f_positive", "positive", ["1.5", "20"], ["1.50", "20.000", "-1", "3"], ORDERED)
scalar("f_real", "real",
       ["0", "-0", "1", "0.1", "3.4e38", "1e-40", "NaN", "Infinity", "-Infinity", "16777217"],
       ["0", "-0", "0.1", "0.10000000149", "1", "NaN", "Infinity", "-Infinity", "16777216",
        "1e-46", "1e39", "1e400"], ORDERED)
scalar("f_double", "double precision",
       ["0", "-0", "1", "0.1", "1e308", "NaN", "Infinity", "-Infinity", "5e-324",
        "0.30000000000000004"],
       ["0", "-0.0", "0.1", "0.3", "0.30000000000000004", "NaN", "nan", "inf", "-infinity",
        "1e308", "1e400", "5e-324", "0x10"], ORDERED)
scalar("f_boolean", "boolean", ["t", "f"], ["t", "true", "f", "no", "1", "maybe"], ORDERED)
for word in ("true", "false", "unknown", "TRUE"):
    CASES.append(("f_boolean", f"v.is.{word}", f"v IS {word}"))
    CASES.append(("f_boolean", f"not.v.is.{word}", f"v IS NOT {word}"))
CASES.append(("f_integer", "v.is.true", "v IS TRUE"))

WORDS = ["", " ", "a", "A", "abc", "ABC", "a b", "a%b", "a_b", "a*b", "a\\b", "100%", "ä", "Ä",
         "äöü", "ÄÖÜ", "straße", "STRASSE", "日本語", "İ", "ı", "K", "k", "x\ny", "a\tb", "a:b", "a,b",
         "(a)", '"q"', "{a}", "null", "NULL", "aXb", "aXXb", "😀", "ǅ", "ſ", "foo bar",
         "foobar", "foo-bar", "foo_bar", "a.b", "a  ", "12", "1 2", "é", "e\u0301", "Ωmega", "ς"]
scalar("f_text", "text", WORDS,
       ["", "a", "A", "a b", "ä", "a:b", "a,b", '"q"', "null", "日本語", "a  ", "a\\b", "x\ny",
        "(a)", "{a}"], EQUALITY)
scalar("f_text_c", 'text COLLATE "C"', WORDS,
       ["", "a", "B", "ä", "z", "日", "a  "], ORDERED)
scalar("f_varchar", "character varying(10)", ["", "a", "abc", "a ", "äöü"],
       ["a", "a ", "abc", "abcdefghijklmnop", "äöü"], EQUALITY)
scalar("f_bpchar", "character(5)", ["", "a", "ab", " a", "abcde", "äö"],
       ["", "a", "a   ", "a         ", " a", "abcde", "abcdef", "äö"], EQUALITY)
scalar("f_bpchar_c", 'character(5) COLLATE "C"', ["", "a", "ab", " a", "abcde", "äö"],
       ["", "a", "a   ", " a", "abcdef", "ab\t"], ORDERED)
scalar("f_name", "name", ["a", "abc", "A"], ["a", "abc", "b", "a" * 70], EQUALITY)
scalar("f_char", '"char"', ["a", "b", ""], ["a", "b", "ab", ""], EQUALITY)
scalar("f_label", "label", ["a", "b", "ä"], ["a", "ä", ""], EQUALITY)
scalar("f_mood", "mood", ["sad", "ok", "happy"], ["sad", "ok", "glad", "", "SAD"], EQUALITY)
scalar("f_uuid", "uuid",
       ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12"],
       ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12}", "a0eebc99", "b0000000000000000000000000000000"],
       ORDERED)
scalar("f_bytea", "bytea", ["", "\\x00", "\\xdeadbeef", "\\xDEAD", "\\xff", "abc"],
       ["", "\\x00", "\\xDEADBEEF", "\\xdead", "abc", "\\x616263", "\\xzz"], ORDERED)
scalar("f_date", "date",
       ["2026-01-02", "1999-12-31", "0001-01-01", "0044-03-15 BC", "4713-01-01 BC", "infinity",
        "-infinity", "12345-06-07", "2024-02-29", "5874897-12-31", "0001-01-01 BC", "0005-02-29 BC"],
       ["2026-01-02", "Jan 2 2026", "20260102", "2026-01-02 10:00:00", "0044-03-15 BC", "infinity",
        "-infinity", "12345-06-07", "2024-02-30", "2024-03-01", "0001-12-31 BC", "5874898-01-01"],
       ORDERED)
scalar("f_time", "time", ["00:00", "12:34:56.789", "24:00:00", "23:59:59.999999", "04:05"],
       ["00:00:00", "4:05 AM", "12:34:56.789000", "24:00", "12:34:56.79", "25:00"], ORDERED)
scalar("f_timestamp", "timestamp",
       ["2026-01-02 03:04:05", "2026-01-02 03:04:05.6", "2026-01-02 03:04:05.678901",
        "1969-12-31 23:59:59.999999", "0044-03-15 12:00:00 BC", "infinity", "-infinity",
        "294276-12-31 23:59:59", "4713-01-01 00:00:00 BC", "2000-01-01 00:00:00"],
       ["2026-01-02 03:04:05", "2026-01-02T03:04:05.600", "2026-01-02", "1970-01-01",
        "0044-03-15 12:00:00 BC", "infinity", "-infinity", "294276-12-31 23:59:59.999999",
        "2026-01-02 03:04:05+05", "4713-01-01 BC", "epoch"], ORDERED)
scalar("f_timestamptz", "timestamptz",
       ["2026-01-02 03:04:05+00", "2026-01-02 03:04:05+05:30", "2026-01-01 22:04:05-05",
        "infinity", "-infinity", "0044-03-15 12:00:00+00 BC", "12345-01-01 00:00:00+00",
        "2026-01-02 03:04:05.000001+00"],
       ["2026-01-02 03:04:05+00", "2026-01-02 03:04:05", "2026-01-01 22:04:05-05",
        "2026-01-02T03:04:05Z", "infinity", "-infinity", "2026-01-01 21:34:05 UTC",
        "12345-01-01 00:00:00+00", "2026-13-01"], ORDERED)
scalar("f_interval", "interval",
       ["1 month", "30 days", "720 hours", "1 year", "12 mons", "360 days", "-1 day", "0",
        "1 day -00:00:01", "-1 years -2 mons +3 days -04:05:06.789", "00:00:00.000001",
        "1 mon -30 days", "178000000 years", "-178000000 years", "24:00:00", LONGEST],
       ["1 month", "30 days", "P1M", "720:00:00", "1 year", "-24 hours", "0", "86399 seconds",
        "1 mon -1 day", "@ 1 day", "-178000000 years", LONGEST, "bogus"], ORDERED)
scalar("f_inet", "inet", ["10.0.0.1", "10.0.0.0/8", "::1", "10.0.0.1/32", "2001:db8::/32"],
       ["10.0.0.1", "10.0.0.1/32", "10.0.0.0/8", "0:0::1", "10.0.0.1/24", "x"], EQUALITY)
scalar("f_cidr", "cidr", ["10.0.0.0/8", "10.1.0.0/16"], ["10/8", "10.0.0.0/8", "10.1.0.0/16"],
       EQUALITY)
scalar("f_macaddr", "macaddr", ["08:00:2b:01:02:03"], ["08-00-2B-01-02-03", "08:00:2b:01:02:04"],
       EQUALITY)
scalar("f_bit", "bit(3)", ["101", "000"], ["101", "1", "1010", "000"], EQUALITY)
scalar("f_varbit", "bit varying", ["101", "0", "00", ""], ["101", "0", "", "x"], EQUALITY)
scalar("f_lsn", "pg_lsn", ["0/0", "16/B374D848"], ["16/B374D848", "16/b374d848", "0/0"], EQUALITY)
scalar("f_int4range", "int4range", ["[1,5)", "[1,4]", "empty", "(,)", "[1,)"],
       ["[1,4]", "(0,5)", "empty", "[3,3)", "(,)"], EQUALITY)
scalar("f_tstzrange", "tstzrange", ["[2026-01-01,2026-02-01)", "empty", "(,2026-01-01]"],
       ["[2026-01-01 00:00+00,2026-02-01)", "empty"], EQUALITY)

# Patterns.
for name in ("f_text", "f_text_c", "f_varchar", "f_bpchar", "f_label", "f_name"):
    for pattern in ("", "%", "_", "__", "a%", "%b", "a_b", "a%b", "A%", "%ä%", "_ö_", "a\\%b",
                    "a\\_b", "a\\\\b", "%\\", "100\\%", "日_語", "%\n%", "%a%b%", "str%e", "ab   ",
                    "ab", "%%%", "_%_", "ÄÖ%", "i", "İ", "k", "%😀%", "ς", "ǆ", "s"):
        CASES.append((name, f"v.like.{value(pattern)}", f"v LIKE {literal(pattern)}"))
        CASES.append((name, f"v.ilike.{value(pattern)}", f"v ILIKE {literal(pattern)}"))
CASES += [
    ("f_text", "v.like.a*", "v LIKE 'a%'"),
    ("f_text", "v.like.*b*", "v LIKE '%b%'"),
    ("f_text", "v.like.a\\*b", "v = 'a*b'"),
    ("f_text", "v.ilike.*BAR", "v ILIKE '%bar'"),
    ("f_text", "v.not.like.a*", "v NOT LIKE 'a%'"),
    ("f_text", "not.v.ilike.a*", "v NOT ILIKE 'a%'"),
]
PATTERNS = [
    "", "a", "^a", "b$", "^a.b$", "^$", ".", "^.$", "^..$", "a|b", "^(a|b)", "^(?:a|ä)", "a*", "^a*$",
    "a+", "^a?b?c?$", "X{2}", "^aX{1,2}b$", "X{1,}", "^aX{0}b", "[abc]", "[^abc]", "^[a-c]+$",
    "^[^a-c]*$", "[]a]", "^[a-]+$", "^[-a]+$", "[[:alpha:]]", "^[[:alpha:]]+$", "^[[:digit:]]+$",
    "[[:space:]]", "^[[:upper:]]+$", "^[[:lower:]]+$", "[[:punct:]]", "^[[:alnum:]_]+$", "\\d", "\\D",
    "^\\w+$", "\\W", "\\s", "^\\S+$", "\\mfoo", "foo\\M", "\\mfoo\\M", "\\yfoo\\y", "foo\\Y",
    "\\Ybar", "\\mbar", "[[:<:]]foo[[:>:]]", "\\Aa", "b\\Z", "b\\z", "y$", "^y", "x.y", "x\\ny",
    "a\\tb", "\\x41", "\\u00e4", "\\U0001F600", "a\\.b", "a\\\\b", "\\", "(", ")", "a)", "(a", "[", "[a",
    "a**", "*a", "+", "a{", "a{1", "a{1,", "a{300}", "a{2,1}", "a{1}{2}", "a+?", "a*?b", "a??", "a++",
    "^*", "^+a", "a{,2}", "{", "}", "]", "(a)(b)?", "()", "a||b", "|a", "(|a)b", "(?=a)", "^(?!a)",
    "a(?=b)", "a(?!b)", "(?<=a)b", "(?<!a)b", "(?=a)*", "(?i)ABC", "(?c)ABC", "(?q)a.b", "***=a.b",
    "***=(a)", "***:^a", "***a", "(?s)x.y", "[z-a]", "[a-c-e]", "[\\d]", "[\\w-]", "^[\\s\\w]+$",
    "[a\\]b]", "[\\\\]", "[[:nope:]]", "[[:word:]]", "\\q", "\\_", "\\-", "é", "ä", "^[ä-ü]+$",
    "ß", "K", "k", "s", "[k-s]", "ς", "σ", "ǆ", "[^k]", "İ", "i", "ı", "日.語", "😀", "^.{3}$", "\\B", "\\a",
    "(?:a", "(?P<n>a)", "(?>a)", "\\Qa\\E", "\\h", "\\R", "\\X", "\\p{L}", "\\K",
    "\\Ga", "a\\012b", "\\0", "\\x", "\\xZ", "[\\b]", "\\e", "\\cA", "(((a)))", "^((a|b)|c){3}$",
    "(a|ab)(c|bcd)?", "a.c", "^[^\\n]*$", "[a\\-z]", "[+--]", "[--a]", "[!--]", "[%--]",
]
for name in ("f_text", "f_text_c", "f_bpchar"):
    for pattern in PATTERNS:
        CASES.append((name, f"v.match.{value(pattern)}", f"v ~ {literal(pattern)}"))
        CASES.append((name, f"v.imatch.{value(pattern)}", f"v ~* {literal(pattern)}"))
# What SELECT takes and we refuse, with words.
REFUSED += [("f_text", "v.match.(a)\\1"), ("f_text", "v.match.(?n)^a$"), ("f_text", "v.gt.a"),
            ("f_mood", "v.gt.sad"), ("f_inet", "v.lt.10.0.0.1"), ("f_text", "v.match.(?x) a b"),
            ("f_text", "v.match.(?#x)a"), ("f_text", "v.match.[[.a.]]"),
            ("f_text", "v.match.[[=a=]]")]

# Arrays.
scalar("f_int_array", "integer[]",
       ["{}", "{1}", "{1,2}", "{2,1}", "{1,1,2}", "{NULL}", "{1,NULL}", "{{1,2},{3,4}}",
        "[0:1]={1,2}", "{{1},{2}}"],
       ["{}", "{1}", "{1,2}", "{ 1 , 2 }", "{NULL}", "{1,NULL}", "{{1,2},{3,4}}", "[0:1]={1,2}",
        "[1:2]={1,2}", "{a}", "1,2"], EQUALITY)
scalar("f_text_array", "text[]",
       ["{}", "{a}", "{a,b}", '{"a,b"}', '{"a\\"b"}', '{"\\\\"}', '{"NULL"}', "{NULL}", '{""}',
        "{ä,日本}", '{" a "}', '{"{x}"}'],
       ["{}", "{a}", '{"a,b"}', '{"a\\"b"}', '{"NULL"}', "{null}", '{""}', "{b,a}", '{"{x}"}'],
       EQUALITY)
scalar("f_numeric_array", "numeric[]", ["{1.0,2}", "{1.00,2.0}", "{NaN}", "{}"],
       ["{1,2}", "{1.000,2.0}", "{NaN}", "{2,1}"], EQUALITY)
scalar("f_bpchar_array", "character(3)[]", ["{a,b}", "{abc}"], ["{a,b}", '{"a  ",b}', "{abcd}"],
       EQUALITY)
scalar("f_ts_array", "timestamptz[]", ['{"2026-01-01 00:00:00+00"}'],
       ['{"2026-01-01 01:00:00+01"}', "{2026-01-02}"], EQUALITY)
scalar("f_bool_array", "boolean[]", ["{t,f}", "{t}"], ["{true,false}", "{t}", "{f}"], EQUALITY)
for table in ("f_int_array", "f_numeric_array"):
    each(table, "v", "cs", "@>", ["{}", "{1}", "{1,2}", "{2,2,2}", "{NULL}", "{3}", "{{1},{2}}"])
    each(table, "v", "cd", "<@", ["{}", "{1}", "{1,2,3}", "{NULL,1}", "{1,2,3,4,NULL}", "{x}"])
each("f_text_array", "v", "cs", "@>", ["{a}", "{b,a}", '{"a,b"}', '{""}', "{NULL}", "{}"])
each("f_text_array", "v", "cd", "<@", ["{a,b,c}", '{"a,b",a}', "{}", '{"NULL",""}'])
each("f_int_array", "v", "gt", ">", ["x"])

# jsonb and json.
JSONS = ["null", "true", "false", "0", "-0", "1", "1.0", "1.00", "1e2", "100", '"a"', '"1"', '""', '"A\\u00e4\\n"',
         "[]", "{}", "[1]", "[1.0]", "[1,2]", "[2,1]", "[1,[2,3]]", "[[2,3]]", '["a"]', '["a","b"]',
         '{"a":1}', '{"a":1.0}', '{"a":1,"b":2}', '{"b":2,"a":1}', '{"a":null}', '{"a":[1,2]}',
         '{"a":{"b":{"c":"x"}}}', '{"a":{"b":[10,20,{"c":"y"}]}}', '{"a":"text"}', '{"a":"Text"}',
         '{"a":"1"}', '{"a":true}', '{"a.b":1}', '{"a b":"c d"}', '{"":"e"}', '{"a\\"b":1}', "[null]",
         '[{"a":1},{"a":2}]', '[{"a":[1,2]},3]', '{"0":"zero"}', '{"ä":"ö"}', '{"a":"x\\ny\\u0001\\"\\\\"}',
         "123456789012345678901234567890.10", "[[]]", "[{}]", '{"a":{}}', '{"a":[]}', '{"-":"m"}']
scalar("f_jsonb", "jsonb", JSONS, JSONS + ["nope", "{1}", "", "1 2"], EQUALITY)
for table in ("f_jsonb",):
    each(table, "v", "cs", "@>", JSONS + ["[1,1]", '{"a":{"b":[{"c":"y"}]}}', "[[3]]", "[3,[2]]", '{"a":{"b":{}}}'])
    each(table, "v", "cd", "<@", JSONS + ['["a","b","c"]', '{"a":1,"b":2,"c":3}', "[1,2,[2,3,4],{}]"])
TABLES["f_json"] = ([("v", "json")], [[text] for text in JSONS] + [
    [' { "a" : 1 , "a" : 2 } '], ['{"a":"\\u00e4\\ud83d\\ude00\\/"}'], ["[ 1 , 2 ]"], [None]])
for table in ("f_jsonb", "f_json"):
    for path, sql in (("v->>a", "v->>'a'"), ("v->a->>b", "v->'a'->>'b'"), ('v->>"a.b"', "v->>'a.b'"),
                      ("v->>0", "v->>0"), ("v->>-1", "v->>-1"), ("v->-1->>a", "v->-1->>'a'"),
                      ("v->a->b->>c", "v->'a'->'b'->>'c'"), ("v->a->b->2->>c", "v->'a'->'b'->2->>'c'"),
                      ('v->>"a b"', "v->>'a b'"), ('v->>""', "v->>''"), ('v->>"a\\"b"', "v->>'a\"b'"),
                      ('v->>"0"', "v->>'0'"), ("v->>ä", "v->>'ä'"), ("v->0->>0", "v->0->>0"),
                      ("v->>zzz", "v->>'zzz'"), ("v->1->>1", "v->1->>1"), ("v->>-", "v->>'-'")):
        for operand in ("1", "a", "text", "x", "2", "ö", "null", "true", "1.0", "[1, 2]", "[1,2]", "zero",
                        '{"b": {"c": "x"}}', 'x\ny\u0001"\\', "ä😀/", "e", "m", "c d", "y"):
            CASES.append((table, f"{path}.eq.{value(operand)}", f"{sql} = {literal(operand)}"))
        CASES.append((table, f"{path}.neq.1", f"{sql} <> '1'"))
        CASES.append((table, f"{path}.isdistinct.1", f"{sql} IS DISTINCT FROM '1'"))
        CASES.append((table, f"{path}.is.null", f"{sql} IS NULL"))
        CASES.append((table, f"{path}.in.(1,text,e)", f"{sql} IN ('1','text','e')"))
        CASES.append((table, f"{path}.like.*t*", f"{sql} LIKE '%t%'"))
        CASES.append((table, f"{path}.ilike.t*", f"{sql} ILIKE 't%'"))
        CASES.append((table, f"{path}.match.^[0-9]+$", f"{sql} ~ '^[0-9]+$'"))
        CASES.append((table, f"not.{path}.eq.1", f"NOT ({sql} = '1')"))
for path, sql in (("v->a", "v->'a'"), ("v->0", "v->0"), ("v->-1", "v->-1"), ("v->a->b", "v->'a'->'b'"),
                  ("v->1", "v->1")):
    for operand in ("1", "1.0", "null", '"text"', "[1,2]", "{}", '{"b":{"c":"x"}}', "text"):
        for op, sql_op in (("eq", "="), ("neq", "<>"), ("cs", "@>"), ("cd", "<@")):
            CASES.append(("f_jsonb", f"{path}.{op}.{value(operand)}", f"{sql} {sql_op} {literal(operand)}"))
            CASES.append(("f_json", f"{path}.{op}.{value(operand)}", f"{sql} {sql_op} {literal(operand)}"))
    for table in ("f_jsonb", "f_json"):
        CASES.append((table, f"{path}.is.null", f"{sql} IS NULL"))
CASES.append(("f_json", "v.eq.1", "v = '1'"))
CASES.append(("f_json", "v.is.null", "v IS NULL"))

# Logic, three-valued.
TABLES["f_logic"] = (
    [("a", "integer"), ("b", "text"), ("c", "boolean"), ("Odd Name", "numeric"), ("x.y", "text"),
     ("not", "integer")],
    [[a, b, c, d, e, f]
     for a, d, f in (("1", "1.5", "1"), ("2", None, "2"), (None, "10", None))
     for b, e in (("x", "p,q"), ("y(", None), (None, 'r"s'))
     for c in ("t", "f", None)])
for filter_text, where in (
        ("and(a.eq.1,b.eq.x)", "a = 1 AND b = 'x'"),
        ("or(a.eq.1,b.eq.x)", "a = 1 OR b = 'x'"),
        ("not.and(a.eq.1,b.eq.x)", "NOT (a = 1 AND b = 'x')"),
        ("not.or(a.eq.1,b.eq.x)", "NOT (a = 1 OR b = 'x')"),
        ("and(a.gt.0,or(b.eq.x,c.is.true),not.a.eq.2)",
         "a > 0 AND (b = 'x' OR c IS TRUE) AND NOT a = 2"),
        ("or(and(a.eq.1,c.eq.true),and(a.eq.2,c.eq.false))",
         "(a = 1 AND c = true) OR (a = 2 AND c = false)"),
        ("or(a.in.(1,2),b.is.null)", "a IN (1,2) OR b IS NULL"),
        ("and(a.in.(1,2),b.in.(x,\"y(\"))", "a IN (1,2) AND b IN ('x','y(')"),
        ("and(b.eq.\"y(\")", "b = 'y('"),
        ("and(\"x.y\".eq.\"p,q\",a.eq.1)", "\"x.y\" = 'p,q' AND a = 1"),
        ("\"x.y\".eq.p,q", "\"x.y\" = 'p,q'"),
        ("\"x.y\".in.\"p,q\",z", "\"x.y\" IN ('p,q','z')"),
        ("\"x.y\".eq.r\"s", "\"x.y\" = 'r\"s'"),
        ("and(\"x.y\".eq.\"r\\\"s\")", "\"x.y\" = 'r\"s'"),
        ("Odd Name.gt.1.5", "\"Odd Name\" > 1.5"),
        ("\"Odd Name\".gte.1.5", "\"Odd Name\" >= 1.5"),
        ("not.not.eq.1", "NOT \"not\" = 1"),
        ("\"not\".eq.1", "\"not\" = 1"),
        ("not.\"not\".eq.1", "NOT \"not\" = 1"),
        ("not.a.not.eq.1", "a = 1"),
        ("and(or(and(or(and(a.eq.1)))))", "a = 1"),
        ("not.and(or(not.and(or(a.eq.1))))", "a = 1"),
        ("and(a.isdistinct.1,c.is.unknown)", "a IS DISTINCT FROM 1 AND c IS UNKNOWN"),
        ("or(a.neq.1,not.c.is.false)", "a <> 1 OR c IS NOT FALSE"),
        ("and(a.eq.1,a.eq.2)", "a = 1 AND a = 2"),
        ("or(not.a.in.(1),b.like.y*)", "a NOT IN (1) OR b LIKE 'y%'"),
        ("nope.eq.1", None), ("a.equals.1", None), ("a.eq", None), ("a", None), ("and()", None),
        ("and(a.eq.1", None), ("and(a.eq.1))", None), ("a.in.", None), ("a.in.()", None),
        ("a.like.1*", None), ("a.cs.{1}", None), ("b.cs.{1}", None), ("a->>b.eq.1", None),
        ("a.is.5", None), ("b.is.true", None), ("\"a.eq.1", None), ("", None), ("b.eq.\"x\"y", None)):
    if where is None:
        REFUSED.append(("f_logic", filter_text))
    else:
        CASES.append(("f_logic", filter_text, where))
