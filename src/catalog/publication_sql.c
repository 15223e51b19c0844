/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/publication_sql.h"

#include "sql/quote.h"

/* Can PostgreSQL name the old row of an update?  As RelationGetReplicaIndex() decides: a primary
 * key that is deferrable cannot be used.  At most one index x of a table is the one. */
#define IS_IDENTITY(class)                                                                         \
    "x.indisvalid AND x.indisunique AND x.indimmediate AND x.indpred IS NULL AND (" class          \
        ".relreplident = 'd' AND x.indisprimary OR " class ".relreplident = 'i' AND "              \
                                                           "x.indisreplident)"
#define HAS_IDENTITY(class)                                                                        \
    "(" class ".relreplident = 'f' OR EXISTS (SELECT 1 FROM pg_catalog.pg_index x"                 \
              " WHERE x.indrelid = " class ".oid AND " IS_IDENTITY(class) "))"

/* Users' tables: permanent, not of a system schema; of TimescaleDB's only the chunks.
 * (An unlogged or temporary table cannot be published.) */
#define IS_USERS                                                                                   \
    "c.relpersistence = 'p' AND c.oid >= 16384 AND n.nspname !~ '^pg_'"                            \
    " AND n.nspname <> 'information_schema' AND (n.nspname !~ '^_timescaledb_'"                    \
    " OR n.nspname = '_timescaledb_internal' AND c.relname ~ '^_hyper_[0-9]+_[0-9]+_chunk$')"

#define FROM_TABLES                                                                                \
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"

/* With publish_via_partition_root a partitioned table stands for its partitions. */
static const char *is_published_kind(const struct publication_names *names)
{
    return names->is_via_root ? "(c.relkind IN ('r', 'p') AND NOT c.relispartition)"
                              : "c.relkind = 'r'";
}

/* ...but PostgreSQL looks at the identity of each of them when it updates a row. */
static const char *partitions_have_identity(const struct publication_names *names)
{
    if (!names->is_via_root)
        return "true";
    return "(c.relkind = 'r' OR NOT EXISTS (SELECT 1 FROM pg_catalog.pg_partition_tree(c.oid) t"
           " JOIN pg_catalog.pg_class l ON l.oid = t.relid"
           " WHERE t.isleaf AND l.relkind = 'r' AND NOT " HAS_IDENTITY("l") "))";
}

static void add_publication_columns(struct buf *out, const char *alias,
                                    const struct publication_names *names)
{
    buf_printf(out,
               ", %s.oid IS NOT NULL, pg_catalog.obj_description(%s.oid, 'pg_publication')"
               " = 'kept by pgcdc', pg_catalog.pg_has_role(%s.pubowner, 'USAGE'), %s%s, "
               "%s.puballtables",
               alias, alias, alias, names->server_version >= 130000 ? alias : "false",
               names->server_version >= 130000 ? ".pubviaroot" : "", alias);
}

void publication_sql_state(struct buf *out, const struct publication_names *names)
{
    buf_add_text(out, "SELECT r.rolsuper, pg_catalog.has_database_privilege("
                      "pg_catalog.current_database(), 'CREATE'), pg_catalog.pg_is_in_recovery(), "
                      "r.rolname, pg_catalog.current_database()");
    add_publication_columns(out, "u", names);
    add_publication_columns(out, "i", names);
    buf_printf(out,
               ", t.ours, t.others FROM pg_catalog.pg_roles r"
               " LEFT JOIN pg_catalog.pg_publication u ON u.pubname = $1::name"
               " LEFT JOIN pg_catalog.pg_publication i ON i.pubname = $2::name"
               " CROSS JOIN (SELECT count(*) FILTER (WHERE o) AS ours,"
               " count(*) FILTER (WHERE NOT o) AS others FROM"
               " (SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') AS o" FROM_TABLES
               " WHERE " IS_USERS " AND %s) s) t"
               " WHERE r.rolname = current_user",
               is_published_kind(names));
}

/* Asked each second: every table once, by hash joins; OFFSET 0 keeps the planner from working out
 * each column of `s` again wherever it is named. */
