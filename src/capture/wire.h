/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

/*
 * Reads the fields of a binary message one after the other, never past its end.
 *
 *     struct wire wire = wire_of(message);
 *     oid = wire_u32(&wire);
 *     name = wire_string(&wire);
 *     if (!wire_is_done(&wire)) ...              one question at the end is enough
 *
 * A read past the end gives 0 or nothing and marks the wire as failed for good.
 */
struct wire {
    const char *at, *end;
    bool has_failed;
};

static inline struct wire wire_of(struct slice message)
{
    return (struct wire){message.at, message.size > 0 ? message.at + message.size : message.at,
                         false};
}

static inline size_t wire_left(const struct wire *wire)
{
    return (size_t)(wire->end - wire->at);
}

/* Everything was read, and nothing past the end. */
static inline bool wire_is_done(const struct wire *wire)
{
    return !wire->has_failed && wire->at == wire->end;
}

static inline const char *wire_take(struct wire *wire, size_t size)
{
    const char *at = wire->at;

    if (__builtin_expect(wire_left(wire) < size, 0)) {
        wire->has_failed = true;
        wire->at = wire->end;
        return NULL;
    }
    wire->at += size;
    return at;
}

static inline uint8_t wire_u8(struct wire *wire)
{
    const char *at = wire_take(wire, 1);

    return at ? (uint8_t)*at : 0;
}

static inline uint16_t wire_u16(struct wire *wire)
{
    const char *at = wire_take(wire, 2);
    uint16_t value = 0;

    if (at)
        memcpy(&value, at, 2);
    return be16toh(value);
}

static inline uint32_t wire_u32(struct wire *wire)
{
    const char *at = wire_take(wire, 4);
    uint32_t value = 0;

    if (at)
        memcpy(&value, at, 4);
    return be32toh(value);
}

static inline uint64_t wire_u64(struct wire *wire)
{
    const char *at = wire_take(wire, 8);
    uint64_t value = 0;

    if (at)
        memcpy(&value, at, 8);
    return be64toh(value);
}

/* Up to a NUL, which must be there; it is no part of the result. */
static inline struct slice wire_string(struct wire *wire)
{
    const size_t left = wire_left(wire);
    const char *nul = left > 0 ? memchr(wire->at, '\0', left) : NULL;
    const struct slice text = slice_of(wire->at, nul ? (size_t)(nul - wire->at) : 0);

    (void)wire_take(wire, nul ? text.size + 1 : left + 1);
    return text;
}
