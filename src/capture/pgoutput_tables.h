/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "capture/decoder.h"

struct wire;

/*
 * The tables that Relation messages have described, by their oids.
 *
 *     Relation 16385 public t (id int8 key, n int4)     --> version 1 of public.t
 *     Insert 16385 ...                                      points to version 1
 *     Relation 16385 public t (id int8 key, m text)     --> version 2; version 1 is retired
 *
 * A Relation that says what is known already keeps the version.  Bounded by PGOUTPUT_TABLES_MAX:
 * at the limit a Relation of one more table is ERR_LIMIT.
 *
 * A transaction that was streamed while it ran is read when it commits, and its Relations may have
 * been overtaken meanwhile.  Each has the number it was heard under; one that is older than what
 * is known holds for its own transaction only, until pgoutput_tables_end:
 *
 *     heard  1  streamed 742   Relation 16385 (a, b, c)
 *            2                 Relation 16385 (a, b)       the publication has fewer columns now
 *               742 commits    1 < 2: (a, b, c) for the rows of 742, then (a, b) again
 */
enum { PGOUTPUT_TABLES_MAX = 1 << 20, PGOUTPUT_COLUMNS_MAX = 1664 };

struct pgoutput_tables {
    const struct decoder_config *config; /* borrowed */
    struct map by_oid;                   /* oid -> struct known_table, owned */
    const struct table *last;            /* of the last find, or NULL */
    uint32_t last_oid;
    bool has_own;              /* some table has a version for the transaction at hand only */
    struct column_spec *specs; /* owned; PGOUTPUT_COLUMNS_MAX, used while a Relation is read */
};

void pgoutput_tables_init(struct pgoutput_tables *tables, const struct decoder_config *config);
/* Retires all. */
void pgoutput_tables_reset(struct pgoutput_tables *tables);
void pgoutput_tables_release(struct pgoutput_tables *tables);

/* Reads a Relation message behind its first byte (and its xid).  `heard` counts Relations as they
 * came, and may wrap.  ERR_AGAIN: the name of a type or of the table must be looked up first;
 * nothing has changed.  ERR_PARSE: the table, if its oid could be read, is unknown from now on. */
MUST_CHECK enum status pgoutput_tables_read(struct pgoutput_tables *tables, struct wire *wire,
                                            uint32_t heard, struct fault *fault);
/* The transaction is over: retires versions that were its own. */
void pgoutput_tables_end(struct pgoutput_tables *tables);

/* NULL: no Relation message came before. */
const struct table *pgoutput_tables_find_slow(struct pgoutput_tables *tables, uint32_t oid);

static inline const struct table *pgoutput_tables_find(struct pgoutput_tables *tables, uint32_t oid)
{
    if (tables->last && tables->last_oid == oid)
        return tables->last;
    return pgoutput_tables_find_slow(tables, oid);
}
