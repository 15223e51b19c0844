/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "app/config.h"

/*
 * The one table of settings.
 *
 * Reading (any source), checking, --print-config, the names in the environment and the tests of
 * the man page and the sample file all follow from it, so a new setting is: a member of struct
 * config, a row here, a paragraph in man/pgcdc.config.5 and a line in etc/pgcdc.config.
 */
enum config_type {
    CONFIG_TEXT,   /* char * */
    CONFIG_FLAG,   /* bool */
    CONFIG_NUMBER, /* uint64_t */
    CONFIG_SIZE,   /* uint64_t, bytes */
    CONFIG_TIME,   /* uint64_t, microseconds */
    CONFIG_CHOICE, /* uint64_t, an index into `choices` */
    CONFIG_ITEMS,  /* struct config_list */
};

enum config_privacy {
    CONFIG_OPEN,
    CONFIG_URL,    /* may hold a password, which is masked */
    CONFIG_SECRET, /* never shown */
};

/* ERR_INPUT and what would be right: "must be ..." */
typedef enum status(config_check_fn)(const char *text, struct fault *fault);

struct config_key {
    const char *name;
    enum config_type type;
    enum config_privacy privacy;
    size_t offset;              /* of its member of struct config */
    const char *standard;       /* the default, written as in the environment */
    uint64_t min, max;          /* numbers, sizes, times; bytes of a text that is not empty */
    const char *const *choices; /* NULL at the end */
    config_check_fn *check;     /* of a text, or of each item; not of an empty text */
    const char *example;        /* written as in a file */
    const char *help;           /* one line */
};

extern const struct config_key config_keys[CONFIG_KEY_COUNT];

const struct config_key *config_key_find(struct slice name); /* NULL: there is none */
/* The key that somebody who wrote `name` may have meant; NULL: nothing is like it. */
const struct config_key *config_key_suggest(struct slice name);
/* Appends PGCDC_WORKERS for workers. */
void config_key_environment(const struct config_key *key, struct buf *out);
/* Where its value came from, in this configuration. */
const struct config_source *config_key_source(const struct config_key *key,
                                              const struct config *config);
