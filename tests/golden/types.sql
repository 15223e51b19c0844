-- Every kind of row change whose message must be the same through all three decoders.
-- Run by psql in an empty database, statement by statement, with slots made before it; what the
-- messages must hold is in doc/protocol.md.  Generated columns: generated.sql.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SET search_path = public;

-- Types as PostgreSQL spells them.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS integer CHECK (value > 0);
CREATE DOMAIN word AS text;
CREATE TYPE pair AS (a integer, b text);
CREATE TYPE span AS RANGE (subtype = float8);

CREATE TABLE types (
    id bigint PRIMARY KEY,
    s smallint, i integer, n numeric, n10 numeric(10,2), f4 real, f8 double precision, o oid,
    b boolean,
    t text, v varchar, v10 varchar(10), c char, c3 char(3), ch "char", nm name,
    ba bytea,
    d date, ti time, ti3 time(3), tz time with time zone, ts timestamp, ts0 timestamp(0),
    tstz timestamptz, tstz3 timestamp(3) with time zone, iv interval, iv_ym interval year to month,
    u uuid, j json, jb jsonb, x xml,
    bi bit(3), vb bit varying(5),
    ip inet, net cidr, mac macaddr, mac8 macaddr8, m money,
    po point, bx box, ls lseg, li line, pa path, pg polygon, ci circle,
    tv tsvector, tq tsquery, ls_n pg_lsn,
    e mood, dom positive, domt word, comp pair,
    r4 int4range, rn numrange, rts tstzrange, r8 span, mr int4multirange,
    ai integer[], at text[], aaf float8[][], av varchar(4)[], aba bytea[], ab boolean[], ae mood[],
    rc regclass
);

INSERT INTO types VALUES (
    9223372036854775807,
    -32768, 2147483647, 1.50, 12345678.90, 1.5, 0.1, 4294967295,
    true,
    'text', 'v', 'ten', 'c', 'c3', 'x', 'name',
    '\xdeadbeef00',
    '2026-01-02', '03:04:05.678', '03:04:05.678', '03:04:05+02', '2026-01-02 03:04:05.678',
    '2026-01-02 03:04:05', '2026-01-02 03:04:05.678+00', '2026-01-02 03:04:05.678+01',
    '1 year 2 mons 3 days 04:05:06.7', '1 year 2 mons',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a" : [1, 2.50]}', '{"a": [1, 2.50]}', '<a>1</a>',
    '101', '10101',
    '192.168.0.1/24', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', 12.34,
    '(1,2)', '((3,4),(1,2))', '((1,2),(3,4))', '{1,2,3}', '((1,2),(3,4))', '((1,2),(3,4),(5,6))',
    '<(1,2),3>',
    'a fat cat', 'fat & rat', '16/B374D848',
    'happy', 3, 'word', '(1,"a b")',
    '[1,5)', '[1.5,2.5]', '["2026-01-02 00:00:00+00",)', '[1,2]', '{[1,3),[5,7)}',
    '{1,2,NULL}', '{a,"b c",NULL,"NULL","\"q\"","\\"}', '{{1.5,2},{3,4}}', '{abcd}',
    '{"\\x00ff"}', '{t,f}', '{sad,happy}',
    'pg_class');
INSERT INTO types (id) VALUES (1);

-- Numbers: every digit, and what is no number is null.
INSERT INTO types (id, n, f4, f8) VALUES
    (2, 123456789012345678901234567890123456789, 3.4028235e38, 1.7976931348623157e308),
    (3, -0.00000000000000000000000000000000000001, 1e-45, 5e-324),
    (4, 'NaN', 'NaN', 'NaN'),
    (5, 'Infinity', 'Infinity', '-Infinity'),
    (6, 0, '-0', '-0'),
    (7, 1000000000000000000000000.00, 100000, 1e15),
    (8, 100, 1e6, 1e16);

