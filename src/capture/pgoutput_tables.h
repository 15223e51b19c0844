/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

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
 */
enum { PGOUTPUT_TABLES_MAX = 1 << 20, PGOUTPUT_COLUMNS_MAX = 1664 };

struct pgoutput_tables {
    const struct decoder_config *config; /* borrowed */
    struct map by_oid;                   /* oid -> struct table, retired by us, never freed */
    struct table *last;                  /* of the last find, or NULL */
    uint32_t last_oid;
    struct column_spec *specs; /* owned; PGOUTPUT_COLUMNS_MAX, used while a Relation is read */
};

void pgoutput_tables_init(struct pgoutput_tables *tables, const struct decoder_config *config);
/* Retires all. */
void pgoutput_tables_reset(struct pgoutput_tables *tables);
void pgoutput_tables_release(struct pgoutput_tables *tables);

/* Reads a Relation message behind its first byte.  ERR_AGAIN: the name of a type or of the table
 * must be looked up first; nothing has changed.  ERR_PARSE: the table, if its oid could be read,
 * is unknown from now on. */
MUST_CHECK enum status pgoutput_tables_read(struct pgoutput_tables *tables, struct wire *wire,
                                            struct fault *fault);

/* NULL: no Relation message came before. */
struct table *pgoutput_tables_find_slow(struct pgoutput_tables *tables, uint32_t oid);

static inline const struct table *pgoutput_tables_find(struct pgoutput_tables *tables, uint32_t oid)
{
    if (tables->last && tables->last_oid == oid)
        return tables->last;
    return pgoutput_tables_find_slow(tables, oid);
}
