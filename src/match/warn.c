/* SPDX-License-Identifier: Apache-2.0 */
#include "match/warn.h"

#include "base/bytes.h"

struct warner {
    const struct query *query;
    const struct table_shape *shape;
    query_warning_fn *fn;
    void *arg;
};

static void warn(const struct warner *warner, enum query_warning warning, struct buf *text)
{
    warner->fn(warner->arg, warning, buf_slice(text));
}

static void add_kind(struct buf *out, unsigned kinds, unsigned kind, const char *word)
{
    if ((kinds & kind) != 0)
        buf_printf(out, "%s%s", out->size > 0 ? ", " : "", word);
}

static void warn_not_published(const struct warner *warner)
{
    CLEANUP(buf_release) struct buf kinds = BUF_INIT;
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const struct table_published *published = &warner->shape->published;
    unsigned missing = warner->query->kinds;

    if (!published->is_known)
        return;
    missing &= ~((published->has_insert ? QUERY_INSERT : 0U) |
                 (published->has_update ? QUERY_UPDATE : 0U) |
                 (published->has_delete ? QUERY_DELETE : 0U) |
                 (published->has_truncate ? QUERY_TRUNCATE : 0U));
    if (warner->shape->identity == IDENTITY_NONE) /* which is told by itself */
        missing &= ~(unsigned)(QUERY_UPDATE | QUERY_DELETE);
    add_kind(&kinds, missing, QUERY_INSERT, "insert");
    add_kind(&kinds, missing, QUERY_UPDATE, "update");
    add_kind(&kinds, missing, QUERY_DELETE, "delete");
    add_kind(&kinds, missing, QUERY_TRUNCATE, "truncate");
    if (missing == 0)
        return;
    buf_printf(&text, "%s.%s is in no publication that gives its changes of kind %s",
               warner->shape->schema, warner->shape->name, buf_text(&kinds));
    warn(warner, QUERY_NOT_PUBLISHED, &text);
}

static void warn_no_identity(const struct warner *warner)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    if (warner->shape->identity != IDENTITY_NONE ||
        (warner->query->kinds & (QUERY_UPDATE | QUERY_DELETE)) == 0)
        return;
    buf_printf(&text,
               "%s.%s has no replica identity, so its updates and deletes give no messages: give "
               "it a primary key, or ALTER TABLE .. REPLICA IDENTITY FULL",
               warner->shape->schema, warner->shape->name);
    warn(warner, QUERY_NO_IDENTITY, &text);
}

static bool is_named_before(const struct query *query, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++) {
        if (query->nodes[i].kind == QUERY_CONDITION &&
            slice_equal(query->nodes[i].column, query->nodes[at].column))
            return true;
    }
    return false;
}

/* The filter's columns that an old row does not show. */
static void add_weak_columns(const struct warner *warner, struct buf *out)
{
    const struct query *query = warner->query;

    for (uint32_t i = 0; i < query->node_count; i++) {
        const struct query_node *node = &query->nodes[i];
        if (node->kind != QUERY_CONDITION || is_named_before(query, i))
            continue;
        const struct column_shape *column = table_shape_find(warner->shape, node->column);
        if (column && !column->is_key)
            buf_printf(out, "%s\"%s\"", out->size > 0 ? ", " : "", column->name);
    }
}

static void warn_weak_identity(const struct warner *warner)
{
    CLEANUP(buf_release) struct buf columns = BUF_INIT;
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const enum replica_identity identity = warner->shape->identity;

    if (identity == IDENTITY_FULL || identity == IDENTITY_NONE)
        return;
    add_weak_columns(warner, &columns);
    if (columns.size == 0)
        return;
    if (warner->query->kinds & QUERY_DELETE) {
        buf_printf(&text,
                   "deletes cannot be judged by %s, not part of the replica identity of %s.%s, and "
                   "do not come unless the rest of the filter decides: ALTER TABLE .. REPLICA "
                   "IDENTITY FULL",
                   buf_text(&columns), warner->shape->schema, warner->shape->name);
        warn(warner, QUERY_WEAK_FILTER, &text);
    }
    buf_reset(&text);
    if (warner->query->kinds & QUERY_UPDATE) {
        buf_printf(&text,
                   "an update shows no old value of %s, so a row that leaves the filter is not "
                   "told: ALTER TABLE .. REPLICA IDENTITY FULL",
                   buf_text(&columns));
        warn(warner, QUERY_NO_SCOPE, &text);
    }
}

void query_warnings(const struct query *query, const struct table_shape *shape,
                    query_warning_fn *fn, void *arg)
{
    const struct warner warner = {query, shape, fn, arg};

    warn_not_published(&warner);
    warn_no_identity(&warner);
    warn_weak_identity(&warner);
}
