/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "change/position.h"
#include "change/table.h"
#include "change/value.h"

/*
 * One committed change of one row: what every decoder makes and everyone behind it reads.
 *
 *     update orders set status = 'paid' where id = 7   (key: id)
 *
 *     kind CHANGE_UPDATE   new_row {7, 'paid', ...}   old_kind OLD_NONE, the key did not change
 *
 * The rows have one value per column of `table`, in its order.  A change is borrowed: a decoder's
 * is valid during the call of its sink, a journal's until the reader is done with it.
 */
enum change_kind {
    CHANGE_INSERT,
    CHANGE_UPDATE,
    CHANGE_DELETE,
    CHANGE_TRUNCATE, /* one per table; no rows */
    CHANGE_DROPPED,  /* `table` is no more under its name: dropped, or renamed; no columns, no rows,
                      * no position */
    CHANGE_GAP,      /* something is missing here; `reason` says what; no table, no rows */
};

enum old_kind {
    OLD_NONE, /* not sent: an insert, or an update that left the key alone */
    OLD_KEY,  /* the columns of the replica identity, all others VALUE_ABSENT */
    OLD_FULL, /* the whole row: REPLICA IDENTITY FULL */
};

struct change {
    enum change_kind kind;
    enum old_kind old_kind;
    const struct table *table;   /* NULL for CHANGE_GAP */
    const struct value *new_row; /* insert, update; else NULL */
    const struct value *old_row; /* where old_kind is not OLD_NONE; else NULL */
    struct slice reason;         /* of CHANGE_GAP */
    struct position position;
    bool is_last;           /* known to be the last one of its transaction */
    uint32_t xid;           /* 0 where the plugin does not say */
    int64_t commit_time_us; /* since 1970-01-01 UTC; 0 where the plugin does not say */
};

static inline uint32_t change_column_count(const struct change *change)
{
    return change->table ? change->table->column_count : 0;
}

/* "insert", "update", "delete", "truncate", "dropped", "gap". */
const char *change_kind_text(enum change_kind kind);
