/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config.h"

#include <errno.h>
#include <unistd.h>

#include "app/config_file.h"
#include "app/config_keys.h"
#include "app/config_value.h"
#include "app/mask.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/address.h"

#define OPEN_BINDING "0.0.0.0:8080" /* what the original's file says */
#define PREFIX "PGCDC_"
#define FILE_SUFFIX "_FILE"

/* What the original's example file says where a secret belongs. */
static const char placeholder[] = "64_CHARS_LONG_SECRET";
/* The password of that file: everybody knows it, so the file need not be hidden. */
static const char example_password[] = "azertyuiop";

struct loading {
    const struct config_input *input;
    struct config *config;
    struct config_notes *notes;
    const char *path; /* of the file; NULL: there is none */
    bool is_public;   /* others may read it */
};

/* ---- setting one key ---- */

static struct config_source *source_of(struct config *config, const struct config_key *key)
{
    return &config->sources[key - config_keys];
}

static bool is_placeholder(const struct config_key *key, const struct config_given *given)
{
    return key->privacy == CONFIG_SECRET && key->min > 0 && slice_is(given->text, placeholder);
}

/* `where` is told to people: "pgcdc.config:12", "--set". */
static void set(struct loading *loading, const struct config_key *key,
                const struct config_given *given, enum config_origin origin, const char *where)
{
    struct config_given own = *given;
    struct fault fault;

    if (is_placeholder(key, given)) {
        config_notes_warning(loading->notes,
                             "%s: %s is the placeholder of the example: it counts "
                             "as not set; openssl rand -hex 32 makes a secret",
                             where, key->name);
        own.text = SLICE("");
    }
    if (config_value_set(loading->config, key, &own, &fault) != OK) {
        config_notes_error(loading->notes, "%s: %s", where, fault.text);
        return;
    }
    struct config_source *const source = source_of(loading->config, key);
    mem_free(source->text);
    *source =
        (struct config_source){origin, origin == CONFIG_FROM_DEFAULT ? NULL : mem_text(where)};
}

static void unknown(struct loading *loading, const char *where, struct slice name)
{
    const struct config_key *const meant = config_key_suggest(name);
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    buf_printf(&text, "%s: there is no key %.*s", where, (int)(name.size < 64 ? name.size : 64),
               name.at);
    if (meant)
        buf_printf(&text, ": did you mean %s?", meant->name);
    else
        buf_add_text(&text, ": pgcdc.config(5) lists them");
    if (loading->input->is_checking)
        config_notes_error(loading->notes, "%s", buf_text(&text));
    else
        config_notes_warning(loading->notes, "%s", buf_text(&text));
}

static void set_words(struct loading *loading, const struct config_key *key, struct slice words,
                      enum config_origin origin, const char *where)
{
    const struct config_given given = {.kind = CONFIG_GIVEN_WORDS, .text = words};

    set(loading, key, &given, origin, where);
}

/* ---- the sources, each over the one before ---- */

static void load_defaults(struct loading *loading)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *const key = &config_keys[i];
        if (key->type != CONFIG_TEXT || key->standard[0] != '\0')
            set_words(loading, key, slice_text(key->standard), CONFIG_FROM_DEFAULT, "default");
    }
}

static void take_setting(void *arg, struct slice name, const struct config_given *given,
                         unsigned line)
{
    struct loading *const loading = arg;
    const struct config_key *const key = config_key_find(name);
    CLEANUP(buf_release) struct buf where = BUF_INIT;

    buf_printf(&where, "%s:%u", loading->path, line);
    if (key)
        set(loading, key, given, CONFIG_FROM_FILE, buf_text(&where));
    else
        unknown(loading, buf_text(&where), name);
}

static void load_file(struct loading *loading)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const char *const asked = loading->input->path;

    loading->path = asked ? asked : CONFIG_DEFAULT_PATH;
    switch ((int)config_file_read(loading->path, &text, &loading->is_public, loading->notes)) {
    case OK:
        config_file_parse(loading->path, buf_slice(&text), take_setting, loading, loading->notes);
        break;
    case ERR_NOT_FOUND:
        if (asked)
            config_notes_error(loading->notes, "%s: there is no such file (given with -c)", asked);
        break;
    default: /* said in the notes */
        break;
    }
    if (text.capacity > 0)
        crypto_wipe(text.at, text.capacity);
}

