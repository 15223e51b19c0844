/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who wants this change?
 *
 * Every client holds filters such as "orders where region = 'eu'".  A change must find the few
 * that pass without asking all of them, so each filter is filed under the rarest facts or ranges
 * it needs, and only filters under what the change has are asked:
 *
 *     orders --+-- region = 'eu'   --> s1, s7      insert orders (id 9, region 'eu', total 70)
 *              +-- region = 'us'   --> s2              asks s1, s7, s5 and s3, not s2, s4
 *              +-- total 100 and up -> s4
 *              +-- total 50 to 80  --> s5
 *              +-- any row         --> s3
 *
 * A fact is a column and a constant, kept as one hash of both (index_facts.h); a range is two ends
 * on a column (index_ranges.h).  That two constants share a hash, or that a range is taken a little
 * too wide, costs a question and is never wrong, because whoever is found is asked.  "and" is filed
 * under the one of its conditions that has the fewest filters already; "in" and "or" under each of
 * theirs, and a mark on the filter keeps it from being asked twice for one change (index_choice.c).
 *
 * Always true: a filter that passes a change is filed under a fact or a range of that change, or
 * under any row.  Identical filters are one node.
 * Cost: one look-up per indexed column of the table, plus one filter_passes() per filter asked.
 * A filter with neither, such as "name.like.*a*", is asked for every row of its table.
 * Thread: the owner of the index only.
 */
#include "match/index.h"

#include "base/map.h"
#include "base/mem.h"
#include "match/filter.h"
#include "match/index_entry.h"
#include "match/rank.h"
#include "match/scalar.h"

struct entry_node {
    struct index_node node; /* first: index_node and entry_node have one address */
    struct table_entry *entry;
    uint64_t seen; /* the change that has asked it last */
    bool is_stale; /* and that has been told */
    uint32_t filing_count, range_count;
    struct range_filing *ranges; /* behind the filings, in the same block */
    uint32_t *slots;             /* of the entry's columns; behind the ranges */
    struct filing filings[];
};

/* What index_prepare() has worked out; address and position together are not used again. */
struct prepared {
    const struct change *change; /* only compared */
    struct position position;
    struct table_entry *entry;
};

struct index {
    struct map by_key;  /* filter_key, the filter's own, to entry_node */
    struct map entries; /* schema, NUL, name to table_entry */
    uint64_t serial;    /* of the change that is being matched */
    uint64_t asked_total;
    struct prepared prepared[INDEX_PREPARED]; /* a ring */
    uint32_t prepared_first, prepared_count;
    index_stale_fn *on_stale; /* NULL: nobody wants to know */
    void *on_stale_arg;
    struct buf scratch;
};

static void entry_key(struct buf *out, struct slice schema, struct slice name)
{
    buf_reset(out);
    buf_add(out, schema);
    buf_add_char(out, '\0');
    buf_add(out, name);
}

struct index *index_new(void)
{
    struct index *index = mem_new(sizeof *index);

    index->by_key = MAP_BORROWING;
    return index;
}

void index_on_stale(struct index *index, index_stale_fn *fn, void *arg)
{
    index->on_stale = fn;
    index->on_stale_arg = arg;
}

static struct table_entry *entry_get(struct index *index, const struct filter *filter)
{
    entry_key(&index->scratch, slice_text(filter->schema), slice_text(filter->table));
    struct table_entry *entry = map_get(&index->entries, buf_slice(&index->scratch));

    if (entry)
        return entry;
    entry = entry_new(buf_slice(&index->scratch));
    (void)map_set(&index->entries, buf_slice(&index->scratch), entry);
    return entry;
}

static void node_file(struct index *index, struct entry_node *self, uint64_t chosen)
{
    const struct filter *filter = self->node.filter;

    for (uint32_t i = 0; i < filter->node_count; i++) {
        const struct filter_node *node = &filter->nodes[i];
        if ((chosen >> i & 1U) == 0)
            continue;
        if (range_is_possible(node)) {
            range_file(entry_ranges(self->entry, self->slots, node), range_of(filter, i),
                       &self->ranges[self->range_count++], self);
            continue;
        }
        struct fact_column *column = entry_facts(self->entry, self->slots, node);
        for (uint32_t k = 0; k < node->operand_count; k++)
            fact_file(column, fact_hash(column, &node->operands[k].scalar, &index->scratch),
                      &self->filings[self->filing_count++], self);
    }
    if (chosen == 0)
        filing_link(&self->entry->any_row, &self->filings[self->filing_count++], self);
}