void publication_sql_differences(struct buf *out, const struct publication_names *names)
{
    buf_printf(
        out,
        "SELECT e.n, w.oid, w.nspname, w.relname, w.want_u, w.in_u, w.want_i, w.in_i,"
        " w.ident FROM (SELECT count(*) AS n, coalesce(bool_or(puballtables AND pubname ="
        " $2::name), false) AS has_all FROM pg_catalog.pg_publication"
        " WHERE pubname IN ($1::name, $2::name)) e LEFT JOIN LATERAL"
        " (SELECT *, mine AND ident AS want_u, mine AND NOT e.has_all AS want_i FROM"
        " (SELECT c.oid, n.nspname, c.relname, (" IS_USERS
        " AND %s AND pg_catalog.pg_has_role(c.relowner, 'USAGE')) AS mine,"
        " (c.relreplident = 'f' OR x.indrelid IS NOT NULL) AND %s AS ident,"
        " u.oid IS NOT NULL AS in_u, i.oid IS NOT NULL AS in_i" FROM_TABLES
        " LEFT JOIN pg_catalog.pg_index x ON x.indrelid = c.oid AND " IS_IDENTITY(
            "c") " LEFT JOIN pg_catalog.pg_publication_rel u ON u.prrelid = c.oid AND u.prpubid ="
                 " (SELECT oid FROM pg_catalog.pg_publication WHERE pubname = $1::name)"
                 " LEFT JOIN pg_catalog.pg_publication_rel i ON i.prrelid = c.oid AND i.prpubid ="
                 " (SELECT oid FROM pg_catalog.pg_publication WHERE pubname = $2::name)"
                 " WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384 OFFSET 0) s) w"
                 " ON w.want_u <> w.in_u OR w.want_i <> w.in_i"
                 " OR w.mine AND NOT w.ident AND w.oid > $3::oid ORDER BY w.oid",
        is_published_kind(names), partitions_have_identity(names));
}

const char *publication_sql_harmed(void)
{
    return "SELECT t.schemaname, t.tablename FROM pg_catalog.pg_publication p"
           " JOIN pg_catalog.pg_publication_tables t ON t.pubname = p.pubname"
           " JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname"
           " JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename"
           " WHERE p.pubname IN ($1::name, $2::name) AND (p.pubupdate OR p.pubdelete)"
           " AND NOT " HAS_IDENTITY("c") " GROUP BY 1, 2 ORDER BY 1, 2";
}

void publication_sql_identified(struct buf *out, const struct publication_names *names)
{
    buf_printf(out,
               "SELECT n.nspname, c.relname" FROM_TABLES " WHERE " IS_USERS
               " AND %s AND " HAS_IDENTITY("c") " AND %s ORDER BY c.oid",
               is_published_kind(names), partitions_have_identity(names));
}

static void add_with(struct buf *out, const struct publication_names *names, const char *publish)
{
    buf_printf(out, " WITH (publish = '%s'", publish);
    if (names->server_version >= 130000)
        buf_printf(out, ", publish_via_partition_root = %s", names->is_via_root ? "true" : "false");
    if (names->server_version >= 180000)
        buf_add_text(out, ", publish_generated_columns = stored");
    buf_add_char(out, ')');
}

static void add_create(struct buf *out, const struct publication_names *names, const char *name,
                       const char *whom, const char *publish)
{
    buf_add_text(out, "; CREATE PUBLICATION ");
    sql_quote_identifier(out, slice_text(name));
    buf_add_text(out, whom);
    add_with(out, names, publish);
    buf_add_text(out, "; COMMENT ON PUBLICATION ");
    sql_quote_identifier(out, slice_text(name));
    buf_add_text(out, " IS 'kept by pgcdc'");
}

void publication_sql_create(struct buf *out, const struct publication_names *names,
                            bool makes_update, bool makes_inserts, bool is_superuser)
{
    buf_add_text(out, "SET LOCAL lock_timeout = '2s'");
    if (makes_update)
        add_create(out, names, names->update, "", "insert, update, delete, truncate");
    if (makes_inserts)
        add_create(out, names, names->inserts, is_superuser ? " FOR ALL TABLES" : "",
                   "insert, truncate");
}

void publication_sql_set_root(struct buf *out, const char *name, bool is_via_root)
{
    buf_add_text(out, "SET LOCAL lock_timeout = '2s'; ALTER PUBLICATION ");
    sql_quote_identifier(out, slice_text(name));
    buf_printf(out, " SET (publish_via_partition_root = %s)", is_via_root ? "true" : "false");
}

/* ONLY: or else all that inherits is taken along, whatever its identity. */
static void add_table(struct buf *out, const struct publication_table *table)
{
    buf_add_text(out, "ONLY ");
    sql_quote_identifier(out, table->schema);
    buf_add_char(out, '.');
    sql_quote_identifier(out, table->name);
}

