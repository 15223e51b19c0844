/* SPDX-License-Identifier: Apache-2.0 */
/* Files: good ones in odd forms, and each mistake that a file can hold. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"

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

/* One line of a file, and what must be among the errors. */
static void each_mistake_is_told(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"workers = \"4\"", ":1: workers = \"4\": must be a whole number from 0 to 256"},
        {"\nworkers = 257", ":2: workers = 257: must be"},
        {"workers = -1", "workers = -1: must be"},
        {"workers = 4294967297", "workers = 4294967297: must be"},
        {"workers = 4.5", "workers = a number with a fraction: must be"},
        {"workers = true", "workers = true: must be"},
        {"workers = [ 4 ]", "workers = a list of other things than texts: must be"},
        {"workers = ( )", "workers = []: must be"},
        {"workers = { a = 4 }", "workers = { a group }: must be"},
        {"journal_size = 0", "journal_size = 0: must be a size from 64KiB to 1TiB"},
        {"journal_size = \"-1MiB\"", "journal_size = \"-1MiB\": must be a size"},
        {"journal_size = \"256XB\"", "for example journal_size = \"1GiB\""},
        {"journal_size = 99999999999999999999999", "must be a size"},
        {"batch_delay = 5", "batch_delay = 5: must be a time from 0ms to 5ms: a number with us,"},
        {"batch_delay = \"6ms\"", "batch_delay = \"6ms\": must be a time from 0ms to 5ms"},
        {"batch_delay = \"0.5\"", "must be a time"},
        {"batch_delay = 0.5", "must be a time"},
        {"batch_delay = -1", "must be a time"},
        {"journal_size = \"99999999999999999999999\"", "must be a size"},
        {"database_tls = 1", "database_tls = 1: must be true or false"},
        {"database_tls = \"true\"", "database_tls = \"true\": must be true or false"},
        {"database_port = 65536", "database_port = 65536: must be a whole number from 0 to 65535"},
        {"database_password = 1234", ": database_password: must be a text in double quotes"},
        {"plugin = \"test_decoding\"", "must be \"auto\", \"pgoutput\" or \"wal2json\""},
        {"wal2json_format = 3", "must be a whole number from 1 to 2"},
        {"pgoutput_protocol = 5", "must be a whole number from 0 to 4"},
        {"publication = \"\"", "publication = \"\": must not be empty"},
        {"slot_name = \"My-Slot\"", "must be lower-case letters, digits and underscores only"},
        {"slot_name = \"a\nb\"", "slot_name = \"a\\x0ab\": must"},
        {"publication = \"a\\x01b\"", "must not hold control characters"},
        {"binding = \"8080\"", "binding = \"8080\": must be ADDRESS:PORT"},
        {"binding = \"0.0.0.0:0x50\"", "must be ADDRESS:PORT"},
        {"binding = \"0.0.0.0:70000\"", "must be ADDRESS:PORT"},
        {"https = true", ":1: https needs key_priv"},
        {"https = true\nkey_cert = \"/nonexistent/a b\"",
         ":2: key_cert = \"/nonexistent/a b\": cannot be read"},
        {"cookie_secret = \"hunter2\"", "cookie_secret: has 7 bytes, and must have 64 at least"},
        {"admin_secret = \"hunter2\"", "admin_secret: has 7 bytes, and must have 32 at least"},
        {"allowed_origins = \"*\"", "would let every web page use"},
        {"allowed_origins = [ \"https://a/\" ]", "\"https://a/\" is not an origin"},
        {"allowed_origins = \"https://a,,https://b\"", "must not hold empty texts"},
        {"allowed_origins = 1", "allowed_origins = 1: must be a list of texts"},
        {"database_url = \"mysql://u:hunter2@h\"", "\"mysql://u:***@h\": must begin with postgres"},
        {"auth_database_url = \"db\"", "auth_database_url = \"db\": must begin with postgres"},
        {"auth_database_max_connection = 0", "must be a whole number from 1 to 1000"},
        {"log_level = \"loud\"", "must be \"error\", \"warning\", \"info\" or \"debug\""},
        {"workers = 1\nworkers = 2", ":2: workers is given a second time"},
        {"workers = 1\nworkers = 2\n\nplugin = 1\nworkers = 3", ":5: workers is given a second"},
        {"workers = 1\nworkers = 2\n\nplugin = 1\nworkers = 3", ":4: plugin = 1: must be"},
        {"workers = 1\ncookie_secret = hunter2", ":2: syntax error at or before cookie_secret"},
        {"\nkey_priv = \"hunter2\nworkers = 2", ":2: a text begins here and has no closing quote"},
        {"{", "syntax error"},
        {"a.b = 1", "syntax error"},
        {"@include \"/etc/passwd\"", ":1: @include is not supported"},
        {"key_priv = \"a\\x00b\"", ":1: \\x00 cannot stand in a text"},
        {"\n\xFF\xFE", ":2: is not UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config config;
        struct config_notes notes;
        const enum status status = load_text(cases[i].text, &config, &notes);
        if (status != ERR_CONFIG || !has_note(&notes, true, cases[i].error)) {
            show(&notes);
            fail_msg("case %zu: %s", i, cases[i].text);
        }
        assert_false(has_note(&notes, true, "hunter2"));
        config_notes_release(&notes);
    }
}

