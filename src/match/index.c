/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who wants this change?
 *
 * Every client holds filters such as "orders where region = 'eu'".  A change must find the few
 * that pass without asking all of them, so each filter is filed under the rarest facts it needs,
 * and only filters under facts that the change has are asked:
 *
 *     orders --+-- region = 'eu' --> s1, s7      insert orders (id 9, region 'eu')
 *              +-- region = 'us' --> s2              asks s1, s7 and s3, never s2
 *              +-- any row       --> s3
 *
 * A fact is a column and a constant, kept as one hash of both; that two constants share a hash
 * costs a question and is never wrong, because whoever is found is asked.  "and" is filed under
 * the one of its conditions that has the fewest filters already; "in" and "or" under each of
 * their constants, and a mark on the filter keeps it from being asked twice for one change.
 *
 * Always true: a filter that passes a change is filed under a fact of that change, or under any
 * row.  Identical filters are one node.
 * Cost: one look-up per indexed column of the table, plus one filter_passes() per filter asked.
 * A filter with no equality is asked for every row of its table.
 * Thread: the owner of the index only.
 */
#include "match/index.h"

#include "base/map.h"
#include "base/mem.h"
#include "match/filter.h"
#include "match/index_facts.h"
#include "match/scalar.h"

struct table_entry {
    char *key; /* owned; schema, NUL, name; an empty name: all tables of the schema */
    uint32_t key_size;
    uint32_t node_count;
    uint64_t table_id; /* for which `places` was worked out; 0: for none */
    char **columns;    /* owned, as are the names; a slot each, NULL where it is free */
    uint32_t *column_users;
    int32_t *places; /* owned; where in the row a slot's column is, or -1 */
    uint32_t slot_count;
    struct fact_column **fact_columns; /* owned, as are the columns */
    uint32_t fact_column_count;
    struct filing *any_row; /* filters without a fact */
};

struct entry_node {
    struct index_node node; /* first: index_node and entry_node have one address */
    struct table_entry *entry;
    uint64_t seen; /* the change that has asked it last */
    uint32_t filing_count;
    struct filing *filings; /* owned; one block with the slots */
    uint32_t *slots;
};

struct index {
    struct map by_key;  /* filter_key to entry_node */
    struct map entries; /* schema, NUL, name to table_entry */
    uint64_t serial;    /* of the change that is being matched */
    uint64_t asked_total;
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
    return mem_new(sizeof(struct index));
}

static struct table_entry *entry_get(struct index *index, const struct filter *filter)
{
    entry_key(&index->scratch, slice_text(filter->schema), slice_text(filter->table));
    struct table_entry *entry = map_get(&index->entries, buf_slice(&index->scratch));

    if (entry)
        return entry;
    entry = mem_new(sizeof *entry);
    entry->key = mem_text_n(index->scratch.at, index->scratch.size);
    entry->key_size = (uint32_t)index->scratch.size;
    (void)map_set(&index->entries, buf_slice(&index->scratch), entry);
    return entry;
}

static void entry_free(struct table_entry *entry)
{
    for (uint32_t i = 0; i < entry->fact_column_count; i++)
        fact_column_free(entry->fact_columns[i]);
    for (uint32_t i = 0; i < entry->slot_count; i++)
        mem_free(entry->columns[i]);
    mem_free(entry->fact_columns);
    mem_free(entry->columns);
    mem_free(entry->column_users);
    mem_free(entry->places);
    mem_free(entry->key);
    mem_free(entry);
}

static uint32_t slot_take(struct table_entry *entry, const char *name)
{
    uint32_t free_slot = entry->slot_count;

    for (uint32_t i = 0; i < entry->slot_count; i++) {
        if (!entry->columns[i]) {
            free_slot = i;
        } else if (strcmp(entry->columns[i], name) == 0) {
            entry->column_users[i]++;
            return i;
        }
    }
    if (free_slot == entry->slot_count) {
        const size_t count = ++entry->slot_count;
        entry->columns = mem_resize(entry->columns, count * sizeof *entry->columns);
        entry->column_users = mem_resize(entry->column_users, count * sizeof *entry->column_users);
        entry->places = mem_resize(entry->places, count * sizeof *entry->places);
    }
    entry->columns[free_slot] = mem_text(name);
    entry->column_users[free_slot] = 1;
    entry->table_id = 0;
    return free_slot;
}