/* PGCDC_COOKIE_SECRET_FILE=/run/secrets/cookie */
static bool load_secret_file(struct loading *loading, struct slice name, const char *path)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    const struct slice suffix = SLICE(FILE_SUFFIX);
    struct fault fault;

    if (name.size <= suffix.size ||
        !slice_equal_nocase(slice_from(name, name.size - suffix.size), suffix))
        return false;
    const struct config_key *const key =
        config_key_find(slice_of(name.at, name.size - suffix.size));
    if (!key || key->privacy == CONFIG_OPEN)
        return false;
    CLEANUP(buf_release) struct buf where = BUF_INIT;
    config_key_environment(key, &where);
    buf_add_text(&where, FILE_SUFFIX);
    if (source_of(loading->config, key)->origin == CONFIG_FROM_ENV)
        config_notes_error(loading->notes,
                           "%s: %s is given in the environment, too: keep one of "
                           "them",
                           buf_text(&where), key->name);
    else if (config_file_read_secret(path, &text, &fault) != OK)
        config_notes_error(loading->notes, "%s: %s %s", buf_text(&where), path, fault.text);
    else
        set_words(loading, key, buf_slice(&text), CONFIG_FROM_ENV, buf_text(&where));
    if (text.capacity > 0)
        crypto_wipe(text.at, text.capacity);
    return true;
}

/* One NAME=value; `is_file`: the names that end in _FILE, or those that do not. */
static void load_variable(struct loading *loading, const char *variable, bool is_file)
{
    struct slice value = slice_text(variable);
    const struct slice name = slice_cut(&value, '=');
    CLEANUP(buf_release) struct buf lower = BUF_INIT;
    CLEANUP(buf_release) struct buf where = BUF_INIT;

    if (!slice_starts(name, SLICE(PREFIX)) || value.size == 0)
        return;
    buf_add(&where, name);
    for (size_t i = sizeof PREFIX - 1; i < name.size; i++) {
        const char c = name.at[i];
        buf_add_char(&lower, (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
    }
    const struct config_key *const key = config_key_find(buf_slice(&lower));
    if (key && !is_file)
        set_words(loading, key, value, CONFIG_FROM_ENV, buf_text(&where));
    if (!key && is_file && !load_secret_file(loading, buf_slice(&lower), value.at))
        unknown(loading, buf_text(&where), buf_slice(&lower));
}

static void load_environment(struct loading *loading)
{
    const char *const *const variables = loading->input->environment;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; variables && variables[i]; i++)
            load_variable(loading, variables[i], pass == 1);
    }
}

static void warn_of_argument(struct loading *loading, const struct config_key *key,
                             const char *where)
{
    CLEANUP(buf_release) struct buf masked = BUF_INIT;

    if (!config_value_is_set(loading->config, key) ||
        source_of(loading->config, key)->origin != CONFIG_FROM_FLAG)
        return;
    if (key->privacy == CONFIG_SECRET ||
        (key->privacy == CONFIG_URL &&
         mask_url(slice_text(config_value_text(loading->config, key)), &masked)))
        config_notes_warning(loading->notes,
                             "%s: other users of this machine can see secrets on a "
                             "command line: a configuration file or the environment is better",
                             where);
}

static void load_flags(struct loading *loading)
{
    for (size_t i = 0; i < loading->input->set_count; i++) {
        struct slice value = slice_text(loading->input->sets[i]);
        const struct slice name = slice_trim(slice_cut(&value, '='));
        const struct config_key *const key = config_key_find(name);
        CLEANUP(buf_release) struct buf where = BUF_INIT;
        if (!key) {
            unknown(loading, "--set", name);
            continue;
        }
        buf_printf(&where, "--set %s", key->name);
        set_words(loading, key, slice_trim(value), CONFIG_FROM_FLAG, buf_text(&where));
        warn_of_argument(loading, key, buf_text(&where));
    }
    if (loading->input->database_url) {
        const struct config_key *const key = config_key_find(SLICE("database_url"));
        set_words(loading, key, slice_text(loading->input->database_url), CONFIG_FROM_FLAG,
                  "DATABASE_URL");
        warn_of_argument(loading, key, "DATABASE_URL");
    }
}

/* ---- what the settings mean together ---- */

static const char *where_of(struct config *config, const char *name)
{
    const struct config_source *const source = source_of(config, config_key_find(slice_text(name)));

    return source->text ? source->text : "default";
}

static void check_database(struct loading *loading)
{
    static const char *const parts[] = {"database_host", "database_port", "database_dbname",
                                        "database_user", "database_password"};
    struct config *const config = loading->config;
    CLEANUP(buf_release) struct buf ignored = BUF_INIT;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (config_value_is_set(config, config_key_find(slice_text(parts[i]))))
            buf_printf(&ignored, "%s%s", ignored.size > 0 ? ", " : "", parts[i]);
    }
    if (config->database_url[0] != '\0' && ignored.size > 0)
        config_notes_warning(loading->notes, "%s: database_url is used, and not %s",
                             where_of(config, "database_url"), buf_text(&ignored));
    if (config->database_tls && !strstr(config->database_url, "sslmode"))
        config_notes_warning(loading->notes,
                             "%s: database_tls means sslmode=require, which does "
                             "not check who the server is: database_url with sslmode=verify-full "
                             "does",
                             where_of(config, "database_tls"));
}

