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

struct known_table {
    struct table *table; /* retired by us, never freed */
    struct table *own;   /* that of the transaction at hand; NULL: the same */
    uint32_t heard;      /* when `table` was last described */
};

static void retire(const struct pgoutput_tables *tables, struct table *table)
{
    if (table)
        tables->config->retire(tables->config->arg, table);
}

static void forget(const struct pgoutput_tables *tables, struct known_table *known)
{
    retire(tables, known->table);
    retire(tables, known->own);
    mem_free(known);
}

void pgoutput_tables_reset(struct pgoutput_tables *tables)
{
    size_t at = 0;
    struct slice key;
    void *known;

    while (map_next(&tables->by_oid, &at, &key, &known))
        forget(tables, known);
    map_release(&tables->by_oid);
    tables->by_oid = MAP_INIT;
    tables->last = NULL;
    tables->has_own = false;
}

void pgoutput_tables_release(struct pgoutput_tables *tables)
{
    pgoutput_tables_reset(tables);
    mem_free(tables->specs);
}

void pgoutput_tables_end(struct pgoutput_tables *tables)
{
    size_t at = 0;
    struct slice key;
    void *value;

    while (tables->has_own && map_next(&tables->by_oid, &at, &key, &value)) {
        struct known_table *known = value;
        retire(tables, known->own);
        known->own = NULL;
    }
    if (tables->has_own)
        tables->last = NULL;
    tables->has_own = false;
}

static struct known_table *find_known(const struct pgoutput_tables *tables, uint32_t oid)
{
    return map_get(&tables->by_oid, slice_of(&oid, sizeof oid));
}

const struct table *pgoutput_tables_find_slow(struct pgoutput_tables *tables, uint32_t oid)
{
    const struct known_table *known = find_known(tables, oid);

    if (known)
        tables->last = known->own ? known->own : known->table;
    else
        tables->last = NULL;
    tables->last_oid = oid;
    return tables->last;
}

struct relation {
    uint32_t oid;
    struct slice schema, name;
    char identity; /* pg_class.relreplident */
    uint16_t column_count;
    uint32_t heard;
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

/* Does a version, which may be NULL, say what this Relation says? */
static bool is_said_by(const struct pgoutput_tables *tables, const struct relation *relation,
                       const struct table *table)
{
    return table &&
           table_is(table, relation->schema, relation->name, tables->specs, relation->column_count);
}

static struct known_table *add_known(struct pgoutput_tables *tables, uint32_t oid)
{
    struct known_table *known = mem_new(sizeof *known);

    (void)map_set(&tables->by_oid, slice_of(&oid, sizeof oid), known);
    return known;
}

/* Replaces a version unless it says the same. */
static void set_version(struct pgoutput_tables *tables, const struct relation *relation,
                        struct table **version)
{
    if (is_said_by(tables, relation, *version))
        return;
    retire(tables, *version);
    *version = table_new(relation->schema, relation->name, tables->specs, relation->column_count);
}

static enum status keep_version(struct pgoutput_tables *tables, const struct relation *relation)
{
    struct known_table *known = find_known(tables, relation->oid);
    const bool is_late = known && (int32_t)(relation->heard - known->heard) < 0;

    if (!known && tables->by_oid.count >= PGOUTPUT_TABLES_MAX)
        return ERR_LIMIT;
    if (!known)
        known = add_known(tables, relation->oid);
    tables->last = NULL;
    if (is_late && !is_said_by(tables, relation, known->table)) {
        set_version(tables, relation, &known->own);
        tables->has_own = true;
        return OK;
    }
    retire(tables, known->own);
    known->own = NULL;
    if (is_late)
        return OK;
    set_version(tables, relation, &known->table);
    known->heard = relation->heard;
    return OK;
}

static void make_unknown(struct pgoutput_tables *tables, uint32_t oid)
{
    struct known_table *known = map_remove(&tables->by_oid, slice_of(&oid, sizeof oid));

    tables->last = NULL;
    if (known)
        forget(tables, known);
}

enum status pgoutput_tables_read(struct pgoutput_tables *tables, struct wire *wire, uint32_t heard,
                                 struct fault *fault)
{
    struct relation relation = {.oid = wire_u32(wire), .heard = heard};
    enum status status = read_relation(wire, &relation);

    if (status == OK)
        status = read_columns(tables, &relation, wire);
    if (status == ERR_PARSE) {
        make_unknown(tables, relation.oid);
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
