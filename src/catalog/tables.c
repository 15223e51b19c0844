/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/tables.h"

#include "base/mem.h"
#include "sql/sql.h"

/* The type at the bottom of a stack of domains: domain of domain of numeric -> numeric. */
#define BELOW_DOMAINS(oid)                                                                         \
    "(WITH RECURSIVE d AS (SELECT y.oid, y.typtype, y.typbasetype, y.typelem FROM "                \
    "pg_catalog.pg_type y WHERE y.oid = " oid " UNION ALL SELECT y.oid, y.typtype, y.typbasetype," \
    " y.typelem FROM d JOIN pg_catalog.pg_type y ON y.oid = d.typbasetype WHERE d.typtype = 'd')"  \
    " SELECT * FROM d WHERE typtype <> 'd')"

#define BYTEWISE "('C', 'POSIX', 'ucs_basic')"

/*
 * One row per column, in the order of their numbers; a table without columns gives one row of
 * NULLs.  format_type(oid, -1), unlike format_type(oid, NULL), prints what a literal would be cast
 * to: "bpchar" and "\"bit\"", where `character` and `bit` alone mean a length of 1.
 * to_jsonb(row) reads columns that older servers do not have.
 *
 *  0 schema  1 name  2 relreplident  3 has an identity  4 LC_CTYPE is C
 *  5 column  6 type  7 cast type  8 oid  9 typtype  10 element's cast type  11 element's oid
 * 12 is key 13 compares by bytes  14 deterministic
 * 15 publications are known  16 insert, 17 update, 18 delete, 19 truncate is published
 *
 * pg_publication_tables lists all tables of all schemas first, so it is asked last, for tables that
 * are published by their schema or as a partition.
 */
#define PUBLISHED                                                                                  \
    "(SELECT true AS is_known, pg_catalog.bool_or(x.pubinsert AND x.has) AS i,"                    \
    " pg_catalog.bool_or(x.pubupdate AND x.has) AS u,"                                             \
    " pg_catalog.bool_or(x.pubdelete AND x.has) AS d,"                                             \
    " pg_catalog.bool_or(x.pubtruncate AND x.has) AS t FROM (SELECT y.*,"                          \
    " CASE WHEN y.puballtables THEN true WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_publication_rel" \
    " r WHERE r.prpubid = y.oid AND r.prrelid = c.oid) THEN true ELSE EXISTS (SELECT 1 FROM"       \
    " pg_catalog.pg_publication_tables v WHERE v.pubname = y.pubname AND v.schemaname = n.nspname" \
    " AND v.tablename = c.relname) END AS has FROM pg_catalog.pg_publication y"                    \
    " WHERE y.pubname IN ($3::text, $3::text || '_inserts')) x HAVING pg_catalog.count(*) > 0)"

