/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/pgoutput_tables.h"

#include "base/mem.h"
#include "capture/types.h"
#include "capture/wire.h"

enum { COLUMN_IS_KEY = 1 }; /* a column's flags */

void pgoutput_tables_init(struct pgoutput_tables *tables, const struct decoder_config *config)
{
    *tables = (struct pgoutput_tables){
        .config = config,
        .specs = mem_array(PGOUTPUT_COLUMNS_MAX, sizeof tables->specs[0]),
    };
}

void pgoutput_tables_reset(struct pgoutput_tables *tables)
{
    size_t at = 0;
    struct slice key;
    void *table;

    while (map_next(&tables->by_oid, &at, &key, &table))
        tables->config->retire(tables->config->arg, table);
    map_release(&tables->by_oid);
    tables->by_oid = MAP_INIT;
    tables->last = NULL;
}

void pgoutput_tables_release(struct pgoutput_tables *tables)
{
    pgoutput_tables_reset(tables);
    mem_free(tables->specs);
}

struct table *pgoutput_tables_find_slow(struct pgoutput_tables *tables, uint32_t oid)
{
    tables->last = map_get(&tables->by_oid, slice_of(&oid, sizeof oid));
    tables->last_oid = oid;
    return tables->last;
}

/* Sets the version of a table, or with NULL forgets it, and retires the one before. */
static void set_version(struct pgoutput_tables *tables, uint32_t oid, struct table *table)
{
    const struct slice key = slice_of(&oid, sizeof oid);
    struct table *before =
        table ? map_set(&tables->by_oid, key, table) : map_remove(&tables->by_oid, key);

    tables->last = NULL;
    if (before)
        tables->config->retire(tables->config->arg, before);
}

struct relation {
    uint32_t oid;
    struct slice schema, name;
    char identity; /* pg_class.relreplident */
    uint16_t column_count;
};

/* Reads the columns into specs.  All types are looked at before ERR_AGAIN is returned, so that
 * one question to the database is enough. */
static enum status read_columns(struct pgoutput_tables *tables, const struct relation *relation,
                                struct wire *wire)
{
    enum status status = OK;

    for (uint32_t i = 0; i < relation->column_count && !wire->has_failed; i++) {
        struct column_spec *spec = &tables->specs[i];
        const uint8_t flags = wire_u8(wire);

        spec->name = wire_string(wire);
        spec->is_key = (flags & COLUMN_IS_KEY) != 0;
        const uint32_t oid = wire_u32(wire);
        const int32_t modifier = (int32_t)wire_u32(wire);
        if (!wire->has_failed &&
            types_name(tables->config->types, oid, modifier, &spec->type) != OK)
            status = ERR_AGAIN;
    }
    return wire_is_done(wire) ? status : ERR_PARSE;
}

static bool is_identity(char c)
{
    return c == 'd' || c == 'n' || c == 'f' || c == 'i';
}

static enum status read_relation(struct wire *wire, struct relation *relation)
{
    relation->schema = wire_string(wire);
    relation->name = wire_string(wire);
    relation->identity = (char)wire_u8(wire);
    relation->column_count = wire_u16(wire);

    if (relation->schema.size == 0)
        relation->schema = SLICE("pg_catalog");
    if (wire->has_failed || relation->column_count > PGOUTPUT_COLUMNS_MAX ||
        relation->name.size == 0 || !is_identity(relation->identity))
        return ERR_PARSE;
    return OK;
}

static enum status name_table(const struct decoder_config *config, struct relation *relation)
{
    struct slice schema = relation->schema, name = relation->name;

    if (config->name_table) {
        const enum status status =
            config->name_table(config->arg, relation->schema, relation->name, &schema, &name);
        if (status != OK)
            return status;
    }
    relation->schema = schema;
    relation->name = name;
    return OK;
}

static enum status keep_version(struct pgoutput_tables *tables, const struct relation *relation)
{
    const struct table *known = pgoutput_tables_find(tables, relation->oid);

    if (known &&
        table_is(known, relation->schema, relation->name, tables->specs, relation->column_count))
        return OK;
    if (!known && tables->by_oid.count >= PGOUTPUT_TABLES_MAX)
        return ERR_LIMIT;
    set_version(tables, relation->oid,
                table_new(relation->schema, relation->name, tables->specs, relation->column_count));
    return OK;
}

enum status pgoutput_tables_read(struct pgoutput_tables *tables, struct wire *wire,
                                 struct fault *fault)
{
    struct relation relation = {.oid = wire_u32(wire)};
    enum status status = read_relation(wire, &relation);

    if (status == OK)
        status = read_columns(tables, &relation, wire);
    if (status == ERR_PARSE) {
        set_version(tables, relation.oid, NULL);
        return fault_set(fault, ERR_PARSE, "pgoutput: the Relation message of table oid %u is cut",
                         relation.oid);
    }
    if (status == OK)
        status = name_table(tables->config, &relation);
    if (status == OK)
        status = keep_version(tables, &relation);
    if (status == ERR_LIMIT)
        return fault_set(fault, ERR_LIMIT, "pgoutput: more than %d tables", PGOUTPUT_TABLES_MAX);
    return status;
}