static struct entry_node *node_new(struct index *index, struct filter *filter)
{
    struct table_entry *entry = entry_get(index, filter);
    uint32_t slots[QUERY_MAX_NODES];

    for (uint32_t i = 0; i < filter->column_count; i++)
        slots[i] = index_columns_take(&entry->columns, filter->columns[i], filter->types[i]);
    const struct entry_choice choice = entry_choose(entry, slots, filter, &index->scratch);
    const size_t filings = choice.chosen != 0 ? choice.fact_count : 1;

    struct entry_node *self = mem_new(sizeof *self + filings * sizeof self->filings[0] +
                                      choice.range_count * sizeof self->ranges[0] +
                                      sizeof slots[0] * filter->column_count);
    self->node.filter = filter;
    self->entry = entry;
    self->ranges = (struct range_filing *)(void *)&self->filings[filings];
    self->slots = (uint32_t *)(void *)&self->ranges[choice.range_count];
    memcpy(self->slots, slots, sizeof slots[0] * filter->column_count);
    entry->node_count++;
    node_file(index, self, choice.chosen);
    entry_tidy(entry);
    return self;
}

static void forget_prepared(struct index *index)
{
    index->prepared_count = 0;
}

struct index_node *index_add(struct index *index, struct filter *filter)
{
    struct entry_node *self = map_get(&index->by_key, filter_key(filter));

    if (self) {
        filter_free(filter);
    } else {
        forget_prepared(index);
        self = node_new(index, filter);
        (void)map_set(&index->by_key, filter_key(filter), self);
    }
    self->is_stale = false;
    self->node.count++;
    return &self->node;
}

static void node_free(struct entry_node *self)
{
    filter_free(self->node.filter);
    mem_free(self);
}

void index_remove(struct index *index, struct index_node *node)
{
    struct entry_node *self = (struct entry_node *)(void *)node;
    struct table_entry *entry = self->entry;

    if (--node->count > 0)
        return;
    forget_prepared(index);
    (void)map_remove(&index->by_key, filter_key(node->filter));
    for (uint32_t i = 0; i < self->filing_count; i++)
        filing_unlink(&self->filings[i]);
    for (uint32_t i = 0; i < self->range_count; i++)
        range_unfile(&self->ranges[i]);
    for (uint32_t i = 0; i < node->filter->column_count; i++)
        index_columns_drop(&entry->columns, self->slots[i]);
    entry_tidy(entry);
    node_free(self);
    if (--entry->node_count > 0)
        return;
    (void)map_remove(&index->entries, slice_of(entry->key, entry->key_size));
    entry_free(entry);
}

void index_free(struct index *index)
{
    size_t at = 0;
    struct slice key;
    void *value = NULL;

    if (!index)
        return;
    while (map_next(&index->by_key, &at, &key, &value))
        node_free(value);
    at = 0;
    while (map_next(&index->entries, &at, &key, &value))
        entry_free(value);
    map_release(&index->by_key);
    map_release(&index->entries);
    buf_release(&index->scratch);
    mem_free(index);
}

/* ---- matching ---- */

struct matching {
    struct index *index;
    const struct change *change;
    index_hit_fn *fn; /* NULL: scoped_fn */
    index_scoped_fn *scoped_fn;
    void *arg;
    bool has_scope; /* the row as it was counts as well */
};

static void node_ask(void *arg, void *node)
{
    struct matching *matching = arg;
    struct entry_node *self = node;
    const struct filter *filter = self->node.filter;
    const int32_t *places = self->entry->columns.places;
    enum filter_scope scope = SCOPE_WITHIN;

    if (self->seen == matching->index->serial)
        return;
    self->seen = matching->index->serial;
    matching->index->asked_total++;
    if (matching->has_scope)
        scope = filter_scope_of(filter, self->slots, places, matching->change);
    else if (!filter_passes(filter, self->slots, places, matching->change))
        scope = SCOPE_OUT;
    if (scope == SCOPE_OUT)
        return;
    if (matching->fn)
        matching->fn(matching->arg, &self->node);
    else
        matching->scoped_fn(matching->arg, &self->node, scope);
}

