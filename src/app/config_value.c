/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config_value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "app/mask.h"
#include "app/units.h"
#include "base/crypto.h"
#include "base/mem.h"

#define SHOWN_MAX 100 /* bytes of a wrong value that are repeated */

/* Setters have a config that is not const; readers only read. */
static void *member(const struct config *config, const struct config_key *key)
{
    return (char *)(uintptr_t)config + key->offset; /* NOLINT(performance-no-int-to-ptr) */
}

/* Double quotes and escapes as libconfig reads them. */
static void print_text(struct buf *out, struct slice text)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7F)
            buf_printf(out, "\\x%02x", c);
        else
            buf_add_char(out, (char)c);
    }
    buf_add_char(out, '"');
}

static void print_shown(struct buf *out, const struct config_key *key, struct slice text)
{
    CLEANUP(buf_release) struct buf masked = BUF_INIT;

    if (key->privacy == CONFIG_URL)
        (void)mask_url(text, &masked);
    else
        buf_add(&masked, text);
    if (masked.size > SHOWN_MAX) {
        masked.size = SHOWN_MAX;
        buf_add_text(&masked, "...");
    }
    print_text(out, buf_slice(&masked));
}

static void print_given(struct buf *out, const struct config_key *key,
                        const struct config_given *given)
{
    switch (given->kind) {
    case CONFIG_GIVEN_WORDS:
    case CONFIG_GIVEN_TEXT:
        print_shown(out, key, given->text);
        return;
    case CONFIG_GIVEN_NUMBER:
        buf_printf(out, "%" PRId64, given->number);
        return;
    case CONFIG_GIVEN_FLAG:
        buf_add_text(out, given->flag ? "true" : "false");
        return;
    case CONFIG_GIVEN_ITEMS:
        buf_add_char(out, '[');
        for (size_t i = 0; i < given->count && out->size < SHOWN_MAX; i++) {
            buf_add_text(out, i > 0 ? ", " : " ");
            print_shown(out, key, given->items[i]);
        }
        buf_add_text(out, given->count > 0 ? " ]" : "]");
        return;
    case CONFIG_GIVEN_OTHER:
        buf_add(out, given->text);
        return;
    }
}

static enum status wrong(struct fault *fault, const struct config_key *key,
                         const struct config_given *given, const char *format, ...)
    PRINTF_LIKE(4, 5);

static enum status wrong(struct fault *fault, const struct config_key *key,
                         const struct config_given *given, const char *format, ...)
{
    CLEANUP(buf_release) struct buf shown = BUF_INIT;
    char reason[600];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    if (key->privacy != CONFIG_SECRET) {
        buf_add_text(&shown, " = ");
        print_given(&shown, key, given);
    }
    return fault_set(fault, ERR_CONFIG, "%s%s: %s; for example %s = %s", key->name,
                     buf_text(&shown), reason, key->name, key->example);
}

static enum status check_text(const struct config_key *key, const struct config_given *given,
                              struct slice text, struct fault *fault)
{
    struct fault why;

    if (text.size == 0 && key->min > 0 && key->privacy != CONFIG_SECRET)
        return wrong(fault, key, given, "must not be empty");
    if (text.size > 0 && text.size < key->min)
        return wrong(fault, key, given, "has %zu bytes, and must have %" PRIu64 " at least",
                     text.size, key->min);
    if (text.size > key->max)
        return wrong(fault, key, given, "has %zu bytes, and may have %" PRIu64 " at most",
                     text.size, key->max);
    if (!slice_is_utf8(text))
        return wrong(fault, key, given, "must be UTF-8");
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7F)
            return wrong(fault, key, given, "must not hold control characters");
    }
    if (text.size == 0 || !key->check)
        return OK;
    char *const copy = mem_text_n(text.at, text.size);
    const enum status status = key->check(copy, &why);
    mem_free(copy);
    return status == OK ? OK : wrong(fault, key, given, "%s", why.text);
}

static enum status set_text(struct config *config, const struct config_key *key,
                            const struct config_given *given, struct fault *fault)
{
    char **const text = member(config, key);

    if (given->kind != CONFIG_GIVEN_TEXT && given->kind != CONFIG_GIVEN_WORDS)
        return wrong(fault, key, given, "must be a text in double quotes");
    if (check_text(key, given, given->text, fault) != OK)
        return ERR_CONFIG;
    config_value_release(config, key);
    *text = mem_text_n(given->text.size > 0 ? given->text.at : "", given->text.size);
    return OK;
}