const char TABLE_QUESTION[] =
    "SELECT n.nspname, c.relname, c.relreplident, c.relreplident = 'f' OR k.indrelid IS NOT NULL,"
    " b.datctype IN ('C', 'POSIX') AND coalesce(pg_catalog.to_jsonb(b)->>'datlocprovider', 'c') ="
    " 'c', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),"
    " pg_catalog.format_type(t.oid, -1), t.oid, t.typtype,"
    " pg_catalog.format_type(e.oid, -1), e.oid,"
    " coalesce(c.relreplident = 'f' OR a.attnum = ANY"
    " ((k.indkey::int2[])[0:k.indnkeyatts - 1]), false),"
    " CASE WHEN l.oid IS NULL THEN true"
    " WHEN l.collprovider = 'd' THEN CASE coalesce(pg_catalog.to_jsonb(b)->>'datlocprovider', 'c')"
    "  WHEN 'c' THEN b.datcollate IN " BYTEWISE " WHEN 'b' THEN true ELSE false END"
    " WHEN l.collprovider = 'c' THEN coalesce(l.collcollate, '') IN " BYTEWISE
    " ELSE l.collprovider = 'b' END,"
    " coalesce((pg_catalog.to_jsonb(l)->>'collisdeterministic')::boolean, true),"
    " p.is_known, p.i, p.u, p.d, p.t"
    " FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_database b ON b.datname = pg_catalog.current_database()"
    " LEFT JOIN pg_catalog.pg_index k ON k.indrelid = c.oid AND k.indisvalid AND k.indisunique"
    "  AND k.indimmediate AND k.indpred IS NULL AND (c.relreplident = 'd' AND k.indisprimary"
    "  OR c.relreplident = 'i' AND k.indisreplident)"
    " LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
    "  AND NOT a.attisdropped"
    " LEFT JOIN LATERAL " BELOW_DOMAINS(
        "a.atttypid") " t ON true"
                      " LEFT JOIN pg_catalog.pg_type m ON m.oid = t.typelem AND m.typarray = t.oid"
                      " LEFT JOIN LATERAL " BELOW_DOMAINS(
                          "m.oid") " e ON true"
                                   " LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation"
                                   " LEFT JOIN LATERAL " PUBLISHED " p ON true"
                                   " WHERE n.nspname = $1::text AND c.relname = $2::text AND "
                                   "c.relkind IN "
                                   "('r', 'p')"
                                   " AND c.relpersistence = 'p' AND c.oid >= 16384 AND n.nspname "
                                   "<> 'information_schema'"
                                   " ORDER BY a.attnum";

static char *copy(const struct sql_answer *answer, int row, int column)
{
    const struct slice value = sql_value(answer, row, column);

    return sql_is_null(answer, row, column) ? NULL : mem_text_n(value.at, value.size);
}

static uint32_t number(const struct sql_answer *answer, int row, int column)
{
    uint64_t value = 0;

    return slice_to_u64(sql_value(answer, row, column), UINT32_MAX, &value) == OK ? (uint32_t)value
                                                                                  : 0;
}

static enum replica_identity identity_of(const struct sql_answer *answer)
{
    if (!sql_is_true(answer, 0, 3))
        return IDENTITY_NONE;
    if (slice_is(sql_value(answer, 0, 2), "f"))
        return IDENTITY_FULL;
    return slice_is(sql_value(answer, 0, 2), "i") ? IDENTITY_INDEX : IDENTITY_KEY;
}

static void fill_column(struct column_shape *column, const struct sql_answer *answer, int row)
{
    const struct slice kind = sql_value(answer, row, 9);

    column->name = copy(answer, row, 5);
    column->type = copy(answer, row, 6);
    column->cast_type = copy(answer, row, 7);
    column->base_oid = number(answer, row, 8);
    column->kind = 'b';
    if (kind.size > 0)
        column->kind = kind.at[0];
    column->element_cast_type = copy(answer, row, 10);
    column->element_oid = number(answer, row, 11);
    column->is_key = sql_is_true(answer, row, 12);
    column->is_collation_c = sql_is_true(answer, row, 13);
    column->is_deterministic = sql_is_true(answer, row, 14);
}

struct table_shape *table_shape_of(const struct sql_answer *answer)
{
    if (answer->rows == 0)
        return NULL;

    struct table_shape *shape = mem_new(sizeof *shape);
    shape->schema = copy(answer, 0, 0);
    shape->name = copy(answer, 0, 1);
    shape->identity = identity_of(answer);
    shape->published = (struct table_published){
        .is_known = sql_is_true(answer, 0, 15),
        .has_insert = sql_is_true(answer, 0, 16),
        .has_update = sql_is_true(answer, 0, 17),
        .has_delete = sql_is_true(answer, 0, 18),
        .has_truncate = sql_is_true(answer, 0, 19),
    };
    shape->is_ctype_c = sql_is_true(answer, 0, 4);
    if (sql_is_null(answer, 0, 5))
        return shape;
    shape->column_count = (uint32_t)answer->rows;
    shape->columns = mem_array(shape->column_count, sizeof *shape->columns);
    for (int row = 0; row < answer->rows; row++)
        fill_column(&shape->columns[row], answer, row);
    return shape;
}