enum step { DROP_UPDATE, DROP_INSERTS, ADD_UPDATE, ADD_INSERTS };

static bool is_of_step(const struct publication_table *table, enum step step)
{
    switch (step) {
    case DROP_UPDATE:
        return table->has_update && !table->wants_update;
    case DROP_INSERTS:
        return table->has_inserts && !table->wants_inserts;
    case ADD_UPDATE:
        return table->wants_update && !table->has_update;
    case ADD_INSERTS:
        return table->wants_inserts && !table->has_inserts;
    }
    return false;
}

static void alter_step(const struct publication_names *names, enum step step,
                       const struct publication_table *tables, size_t count, size_t batch,
                       publication_statement_fn *fn, void *arg)
{
    const bool is_update = step == DROP_UPDATE || step == ADD_UPDATE;
    const bool is_drop = step == DROP_UPDATE || step == DROP_INSERTS;
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    size_t in_text = 0;

    for (size_t i = 0; i < count; i++) {
        if (!is_of_step(&tables[i], step))
            continue;
        if (in_text == batch) {
            fn(arg, buf_text(&text));
            in_text = 0;
        }
        if (in_text++ == 0) {
            buf_reset(&text);
            buf_printf(&text, "SET LOCAL lock_timeout = '%s'; ALTER PUBLICATION ",
                       batch > 1 ? "2s" : "200ms");
            sql_quote_identifier(&text, slice_text(is_update ? names->update : names->inserts));
            buf_add_text(&text, is_drop ? " DROP TABLE " : " ADD TABLE ");
        } else {
            buf_add_text(&text, ", ");
        }
        add_table(&text, &tables[i]);
    }
    if (in_text > 0)
        fn(arg, buf_text(&text));
}

void publication_sql_alter(const struct publication_names *names,
                           const struct publication_table *tables, size_t count, size_t batch,
                           publication_statement_fn *fn, void *arg)
{
    for (enum step step = DROP_UPDATE; step <= ADD_INSERTS; step++)
        alter_step(names, step, tables, count, batch, fn, arg);
}

#define REMEDY_MAX 450 /* bytes of a list of tables that still fits a message */

/* For psql, which runs what the query returns: a list that would be too long to be told. */
static void add_generated(struct buf *out, const struct publication_names *names)
{
    buf_add_text(out, "SELECT 'CREATE PUBLICATION ");
    sql_quote_identifier(out, slice_text(names->update));
    buf_add_text(out, " FOR TABLE ' || string_agg('ONLY ' || oid::regclass, ', ')");
    if (names->is_via_root)
        buf_add_text(out, " || ' WITH (publish_via_partition_root = true)'");
    buf_printf(out,
               " FROM pg_class c WHERE %s AND relpersistence = 'p' AND oid >= 16384"
               " AND relnamespace <> 'information_schema'::regnamespace AND (relreplident = 'f' OR"
               " EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND (indisprimary AND"
               " relreplident = 'd' AND indimmediate OR indisreplident))) \\gexec ",
               names->is_via_root ? "relkind IN ('r', 'p') AND NOT relispartition"
                                  : "relkind = 'r'");
}

void publication_sql_remedy(struct buf *out, const struct publication_names *names,
                            const struct publication_table *tables, size_t count)
{
    CLEANUP(buf_release) struct buf list = BUF_INIT;

    for (size_t i = 0; i < count && list.size <= REMEDY_MAX; i++) {
        if (i > 0)
            buf_add_text(&list, ", ");
        add_table(&list, &tables[i]);
    }
    if (list.size > REMEDY_MAX) {
        add_generated(out, names);
    } else {
        buf_add_text(out, "CREATE PUBLICATION ");
        sql_quote_identifier(out, slice_text(names->update));
        if (list.size > 0) {
            buf_add_text(out, " FOR TABLE ");
            buf_add(out, buf_slice(&list));
        }
        if (names->is_via_root)
            buf_add_text(out, " WITH (publish_via_partition_root = true)");
        buf_add_text(out, "; ");
    }
    buf_add_text(out, "CREATE PUBLICATION ");
    sql_quote_identifier(out, slice_text(names->inserts));
    buf_printf(out, " FOR ALL TABLES WITH (publish = 'insert, truncate'%s);",
               names->is_via_root ? ", publish_via_partition_root = true" : "");
}
