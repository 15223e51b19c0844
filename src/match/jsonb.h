/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "match/operand.h"

/*
 * A jsonb value, read from the text that PostgreSQL prints of it, for = and @>.
 *
 *     {"a": [1, 2.50]}     nodes: object, (a) array, number 1, number 2.5
 */
enum jsonb_kind {
    JSONB_NULL,
    JSONB_FALSE,
    JSONB_TRUE,
    JSONB_NUMBER,
    JSONB_STRING,
    JSONB_ARRAY,
    JSONB_OBJECT,
};

struct jsonb_node {
    enum jsonb_kind kind;
    uint32_t end;   /* the first node behind this one and all within it */
    uint32_t count; /* of items or members */
    struct slice key;
    struct slice string;
    struct numeric number;
};

struct jsonb {
    struct jsonb_node *nodes; /* owned; parents before their children */
    uint32_t count;
    char *words; /* owned; strings, unescaped */
};

/* False for what is not printed by jsonb, or is nested too deeply for us; then nothing is to be
 * released. */
bool jsonb_parse(struct slice text, struct jsonb *out);
void jsonb_release(struct jsonb *value);

bool jsonb_equal(const struct jsonb *a, const struct jsonb *b);
/* a @> b */
bool jsonb_contains(const struct jsonb *a, const struct jsonb *b);
