/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/grant.h"

#include <assert.h>

#include "base/mem.h"

struct grant {
    char *user; /* owned */
    bool has_filter;
    bool is_own;                      /* customer_id is the user's own: nothing else matters */
    size_t conditions;                /* protected ones that can be decided by asking */
    size_t count;                     /* questions */
    struct grant_question *questions; /* owned */
    char *values;                     /* owned: the questions' values, end to end */
    size_t values_size;
    struct grant_cache *cache; /* borrowed; may be NULL */
};

struct cache_entry {
    struct list_link link;
    uint64_t expires_ms;
    size_t key_size;
    char key[]; /* as in the map */
};

/* ---- the cache ---- */

void grant_cache_init(struct grant_cache *cache, size_t max)
{
    *cache = (struct grant_cache){.entries = MAP_INIT, .max = max};
    list_init(&cache->oldest);
}

static void cache_drop(struct grant_cache *cache, struct cache_entry *entry)
{
    (void)map_remove(&cache->entries, slice_of(entry->key, entry->key_size));
    list_remove(&entry->link);
    mem_free(entry);
}

void grant_cache_release(struct grant_cache *cache)
{
    if (!cache || !cache->oldest.next)
        return;
    LIST_EACH (link, &cache->oldest)
        cache_drop(cache, LIST_ITEM(link, struct cache_entry, link));
    map_release(&cache->entries);
    *cache = (struct grant_cache){0};
}

/* A user id holds no NUL (auth/cookie.h), so no two keys are the same by chance. */
static void cache_key(struct buf *out, enum grant_kind kind, const char *user, struct slice value)
{
    buf_add_char(out, kind == GRANT_HOST ? 'h' : 'k');
    buf_add_bytes(out, user, strlen(user) + 1);
    buf_add(out, value);
}

static bool cache_has(struct grant_cache *cache, struct slice key, uint64_t now_ms)
{
    struct cache_entry *const entry = map_get(&cache->entries, key);

    if (!entry)
        return false;
    if (entry->expires_ms <= now_ms) {
        cache_drop(cache, entry);
        return false;
    }
    list_remove(&entry->link);
    list_append(&cache->oldest, &entry->link);
    return true;
}

static void cache_put(struct grant_cache *cache, struct slice key, uint64_t now_ms)
{
    struct cache_entry *entry = map_get(&cache->entries, key);

    if (entry)
        cache_drop(cache, entry);
    if (cache->max == 0)
        return;
    if (cache->entries.count >= cache->max)
        cache_drop(cache, LIST_ITEM(cache->oldest.next, struct cache_entry, link));
    entry = mem_new(sizeof *entry + key.size);
    entry->expires_ms = now_ms + GRANT_CACHE_MS;
    entry->key_size = key.size;
    memcpy(entry->key, key.at, key.size);
    list_append(&cache->oldest, &entry->link);
    (void)map_set(&cache->entries, key, entry);
}

/* ---- the questions ---- */

static bool kind_of(struct slice column, enum grant_kind *out_kind)
{
    if (slice_is(column, "host_uuid") || slice_is(column, "uuid")) {
        *out_kind = GRANT_HOST;
        return true;
    }
    *out_kind = GRANT_KEY;
    return slice_is(column, "key");
}

static bool is_own_id(const struct grant *grant, const struct grant_condition *condition)
{
    if (!slice_is(condition->column, "customer_id") || condition->count == 0)
        return false;
    for (size_t i = 0; i < condition->count; i++) {
        if (!slice_is(condition->values[i], grant->user))
            return false;
    }
    return true;
}

static void add_question(struct grant *grant, enum grant_kind kind, struct slice value,
                         uint64_t now_ms)
{
    struct grant_question *const question = &grant->questions[grant->count++];
    CLEANUP(buf_release) struct buf key = BUF_INIT;

    if (value.size > 0)
        memcpy(grant->values + grant->values_size, value.at, value.size);
    *question = (struct grant_question){
        .kind = kind,
        .value = slice_of(grant->values + grant->values_size, value.size),
        .condition = grant->conditions,
        .known = GRANT_OPEN,
    };
    grant->values_size += value.size;
    /* The question would be cut at a NUL and be about another value. */
    if (value.size > 0 && memchr(value.at, '\0', value.size)) {
        question->known = GRANT_NO;
        return;
    }
    cache_key(&key, kind, grant->user, value);
    if (grant->cache && cache_has(grant->cache, buf_slice(&key), now_ms))
        question->known = GRANT_YES;
}

