/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"
#include "base/log.h"

#define SECRET_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SECRET_32 "0123456789abcdef0123456789abcdef"
#define ORIGINAL                                                                                   \
    "# the original's example, as it is\n"                                                         \
    "database_host = \"127.0.0.1\"\n"                                                              \
    "database_dbname = \"speculare\"\n"                                                            \
    "database_user = \"postgres\"\n"                                                               \
    "database_password = \"azertyuiop\"\n"                                                         \
    "# database_tls = false\n"                                                                     \
    "binding = \"0.0.0.0:8080\"\n"                                                                 \
    "# (optional, need feature = [\"auth\"])\n"                                                    \
    "cookie_secret = \"64_CHARS_LONG_SECRET\"\n"                                                   \
    "admin_secret = \"64_CHARS_LONG_SECRET\""

/* A file of the test's own; one for the whole program, written anew by each case. */
static char path[] = "/tmp/pgcdc-config-test-XXXXXX";

static void write_file(const void *bytes, size_t size, mode_t mode)
{
    FILE *const file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static bool has_note(const struct config_notes *notes, bool is_error, const char *part)
{
    for (size_t i = 0; i < notes->count; i++) {
        if (notes->items[i].is_error == is_error && strstr(notes->items[i].text, part))
            return true;
    }
    return false;
}

static void show(const struct config_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++)
        fprintf(stderr, "# %s: %s\n", notes->items[i].is_error ? "error" : "warning",
                notes->items[i].text);
}

/* Loads a file of this text, and nothing else. */
static enum status load_text(const char *text, struct config *config, struct config_notes *notes)
{
    const struct config_input input = {.path = path};

    write_file(text, strlen(text), 0600);
    return config_load(&input, config, notes);
}

static void without_anything_the_defaults_hold(void **state)
{
    const struct config_input input = {0};
    struct config config;
    struct config_notes notes;

    (void)state;
    if (access(CONFIG_DEFAULT_PATH, F_OK) == 0)
        skip();
    assert_int_equal(config_load(&input, &config, &notes), OK);
    assert_int_equal(notes.count, 0);
    assert_string_equal(config.database_url, "");
    assert_string_equal(config.slot_name, "");
    assert_string_equal(config.publication, "pgcdc");
    assert_string_equal(config.binding, "127.0.0.1:8080");
    assert_int_equal(config.plugin, CONFIG_PLUGIN_AUTO);
    assert_int_equal(config.wal2json_format, 2);
    assert_int_equal(config.journal_size, 256 * 1024 * 1024);
    assert_int_equal(config.workers, 0);
    assert_int_equal(config.batch_delay, 0);
    assert_int_equal(config.auth_database_max_connection, 10);
    assert_int_equal(config.log_level, LOG_INFO);
    assert_false(config.is_auth_on);
    config_release(&config);
    config_notes_release(&notes);
}

static void the_originals_file_loads_as_it_is(void **state)
{
    const struct config_input input = {.path = path, .is_checking = true};
    CLEANUP(buf_release) struct buf conninfo = BUF_INIT;
    struct config config;
    struct config_notes notes;

    (void)state;
    write_file(ORIGINAL, strlen(ORIGINAL), 0644);
    if (config_load(&input, &config, &notes) != OK) {
        show(&notes);
        fail();
    }
    assert_string_equal(config.binding, "0.0.0.0:8080");
    assert_string_equal(config.cookie_secret, "");
    assert_false(config.is_auth_on);
    assert_true(has_note(&notes, false, ":9: cookie_secret is the placeholder"));
    assert_true(has_note(&notes, false, ":10: admin_secret is the placeholder"));
    assert_true(has_note(&notes, false, "without authentication"));
    config_conninfo(&config, &conninfo);
    assert_slice_is(buf_slice(&conninfo), "host='127.0.0.1' dbname='speculare' user='postgres' "
                                          "password='azertyuiop'");
    config_release(&config);
    config_notes_release(&notes);
}

