/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/dropped.h"

#include "base/map.h"
#include "base/mem.h"
#include "sql/sql.h"

/* An insert position may lie behind the header of a page in which nothing stands yet. */
#define PAGE_HEADER_MAX 64

struct gone_table {
    struct gone_table *next;
    char *schema, *name; /* owned */
    lsn after;           /* its last changes were committed before */
};

struct dropped {
    struct sql *side; /* borrowed */
    dropped_fn *gone;
    void *arg;
    struct map known;         /* "schema\0name" -> the look that saw it last, as a number */
    uintptr_t look;           /* how many lists were taken */
    char *digest;             /* owned; of the last list */
    struct gone_table *first; /* owned; to be told */
    bool is_asking;
};

#define FROM_TABLES                                                                                \
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"         \
    " WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384"                 \
    " AND n.nspname !~ '^(pg_|_timescaledb_)'"

/* The place in the WAL is read after the tables are: what dropped one stands before it. */
static const char ask_digest[] =
    "SELECT count(*)::text || ' ' ||"
    " coalesce(sum(pg_catalog.hashtext(n.nspname || '.' || c.relname)), 0)" FROM_TABLES;
static const char ask_names[] =
    "SELECT n.nspname, c.relname, CASE WHEN pg_catalog.pg_is_in_recovery()"
    " THEN pg_catalog.pg_last_wal_receive_lsn()"
    " ELSE pg_catalog.pg_current_wal_insert_lsn() END" FROM_TABLES;

struct dropped *dropped_new(struct sql *side, dropped_fn *gone, void *arg)
{
    struct dropped *dropped = mem_new(sizeof *dropped);

    dropped->side = side;
    dropped->gone = gone;
    dropped->arg = arg;
    dropped->digest = mem_text("");
    return dropped;
}

static void free_first(struct dropped *dropped)
{
    struct gone_table *first = dropped->first;

    dropped->first = first->next;
    mem_free(first->schema);
    mem_free(first->name);
    mem_free(first);
}

void dropped_free(struct dropped *dropped)
{
    if (!dropped)
        return;
    sql_forget(dropped->side, dropped);
    while (dropped->first)
        free_first(dropped);
    map_release(&dropped->known);
    mem_free(dropped->digest);
    mem_free(dropped);
}

static void note_gone(struct dropped *dropped, struct slice key, lsn after)
{
    struct gone_table *one = mem_new(sizeof *one);
    struct slice name = key;
    const struct slice schema = slice_cut(&name, '\0');

    one->schema = mem_text_n(schema.at, schema.size);
    one->name = mem_text_n(name.at, name.size);
    one->after = after;
    one->next = dropped->first;
    dropped->first = one;
}

/* Those that this list lacks. */
static void find_gone(struct dropped *dropped, lsn after)
{
    struct slice key;
    void *value;
    size_t at = 0;

    while (map_next(&dropped->known, &at, &key, &value)) {
        if ((uintptr_t)value != dropped->look)
            note_gone(dropped, key, after);
    }
    for (struct gone_table *one = dropped->first; one; one = one->next) {
        CLEANUP(buf_release) struct buf text = BUF_INIT;
        buf_printf(&text, "%s%c%s", one->schema, '\0', one->name);
        if ((uintptr_t)map_get(&dropped->known, buf_slice(&text)) != dropped->look)
            (void)map_remove(&dropped->known, buf_slice(&text));
    }
}

static void on_names(void *arg, const struct sql_answer *answer)
{
    struct dropped *dropped = arg;
    lsn after = LSN_NONE;

    dropped->is_asking = false;
    if (answer->status != OK) {
        dropped->digest[0] = '\0'; /* asked again by the next look */
        return;
    }
    dropped->look++;
    for (int row = 0; row < answer->rows; row++) {
        CLEANUP(buf_release) struct buf key = BUF_INIT;
        buf_add(&key, sql_value(answer, row, 0));
        buf_add_char(&key, '\0');
        buf_add(&key, sql_value(answer, row, 1));
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): a number is all that is kept */
        (void)map_set(&dropped->known, buf_slice(&key), (void *)dropped->look);
        if (row == 0 && lsn_parse(sql_value(answer, row, 2), &after) != OK)
            after = LSN_NONE;
    }
    find_gone(dropped, after);
}

static void on_digest(void *arg, const struct sql_answer *answer)
{
    struct dropped *dropped = arg;

    dropped->is_asking = false;
    if (answer->status != OK || slice_is(sql_value(answer, 0, 0), dropped->digest))
        return;
    const struct slice digest = sql_value(answer, 0, 0);
    mem_free(dropped->digest);
    dropped->digest = mem_text_n(digest.at, digest.size);
    dropped->is_asking = true;
    sql_ask(dropped->side, ask_names, NULL, 0, on_names, dropped);
}

void dropped_look(struct dropped *dropped, lsn received)
{
    while (dropped->first && received + PAGE_HEADER_MAX >= dropped->first->after) {
        if (!dropped->gone(dropped->arg, slice_text(dropped->first->schema),
                           slice_text(dropped->first->name)))
            return;
        free_first(dropped);
    }
    if (dropped->is_asking || !sql_is_up(dropped->side))
        return;
    dropped->is_asking = true;
    sql_ask(dropped->side, ask_digest, NULL, 0, on_digest, dropped);
}