static void add_condition(struct grant *grant, const struct grant_condition *condition,
                          uint64_t now_ms)
{
    enum grant_kind kind;

    if (is_own_id(grant, condition))
        grant->is_own = true;
    if (!kind_of(condition->column, &kind) || condition->count == 0)
        return;
    for (size_t i = 0; i < condition->count; i++)
        add_question(grant, kind, condition->values[i], now_ms);
    grant->conditions++;
}

struct grant *grant_new(struct slice user, bool has_filter,
                        const struct grant_condition *conditions, size_t count,
                        struct grant_cache *cache, uint64_t now_ms)
{
    struct grant *const grant = mem_new(sizeof *grant);
    size_t values = 0, size = 0;

    grant->user = mem_text_n(user.size > 0 ? user.at : "", user.size);
    grant->has_filter = has_filter;
    grant->cache = cache;
    for (size_t i = 0; i < count; i++) {
        values += conditions[i].count;
        for (size_t j = 0; j < conditions[i].count; j++)
            size += conditions[i].values[j].size;
    }
    grant->questions = mem_array(values + 1, sizeof *grant->questions);
    grant->values = mem_new(size + 1);
    for (size_t i = 0; i < count && user.size > 0; i++)
        add_condition(grant, &conditions[i], now_ms);
    return grant;
}

void grant_free(struct grant *grant)
{
    if (!grant)
        return;
    mem_free(grant->questions);
    mem_free(grant->values);
    mem_free(grant->user);
    mem_free(grant);
}

const char *grant_user(const struct grant *grant)
{
    return grant->user;
}

/* The answer to all questions of the condition that begins at *at, which moves behind it. */
static enum grant_known condition_known(const struct grant *grant, size_t *at)
{
    const size_t condition = grant->questions[*at].condition;
    enum grant_known known = GRANT_YES;

    for (; *at < grant->count && grant->questions[*at].condition == condition; ++*at) {
        if (grant->questions[*at].known == GRANT_NO)
            known = GRANT_NO;
        else if (grant->questions[*at].known == GRANT_OPEN && known == GRANT_YES)
            known = GRANT_OPEN;
    }
    return known;
}

enum grant_verdict grant_verdict(const struct grant *grant)
{
    bool is_open = false;

    if (!grant->has_filter)
        return GRANT_INVALID;
    if (grant->is_own)
        return GRANT_ALLOWED;
    for (size_t at = 0; at < grant->count;) {
        const enum grant_known known = condition_known(grant, &at);
        if (known == GRANT_YES)
            return GRANT_ALLOWED;
        is_open |= known == GRANT_OPEN;
    }
    return is_open ? GRANT_ASK : GRANT_DENIED;
}

const struct grant_question *grant_next(const struct grant *grant)
{
    if (grant_verdict(grant) != GRANT_ASK)
        return NULL;
    for (size_t at = 0; at < grant->count;) {
        size_t first = at;
        if (condition_known(grant, &at) != GRANT_OPEN)
            continue;
        while (grant->questions[first].known != GRANT_OPEN)
            first++;
        return &grant->questions[first];
    }
    return NULL;
}

void grant_answer(struct grant *grant, const struct grant_question *question, bool is_owner,
                  uint64_t now_ms)
{
    const size_t index = (size_t)(question - grant->questions);
    CLEANUP(buf_release) struct buf key = BUF_INIT;

    assert(index < grant->count);
    grant->questions[index].known = is_owner ? GRANT_YES : GRANT_NO;
    if (!is_owner || !grant->cache || question->value.size > GRANT_CACHE_VALUE_MAX)
        return;
    cache_key(&key, question->kind, grant->user, question->value);
    cache_put(grant->cache, buf_slice(&key), now_ms);
}

int grant_http_status(enum grant_verdict verdict)
{
    switch (verdict) {
    case GRANT_ALLOWED:
    case GRANT_ASK:
        return 0;
    case GRANT_DENIED:
        return 401;
    case GRANT_INVALID:
        return 400;
    }
    return 401;
}

const char *grant_text(enum grant_verdict verdict)
{
    switch (verdict) {
    case GRANT_ALLOWED:
    case GRANT_ASK:
        return NULL;
    case GRANT_DENIED:
        return "protected resource, you are not authorized";
    case GRANT_INVALID:
        return "invalid request";
    }
    return NULL;
}
