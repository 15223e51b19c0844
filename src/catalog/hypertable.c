/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/hypertable.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "sql/sql.h"

#define ASK_AGAIN_MS 1000

/* The catalogue of TimescaleDB may not be there: asked first, so that the server logs no error. */
static const char EXISTS[] =
    "SELECT pg_catalog.to_regclass('_timescaledb_catalog.hypertable') IS NOT NULL";
static const char HYPERTABLES[] =
    "SELECT id, schema_name, table_name FROM _timescaledb_catalog.hypertable";

struct hypertable {
    char *schema, *name; /* owned */
};

struct hypertables {
    struct sql *sql; /* borrowed */
    void (*known)(void *arg);
    void *arg;
    struct map by_id; /* "12" -> struct hypertable */
    bool is_asking;
    bool is_waiting; /* somebody was told ERR_AGAIN, and the connection is lost */
    /* The id last asked for: when it is still not there, no hypertable has it until asked_ms + 1 s.
     * That says nothing of another id: its hypertable may be younger than the answer. */
    unsigned asked_id;
    uint64_t asked_ms;
};

static void forget_all(struct hypertables *cache)
{
    struct slice key;
    void *value = NULL;

    for (size_t at = 0; map_next(&cache->by_id, &at, &key, &value);) {
        struct hypertable *hypertable = value;
        mem_free(hypertable->schema);
        mem_free(hypertable->name);
        mem_free(hypertable);
    }
    map_release(&cache->by_id);
    cache->by_id = MAP_INIT;
}

struct hypertables *hypertables_new(struct sql *sql, void (*known)(void *arg), void *arg)
{
    struct hypertables *cache = mem_new(sizeof *cache);

    cache->sql = sql;
    cache->known = known;
    cache->arg = arg;
    return cache;
}

void hypertables_free(struct hypertables *cache)
{
    if (!cache)
        return;
    sql_forget(cache->sql, cache);
    forget_all(cache);
    mem_free(cache);
}

void hypertables_reset(struct hypertables *cache)
{
    sql_forget(cache->sql, cache);
    forget_all(cache);
    const bool was_waiting = cache->is_asking || cache->is_waiting;
    cache->is_asking = cache->is_waiting = false;
    cache->asked_id = 0;
    if (was_waiting && cache->known)
        cache->known(cache->arg);
}

static char *copy(struct slice text)
{
    return mem_text_n(text.at, text.size);
}

static void take(struct hypertables *cache, const struct sql_answer *answer)
{
    forget_all(cache);
    for (int row = 0; row < answer->rows; row++) {
        struct hypertable *hypertable = mem_new(sizeof *hypertable);
        hypertable->schema = copy(sql_value(answer, row, 1));
        hypertable->name = copy(sql_value(answer, row, 2));
        (void)map_set(&cache->by_id, sql_value(answer, row, 0), hypertable);
    }
}

static void end(struct hypertables *cache, bool is_answered)
{
    cache->is_asking = false;
    if (!is_answered) {
        cache->is_waiting = true;
        cache->asked_id = 0;
        return;
    }
    cache->asked_ms = clock_system_ms(NULL);
    if (cache->known)
        cache->known(cache->arg);
}

static void on_hypertables(void *arg, const struct sql_answer *answer)
{
    struct hypertables *cache = arg;

    if (answer->status == OK)
        take(cache, answer);
    end(cache, answer->status != ERR_CLOSED);
}

static void on_exists(void *arg, const struct sql_answer *answer)
{
    struct hypertables *cache = arg;

    if (answer->status == OK && answer->rows == 1 && sql_is_true(answer, 0, 0)) {
        sql_ask(cache->sql, HYPERTABLES, NULL, 0, on_hypertables, cache);
        return;
    }
    end(cache, answer->status != ERR_CLOSED);
}

unsigned hypertable_id_of_chunk(struct slice schema, struct slice table)
{
    const struct slice prefix = SLICE("_hyper_");
    uint64_t id = 0, chunk = 0;

    if (!slice_is(schema, "_timescaledb_internal") || !slice_starts(table, prefix))
        return 0;
    struct slice rest = slice_from(table, prefix.size);
    if (slice_to_u64(slice_cut(&rest, '_'), INT32_MAX, &id) != OK || !rest.at ||
        slice_to_u64(slice_cut(&rest, '_'), UINT64_MAX, &chunk) != OK || !slice_is(rest, "chunk"))
        return 0;
    return (unsigned)id;
}

static const struct hypertable *find(const struct hypertables *cache, unsigned id)
{
    CLEANUP(buf_release) struct buf key = BUF_INIT;

    buf_printf(&key, "%u", id);
    return map_get(&cache->by_id, buf_slice(&key));
}

enum status hypertables_find(struct hypertables *cache, struct slice schema, struct slice table,
                             struct slice *out_schema, struct slice *out_name)
{
    const unsigned id = hypertable_id_of_chunk(schema, table);
    const struct hypertable *hypertable = id > 0 ? find(cache, id) : NULL;

    if (id == 0)
        return ERR_NOT_FOUND;
    if (hypertable) {
        *out_schema = slice_text(hypertable->schema);
        *out_name = slice_text(hypertable->name);
        return OK;
    }
    if (cache->is_asking)
        return ERR_AGAIN;
    if (cache->asked_id == id && clock_system_ms(NULL) - cache->asked_ms < ASK_AGAIN_MS)
        return ERR_NOT_FOUND;
    if (!sql_is_up(cache->sql)) {
        cache->is_waiting = true;
        return ERR_AGAIN;
    }
    cache->is_asking = true;
    cache->asked_id = id;
    sql_ask(cache->sql, EXISTS, NULL, 0, on_exists, cache);
    return ERR_AGAIN;
}
