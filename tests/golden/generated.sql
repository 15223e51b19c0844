-- The one allowed difference: wal2json prints generated columns, pgoutput leaves them out (before
-- PostgreSQL 18).
\set ON_ERROR_STOP on
SET client_min_messages = error;
CREATE TABLE generated (
    id integer PRIMARY KEY,
    twice integer GENERATED ALWAYS AS (id * 2) STORED,
    t text
);
INSERT INTO generated (id, t) VALUES (1, 'a');
UPDATE generated SET id = 2;
DELETE FROM generated;