static void odd_files_load(void **state)
{
    static const char *const cases[] = {
        "workers = 4",
        "workers = 4;\n",
        "workers: 4\n",
        "\xEF\xBB\xBFworkers = 4\n",
        "# c\r\nworkers = 4\r\nbinding = \"127.0.0.1:1\"\r\n",
        "workers = 0x4",
        "workers = 0x0000000000000004",
        "workers = 4L",
        "workers = /* 99999999999 */ 4 // 99999999999",
        "workers = 4 # @include \"x\" \\x00",
        "database_dbname = \"a \\\\x00 @include 99999999999\"\nworkers = 4",
        "workers =\n\n4",
        "database_user = \"J\xC3\xB6rg\" workers = 4",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config config;
        struct config_notes notes;
        if (load_text(cases[i], &config, &notes) != OK || config.workers != 4) {
            show(&notes);
            fail_msg("case %zu: %s", i, cases[i]);
        }
        config_release(&config);
        config_notes_release(&notes);
    }
    struct config config;
    struct config_notes notes;
    assert_int_equal(load_text("journal_size = 8589934592", &config, &notes), OK);
    assert_true(config.journal_size == (uint64_t)8 << 30);
    config_release(&config);
    config_notes_release(&notes);
    assert_int_equal(load_text("", &config, &notes), OK);
    config_release(&config);
    config_notes_release(&notes);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    struct config_input input = {.path = "/nonexistent/pgcdc.config"};
    struct config config;
    struct config_notes notes;

    (void)state;
    assert_int_equal(config_load(&input, &config, &notes), ERR_CONFIG);
    assert_true(has_note(&notes, true, "/nonexistent/pgcdc.config: there is no such file"));
    config_notes_release(&notes);
    input.path = "/tmp";
    assert_int_equal(config_load(&input, &config, &notes), ERR_CONFIG);
    assert_true(has_note(&notes, true, "/tmp: is a directory"));
    config_notes_release(&notes);

    input.path = path;
    write_file("workers = 4\0\n", 13, 0600);
    assert_int_equal(config_load(&input, &config, &notes), ERR_CONFIG);
    assert_true(has_note(&notes, true, ":1: holds a byte of value 0"));
    config_notes_release(&notes);

    write_file("", 0, 0600);
    assert_int_equal(truncate(path, (off_t)1 << 30), 0);
    assert_int_equal(config_load(&input, &config, &notes), ERR_CONFIG);
    assert_true(has_note(&notes, true, "is larger than 1048576 bytes"));
    config_notes_release(&notes);
    if (geteuid() == 0)
        return; /* root may read everything */
    write_file("workers = 4", 11, 0);
    assert_int_equal(config_load(&input, &config, &notes), ERR_CONFIG);
    assert_true(has_note(&notes, true, "Permission denied"));
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
        cmocka_unit_test(each_mistake_is_told),
        cmocka_unit_test(odd_files_load),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
