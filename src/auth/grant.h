/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/map.h"

/*
 * May this user have the rows that his query asks for?
 *
 * A signed-in user may ask for what is his: rows of his hosts, of his API keys, of himself.  His
 * query must say so in a condition that every row it matches fulfils, that is, one that is AND-ed
 * at the top.  Conditions inside OR or NOT prove nothing and must not be given here:
 *
 *     host_uuid.eq.H1                                  is H1 his?           (or uuid)
 *     host_uuid.in.H1,H2                               are H1 and H2 his?
 *     and(key.eq.K1,customer_id.eq.other)              is K1 his?  customer_id proves nothing
 *     or(host_uuid.eq.H1,host_uuid.eq.H2)              no condition: denied
 *     customer_id.eq.<own id>                          allowed, nobody has to be asked
 *
 * One condition of which every value is his is enough: the others only make it narrower.  Values
 * are compared as text, byte by byte.
 *
 *     struct grant *grant = grant_new(user, conditions, count, cache, now_ms);
 *     while ((verdict = grant_verdict(grant)) == GRANT_ASK) {
 *         const struct grant_question *question = grant_next(grant);
 *         ... ask the auth database: does apikeys hold (customer_id = user, value)? ...
 *         grant_answer(grant, question, yes, now_ms);
 *     }
 *
 * Questions may be asked one by one, as here, or all at once.  Positive answers are remembered
 * for an hour in the worker's cache.  Thread: the worker that owns the cache.
 */
struct grant_condition {
    struct slice column;
    const struct slice *values; /* one for eq, one or more for in */
    size_t count;
};

enum grant_kind {
    GRANT_HOST, /* apikeys.host_uuid */
    GRANT_KEY,  /* apikeys.key */
};

enum grant_known { GRANT_OPEN, GRANT_YES, GRANT_NO };

struct grant_question {
    enum grant_kind kind;
    struct slice value; /* borrowed until grant_free */
    size_t condition;   /* which of the conditions it belongs to */
    enum grant_known known;
};

enum grant_verdict {
    GRANT_ALLOWED,
    GRANT_DENIED,  /* 401 `protected resource, you are not authorized` */
    GRANT_INVALID, /* 400 `invalid request`: no filter at all */
    GRANT_ASK,     /* open questions decide */
};

/*
 * Who owns what, as the auth database said within the last hour.  At most `max` answers are kept;
 * the one used longest ago makes room.
 */
struct grant_cache {
    struct map entries;      /* kind, user and value -> entry */
    struct list_link oldest; /* least recently used first */
    size_t max;
};

#define GRANT_CACHE_MAX 10000
#define GRANT_CACHE_MS ((uint64_t)3600 * 1000)
#define GRANT_CACHE_VALUE_MAX 256 /* longer values are asked for again each time */

void grant_cache_init(struct grant_cache *cache, size_t max);
void grant_cache_release(struct grant_cache *cache);

/* `has_filter`: did the query have any filter?  Copies everything it needs but the cache, which
 * may be NULL and must outlive it. */
struct grant *grant_new(struct slice user, bool has_filter,
                        const struct grant_condition *conditions, size_t count,
                        struct grant_cache *cache, uint64_t now_ms);
void grant_free(struct grant *grant);
enum grant_verdict grant_verdict(const struct grant *grant);
/* The user id; NUL-terminated; borrowed until grant_free. */
const char *grant_user(const struct grant *grant);
/* The next question without an answer that can still change the verdict; NULL: none. */
const struct grant_question *grant_next(const struct grant *grant);
void grant_answer(struct grant *grant, const struct grant_question *question, bool is_owner,
                  uint64_t now_ms);
/* What to answer a client: status 0 and NULL while allowed or open. */
int grant_http_status(enum grant_verdict verdict);
const char *grant_text(enum grant_verdict verdict);