static void slot_drop(struct table_entry *entry, uint32_t slot)
{
    if (--entry->column_users[slot] > 0)
        return;
    mem_free(entry->columns[slot]);
    entry->columns[slot] = NULL;
}

static struct fact_column *fact_column_get(struct table_entry *entry, uint32_t slot,
                                           enum value_class class)
{
    for (uint32_t i = 0; i < entry->fact_column_count; i++) {
        if (entry->fact_columns[i]->slot == slot && entry->fact_columns[i]->class == class)
            return entry->fact_columns[i];
    }
    const uint32_t count = ++entry->fact_column_count;
    entry->fact_columns = mem_resize(entry->fact_columns, count * sizeof *entry->fact_columns);
    entry->fact_columns[count - 1] = fact_column_new(slot, class);
    return entry->fact_columns[count - 1];
}

static void fact_column_drop(struct table_entry *entry, struct fact_column *column)
{
    uint32_t i = 0;

    while (entry->fact_columns[i] != column)
        i++;
    entry->fact_columns[i] = entry->fact_columns[--entry->fact_column_count];
    fact_column_free(column);
}

/* Columns that a filter could be filed under are there before the choice, and go if unused. */
static void fact_columns_prepare(struct entry_node *self)
{
    const struct filter *filter = self->node.filter;

    for (uint32_t i = 0; i < filter->node_count; i++) {
        if (fact_is_possible(&filter->nodes[i]))
            (void)fact_column_get(self->entry, self->slots[filter->nodes[i].slot],
                                  filter->nodes[i].type.class);
    }
}

static void fact_columns_tidy(struct table_entry *entry)
{
    for (uint32_t i = entry->fact_column_count; i > 0; i--) {
        if (entry->fact_columns[i - 1]->count == 0)
            fact_column_drop(entry, entry->fact_columns[i - 1]);
    }
}

static void node_file(struct index *index, struct entry_node *self, uint64_t chosen)
{
    const struct filter *filter = self->node.filter;

    for (uint32_t i = 0; i < filter->node_count; i++) {
        if ((chosen >> i & 1U) == 0)
            continue;
        const struct filter_node *node = &filter->nodes[i];
        struct fact_column *column =
            fact_column_get(self->entry, self->slots[node->slot], node->type.class);
        for (uint32_t k = 0; k < node->operand_count; k++)
            fact_file(column, fact_hash(column, &node->operands[k].scalar, &index->scratch),
                      &self->filings[self->filing_count++], self);
    }
    if (self->filing_count == 0)
        filing_link(&self->entry->any_row, &self->filings[self->filing_count++], self);
}

static struct entry_node *node_new(struct index *index, struct filter *filter)
{
    struct entry_node *self = mem_new(sizeof *self);

    self->node.filter = filter;
    self->entry = entry_get(index, filter);
    self->entry->node_count++;
    self->slots = mem_array(filter->column_count + 1U, sizeof *self->slots);
    for (uint32_t i = 0; i < filter->column_count; i++)
        self->slots[i] = slot_take(self->entry, filter->columns[i]);
    fact_columns_prepare(self);

    const struct fact_choice choice = facts_choose(filter, self->slots, self->entry->fact_columns,
                                                   self->entry->fact_column_count, &index->scratch);
    self->filings = mem_array(choice.constant_count + 1U, sizeof *self->filings);
    node_file(index, self, choice.chosen);
    fact_columns_tidy(self->entry);
    return self;
}

struct index_node *index_add(struct index *index, struct filter *filter)
{
    struct entry_node *self = map_get(&index->by_key, filter_key(filter));

