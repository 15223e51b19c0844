/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "app/config_keys.h"

/* A value as a source gives it: a file knows types, the environment and --set only words. */
struct config_given {
    enum config_given_kind {
        CONFIG_GIVEN_WORDS,  /* text: to be read as the key's type */
        CONFIG_GIVEN_TEXT,   /* text: was in double quotes */
        CONFIG_GIVEN_NUMBER, /* number */
        CONFIG_GIVEN_FLAG,   /* flag */
        CONFIG_GIVEN_ITEMS,  /* items: texts */
        CONFIG_GIVEN_OTHER,  /* text: what it is, "a group" */
    } kind;
    struct slice text;
    int64_t number;
    bool flag;
    const struct slice *items;
    size_t count;
};

/* Sets the key's member.  ERR_CONFIG: the fault reads "workers = 9999: must be ..., for example
 * workers = 4" (a secret's value is left out), and nothing has changed. */
MUST_CHECK enum status config_value_set(struct config *config, const struct config_key *key,
                                        const struct config_given *given, struct fault *fault);
/* Is anything set: a text that is not empty, a list with items, a number but 0, a true flag? */
bool config_value_is_set(const struct config *config, const struct config_key *key);
/* The text of a CONFIG_TEXT. */
const char *config_value_text(const struct config *config, const struct config_key *key);
/* Appends the value as a file would have it; of a secret "(set)", of a URL the masked one. */
void config_value_print(const struct config *config, const struct config_key *key, struct buf *out);
/* Frees it; secrets and URLs are wiped. */
void config_value_release(struct config *config, const struct config_key *key);