-- Text: what JSON must escape, what is not ASCII, what looks like JSON.
INSERT INTO types (id, t) VALUES
    (20, ''), (21, ' '), (22, 'null'), (23, 'true'), (24, '1.50'),
    (25, E'quote " backslash \\ slash / newline \n return \r tab \t bell \x07 bs \x08 ff \x0c del \x7f esc \x1b'),
    (26, 'äöü € 😀 日本語 עברית'),
    (27, '{"a": [1]}'), (28, '","table":"other"'), (29, E'\\u0041 \\n \\'),
    (30, E'\u2028\u2029'), (31, repeat('x', 300)), (32, repeat(E'\n"\\', 100));
INSERT INTO types (id, ba) VALUES (40, ''), (41, '\x5c'), (42, decode(repeat('00ff', 200), 'hex'));

-- Updates: a value, to and from NULL, the key, nothing.
UPDATE types SET t = 'changed', n = 2.50 WHERE id = 1;
UPDATE types SET t = NULL WHERE id = 1;
UPDATE types SET id = 1001 WHERE id = 1;
UPDATE types SET id = id WHERE id = 1001;
DELETE FROM types WHERE id = 1001;
DELETE FROM types WHERE id BETWEEN 20 AND 25;

-- Several changes in one transaction; savepoints; nothing that was undone.
BEGIN;
INSERT INTO types (id, i) VALUES (50, 1), (51, 2);
SAVEPOINT a;
INSERT INTO types (id, i) VALUES (52, 3);
ROLLBACK TO a;
UPDATE types SET i = i + 1 WHERE id = 51;
DELETE FROM types WHERE id = 50;
COMMIT;
BEGIN;
INSERT INTO types (id) VALUES (53);
ROLLBACK;
-- Empty transactions.
CREATE TABLE empty_transaction ();
INSERT INTO empty_transaction DEFAULT VALUES;
DROP TABLE empty_transaction;

-- Unchanged TOAST is left out.
CREATE TABLE toasted (id integer PRIMARY KEY, a text, n integer, b text);
ALTER TABLE toasted ALTER a SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL;
INSERT INTO toasted VALUES (1, repeat('a', 3000), 1, repeat('b', 3000)), (2, 'short', 2, repeat('c', 3000));
UPDATE toasted SET n = n + 1;
UPDATE toasted SET a = 'now short';
UPDATE toasted SET b = 'short, too' WHERE id = 1;
UPDATE toasted SET n = n + 1, id = id + 10;
UPDATE toasted SET a = NULL;
DELETE FROM toasted;

-- Keys: several columns, an index, the whole row, none.
CREATE TABLE two_keys (v text, b integer, a text, PRIMARY KEY (a, b));
INSERT INTO two_keys VALUES ('x', 1, 'k');
UPDATE two_keys SET v = 'y';
UPDATE two_keys SET b = 2;
DELETE FROM two_keys;

CREATE TABLE by_index (id integer PRIMARY KEY, code text NOT NULL, v integer);
CREATE UNIQUE INDEX by_index_code ON by_index (code);
ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_code;
INSERT INTO by_index VALUES (1, 'one', 1);
UPDATE by_index SET v = 2;
UPDATE by_index SET code = 'uno';
UPDATE by_index SET id = 2;
DELETE FROM by_index;

CREATE TABLE whole_row (id integer, a text, b integer, c text);
ALTER TABLE whole_row REPLICA IDENTITY FULL;
ALTER TABLE whole_row ALTER c SET STORAGE EXTERNAL;
INSERT INTO whole_row VALUES (1, 'a', 1, repeat('c', 3000)), (2, NULL, NULL, NULL), (NULL, 'n', NULL, NULL);
UPDATE whole_row SET b = 5;
UPDATE whole_row SET a = NULL WHERE id = 1;
UPDATE whole_row SET a = 'was null' WHERE id = 2;
DELETE FROM whole_row;