static void later_sources_win(void **state)
{
    static const char text[] = "workers = 1\nlog_level = \"error\"\npublication = \"file\"\n"
                               "slot_name = \"file\"\ndatabase_tls = true\n";
    const char *const environment[] = {"PGCDC_LOG_LEVEL=warning",
                                       "PGCDC_PUBLICATION=env",
                                       "PGCDC_DATABASE_TLS=off",
                                       "PGCDC_WORKERS=",
                                       "PATH=/bin",
                                       NULL};
    const char *const sets[] = {"publication=flag", "slot_name=", "slot_name=last",
                                "allowed_origins=https://a.example, http://b.example:81"};
    const struct config_input input = {
        .path = path, .environment = environment, .sets = sets, .set_count = 4, .verbosity = 5};
    struct config config;
    struct config_notes notes;

    (void)state;
    write_file(text, strlen(text), 0644);
    if (config_load(&input, &config, &notes) != OK || notes.count != 0) {
        show(&notes);
        fail();
    }
    assert_int_equal(config.workers, 1);
    assert_int_equal(config.log_level, LOG_DEBUG);
    assert_string_equal(config.publication, "flag");
    assert_string_equal(config.slot_name, "last");
    assert_false(config.database_tls);
    assert_int_equal(config.allowed_origins.count, 2);
    assert_string_equal(config.allowed_origins.items[1], "http://b.example:81");
    config_release(&config);
    config_notes_release(&notes);
}

static void secrets_come_from_files_of_their_own(void **state)
{
    char variable[100];
    const char *environment[] = {variable, NULL, NULL};
    const struct config_input input = {.environment = environment};
    struct config config;
    struct config_notes notes;

    (void)state;
    write_file(SECRET_64 "\n", 65, 0644);
    (void)snprintf(variable, sizeof variable, "PGCDC_COOKIE_SECRET_FILE=%s", path);
    assert_int_equal(config_load(&input, &config, &notes), OK);
    assert_string_equal(config.cookie_secret, SECRET_64);
    assert_true(config.is_auth_on);
    assert_string_equal(config.binding, "0.0.0.0:8080");
    config_release(&config);
    config_notes_release(&notes);

    environment[1] = "PGCDC_COOKIE_SECRET=" SECRET_64;
    assert_int_equal(config_load(&input, &config, &notes), ERR_CONFIG);
    assert_true(has_note(&notes, true, "PGCDC_COOKIE_SECRET_FILE: cookie_secret is given"));
    config_notes_release(&notes);

    environment[0] = "PGCDC_ADMIN_SECRET_FILE=/nonexistent/secret";
    environment[1] = "PGCDC_WORKERS_FILE=/etc/passwd"; /* no secret: no file */
    assert_int_equal(config_load(&input, &config, &notes), ERR_CONFIG);
    assert_true(has_note(&notes, true, "PGCDC_ADMIN_SECRET_FILE: /nonexistent/secret cannot"));
    assert_true(has_note(&notes, false, "PGCDC_WORKERS_FILE: there is no key"));
    config_notes_release(&notes);
}

static void secrets_in_a_public_file_are_refused(void **state)
{
    static const struct {
        const char *text;
        bool is_refused;
    } cases[] = {
        {"cookie_secret = \"" SECRET_64 "\"", true},
        {"admin_secret = \"" SECRET_32 "\"", true},
        {"database_password = \"x\"", true},
        {"database_url = \"postgres://u:pw@h/d\"", true},
        {"auth_database_url = \"host=h password=pw\"", true},
        {"database_url = \"postgres://u@h/d\"", false},
        {"admin_secret = \"64_CHARS_LONG_SECRET\"", false},
        {"cookie_secret = \"\"", false},
        {"workers = 4", false},
    };
    const struct config_input input = {.path = path};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config config;
        struct config_notes notes;
        write_file(cases[i].text, strlen(cases[i].text), 0644);
        const enum status status = config_load(&input, &config, &notes);
        if (status != (cases[i].is_refused ? ERR_CONFIG : OK) ||
            has_note(&notes, true, "chmod 640") != cases[i].is_refused)
            fail_msg("case %zu: %s", i, cases[i].text);
        config_release(&config);
        config_notes_release(&notes);
        write_file(cases[i].text, strlen(cases[i].text), 0640);
        assert_int_equal(config_load(&input, &config, &notes), OK);
        config_release(&config);
        config_notes_release(&notes);
    }
}

