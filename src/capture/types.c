/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/types.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "change/table.h"

/* Below it are the types that initdb made, which never change their names (access/transam.h). */
enum { FIRST_USER_OID = 16384 };

struct type_name {
    struct list_link in_list; /* types->known or types->wanted */
    uint32_t oid;
    int32_t modifier;
    char *name; /* owned; NULL while it is wanted */
    size_t size;
    bool is_asked; /* stood in a query */
};

struct types {
    struct map by_pair; /* oid and modifier -> struct type_name, owned */
    struct map by_oid;  /* oid -> struct buf, owned: what Type messages said, as SQL writes it */
    struct list_link known, wanted;
    size_t wanted_count;
};

struct pair {
    uint32_t oid;
    int32_t modifier;
};

static struct slice bytes_of_pair(const struct pair *pair)
{
    return slice_of(pair, sizeof *pair);
}

static struct slice bytes_of_oid(const uint32_t *oid)
{
    return slice_of(oid, sizeof *oid);
}

struct types *types_new(void)
{
    struct types *types = mem_new(sizeof *types);

    list_init(&types->known);
    list_init(&types->wanted);
    return types;
}

static void drop_name(struct types *types, struct type_name *type)
{
    const struct pair pair = {type->oid, type->modifier};

    (void)map_remove(&types->by_pair, bytes_of_pair(&pair));
    list_remove(&type->in_list);
    if (!type->name)
        types->wanted_count--;
    mem_free(type->name);
    mem_free(type);
}

/* Forgets the names of user's types (of one of them, where `oid` is not 0). */
static void drop_names(struct types *types, struct list_link *list, uint32_t oid)
{
    LIST_EACH (link, list) {
        struct type_name *type = LIST_ITEM(link, struct type_name, in_list);
        if (oid == 0 ? type->oid >= FIRST_USER_OID : type->oid == oid)
            drop_name(types, type);
    }
}

static void drop_heard(struct types *types)
{
    size_t at = 0;
    struct slice key;
    void *name;

    while (map_next(&types->by_oid, &at, &key, &name)) {
        buf_release(name);
        mem_free(name);
    }
    map_release(&types->by_oid);
    types->by_oid = MAP_INIT;
}

void types_reset(struct types *types)
{
    drop_names(types, &types->known, 0);
    drop_names(types, &types->wanted, 0);
    drop_heard(types);
}

static void drop_all(struct types *types, struct list_link *list)
{
    LIST_EACH (link, list)
        drop_name(types, LIST_ITEM(link, struct type_name, in_list));
}

void types_free(struct types *types)
{
    if (!types)
        return;
    drop_all(types, &types->known);
    drop_all(types, &types->wanted);
    drop_heard(types);
    map_release(&types->by_pair);
    mem_free(types);
}

enum status types_name(struct types *types, uint32_t oid, int32_t modifier, struct slice *out_name)
{
    const struct pair pair = {oid, modifier};
    struct type_name *type = map_get(&types->by_pair, bytes_of_pair(&pair));

    if (!type) {
        if (types->by_pair.count >= TYPES_MAX) {
            drop_all(types, &types->known);
            drop_all(types, &types->wanted);
        }
        type = mem_new(sizeof *type);
        type->oid = oid;
        type->modifier = modifier;
        list_append(&types->wanted, &type->in_list);
        types->wanted_count++;
        (void)map_set(&types->by_pair, bytes_of_pair(&pair), type);
    }
    if (!type->name)
        return ERR_AGAIN;
    *out_name = slice_of(type->name, type->size);
    return OK;
}

size_t types_wanted(const struct types *types)
{
    return types->wanted_count;
}

void types_query(struct types *types, struct buf *sql)
{
    const char *comma = "";

    buf_add_text(sql, "SELECT w.oid, w.modifier, pg_catalog.format_type(t.oid, w.modifier)"
                      " FROM (VALUES ");
    LIST_EACH (link, &types->wanted) {
        struct type_name *type = LIST_ITEM(link, struct type_name, in_list);
        buf_printf(sql, "%s('%u'::pg_catalog.oid,'%d'::pg_catalog.int4)", comma, type->oid,
                   type->modifier);
        comma = ",";
        type->is_asked = true;
    }
    buf_add_text(sql, ") AS w (oid, modifier)"
                      " LEFT JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) w.oid");
}

/* ---- names ---- */

/* Needs no quotes.  A type called "integer" has them, so that it is not taken for the built-in one;
 * other keywords are not looked for in a name that is only fallen back on. */
static bool is_plain_identifier(struct slice name)
{
    if (name.size == 0 || (name.at[0] >= '0' && name.at[0] <= '9'))
        return false;
    for (size_t i = 0; i < name.size; i++) {
        const char c = name.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return column_class_of_type(name) == COLUMN_STRING;
}

static void add_identifier(struct buf *out, struct slice name)
{
    if (is_plain_identifier(name)) {
        buf_add(out, name);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < name.size; i++) {
        if (name.at[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, name.at[i]);
    }
    buf_add_char(out, '"');
}

static void set_name(struct types *types, struct type_name *type, struct slice name)
{
    if (!type->name) {
        types->wanted_count--;
        list_remove(&type->in_list);
        list_append(&types->known, &type->in_list);
    }
    mem_free(type->name);
    type->name = mem_text_n(name.at, name.size);
    type->size = name.size;
}

static void set_fallback(struct types *types, struct type_name *type)
{
    const struct buf *heard = map_get(&types->by_oid, bytes_of_oid(&type->oid));
    CLEANUP(buf_release) struct buf name = BUF_INIT;

    if (heard)
        buf_add(&name, buf_slice(heard));
    else
        buf_printf(&name, "oid %u", type->oid);
    set_name(types, type, buf_slice(&name));
}

void types_answer(struct types *types, uint32_t oid, int32_t modifier, struct slice name)
{
    const struct pair pair = {oid, modifier};
    struct type_name *type = map_get(&types->by_pair, bytes_of_pair(&pair));

    if (!type)
        return;
    if (name.size == 0 || slice_starts(name, SLICE("???")))
        set_fallback(types, type);
    else
        set_name(types, type, name);
}

void types_answered(struct types *types)
{
    LIST_EACH (link, &types->wanted) {
        struct type_name *type = LIST_ITEM(link, struct type_name, in_list);
        if (type->is_asked)
            set_fallback(types, type);
    }
}

void types_heard(struct types *types, uint32_t oid, struct slice schema, struct slice name)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    struct buf *heard = map_get(&types->by_oid, bytes_of_oid(&oid));

    /* An empty schema is pg_catalog (protocol-logicalrep-message-formats, Type). */
    if (schema.size > 0 && !slice_is(schema, "public") && !slice_is(schema, "pg_catalog")) {
        add_identifier(&text, schema);
        buf_add_char(&text, '.');
    }
    /* PostgreSQL names the array type of mood _mood. */
    const bool is_array = name.size > 1 && name.at[0] == '_';
    add_identifier(&text, is_array ? slice_of(name.at + 1, name.size - 1) : name);
    if (is_array)
        buf_add_text(&text, "[]");

    if (heard && slice_equal(buf_slice(heard), buf_slice(&text)))
        return;
    if (heard) {
        drop_names(types, &types->known, oid);
    } else {
        if (types->by_oid.count >= TYPES_MAX)
            drop_heard(types);
        heard = mem_new(sizeof *heard);
        (void)map_set(&types->by_oid, bytes_of_oid(&oid), heard);
    }
    buf_reset(heard);
    buf_add(heard, buf_slice(&text));
}
