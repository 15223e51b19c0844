/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/*
 * A hash map from bytes to a pointer.
 *
 *     struct map map = MAP_INIT;
 *     map_set(&map, SLICE("orders"), table);
 *     table = map_get(&map, SLICE("orders"));
 *
 * Keys are copied, unless the map borrows them (MAP_BORROWING): then a key must stay where it is
 * for as long as it is in the map.  Open addressing, linear probing, grown at three quarters full;
 * the hash is seeded once per process, so that a peer cannot choose keys that collide.  The owner's
 * thread only.
 */
struct map_slot {
    char *key;     /* owned, or borrowed; NULL: never used.  Removed slots are closed up */
    uint32_t size; /* of the key */
    uint32_t hash;
    void *value;
};

struct map {
    struct map_slot *slots; /* owned; a power of two of them */
    size_t capacity, count;
    bool is_borrowing;
};

#define MAP_INIT ((struct map){0})
#define MAP_BORROWING ((struct map){.is_borrowing = true})
#define MAP_KEY_MAX ((size_t)1 << 30)

void map_release(struct map *map); /* frees the keys; values are the caller's */
void *map_get(const struct map *map, struct slice key);
/* Sets a value (not NULL) and returns the one that was there, or NULL. */
void *map_set(struct map *map, struct slice key, void *value);
/* Removes a key and returns its value, or NULL. */
void *map_remove(struct map *map, struct slice key);
/* Walks all: start with *at = 0; false when done.  The map must not change meanwhile. */
bool map_next(const struct map *map, size_t *at, struct slice *out_key, void **out_value);

/* The hash itself, for those who keep their own tables. */
uint64_t map_hash(const void *bytes, size_t size);