/* The hash of a fact that the value is, or 0. */
static uint64_t value_hash(struct index *index, const struct fact_column *column,
                           const struct value *value)
{
    struct scalar scalar;

    if (value->state != VALUE_TEXT || !scalar_parse(column->class, value_slice(value), &scalar))
        return 0;
    return fact_hash(column, &scalar, &index->scratch);
}

static void ask_fact(struct matching *matching, const struct fact_column *column, uint64_t hash)
{
    if (hash == 0)
        return;
    for (const struct filing *filing = fact_first(column, hash); filing; filing = filing->next)
        node_ask(matching, filing->node);
}

/* `turn`: which of the prepared hashes is of this change; below 0: none. */
static void entry_probe(struct matching *matching, const struct table_entry *entry,
                        const struct fact_column *column, int turn)
{
    const int32_t place = entry->columns.places[column->slot];
    const struct value *value = filter_value(matching->change, place);

    ask_fact(matching, column,
             turn >= 0 ? column->prepared[turn] : value_hash(matching->index, column, value));
    if (!matching->has_scope)
        return;
    const struct value *old = filter_old_value(matching->change, place);
    if (old->state != value->state || !slice_equal(value_slice(old), value_slice(value)))
        ask_fact(matching, column, value_hash(matching->index, column, old));
}

static void ask_range(struct matching *matching, const struct range_column *column,
                      const struct value *value)
{
    struct scalar scalar;

    if (value->state == VALUE_TEXT && scalar_parse(column->class, value_slice(value), &scalar))
        range_visit(column, scalar_rank(column->class, &scalar), node_ask, matching);
}

static void entry_probe_range(struct matching *matching, const struct table_entry *entry,
                              const struct range_column *column)
{
    const int32_t place = entry->columns.places[column->slot];

    ask_range(matching, column, filter_value(matching->change, place));
    if (matching->has_scope)
        ask_range(matching, column, filter_old_value(matching->change, place));
}

static struct table_entry *entry_find(struct index *index, struct slice schema, struct slice name)
{
    entry_key(&index->scratch, schema, name);
    return map_get(&index->entries, buf_slice(&index->scratch));
}

/* Where what was prepared for the change is, and that is over then; below 0: nowhere. */
static int take_prepared(struct index *index, const struct change *change)
{
    for (uint32_t i = 0; i < index->prepared_count; i++) {
        const uint32_t turn = (index->prepared_first + i) % INDEX_PREPARED;
        const struct prepared *prepared = &index->prepared[turn];
        if (prepared->change != change ||
            position_compare(prepared->position, change->position) != 0)
            continue;
        index->prepared_first += i + 1;
        index->prepared_count -= i + 1;
        return prepared->entry->columns.table_id == change->table->id ? (int)turn : -1;
    }
    return -1;
}

void index_prepare(struct index *index, const struct change *change)
{
    if (!change || !change->table || (!change->new_row && !change->old_row))
        return;
    struct table_entry *entry = entry_find(index, change->table->schema, change->table->name);
    if (!entry || entry->columns.table_id != change->table->id)
        return;
    if (index->prepared_count == INDEX_PREPARED) {
        index->prepared_first++;
        index->prepared_count--;
    }
    const uint32_t turn = (index->prepared_first + index->prepared_count++) % INDEX_PREPARED;
    index->prepared[turn] = (struct prepared){change, change->position, entry};
    for (uint32_t i = 0; i < entry->fact_column_count; i++) {
        struct fact_column *column = entry->fact_columns[i];
        const struct value *value = filter_value(change, entry->columns.places[column->slot]);
        column->prepared[turn] = value_hash(index, column, value);
        fact_fetch(column, column->prepared[turn]);
    }
}

