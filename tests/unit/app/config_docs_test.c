/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys, man/pgcdc.config.5 and etc/pgcdc.config say the same. */
#include "unit.h"

#include <stdio.h>

#include "app/config_file.h"
#include "app/config_keys.h"
#include "app/config_value.h"

#define MAN_PAGE "man/pgcdc.config.5"
#define SAMPLE "etc/pgcdc.config"

static void read_text(const char *path, struct buf *out)
{
    struct config_notes notes = {0};
    bool is_public;

    if (config_file_read(path, out, &is_public, &notes) != OK)
        fail_msg("cannot read %s", path);
    buf_add_char(out, '\0');
}

static size_t count_lines(const char *text, const char *start)
{
    size_t count = 0;

    for (const char *line = text; line; line = strchr(line, '\n'))
        count += strncmp(line += *line == '\n' ? 1 : 0, start, strlen(start)) == 0 ? 1 : 0;
    return count;
}

/* The defaults, as the table has them. */
static void set_standard(struct config *config, const struct config_key *key)
{
    const struct config_given given = {.kind = CONFIG_GIVEN_WORDS,
                                       .text = slice_text(key->standard)};
    struct fault fault;

    if (key->type == CONFIG_TEXT && key->standard[0] == '\0')
        return;
    if (config_value_set(config, key, &given, &fault) != OK)
        fail_msg("%s", fault.text);
}

/* A text in the man page: quotes are escaped there, unless the whole stands in quotes. */
static void add_roff(struct buf *out, const char *text)
{
    const bool has_space = strchr(text, ' ') && text[0] != '"';

    buf_add_text(out, has_space ? "\"" : "");
    for (; *text; text++) {
        if (*text == '"')
            buf_add_text(out, "\\(dq");
        else
            buf_add_char(out, *text);
    }
    buf_add_text(out, has_space ? "\"" : "");
}

static void the_manual_has_every_key(void **state)
{
    CLEANUP(buf_release) struct buf man = BUF_INIT;
    struct config config = {0};

    (void)state;
    read_text(MAN_PAGE, &man);
    assert_int_equal(count_lines(man.at, ".It Ic "), CONFIG_KEY_COUNT);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *const key = &config_keys[i];
        CLEANUP(buf_release) struct buf head = BUF_INIT;
        CLEANUP(buf_release) struct buf value = BUF_INIT;
        CLEANUP(buf_release) struct buf standard = BUF_INIT;
        CLEANUP(buf_release) struct buf example = BUF_INIT;

        buf_printf(&head, "\n.It Ic %s\n", key->name);
        const char *const entry = strstr(man.at, buf_text(&head));
        if (!entry)
            fail_msg("%s is not in " MAN_PAGE, key->name);
        const char *const next = strstr(entry + 1, "\n.It ");
        set_standard(&config, key);
        config_value_print(&config, key, &value);
        buf_add_text(&standard, "Default:\n.Li ");
        add_roff(&standard, buf_text(&value));
        buf_add_text(&standard, " .\n");
        const char *at = strstr(entry, buf_text(&standard));
        if (!at || (next && at > next))
            fail_msg("%s: its default is not \"%s\" in " MAN_PAGE, key->name, buf_text(&standard));
        buf_printf(&example, "Example:\n.Dl %s = ", key->name);
        at = strstr(entry, buf_text(&example));
        if (!at || (next && at > next))
            fail_msg("%s has no example in " MAN_PAGE, key->name);
        config_value_release(&config, key);
    }
}

static void the_sample_has_every_default(void **state)
{
    CLEANUP(buf_release) struct buf sample = BUF_INIT;
    struct config config = {0};

    (void)state;
    read_text(SAMPLE, &sample);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *const key = &config_keys[i];
        CLEANUP(buf_release) struct buf line = BUF_INIT;

        set_standard(&config, key);
        buf_printf(&line, "\n# %s = ", key->name);
        config_value_print(&config, key, &line);
        buf_add_char(&line, '\n');
        if (!strstr(sample.at, buf_text(&line)))
            fail_msg(SAMPLE " does not have: %s", buf_text(&line));
        config_value_release(&config, key);
    }
}

/* Counts the settings, and wants each of them to be right. */
static void take(void *arg, struct slice name, const struct config_given *given, unsigned line)
{
    const struct config_key *const key = config_key_find(name);
    struct config config = {0};
    struct fault fault;
    size_t *const count = arg;

    if (!key)
        fail_msg("line %u: there is no key %.*s", line, SLICE_ARG(name));
    if (config_value_set(&config, key, given, &fault) != OK)
        fail_msg("line %u: %s", line, fault.text);
    config_value_release(&config, key);
    ++*count;
}

static size_t settings_in(struct slice text)
{
    struct config_notes notes = {0};
    size_t count = 0;

    config_file_parse(SAMPLE, text, take, &count, &notes);
    if (notes.count > 0)
        fail_msg("%s", notes.items[0].text);
    return count;
}

static void the_sample_loads(void **state)
{
    CLEANUP(buf_release) struct buf sample = BUF_INIT;
    CLEANUP(buf_release) struct buf opened = BUF_INIT;

    (void)state;
    read_text(SAMPLE, &sample);
    sample.size--; /* the NUL */
    assert_int_equal(settings_in(buf_slice(&sample)), 0);

    /* The same with its settings, lines such as "# workers = 0", taken out of their comments. */
    for (struct slice rest = buf_slice(&sample); rest.at;) {
        const struct slice line = slice_cut(&rest, '\n');
        struct slice setting = line.size > 2 ? slice_from(line, 2) : line;
        const struct slice name = slice_cut(&setting, ' ');
        const bool is_setting = setting.at && slice_starts(setting, SLICE("= "));
        if (is_setting)
            assert_non_null(config_key_find(name));
        buf_add(&opened, is_setting ? slice_from(line, 2) : line);
        buf_add_char(&opened, '\n');
    }
    assert_int_equal(settings_in(buf_slice(&opened)), CONFIG_KEY_COUNT);
}

static void examples_are_good_settings(void **state)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        /* The example of a generated secret says how to make one. */
        if (config_keys[i].privacy == CONFIG_SECRET && config_keys[i].min > 0)
            continue;
        buf_reset(&text);
        buf_printf(&text, "%s = %s\n", config_keys[i].name, config_keys[i].example);
        assert_int_equal(settings_in(buf_slice(&text)), 1);
        assert_true(config_keys[i].help[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manual_has_every_key),
        cmocka_unit_test(the_sample_has_every_default),
        cmocka_unit_test(the_sample_loads),
        cmocka_unit_test(examples_are_good_settings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