    if (self) {
        filter_free(filter);
    } else {
        self = node_new(index, filter);
        (void)map_set(&index->by_key, filter_key(filter), self);
    }
    self->node.count++;
    return &self->node;
}

static void node_free(struct entry_node *self)
{
    filter_free(self->node.filter);
    mem_free(self->filings);
    mem_free(self->slots);
    mem_free(self);
}

void index_remove(struct index *index, struct index_node *node)
{
    struct entry_node *self = (struct entry_node *)(void *)node;
    struct table_entry *entry = self->entry;

    if (--node->count > 0)
        return;
    (void)map_remove(&index->by_key, filter_key(node->filter));
    for (uint32_t i = 0; i < self->filing_count; i++)
        filing_unlink(&self->filings[i]);
    for (uint32_t i = 0; i < node->filter->column_count; i++)
        slot_drop(entry, self->slots[i]);
    fact_columns_tidy(entry);
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

struct matching {
    struct index *index;
    const struct change *change;
    index_hit_fn *fn;
    void *arg;
};

static void filing_ask(struct matching *matching, const struct filing *filing)
{
    struct entry_node *self = filing->node;

    if (self->seen == matching->index->serial)
        return;
    self->seen = matching->index->serial;
    matching->index->asked_total++;
    if (filter_passes(self->node.filter, self->slots, self->entry->places, matching->change))
        matching->fn(matching->arg, &self->node);
}

/* Where the columns are in this version of the table. */
static void entry_place(struct table_entry *entry, const struct table *table)
{
    if (entry->table_id == table->id)
        return;
    for (uint32_t i = 0; i < entry->slot_count; i++)
        entry->places[i] =
            entry->columns[i] ? table_find_column(table, slice_text(entry->columns[i])) : -1;
    entry->table_id = table->id;
}

static void entry_probe(struct matching *matching, const struct table_entry *entry,
                        const struct fact_column *column)
{
    const struct value *value = filter_value(matching->change, entry->places[column->slot]);
    struct scalar scalar;

    if (value->state != VALUE_TEXT || !scalar_parse(column->class, value_slice(value), &scalar))
        return;
    const uint64_t hash = fact_hash(column, &scalar, &matching->index->scratch);
    for (const struct filing *filing = fact_first(column, hash); filing; filing = filing->next)
        filing_ask(matching, filing);
}

/* A truncation has no row and concerns everybody. */
static void entry_ask_all(struct matching *matching, const struct fact_column *column)
{
    for (size_t i = 0; i < column->capacity; i++) {
        for (const struct filing *filing = column->slots[i].first; filing; filing = filing->next)
            filing_ask(matching, filing);
    }
}

static void entry_match(struct matching *matching, struct slice schema, struct slice name)
{
    entry_key(&matching->index->scratch, schema, name);
    struct table_entry *entry =
        map_get(&matching->index->entries, buf_slice(&matching->index->scratch));

    if (!entry)
        return;
    entry_place(entry, matching->change->table);
    for (const struct filing *filing = entry->any_row; filing; filing = filing->next)
        filing_ask(matching, filing);
    for (uint32_t i = 0; i < entry->fact_column_count; i++) {
        if (matching->change->kind == CHANGE_TRUNCATE)
            entry_ask_all(matching, entry->fact_columns[i]);
        else
            entry_probe(matching, entry, entry->fact_columns[i]);
    }
}

void index_match(struct index *index, const struct change *change, index_hit_fn *fn, void *arg)
{
    struct matching matching = {index, change, fn, arg};

    if (!change->table || index->entries.count == 0)
        return;
    index->serial++;
    entry_match(&matching, change->table->schema, change->table->name);
    entry_match(&matching, change->table->schema, SLICE(""));
    entry_match(&matching, SLICE(""), SLICE(""));
}

size_t index_size(const struct index *index)
{
    return index->by_key.count;
}

uint64_t index_asked_total(const struct index *index)
{
    return index->asked_total;
}