static enum status set_flag(struct config *config, const struct config_key *key,
                            const struct config_given *given, struct fault *fault)
{
    bool *const flag = member(config, key);
    const bool is_words = given->kind == CONFIG_GIVEN_WORDS;

    if (given->kind == CONFIG_GIVEN_FLAG)
        *flag = given->flag;
    else if (is_words && (slice_equal_nocase(given->text, SLICE("true")) ||
                          slice_equal_nocase(given->text, SLICE("on"))))
        *flag = true;
    else if (is_words && (slice_equal_nocase(given->text, SLICE("false")) ||
                          slice_equal_nocase(given->text, SLICE("off"))))
        *flag = false;
    else
        return wrong(fault, key, given, "must be true or false, without quotes");
    return OK;
}

static enum status set_number(struct config *config, const struct config_key *key,
                              const struct config_given *given, struct fault *fault)
{
    uint64_t *const number = member(config, key);
    uint64_t value = UINT64_MAX;
    bool is_good = false;

    if (given->kind == CONFIG_GIVEN_NUMBER && given->number >= 0) {
        value = (uint64_t)given->number;
        is_good = true;
    } else if (given->kind == CONFIG_GIVEN_WORDS) {
        is_good = slice_to_u64(given->text, UINT64_MAX, &value) == OK;
    }
    if (!is_good || value < key->min || value > key->max)
        return wrong(fault, key, given,
                     "must be a whole number from %" PRIu64 " to %" PRIu64 ", without quotes",
                     key->min, key->max);
    *number = value;
    return OK;
}

static enum status set_size(struct config *config, const struct config_key *key,
                            const struct config_given *given, struct fault *fault)
{
    CLEANUP(buf_release) struct buf limits = BUF_INIT;
    uint64_t *const size = member(config, key);
    uint64_t value = UINT64_MAX;
    bool is_good = false;

    if (given->kind == CONFIG_GIVEN_NUMBER && given->number >= 0) {
        value = (uint64_t)given->number;
        is_good = true;
    } else if (given->kind == CONFIG_GIVEN_WORDS || given->kind == CONFIG_GIVEN_TEXT) {
        is_good = units_read_size(given->text, &value) == OK;
    }
    if (is_good && value >= key->min && value <= key->max) {
        *size = value;
        return OK;
    }
    units_print_size(&limits, key->min);
    buf_add_text(&limits, " to ");
    units_print_size(&limits, key->max);
    return wrong(fault, key, given,
                 "must be a size from %s: bytes, or a number with KiB, MiB, GiB, kB, MB or GB",
                 buf_text(&limits));
}

static enum status set_time(struct config *config, const struct config_key *key,
                            const struct config_given *given, struct fault *fault)
{
    CLEANUP(buf_release) struct buf limits = BUF_INIT;
    uint64_t *const time_us = member(config, key);
    uint64_t value = UINT64_MAX;
    bool is_good = false;

    if (given->kind == CONFIG_GIVEN_NUMBER && given->number == 0) {
        value = 0;
        is_good = true;
    } else if (given->kind == CONFIG_GIVEN_WORDS || given->kind == CONFIG_GIVEN_TEXT) {
        is_good = units_read_time(given->text, &value) == OK;
    }
    if (is_good && value >= key->min && value <= key->max) {
        *time_us = value;
        return OK;
    }
    units_print_time(&limits, key->min);
    buf_add_text(&limits, " to ");
    units_print_time(&limits, key->max);
    return wrong(fault, key, given, "must be a time from %s: a number with us, ms or s",
                 buf_text(&limits));
}

static enum status set_choice(struct config *config, const struct config_key *key,
                              const struct config_given *given, struct fault *fault)
{
    CLEANUP(buf_release) struct buf choices = BUF_INIT;
    uint64_t *const choice = member(config, key);
    const bool is_text = given->kind == CONFIG_GIVEN_TEXT || given->kind == CONFIG_GIVEN_WORDS;

    for (size_t i = 0; key->choices[i]; i++) {
        if (is_text && slice_is(given->text, key->choices[i])) {
            *choice = i;
            return OK;
        }
        if (i > 0)
            buf_add_text(&choices, key->choices[i + 1] ? ", " : " or ");
        buf_printf(&choices, "\"%s\"", key->choices[i]);
    }
    return wrong(fault, key, given, "must be %s", buf_text(&choices));
}

static enum status set_items(struct config *config, const struct config_key *key,
                             const struct config_given *given, struct fault *fault)
{
    struct config_list *const list = member(config, key);

    if (given->kind != CONFIG_GIVEN_ITEMS)
        return wrong(fault, key, given, "must be a list of texts");
    for (size_t i = 0; i < given->count; i++) {
        if (given->items[i].size == 0)
            return wrong(fault, key, given, "must not hold empty texts");
        if (check_text(key, given, given->items[i], fault) != OK)
            return ERR_CONFIG;
    }
    config_value_release(config, key);
    list->items = mem_array(given->count + 1, sizeof *list->items);
    for (size_t i = 0; i < given->count; i++)
        list->items[list->count++] = mem_text_n(given->items[i].at, given->items[i].size);
    return OK;
}

