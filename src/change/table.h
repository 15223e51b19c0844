/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/*
 * The columns of a table as they stood when a change was made.
 *
 * A table is immutable; ALTER TABLE makes a new version with another id, so that whoever has
 * worked out something about its columns (an index, an encoder) compares the id and nothing else.
 * Owned by the capture thread, which frees a version only after the journal has let go of the
 * last change that points to it (journal_retire); read by all threads.
 */

/* How a value is written into a JSON message. */
enum column_class {
    COLUMN_NUMBER,  /* smallint, integer, bigint, real, double precision, numeric, oid */
    COLUMN_BOOLEAN, /* true, false */
    COLUMN_BYTEA,   /* hex without \x, as a string */
    COLUMN_STRING,  /* everything else: the text, as a string */
};

struct column {
    struct slice name; /* as it is, without quotes */
    struct slice type; /* as format_type() prints it: "character varying(10)", "integer[]" */
    struct slice name_json, type_json; /* the same, as JSON strings with their quotes */
    enum column_class class;
    bool is_key; /* part of the replica identity */
};

struct table {
    uint64_t id;               /* unique in this process, never used again */
    struct slice schema, name; /* of the hypertable, where the row came from one of its chunks */
    struct slice schema_json, name_json;
    /* What stands before the values of a whole row, and of a whole key, in a plain message:
     *     "schema":"s","table":"t","columnnames":["id","n"],"columntypes":[...],"columnvalues":[
     *     "oldkeys":{"keynames":["id"],"keytypes":["bigint"],"keyvalues":[
     */
    struct slice row_json, key_json;
    uint32_t column_count, key_count;
    struct column columns[];
};

/* What a new table is made of; all borrowed during the call. */
struct column_spec {
    struct slice name, type;
    bool is_key;
};

struct table *table_new(struct slice schema, struct slice name, const struct column_spec *columns,
                        uint32_t column_count);
void table_free(struct table *table);

/* The place of a column, or -1. */
int table_find_column(const struct table *table, struct slice name);
/* Is `table` just what the arguments describe? */
bool table_is(const struct table *table, struct slice schema, struct slice name,
              const struct column_spec *columns, uint32_t column_count);

/* By the name of the type alone, modifiers included: "numeric(10,2)" is a number.  A user's type
 * of the same name is printed with quotes or a schema by format_type(), so it is never taken for
 * a built-in one; a domain over a number is a string. */
enum column_class column_class_of_type(struct slice type);