static void check_readable(struct loading *loading, const char *name, const char *path)
{
    if (path[0] == '\0')
        config_notes_error(loading->notes,
                           "%s: https needs %s: the path of a PEM file, for "
                           "example %s = %s",
                           where_of(loading->config, "https"), name, name,
                           config_key_find(slice_text(name))->example);
    else if (access(path, R_OK) != 0)
        config_notes_error(loading->notes, "%s: %s = \"%s\": cannot be read: %s",
                           where_of(loading->config, name), name, path, strerrordesc_np(errno));
}

static void check_serving(struct loading *loading)
{
    struct config *const config = loading->config;
    const struct config_key *const key = config_key_find(SLICE("binding"));
    struct address address;

    if (config->https) {
        check_readable(loading, "key_priv", config->key_priv);
        check_readable(loading, "key_cert", config->key_cert);
        if (config->ticket_key[0] != '\0')
            check_readable(loading, "ticket_key", config->ticket_key);
    }
    if (source_of(config, key)->origin == CONFIG_FROM_DEFAULT && config->is_auth_on)
        set_words(loading, key, SLICE(OPEN_BINDING), CONFIG_FROM_DEFAULT, "default");
    if (!config->is_auth_on && address_parse(config->binding, &address, NULL) == OK &&
        !address_is_loopback(&address))
        config_notes_warning(loading->notes,
                             "%s: binding = \"%s\" without authentication: whoever "
                             "reaches this address sees every change; set cookie_secret or "
                             "admin_secret, or bind 127.0.0.1:8080",
                             where_of(config, "binding"), config->binding);
}

static void check_auth(struct loading *loading)
{
    struct config *const config = loading->config;
    const bool has_secret = config->cookie_secret[0] != '\0' || config->admin_secret[0] != '\0';

    config->is_auth_on = has_secret && config->auth == CONFIG_AUTH_AUTO;
    if (has_secret && !config->is_auth_on)
        config_notes_warning(loading->notes,
                             "%s: auth is \"none\": cookie_secret and admin_secret "
                             "are not used, and anybody may ask anything",
                             where_of(config, "auth"));
    if (config->is_auth_on && config->cookie_secret[0] != '\0' &&
        config->auth_database_url[0] == '\0')
        config_notes_warning(loading->notes,
                             "%s: cookie_secret without auth_database_url: users "
                             "may ask by customer_id only, not by host_uuid, uuid or key",
                             where_of(config, "cookie_secret"));
}

/* A file that everybody may read must not hold what nobody may know. */
static void check_public_file(struct loading *loading)
{
    struct config *const config = loading->config;

    for (size_t i = 0; i < CONFIG_KEY_COUNT && loading->is_public; i++) {
        const struct config_key *const key = &config_keys[i];
        CLEANUP(buf_release) struct buf masked = BUF_INIT;
        if (key->privacy == CONFIG_OPEN || config->sources[i].origin != CONFIG_FROM_FILE ||
            !config_value_is_set(config, key))
            continue;
        const char *const text = config_value_text(config, key);
        if (key->privacy == CONFIG_URL ? !mask_url(slice_text(text), &masked)
                                       : strcmp(text, example_password) == 0)
            continue;
        config_notes_error(loading->notes,
                           "%s: %s is a secret, and everybody may read the file: "
                           "chmod 640 %s",
                           config->sources[i].text, key->name, loading->path);
    }
}

static void count_verbosity(struct config *config, int verbosity)
{
    int level = (int)config->log_level;

    verbosity = verbosity < -LOG_DEBUG ? -LOG_DEBUG : verbosity;
    verbosity = verbosity > LOG_DEBUG ? LOG_DEBUG : verbosity;
    level += verbosity;
    level = level < LOG_ERROR ? LOG_ERROR : level;
    config->log_level = (uint64_t)(level > LOG_DEBUG ? LOG_DEBUG : level);
}

/* Every text is there, so that readers need not look for NULL. */
static void fill_texts(struct config *config)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (config_keys[i].type != CONFIG_TEXT)
            continue;
        char **const text = (char **)(void *)((char *)config + config_keys[i].offset);
        if (!*text)
            *text = mem_text("");
    }
}

enum status config_load(const struct config_input *input, struct config *out,
                        struct config_notes *notes)
{
    struct loading loading = {.input = input, .config = out, .notes = notes};

    *out = (struct config){0};
    *notes = (struct config_notes){0};
    fill_texts(out);
    load_defaults(&loading);
    load_file(&loading);
    check_public_file(&loading);
    load_environment(&loading);
    load_flags(&loading);
    check_database(&loading);
    check_auth(&loading);
    check_serving(&loading);
    count_verbosity(out, input->verbosity);
    if (notes->error_count == 0)
        return OK;
    config_release(out);
    return ERR_CONFIG;
}

void config_release(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        config_value_release(config, &config_keys[i]);
        mem_free(config->sources[i].text);
    }
    *config = (struct config){0};
}
