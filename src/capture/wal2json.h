/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/json_reader.h"
#include "base/map.h"
#include "capture/decoder.h"

/*
 * What both formats of wal2json share: from the columns of one message to one struct change.
 *
 * The formats differ in where a column's name, type and value stand in the JSON.  Each one's file
 * gathers them as cells, raw; wal2json_emit() finds the table, pairs cells with its columns, makes
 * the values canonical text and hands the change to the sink:
 *
 *     v2  "columns":[{"name":"id","type":"bigint","value":5}]
 *     v1  "columnnames":["id"],"columntypes":["bigint"],"columnvalues":[5]
 *         --> cell {"id", "bigint", NUMBER 5}  --> column 0, value "5"
 *
 * wal2json sends no schema, and leaves out an unchanged TOASTed value, so a table's columns are
 * what was seen of them.  See wal2json_table.c for how a shorter row is told from another table.
 */
struct wal2json_cell {
    struct slice name, type; /* raw, as JSON strings with their quotes (a type may be bare) */
    struct slice text;       /* of a string or number */
    enum json_kind kind;     /* string, number, true, false, null */
    bool has_escape;         /* of a string */
    uint32_t column;         /* of the table, once paired or recognised as a whole */
    uint64_t version;        /* id of the table in which it was recognised as a whole, else 0 */
};

struct wal2json_row {
    struct wal2json_cell *cells; /* owned */
    uint32_t count, capacity;
    bool is_there;
};

/* A prefix of logical messages that nobody uses: to ask for those alone is to ask for none. */
#define WAL2JSON_NO_MESSAGES "pgcdc-asks-for-none" /* no space in it */
#define WAL2JSON_MAX_COLUMNS 1664U /* of a PostgreSQL target list, more than of a table */
#define WAL2JSON_MAX_DEPTH 16U
#define WAL2JSON_MAX_TABLES 100000U /* remembered at once; beyond, all are forgotten */

/* One column of a remembered table, as it stands in messages. */
struct wal2json_column {
    struct slice head;             /* {"name":"id","type":"bigint","value":  all of it is in v2 */
    struct slice name, type;       /* within head */
    size_t block_name, block_type; /* where they begin in the table's block */
    bool is_toastable;             /* an update may leave it out */
};

/* What is known of one table. */
struct wal2json_table {
    char *schema, *name; /* raw, as the key of the map; owned */
    struct table *table; /* the live version; NULL: none yet */
    struct wal2json_column *columns;
    struct buf heads;  /* memory of the columns' slices */
    struct buf block;  /* ["id"],"columntypes":["bigint"],"columnvalues":  all of it is in v1 */
    bool is_key_known; /* a replica identity was seen */
    bool is_key_only;  /* only the replica identity was seen: there may be more columns */
};

/* One change as it was read. */
struct wal2json_change {
    enum change_kind kind;
    struct slice schema, table; /* raw, with quotes */
    struct wal2json_row new_row, old_row;
};

struct wal2json {
    struct decoder base;
    struct decoder_config config;
    bool is_identity_exact; /* v2: NULLs of the old row are there, so what is missing is no key */
    struct map tables;      /* of struct wal2json_table, by raw schema and table */
    struct wal2json_table *last;
    struct slice last_key; /* its key, in the map's memory */
    struct buf last_key_text;
    struct wal2json_change change;
    struct value *new_values, *old_values; /* owned */
    uint32_t value_capacity;
    struct buf scratch; /* texts that had to be unescaped; of the change at hand */

    /* The transaction at hand. */
    bool is_open, is_skipped;
    lsn commit, end;
    uint32_t xid, index;
    int64_t time_us;
};

void wal2json_init(struct wal2json *core, const struct decoder_ops *ops,
                   const struct decoder_config *config, bool is_identity_exact);
void wal2json_release(struct wal2json *core);

/* Transactions.  `commit` is what positions carry. */
void wal2json_begin(struct wal2json *core, lsn commit, lsn end, uint32_t xid, int64_t time_us);
void wal2json_commit(struct wal2json *core); /* reports it, if one is open */
struct position wal2json_skip(struct wal2json *core);
void wal2json_reset(struct wal2json *core);

/* A new, empty change; then its cells.  NULL: more columns than a table can have. */
void wal2json_change_reset(struct wal2json_change *change);
struct wal2json_cell *wal2json_row_add(struct wal2json_row *row);
/* What is known of the table that core->change names; NULL before its first row. */
struct wal2json_table *wal2json_find(struct wal2json *core);
/* Hands core->change to the sink. */
MUST_CHECK enum status wal2json_emit(struct wal2json *core, struct fault *fault);

/* For tokens of the head of a transaction; leave *out alone where the text is not one. */
MUST_CHECK enum status wal2json_read_lsn(const struct json_token *token, lsn *out);
void wal2json_read_xid(const struct json_token *token, uint32_t *out);
/* "2026-01-02 03:04:05.678+00" to microseconds since 1970. */
void wal2json_read_time(const struct json_token *token, int64_t *out_us);

/* A value's token into a cell.  ERR_PARSE: an array, an object. */
MUST_CHECK enum status wal2json_cell_set(struct wal2json_cell *cell,
                                         const struct json_token *token);
/* Fills the fault with what the reader says and the place. */
enum status wal2json_fault(struct fault *fault, const struct json_reader *reader, const char *what);

/* ---- wal2json_table.c ---- */
enum wal2json_rows {
    WAL2JSON_WHOLE, /* an insert: every column */
    WAL2JSON_NEW,   /* an update: unchanged TOAST is left out */
    WAL2JSON_OLD,   /* a replica identity */
};

/* Pairs the row's cells with columns; false: the table has another shape by now. */
bool wal2json_table_pair(const struct wal2json_table *known, struct wal2json_row *row,
                         enum wal2json_rows rows);
/* A new version that the row fits. */
MUST_CHECK enum status wal2json_table_renew(struct wal2json *core, struct wal2json_table *known,
                                            const struct wal2json_row *row, enum wal2json_rows rows,
                                            struct fault *fault);
/* Learns from a paired old row which columns are key; a new version where that is news. */
MUST_CHECK enum status wal2json_table_learn_key(struct wal2json *core, struct wal2json_table *known,
                                                const struct wal2json_row *old_row,
                                                struct fault *fault);
void wal2json_table_free(struct wal2json *core, struct wal2json_table *known);
