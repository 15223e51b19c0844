/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file of any bytes: it is read or refused with a reason, a refused value changes
 * nothing, and what is printed of it can be read again. */
#include "app/config_file.h"

#include <stdlib.h>

#include "app/config_keys.h"
#include "app/config_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets a text that a syntax error follows; the program ends then. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig";
}

struct reading {
    struct config config;
    size_t refused;
};

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void take(void *arg, struct slice name, const struct config_given *given, unsigned line)
{
    struct reading *const reading = arg;
    const struct config_key *const key = config_key_find(name);
    struct fault fault;

    (void)line;
    if (!key) {
        (void)config_key_suggest(name);
        return;
    }
    if (slice_is(name, "binding"))
        return; /* may ask the system's resolver */
    if (config_value_set(&reading->config, key, given, &fault) == OK)
        return;
    must(fault.status == ERR_CONFIG && strstr(fault.text, key->name) != NULL);
    reading->refused++;
}

static void release(struct reading *reading)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
        config_value_release(&reading->config, &config_keys[i]);
}

/* Numbers at 0 may be below their minimum, and URLs are masked: those are not printed. */
static void print(const struct reading *reading, struct buf *out)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *const key = &config_keys[i];
        if (key->privacy != CONFIG_OPEN || !config_value_is_set(&reading->config, key))
            continue;
        buf_printf(out, "%s = ", key->name);
        config_value_print(&reading->config, key, out);
        buf_add_char(out, '\n');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    CLEANUP(buf_release) struct buf first = BUF_INIT;
    CLEANUP(buf_release) struct buf second = BUF_INIT;
    struct reading reading = {0};
    struct reading again = {0};
    struct config_notes notes = {0};

    config_file_parse("f", slice_of(bytes, size), take, &reading, &notes);
    print(&reading, &first);
    config_notes_release(&notes);

    config_file_parse("f", buf_slice(&first), take, &again, &notes);
    print(&again, &second);
    must(notes.count == 0 && again.refused == 0);
    must(slice_equal(buf_slice(&first), buf_slice(&second)));
    config_notes_release(&notes);
    release(&reading);
    release(&again);
    return 0;
}
