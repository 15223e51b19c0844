/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/random.h"

#define MIN_CAPACITY 16

/* Chosen at the first use by whichever thread comes first; all others take that one. */
static uint64_t process_seed(void)
{
    static _Atomic uint64_t seed;
    uint64_t current = atomic_load_explicit(&seed, memory_order_relaxed);

    if (current != 0)
        return current;
    struct random random;
    random_init_system(&random);
    uint64_t none = 0;
    const uint64_t fresh = random_u64(&random) | 1U;
    return atomic_compare_exchange_strong(&seed, &none, fresh) ? fresh : none;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ const unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Multiply-and-fold over eight bytes at a time (the idea of wyhash), with a secret seed. */
uint64_t map_hash(const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    uint64_t hash = process_seed() ^ size;

    while (size >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        hash = mix(hash ^ word, 0xA0761D6478BD642FU);
        p += 8;
        size -= 8;
    }
    uint64_t tail = 0;
    if (size > 0)
        memcpy(&tail, p, size);
    return mix(hash ^ tail, 0xE7037ED1A0B428DBU);
}

void map_release(struct map *map)
{
    if (!map)
        return;
    for (size_t i = 0; !map->is_borrowing && i < map->capacity; i++)
        mem_free(map->slots[i].key);
    mem_free(map->slots);
    *map = MAP_INIT;
}

static struct map_slot *find(const struct map *map, struct slice key, uint32_t hash)
{
    const size_t mask = map->capacity - 1;

    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct map_slot *slot = &map->slots[i];
        if (!slot->key)
            return slot;
        if (slot->hash == hash && slice_equal(slice_of(slot->key, slot->size), key))
            return slot;
    }
}

static void grow(struct map *map)
{
    struct map larger = {.capacity = map->capacity ? map->capacity * 2 : MIN_CAPACITY,
                         .count = map->count,
                         .is_borrowing = map->is_borrowing};

    larger.slots = mem_array(larger.capacity, sizeof *larger.slots);
    for (size_t i = 0; i < map->capacity; i++) {
        const struct map_slot *old = &map->slots[i];
        if (old->key)
            *find(&larger, slice_of(old->key, old->size), old->hash) = *old;
    }
    mem_free(map->slots);
    *map = larger;
}

void *map_get(const struct map *map, struct slice key)
{
    if (map->count == 0)
        return NULL;
    return find(map, key, (uint32_t)map_hash(key.at, key.size))->value;
}

/* Only read; an empty key may have no memory. */
static char *borrowed(struct slice key)
{
    static char none;

    /* NOLINTNEXTLINE(performance-no-int-to-ptr): takes the const away */
    return key.size > 0 ? (char *)(uintptr_t)key.at : &none;
}

void *map_set(struct map *map, struct slice key, void *value)
{
    const uint32_t hash = (uint32_t)map_hash(key.at, key.size);

    assert(value && key.size < MAP_KEY_MAX);
    if (map->count + 1 > map->capacity / 4 * 3)
        grow(map);

    struct map_slot *slot = find(map, key, hash);
    void *before = slot->value;
    if (!slot->key) {
        slot->key = map->is_borrowing ? borrowed(key) : mem_text_n(key.at, key.size);
        slot->size = (uint32_t)key.size;
        slot->hash = hash;
        map->count++;
    }
    slot->value = value;
    return before;
}

/* Moves later slots of the same run into the hole, so that every key is still found. */
static void close_up(struct map *map, size_t hole)
{
    const size_t mask = map->capacity - 1;

    for (size_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
        const size_t home = map->slots[i].hash & mask;
        const bool may_stay = ((i - home) & mask) < ((i - hole) & mask);
        if (may_stay)
            continue;
        map->slots[hole] = map->slots[i];
        hole = i;
    }
    map->slots[hole] = (struct map_slot){0};
}

void *map_remove(struct map *map, struct slice key)
{
    if (map->count == 0)
        return NULL;

    struct map_slot *slot = find(map, key, (uint32_t)map_hash(key.at, key.size));
    void *value = slot->value;
    if (!slot->key)
        return NULL;
    if (!map->is_borrowing)
        mem_free(slot->key);
    close_up(map, (size_t)(slot - map->slots));
    map->count--;
    return value;
}

bool map_next(const struct map *map, size_t *at, struct slice *out_key, void **out_value)
{
    for (; *at < map->capacity; (*at)++) {
        const struct map_slot *slot = &map->slots[*at];
        if (!slot->key)
            continue;
        *out_key = slice_of(slot->key, slot->size);
        *out_value = slot->value;
        (*at)++;
        return true;
    }
    return false;
}
