/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "app/cli.h"

#define WORDS_MAX 8

/* A command line that may be overwritten, as argv. */
struct line {
    char bytes[WORDS_MAX][120];
    char *argv[WORDS_MAX + 1];
    int argc;
};

static void line_init(struct line *line, const char *const *words)
{
    *line = (struct line){.argc = 1};
    memcpy(line->bytes[0], "pgcdc", 6);
    line->argv[0] = line->bytes[0];
    for (size_t i = 0; i < WORDS_MAX - 1 && words[i]; i++) {
        line->argv[line->argc] = line->bytes[line->argc];
        memcpy(line->argv[line->argc++], words[i], strlen(words[i]) + 1);
    }
}

static void options_are_understood(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        enum cli_action action;
        const char *path, *set, *url;
        int verbosity;
    } cases[] = {
        {{NULL}, CLI_RUN, NULL, NULL, NULL, 0},
        {{"-c", "f"}, CLI_RUN, "f", NULL, NULL, 0},
        {{"-cf"}, CLI_RUN, "f", NULL, NULL, 0},
        {{"-vcf"}, CLI_RUN, "f", NULL, NULL, 1},
        {{"--config", "f"}, CLI_RUN, "f", NULL, NULL, 0},
        {{"--config=f=g"}, CLI_RUN, "f=g", NULL, NULL, 0},
        {{"-c", "f", "-c", "g"}, CLI_RUN, "g", NULL, NULL, 0},
        {{"-vv", "-v"}, CLI_RUN, NULL, NULL, NULL, 3},
        {{"-q", "--quiet", "--verbose"}, CLI_RUN, NULL, NULL, NULL, -1},
        {{"--set", "workers=4"}, CLI_RUN, NULL, "workers=4", NULL, 0},
        {{"--set=workers=4"}, CLI_RUN, NULL, "workers=4", NULL, 0},
        {{"--set", "slot_name="}, CLI_RUN, NULL, "slot_name=", NULL, 0},
        {{"postgres://u@h/d"}, CLI_RUN, NULL, NULL, "postgres://u@h/d", 0},
        {{"host=h", "-v"}, CLI_RUN, NULL, NULL, "host=h", 1},
        {{"--", "-x"}, CLI_RUN, NULL, NULL, "-x", 0},
        {{"--check-config"}, CLI_CHECK_CONFIG, NULL, NULL, NULL, 0},
        {{"--print-config"}, CLI_PRINT_CONFIG, NULL, NULL, NULL, 0},
        {{"--version"}, CLI_VERSION, NULL, NULL, NULL, 0},
        {{"-V"}, CLI_VERSION, NULL, NULL, NULL, 0},
        {{"--help"}, CLI_HELP, NULL, NULL, NULL, 0},
        {{"-h"}, CLI_HELP, NULL, NULL, NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct line line;
        struct cli cli;
        struct fault fault;
        line_init(&line, cases[i].words);
        if (cli_parse(line.argc, line.argv, &cli, &fault) != OK)
            fail_msg("case %zu: %s", i, fault.text);
        assert_int_equal(cli.action, cases[i].action);
        assert_int_equal(cli.verbosity, cases[i].verbosity);
        assert_slice_is(slice_text(cli.config_path), cases[i].path ? cases[i].path : "");
        assert_slice_is(slice_text(cli.database_url), cases[i].url ? cases[i].url : "");
        assert_int_equal(cli.set_count, cases[i].set ? 1 : 0);
        if (cases[i].set)
            assert_string_equal(cli.sets[0], cases[i].set);
        cli_release(&cli);
    }
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *words[WORDS_MAX], *named;
    } cases[] = {
        {{"--foo"}, "unknown option --foo;"},
        {{"--foo=secret"}, "unknown option --foo;"},
        {{"-x"}, "unknown option -x;"},
        {{"-vx"}, "unknown option -x;"},
        {{"-\x01"}, "unknown option -?;"},
        {{"--conf", "f"}, "unknown option --conf;"},
        {{"-c"}, "option -c wants a value"},
        {{"-c", ""}, "-c wants the name of a file"},
        {{"--config"}, "option --config wants a value"},
        {{"--set"}, "option --set wants a value"},
        {{"--set", "workers"}, "--set wants KEY=VALUE"},
        {{"--set", "=4"}, "--set wants KEY=VALUE"},
        {{"--version=2"}, "option --version takes no value"},
        {{"--quiet=2"}, "option --quiet takes no value"},
        {{""}, "DATABASE_URL is empty"},
        {{"postgres://a", "postgres://u:pw@b"}, "\"postgres://u:***@b\" is another"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct line line;
        struct cli cli;
        struct fault fault;
        line_init(&line, cases[i].words);
        assert_int_equal(cli_parse(line.argc, line.argv, &cli, &fault), ERR_INPUT);
        if (!strstr(fault.text, cases[i].named) || !strstr(fault.text, "pgcdc --help"))
            fail_msg("case %zu: %s", i, fault.text);
        assert_int_equal(cli.set_count, 0);
        assert_null(cli.database_url);
    }
}

static void passwords_do_not_stay_in_argv(void **state)
{
    static const char *const words[] = {
        "postgres://u:hunter2@h/d",
        "--set",
        "admin_secret=hunter2",
        "--set=database_url=host=h password=hunter2",
        "--set",
        "cookie_secrets=hunter2",
        NULL,
    };
    struct line line;
    struct cli cli;

    (void)state;
    line_init(&line, words);
    assert_int_equal(cli_parse(line.argc, line.argv, &cli, NULL), OK);
    for (int i = 0; i < line.argc; i++)
        assert_null(strstr(line.argv[i], "hunter2"));
    assert_string_equal(line.argv[1], "postgres://u:*******@h/d");
    assert_string_equal(cli.database_url, words[0]);
    assert_string_equal(cli.sets[0], words[2]);
    assert_string_equal(cli.sets[1], "database_url=host=h password=hunter2");
    cli_release(&cli);
    cli_release(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_understood),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(passwords_do_not_stay_in_argv),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
