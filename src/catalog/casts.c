/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/casts.h"

#include <assert.h>

#include "base/mem.h"

#define CACHE_MAX 10000
#define CACHE_MS 60000
#define CACHED_SIZE_MAX 256

void casts_release(struct casts *casts)
{
    for (size_t i = 0; i < casts->count; i++) {
        mem_free(casts->items[i].text);
        mem_free(casts->items[i].type);
        mem_free(casts->items[i].canonical);
    }
    mem_free(casts->items);
    *casts = (struct casts){0};
}

/* The first half of where a bad one must be; else from the first unknown one on (known ones between
 * are asked along, they are few). */
static void next_stretch(struct casts *casts)
{
    if (casts->bad_from < casts->bad_to) {
        casts->from = casts->bad_from;
        casts->to = casts->from + (casts->bad_to - casts->bad_from + 1) / 2;
        return;
    }
    casts->bad_from = casts->bad_to = 0; /* none of them was bad the second time */
    casts->from = casts->to;
    while (casts->from < casts->count && casts->items[casts->from].canonical)
        casts->from++;
    const size_t left = casts->count - casts->from;
    casts->to = casts->from + (left > CASTS_IN_QUESTION ? CASTS_IN_QUESTION : left);
}

size_t casts_ask(struct casts *casts, struct buf *out_text, const char **params)
{
    next_stretch(casts);
    for (size_t i = casts->from; i < casts->to; i++) {
        const size_t n = i - casts->from;
        buf_printf(out_text, "%s$%zu::%s", n == 0 ? "SELECT " : ", ", n + 1, casts->items[i].type);
        params[n] = casts->items[i].text;
    }
    return casts->to - casts->from;
}

void casts_take(struct casts *casts, size_t i, struct slice value)
{
    struct cast_item *item = &casts->items[casts->from + i];

    assert(casts->from + i < casts->to);
    mem_free(item->canonical);
    item->canonical = mem_text_n(value.at, value.size);
    /* Looking for a bad one: it is in the other half then. */
    if (casts->bad_from < casts->bad_to && casts->from + i + 1 == casts->to)
        casts->bad_from = casts->to;
}

enum status casts_narrow(struct casts *casts, size_t *out_index)
{
    casts->bad_from = casts->from;
    casts->bad_to = casts->to;
    if (casts->to - casts->from > 1)
        return OK;
    *out_index = casts->from;
    return ERR_INPUT;
}

bool casts_are_not_at_fault(const char *sqlstate)
{
    static const char *const classes[] = {"53", "57", "58", "XX", "40", "25"};

    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strncmp(sqlstate, classes[i], 2) == 0)
            return true;
    }
    return false;
}

void cast_cache_release(struct cast_cache *cache)
{
    struct slice key;
    void *value = NULL;

    for (size_t at = 0; map_next(&cache->map, &at, &key, &value);)
        mem_free(value);
    map_release(&cache->map);
    cache->map = MAP_INIT;
}

static void add_key(struct buf *key, const struct cast_item *item)
{
    buf_add_text(key, item->type);
    buf_add_char(key, '\0');
    buf_add_text(key, item->text);
}

static bool is_identity(const char *type)
{
    return strcmp(type, "text") == 0 || strcmp(type, "character varying") == 0 ||
           strcmp(type, "bpchar") == 0;
}

static bool is_cached(const struct cast_item *item)
{
    return !is_identity(item->type) && strlen(item->text) <= CACHED_SIZE_MAX &&
           strncmp(item->type, "date", 4) != 0 && strncmp(item->type, "time", 4) != 0;
}

void cast_cache_apply(struct cast_cache *cache, struct casts *casts, uint64_t now_ms)
{
    CLEANUP(buf_release) struct buf key = BUF_INIT;

    if (now_ms - cache->since_ms > CACHE_MS || cache->map.count > CACHE_MAX) {
        cast_cache_release(cache);
        cache->since_ms = now_ms;
    }
    for (size_t i = 0; i < casts->count; i++) {
        struct cast_item *item = &casts->items[i];
        if (is_identity(item->type)) {
            item->canonical = mem_text(item->text);
            continue;
        }
        buf_reset(&key);
        add_key(&key, item);
        item->canonical = mem_text(map_get(&cache->map, buf_slice(&key)));
    }
}

void cast_cache_store(struct cast_cache *cache, const struct casts *casts)
{
    CLEANUP(buf_release) struct buf key = BUF_INIT;

    for (size_t i = 0; i < casts->count && cache->map.count < CACHE_MAX; i++) {
        const struct cast_item *item = &casts->items[i];
        if (!is_cached(item) || strlen(item->canonical) > CACHED_SIZE_MAX)
            continue;
        buf_reset(&key);
        add_key(&key, item);
        mem_free(map_set(&cache->map, buf_slice(&key), mem_text(item->canonical)));
    }
}
