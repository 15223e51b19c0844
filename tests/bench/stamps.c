/* SPDX-License-Identifier: Apache-2.0 */
#include "stamps.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

enum { STAMP_DIGITS = 16, STEPS = 64 };

uint64_t stamps_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* 0 to 127 have a bucket each; 128 to 255 share 64, 256 to 511 the next 64, and so on. */
static size_t bucket_of(uint64_t age)
{
    if (age < 2 * STEPS)
        return (size_t)age;
    const unsigned power = 63 - (unsigned)__builtin_clzll(age);
    const size_t bucket = 2 * STEPS + (power - 7) * STEPS + ((age >> (power - 6)) & (STEPS - 1));
    return bucket < STAMPS_BUCKETS ? bucket : STAMPS_BUCKETS - 1;
}

static uint64_t age_of(size_t bucket)
{
    if (bucket < 2 * STEPS)
        return bucket;
    return (uint64_t)(STEPS + bucket % STEPS) << ((bucket - 2 * STEPS) / STEPS + 1);
}

/* The 16 digits behind an @; 0: they are none. */
static uint64_t read_stamp(const char *at, size_t size)
{
    uint64_t stamp = 0;

    if (size <= STAMP_DIGITS)
        return 0;
    for (int i = 1; i <= STAMP_DIGITS; i++) {
        if (at[i] < '0' || at[i] > '9')
            return 0;
        stamp = stamp * 10 + (uint64_t)(at[i] - '0');
    }
    return stamp;
}

bool stamps_note(struct stamps *stamps, const char *text, size_t size, uint64_t now_us)
{
    const char *const end = text + size;

    /* A binary message may have an @ in its head. */
    for (const char *at = text; (at = memchr(at, '@', (size_t)(end - at))); at++) {
        const uint64_t stamp = read_stamp(at, (size_t)(end - at));
        if (stamp == 0)
            continue;
        stamps->count++;
        stamps->buckets[bucket_of(now_us > stamp ? now_us - stamp : 0)]++;
        return true;
    }
    return false;
}

uint64_t stamps_part_us(const struct stamps *stamps, double part)
{
    const uint64_t wanted = (uint64_t)((double)stamps->count * part);
    uint64_t seen = 0;

    for (size_t i = 0; i < STAMPS_BUCKETS; i++) {
        seen += stamps->buckets[i];
        if (seen > wanted)
            return age_of(i);
    }
    return 0;
}

void stamps_report(const struct stamps *stamps, uint64_t frames, uint64_t bytes, uint64_t reads,
                   double seconds)
{
    printf("{\"frames\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"reads\":%" PRIu64
           ",\"seconds\":%.6f,\"timed\":%" PRIu64 ",\"p50_us\":%" PRIu64 ",\"p99_us\":%" PRIu64
           ",\"p999_us\":%" PRIu64 "}\n",
           frames, bytes, reads, seconds, stamps->count, stamps_part_us(stamps, 0.5),
           stamps_part_us(stamps, 0.99), stamps_part_us(stamps, 0.999));
    (void)fflush(stdout);
}