/* Every filter of the table is filed somewhere, some more than once. */
static void entry_visit(struct matching *matching, const struct table_entry *entry, range_fn *fn)
{
    for (const struct filing *filing = entry->any_row; filing; filing = filing->next)
        fn(matching, filing->node);
    for (uint32_t i = 0; i < entry->fact_column_count; i++) {
        const struct fact_column *column = entry->fact_columns[i];
        for (size_t k = 0; k < column->capacity; k++) {
            for (const struct filing *filing = column->firsts[k]; filing; filing = filing->next)
                fn(matching, filing->node);
        }
    }
    for (uint32_t i = 0; i < entry->range_column_count; i++)
        range_visit_all(entry->range_columns[i], fn, matching);
}

/* ---- versions of a table ---- */

/* wal2json's tables are made of what was seen of them: an old row shows only the key. */
static bool shows_all_columns(const struct change *change)
{
    return change->kind == CHANGE_INSERT || change->kind == CHANGE_UPDATE;
}

static void node_tell_stale(void *arg, void *node)
{
    const struct matching *matching = arg;
    struct entry_node *self = node;
    const struct index *index = matching->index;

    for (uint32_t i = 0; !self->is_stale && i < self->node.filter->column_count; i++) {
        const int32_t place = self->entry->columns.places[self->slots[i]];
        self->is_stale = place == PLACE_OF_OTHER_TYPE ||
                         (place == PLACE_MISSING && shows_all_columns(matching->change));
        if (self->is_stale)
            index->on_stale(index->on_stale_arg, &self->node, matching->change->table);
    }
}

/* Once for each version, or twice: of columns that are not there at its first whole row. */
static void entry_place(struct matching *matching, struct table_entry *entry)
{
    struct index_columns *columns = &entry->columns;

    index_columns_place(columns, matching->change->table);
    const bool tells_missing = columns->has_missing && shows_all_columns(matching->change);
    if (!tells_missing && !columns->has_other_type)
        return;
    columns->has_other_type = false;
    columns->has_missing = columns->has_missing && !tells_missing;
    if (matching->index->on_stale)
        entry_visit(matching, entry, node_tell_stale);
}

static void entry_match(struct matching *matching, struct table_entry *entry, int turn)
{
    if (!entry)
        return;
    entry_place(matching, entry);
    /* A truncation has no row and concerns everybody. */
    if (matching->change->kind == CHANGE_TRUNCATE) {
        entry_visit(matching, entry, node_ask);
        return;
    }
    for (const struct filing *filing = entry->any_row; filing; filing = filing->next)
        node_ask(matching, filing->node);
    for (uint32_t i = 0; i < entry->fact_column_count; i++)
        entry_probe(matching, entry, entry->fact_columns[i], turn);
    for (uint32_t i = 0; i < entry->range_column_count; i++)
        entry_probe_range(matching, entry, entry->range_columns[i]);
}

static void match(struct matching *matching)
{
    const struct change *change = matching->change;
    struct index *index = matching->index;

    if (!change->table || index->entries.count == 0)
        return;
    index->serial++;
    const int turn = take_prepared(index, change);
    entry_match(matching,
                turn >= 0 ? index->prepared[turn].entry
                          : entry_find(index, change->table->schema, change->table->name),
                turn);
    entry_match(matching, entry_find(index, change->table->schema, SLICE("")), -1);
    entry_match(matching, entry_find(index, SLICE(""), SLICE("")), -1);
}

void index_match(struct index *index, const struct change *change, index_hit_fn *fn, void *arg)
{
    struct matching matching = {.index = index, .change = change, .fn = fn, .arg = arg};

    match(&matching);
}

void index_match_scoped(struct index *index, const struct change *change, index_scoped_fn *fn,
                        void *arg)
{
    struct matching matching = {
        .index = index,
        .change = change,
        .scoped_fn = fn,
        .arg = arg,
        .has_scope = change->kind == CHANGE_UPDATE && change->old_row,
    };

    match(&matching);
}

size_t index_size(const struct index *index)
{
    return index->by_key.count;
}

uint64_t index_asked_total(const struct index *index)
{
    return index->asked_total;
}