/* Words, and a text in quotes, too, are a list with commas between its items. */
static enum status set_split(struct config *config, const struct config_key *key,
                             const struct config_given *given, struct fault *fault)
{
    struct config_given split = {.kind = CONFIG_GIVEN_ITEMS};
    struct slice rest = given->text;
    size_t marks = 1;

    if (given->kind != CONFIG_GIVEN_WORDS && given->kind != CONFIG_GIVEN_TEXT)
        return set_items(config, key, given, fault);
    for (size_t i = 0; i < rest.size; i++)
        marks += rest.at[i] == ',' ? 1 : 0;
    struct slice *const items = mem_array(marks, sizeof *items);
    split.items = items;
    while (slice_trim(given->text).size > 0 && split.count < marks)
        items[split.count++] = slice_trim(slice_cut(&rest, ','));
    const enum status status = set_items(config, key, &split, fault);
    mem_free(items);
    return status;
}

enum status config_value_set(struct config *config, const struct config_key *key,
                             const struct config_given *given, struct fault *fault)
{
    switch (key->type) {
    case CONFIG_TEXT:
        return set_text(config, key, given, fault);
    case CONFIG_FLAG:
        return set_flag(config, key, given, fault);
    case CONFIG_NUMBER:
        return set_number(config, key, given, fault);
    case CONFIG_SIZE:
        return set_size(config, key, given, fault);
    case CONFIG_TIME:
        return set_time(config, key, given, fault);
    case CONFIG_CHOICE:
        return set_choice(config, key, given, fault);
    case CONFIG_ITEMS:
        return set_split(config, key, given, fault);
    }
    return ERR_CONFIG;
}

bool config_value_is_set(const struct config *config, const struct config_key *key)
{
    const void *const at = member(config, key);

    switch (key->type) {
    case CONFIG_TEXT:
        return config_value_text(config, key)[0] != '\0';
    case CONFIG_FLAG:
        return *(const bool *)at;
    case CONFIG_NUMBER:
    case CONFIG_SIZE:
    case CONFIG_TIME:
    case CONFIG_CHOICE:
        return *(const uint64_t *)at != 0;
    case CONFIG_ITEMS:
        return ((const struct config_list *)at)->count > 0;
    }
    return false;
}

const char *config_value_text(const struct config *config, const struct config_key *key)
{
    char *const *const text = member(config, key);

    return *text ? *text : "";
}

static void print_list(struct buf *out, const struct config_list *list)
{
    buf_add_text(out, "[");
    for (size_t i = 0; i < list->count; i++) {
        buf_add_text(out, i > 0 ? ", " : " ");
        print_text(out, slice_text(list->items[i]));
    }
    buf_add_text(out, " ]");
}

static void print_member_text(struct buf *out, const struct config_key *key, struct slice text)
{
    CLEANUP(buf_release) struct buf masked = BUF_INIT;

    if (key->privacy == CONFIG_SECRET && text.size > 0) {
        buf_add_text(out, "(set)");
        return;
    }
    if (key->privacy == CONFIG_URL) {
        (void)mask_url(text, &masked);
        text = buf_slice(&masked);
    }
    print_text(out, text);
}

void config_value_print(const struct config *config, const struct config_key *key, struct buf *out)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const void *const at = member(config, key);

    switch (key->type) {
    case CONFIG_TEXT:
        print_member_text(out, key, slice_text(config_value_text(config, key)));
        return;
    case CONFIG_FLAG:
        buf_add_text(out, *(const bool *)at ? "true" : "false");
        return;
    case CONFIG_NUMBER:
        buf_printf(out, "%" PRIu64, *(const uint64_t *)at);
        return;
    case CONFIG_SIZE:
        units_print_size(&text, *(const uint64_t *)at);
        print_text(out, buf_slice(&text));
        return;
    case CONFIG_TIME:
        units_print_time(&text, *(const uint64_t *)at);
        print_text(out, buf_slice(&text));
        return;
    case CONFIG_CHOICE:
        print_text(out, slice_text(key->choices[*(const uint64_t *)at]));
        return;
    case CONFIG_ITEMS:
        print_list(out, at);
        return;
    }
}

static void free_text(char *text, bool is_private)
{
    if (text && is_private)
        crypto_wipe(text, strlen(text));
    mem_free(text);
}

void config_value_release(struct config *config, const struct config_key *key)
{
    if (key->type == CONFIG_TEXT) {
        char **const text = member(config, key);
        free_text(*text, key->privacy != CONFIG_OPEN);
        *text = NULL;
    } else if (key->type == CONFIG_ITEMS) {
        struct config_list *const list = member(config, key);
        for (size_t i = 0; i < list->count; i++)
            mem_free(list->items[i]);
        mem_free(list->items);
        *list = (struct config_list){0};
    }
}