CREATE TABLE whole_row_with_key (id integer PRIMARY KEY, a text);
ALTER TABLE whole_row_with_key REPLICA IDENTITY FULL;
INSERT INTO whole_row_with_key VALUES (1, 'a'), (2, NULL);
UPDATE whole_row_with_key SET a = 'b';
DELETE FROM whole_row_with_key;

CREATE TABLE no_key (a integer, b text);
INSERT INTO no_key VALUES (1, 'inserts only'), (NULL, NULL);
CREATE TABLE nothing (id integer PRIMARY KEY, b text);
ALTER TABLE nothing REPLICA IDENTITY NOTHING;
INSERT INTO nothing VALUES (1, 'inserts only');

-- Names that need quotes, are not ASCII, or mean harm.
CREATE SCHEMA "Other Schema";
CREATE TABLE "Other Schema"."Quoted ""Table""" ("Id" integer PRIMARY KEY, "a b" text, "select" text, "q""uote" text, "back\slash" text, "ünï" text, "new
line" text, "tab	" text, "{""a"":1}" text);
INSERT INTO "Other Schema"."Quoted ""Table""" VALUES (1, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
UPDATE "Other Schema"."Quoted ""Table""" SET "a b" = 'B', "Id" = 2;
DELETE FROM "Other Schema"."Quoted ""Table""";
CREATE TABLE "日本語" ("列" integer PRIMARY KEY, "😀" text);
INSERT INTO "日本語" VALUES (1, '値');
CREATE TABLE "\\" ("\" integer PRIMARY KEY, "\n" text);
INSERT INTO "\\" VALUES (1, 'x');
DELETE FROM "\\";

-- Types whose names need quotes: wal2json prints them bare.
CREATE SCHEMA "int";
CREATE TYPE "int".kind AS ENUM ('a');
CREATE TYPE "int"."Kind" AS ENUM ('a');
CREATE SCHEMA plain;
CREATE TYPE plain.kind AS ENUM ('a');
CREATE TYPE plain."Kind of" AS ENUM ('a');
CREATE TYPE "My Type" AS ENUM ('a');
CREATE TYPE "quo""te" AS ENUM ('a');
CREATE TYPE "\" AS ENUM ('a');
CREATE TYPE "\n" AS ENUM ('a');
CREATE TYPE "a\" AS ENUM ('a');
CREATE TYPE "x\""" AS ENUM ('a');
CREATE TYPE "integer" AS ENUM ('a');
CREATE TYPE "boolean" AS ENUM ('a');
CREATE TYPE "order" AS ENUM ('a');
CREATE TYPE "ünï" AS ENUM ('a');
CREATE TYPE "x"",""value"":1},{""name"":""y"",""type"":""z" AS ENUM ('a');
CREATE TYPE "new
line" AS ENUM ('a');
CREATE TABLE odd_types (
    id integer PRIMARY KEY,
    a "int".kind, b "int"."Kind", c plain.kind, d plain."Kind of", e "My Type", f "quo""te",
    g "\", h "\n", i "a\", j "x\""", k "integer", l "boolean", m "order", n "ünï",
    o "x"",""value"":1},{""name"":""y"",""type"":""z", p "new
line",
    q "My Type"[], r "int".kind[], s plain."Kind of"[], t "quo""te"[], u "\"[], v "order"[],
    w mood[], x "char"[], y "\"
);
INSERT INTO odd_types VALUES (1, 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a',
    'a', 'a', 'a', '{a}', '{a}', '{a}', '{a}', '{a}', '{a}', '{sad}', '{x}', 'a');
INSERT INTO odd_types (id) VALUES (2);
UPDATE odd_types SET id = 3 WHERE id = 2;
DELETE FROM odd_types;
CREATE TABLE odd_key (k "\" PRIMARY KEY, l "My Type");
INSERT INTO odd_key VALUES ('a', 'a');
UPDATE odd_key SET l = NULL;
DELETE FROM odd_key;

-- The table changes its shape.
CREATE TABLE shape (id integer PRIMARY KEY, a text);
INSERT INTO shape VALUES (1, 'a');
ALTER TABLE shape ADD COLUMN b integer DEFAULT 7;
UPDATE shape SET a = 'b';
INSERT INTO shape VALUES (2, 'a', 8);
ALTER TABLE shape RENAME COLUMN a TO aa;
UPDATE shape SET b = 9;
ALTER TABLE shape ALTER COLUMN b TYPE numeric(5,1);
UPDATE shape SET b = 9.5 WHERE id = 2;
ALTER TABLE shape DROP COLUMN aa;
INSERT INTO shape VALUES (3, 1);
ALTER TABLE shape RENAME TO shape_two;
DELETE FROM shape_two WHERE id = 1;
DROP TABLE shape_two;
CREATE TABLE shape (x text, id integer PRIMARY KEY);
INSERT INTO shape VALUES ('again', 1);

-- Partitions are named as they are; a row that moves is deleted and inserted.
CREATE TABLE measured (at date, v integer, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE measured_2025 PARTITION OF measured FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE measured_2026 PARTITION OF measured FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO measured VALUES ('2025-05-05', 1), ('2026-05-05', 2);
UPDATE measured SET v = 3 WHERE at = '2025-05-05';
UPDATE measured SET at = '2026-06-06' WHERE at = '2025-05-05';
DELETE FROM measured;

-- Inheritance, defaults, triggers, ON CONFLICT, COPY.
CREATE TABLE parent (id serial PRIMARY KEY, at timestamptz DEFAULT '2026-01-02 03:04:05+00');
CREATE TABLE child (extra text, PRIMARY KEY (id)) INHERITS (parent);
INSERT INTO parent DEFAULT VALUES;
INSERT INTO child (extra) VALUES ('x');
UPDATE parent SET at = NULL;
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.extra = upper(NEW.extra); RETURN NEW; END $$;
CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON child FOR EACH ROW EXECUTE FUNCTION shout();
INSERT INTO child VALUES (10, NULL, 'loud') ON CONFLICT (id) DO UPDATE SET extra = 'again';
INSERT INTO child VALUES (10, NULL, 'loud') ON CONFLICT (id) DO UPDATE SET extra = 'again';
INSERT INTO child VALUES (10, NULL, 'loud') ON CONFLICT DO NOTHING;
COPY child FROM stdin;
20	2026-01-01 00:00:00+00	copied
21	\N	\N
\.

-- No messages: temporary and unlogged tables, truncates, logical messages, what was rolled back.
CREATE TEMPORARY TABLE fleeting (id integer PRIMARY KEY);
INSERT INTO fleeting VALUES (1);
CREATE UNLOGGED TABLE unlogged (id integer PRIMARY KEY);
INSERT INTO unlogged VALUES (1);
BEGIN;
INSERT INTO no_key VALUES (2, 'before');
TRUNCATE no_key, child;
SELECT pg_logical_emit_message(true, 'outbox', 'in the "transaction"');
INSERT INTO no_key VALUES (3, 'after');
COMMIT;
SELECT pg_logical_emit_message(false, 'outbox', 'outside of it');
SELECT pg_logical_emit_message(true, 'outbox', 'alone');
SELECT pg_logical_emit_message(false, 'outbox', '\xff00fe'::bytea);

-- Settings of the session that writes change nothing.
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'SQL, DMY';
SET bytea_output = 'escape';
SET IntervalStyle = 'iso_8601';
SET extra_float_digits = 0;
INSERT INTO types (id, tstz, d, ba, iv, f8) VALUES
    (60, '2026-01-02 03:04:05+00', '2026-02-01', '\xff', '1 day 02:00:00', 0.1::float8 + 0.2);
RESET ALL;
SET search_path = public;

-- Many rows in one transaction.
CREATE TABLE many (id integer PRIMARY KEY, t text);
INSERT INTO many SELECT i, 'row ' || i FROM generate_series(1, 100) i;
UPDATE many SET t = t || '!' WHERE id % 50 = 0;