static void unknown_keys_are_errors_only_when_checking(void **state)
{
    const char *const environment[] = {"PGCDC_WORKER=4", NULL};
    const char *const sets[] = {"Binding=127.0.0.1:1", "qqqqqqqq=1"};
    struct config_input input = {
        .path = path, .environment = environment, .sets = sets, .set_count = 2};
    struct config config;
    struct config_notes notes;
    static const char text[] = "datbase_host = \"h\"\nslotname = \"s\"";

    (void)state;
    for (int checking = 0; checking < 2; checking++) {
        input.is_checking = checking == 1;
        write_file(text, strlen(text), 0600);
        assert_int_equal(config_load(&input, &config, &notes), checking ? ERR_CONFIG : OK);
        assert_int_equal(notes.count, 5);
        assert_true(has_note(&notes, checking == 1,
                             ":1: there is no key datbase_host: did you mean database_host?"));
        assert_true(has_note(&notes, checking == 1,
                             ":2: there is no key slotname: did you mean slot_name?"));
        assert_true(has_note(&notes, checking == 1,
                             "PGCDC_WORKER: there is no key worker: did you mean workers?"));
        assert_true(has_note(&notes, checking == 1, "no key Binding: did you mean binding?"));
        assert_true(has_note(&notes, checking == 1, "no key qqqqqqqq: pgcdc.config(5)"));
        config_release(&config);
        config_notes_release(&notes);
    }
}

