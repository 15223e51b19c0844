/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config.h"

#include <inttypes.h>

#include "app/config_keys.h"
#include "app/config_value.h"
#include "version.h"

/* ---- for libpq ---- */

/* keyword='value', as libpq's keyword strings quote it. */
static void add_keyword(struct buf *out, const char *keyword, const char *value)
{
    if (value[0] == '\0')
        return;
    buf_printf(out, "%s%s='", out->size > 0 ? " " : "", keyword);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, *value);
    }
    buf_add_char(out, '\'');
}

static void add_url(const struct config *config, struct buf *out)
{
    const char *const url = config->database_url;

    buf_add_text(out, url);
    if (!config->database_tls || strstr(url, "sslmode"))
        return;
    if (strstr(url, "://"))
        buf_printf(out, "%csslmode=require", strchr(url, '?') ? '&' : '?');
    else
        buf_add_text(out, " sslmode=require");
}

void config_conninfo(const struct config *config, struct buf *out)
{
    CLEANUP(buf_release) struct buf words = BUF_INIT;
    CLEANUP(buf_release) struct buf port = BUF_INIT;

    if (config->database_url[0] != '\0') {
        add_url(config, out);
        return;
    }
    if (config->database_port > 0)
        buf_printf(&port, "%" PRIu64, config->database_port);
    add_keyword(&words, "host", config->database_host);
    add_keyword(&words, "port", buf_text(&port));
    add_keyword(&words, "dbname", config->database_dbname);
    add_keyword(&words, "user", config->database_user);
    add_keyword(&words, "password", config->database_password);
    add_keyword(&words, "sslmode", config->database_tls ? "require" : "");
    buf_add(out, buf_slice(&words));
}

/* ---- for people ---- */

/* A comment must stay on its line. */
static void add_comment(struct buf *out, const char *text)
{
    for (; *text; text++)
        buf_add_char(out, (char)((unsigned char)*text < 0x20 || *text == 0x7F ? '?' : *text));
}

void config_print(const struct config *config, struct buf *out)
{
    buf_add_text(out, "# pgcdc " PGCDC_VERSION ": the configuration in effect\n");
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *const key = &config_keys[i];
        const struct config_source *const source = config_key_source(key, config);
        const bool is_hidden = key->privacy == CONFIG_SECRET && config_value_is_set(config, key);
        if (is_hidden)
            buf_add_text(out, "# ");
        buf_printf(out, "%s = ", key->name);
        config_value_print(config, key, out);
        buf_add_text(out, " # ");
        add_comment(out, source->text ? source->text : "default");
        buf_add_char(out, '\n');
    }
}
