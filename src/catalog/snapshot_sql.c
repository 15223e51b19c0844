/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/snapshot_sql.h"

#include "base/mem.h"
#include "catalog/snapshot.h"
#include "change/shape.h"
#include "change/table.h"
#include "sql/quote.h"
#include "sql/sql.h"

static void add_name(struct buf *out, struct slice schema, struct slice name)
{
    sql_quote_identifier(out, schema);
    buf_add_char(out, '.');
    sql_quote_identifier(out, name);
}

void snapshot_sql_begin(struct buf *out, const struct table *table, int server_version)
{
    CLEANUP(buf_release) struct buf name = BUF_INIT;

    add_name(&name, table->schema, table->name);
    buf_printf(out,
               "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '10s';"
               " SET LOCAL row_security = off; SET LOCAL max_parallel_workers_per_gather = 0;"
               " LOCK TABLE %s IN ACCESS SHARE MODE; SELECT pg_catalog.%s(),"
               " CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL"
               " ELSE pg_catalog.pg_current_wal_insert_lsn() END, c.relkind = 'p' OR EXISTS"
               " (SELECT FROM pg_catalog.pg_inherits i"
               " JOIN pg_catalog.pg_class k ON k.oid = i.inhrelid"
               " JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace"
               " WHERE i.inhparent = c.oid AND n.nspname LIKE '\\_timescaledb\\_%%')"
               " FROM pg_catalog.pg_class c WHERE c.oid = ",
               buf_text(&name),
               server_version >= 130000 ? "pg_current_snapshot" : "txid_current_snapshot");
    sql_quote_literal(out, buf_slice(&name));
    buf_add_text(out, "::pg_catalog.regclass");
}

static bool is_wanted(const struct snapshot_query *query, const struct column_shape *column)
{
    if (!query->select || (column->is_key && query->shape->identity != IDENTITY_FULL))
        return true;
    for (uint32_t i = 0; i < query->select_count; i++) {
        if (slice_is(query->select[i], column->name))
            return true;
    }
    return false;
}

struct table *snapshot_sql_table(const struct snapshot_query *query)
{
    const struct table_shape *shape = query->shape;
    struct column_spec *specs = mem_array(shape->column_count + 1U, sizeof *specs);
    uint32_t count = 0;

    for (uint32_t i = 0; i < shape->column_count; i++) {
        const struct column_shape *column = &shape->columns[i];
        if (is_wanted(query, column))
            specs[count++] = (struct column_spec){slice_text(column->name),
                                                  slice_text(column->type), column->is_key};
    }
    struct table *table =
        table_new(slice_text(shape->schema), slice_text(shape->name), specs, count);
    mem_free(specs);
    return table;
}

void snapshot_sql_rows(struct buf *out, const struct table *table, struct slice where,
                       bool has_children)
{
    buf_add_text(out, "SELECT ");
    for (uint32_t i = 0; i < table->column_count; i++) {
        buf_add_text(out, i > 0 ? ", " : "");
        sql_quote_identifier(out, table->columns[i].name);
    }
    buf_add_text(out, has_children ? " FROM " : " FROM ONLY ");
    add_name(out, table->schema, table->name);
    if (where.size > 0)
        buf_add_text(out, " WHERE ");
    buf_add(out, where);
}

void snapshot_sql_fingerprint(struct buf *out, const struct table_shape *shape)
{
    buf_printf(out, "%d", (int)shape->identity);
    for (uint32_t i = 0; i < shape->column_count; i++) {
        const struct column_shape *column = &shape->columns[i];
        buf_printf(out, "|%zu:%s %s %d %u", strlen(column->name), column->name, column->type,
                   column->is_key, (unsigned)column->base_oid);
    }
}

static void deny(struct fault *fault, const struct sql_answer *answer, const struct table *table,
                 const char *role)
{
    CLEANUP(buf_release) struct buf grant = BUF_INIT;

    if (strstr(answer->message, "row-level security")) {
        buf_add_text(&grant, "ALTER ROLE ");
        sql_quote_identifier(&grant, slice_text(role));
        buf_add_text(&grant, " BYPASSRLS");
    } else {
        buf_add_text(&grant, "GRANT USAGE ON SCHEMA ");
        sql_quote_identifier(&grant, table->schema);
        buf_add_text(&grant, " TO ");
        sql_quote_identifier(&grant, slice_text(role));
        buf_add_text(&grant, "; GRANT SELECT ON ");
        add_name(&grant, table->schema, table->name);
        buf_add_text(&grant, " TO ");
        sql_quote_identifier(&grant, slice_text(role));
    }
    (void)fault_set(fault, ERR_DENIED, "%s; an administrator can allow it: %s", answer->message,
                    buf_text(&grant));
}

void snapshot_sql_fault(struct fault *fault, const struct sql_answer *answer,
                        const struct table *table, const char *role)
{
    if (strcmp(answer->sqlstate, "42501") == 0) /* insufficient_privilege */
        deny(fault, answer, table, role);
    else if (strcmp(answer->sqlstate, "42P01") == 0 || strcmp(answer->sqlstate, "3F000") == 0)
        (void)fault_set(fault, ERR_NOT_FOUND, "table %.*s.%.*s is not there any more",
                        SLICE_ARG(table->schema), SLICE_ARG(table->name));
    else if (strcmp(answer->sqlstate, "55P03") == 0) /* lock_not_available */
        (void)fault_set(fault, ERR_TIMEOUT,
                        "table %.*s.%.*s could not be locked for reading within 10 s",
                        SLICE_ARG(table->schema), SLICE_ARG(table->name));
    else
        (void)fault_set(fault, ERR_REFUSED, "%s", answer->message);
}