static void who_listens_to_all_is_warned(void **state)
{
    static const struct {
        const char *text, *binding;
        bool is_warned;
    } cases[] = {
        {"", "127.0.0.1:8080", false},
        {"binding = \"127.0.0.1:9\"", "127.0.0.1:9", false},
        {"binding = \"[::1]:9\"", "[::1]:9", false},
        {"binding = \"0.0.0.0:9\"", "0.0.0.0:9", true},
        {"binding = \":9\"", ":9", true},
        {"binding = \"[::]:9\"", "[::]:9", true},
        {"admin_secret = \"" SECRET_32 "\"", "0.0.0.0:8080", false},
        {"admin_secret = \"" SECRET_32 "\"\nbinding = \"0.0.0.0:9\"", "0.0.0.0:9", false},
        {"admin_secret = \"" SECRET_32 "\"\nauth = \"none\"", "127.0.0.1:8080", false},
        {"admin_secret = \"" SECRET_32 "\"\nauth = \"none\"\nbinding = \":9\"", ":9", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config config;
        struct config_notes notes;
        assert_int_equal(load_text(cases[i].text, &config, &notes), OK);
        assert_string_equal(config.binding, cases[i].binding);
        if (has_note(&notes, false, "whoever reaches this address") != cases[i].is_warned)
            fail_msg("case %zu", i);
        config_release(&config);
        config_notes_release(&notes);
    }
}

static void libpq_is_told_what_is_set(void **state)
{
    static const struct {
        const char *text, *conninfo, *warning;
    } cases[] = {
        {"", "", NULL},
        {"database_dbname = \"a 'b' \\\\c\"\ndatabase_port = 5433",
         "port='5433' dbname='a \\'b\\' \\\\c'", NULL},
        {"database_host = \"h\"\ndatabase_tls = true", "host='h' sslmode='require'",
         ":2: database_tls means sslmode=require"},
        {"database_url = \"postgres://u@h/d\"\ndatabase_host = \"x\"\ndatabase_user = \"y\"",
         "postgres://u@h/d", ":1: database_url is used, and not database_host, database_user"},
        {"database_url = \"postgres://h/d\"\ndatabase_tls = true", "postgres://h/d?sslmode=require",
         "verify-full"},
        {"database_url = \"postgres://h/d?a=b\"\ndatabase_tls = true",
         "postgres://h/d?a=b&sslmode=require", "verify-full"},
        {"database_url = \"postgres://h/d?sslmode=verify-full\"\ndatabase_tls = true",
         "postgres://h/d?sslmode=verify-full", NULL},
        {"database_url = \"host=h\"\ndatabase_tls = true", "host=h sslmode=require", "verify-full"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_release) struct buf conninfo = BUF_INIT;
        struct config config;
        struct config_notes notes;
        assert_int_equal(load_text(cases[i].text, &config, &notes), OK);
        config_conninfo(&config, &conninfo);
        assert_slice_is(buf_slice(&conninfo), cases[i].conninfo);
        assert_int_equal(notes.count, cases[i].warning ? 1 : 0);
        if (cases[i].warning && !has_note(&notes, false, cases[i].warning)) {
            show(&notes);
            fail_msg("case %zu", i);
        }
        config_release(&config);
        config_notes_release(&notes);
    }
}

static void what_is_printed_loads_again(void **state)
{
    static const char text[] =
        "database_dbname = \"a \\\"b\\\" \\\\ c\"\nworkers = 3\njournal_size = 1000000\n"
        "database_password = \"hunter2\"\nadmin_secret = \"" SECRET_32 "\"\n"
        "auth_database_url = \"postgres://u:hunter2@h/d\"\nplugin = \"wal2json\"\n"
        "allowed_origins = [ \"https://a\", \"https://b\" ]\nslot_name = \"s\"";
    const char *const sets[] = {"workers=5"};
    const struct config_input input = {.path = path, .sets = sets, .set_count = 1};
    CLEANUP(buf_release) struct buf printed = BUF_INIT;
    CLEANUP(buf_release) struct buf again = BUF_INIT;
    struct config config;
    struct config_notes notes;

    (void)state;
    write_file(text, strlen(text), 0600);
    assert_int_equal(config_load(&input, &config, &notes), OK);
    config_print(&config, &printed);
    config_release(&config);
    config_notes_release(&notes);
    assert_null(strstr(buf_text(&printed), "hunter2"));
    assert_null(strstr(buf_text(&printed), SECRET_32));
    assert_non_null(strstr(buf_text(&printed), "workers = 5 # --set workers\n"));
    assert_non_null(strstr(buf_text(&printed), "# admin_secret = (set) # /tmp/"));
    assert_non_null(strstr(buf_text(&printed), "\"postgres://u:***@h/d\" # /tmp/"));
    assert_non_null(strstr(buf_text(&printed), "https = false # default\n"));
    assert_int_equal(load_text(buf_text(&printed), &config, &notes), OK);
    assert_string_equal(config.database_dbname, "a \"b\" \\ c");
    assert_int_equal(config.workers, 5);
    assert_int_equal(config.journal_size, 1000000);
    assert_int_equal(config.plugin, CONFIG_PLUGIN_WAL2JSON);
    assert_int_equal(config.allowed_origins.count, 2);
    config_release(&config);
    config_notes_release(&notes);
}

static int make_file(void **state)
{
    const int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_anything_the_defaults_hold),
        cmocka_unit_test(the_originals_file_loads_as_it_is),
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(secrets_come_from_files_of_their_own),
        cmocka_unit_test(secrets_in_a_public_file_are_refused),
        cmocka_unit_test(unknown_keys_are_errors_only_when_checking),
        cmocka_unit_test(who_listens_to_all_is_warned),
        cmocka_unit_test(libpq_is_told_what_is_set),
        cmocka_unit_test(what_is_printed_loads_again),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
