/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/config_notes.h"
#include "base/bytes.h"
#include "base/status.h"

/*
 * Every setting, typed, and where it came from.
 *
 * A later line wins over an earlier one:
 *
 *     default          workers is 0
 *     file             workers = 4                      /etc/speculare/pgcdc.config or -c FILE
 *     environment      PGCDC_WORKERS=4                  secrets also by PGCDC_<KEY>_FILE
 *     command line     --set workers=4                  DATABASE_URL sets database_url
 *
 * The keys stand in one table (config_keys.c), from which reading, checking, printing and the
 * tests of the manual follow.  All that is wrong is collected, so that a person mends it in one
 * go; each line names file, line, key, value and what would be right.  Secrets are never printed.
 * Thread: filled before the others start, then read only.
 */
enum config_plugin { CONFIG_PLUGIN_AUTO, CONFIG_PLUGIN_PGOUTPUT, CONFIG_PLUGIN_WAL2JSON };
enum config_auth { CONFIG_AUTH_AUTO, CONFIG_AUTH_NONE };

#define CONFIG_KEY_COUNT 40
#define CONFIG_DEFAULT_PATH "/etc/speculare/pgcdc.config"
#define CONFIG_FILE_MAX ((size_t)1 << 20)

enum config_origin { CONFIG_FROM_DEFAULT, CONFIG_FROM_FILE, CONFIG_FROM_ENV, CONFIG_FROM_FLAG };

struct config_source {
    enum config_origin origin;
    char *text; /* owned: "pgcdc.config:12", "PGCDC_WORKERS", "--set workers"; NULL: default */
};

struct config_list {
    char **items; /* owned, NUL-terminated each */
    size_t count;
};

/* Texts are owned and never NULL; empty: not set.  In the manual's order: there is only one. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct config {
    char *database_url;
    char *database_host;
    uint64_t database_port; /* 0: libpq's own */
    char *database_dbname;
    char *database_user;
    char *database_password; /* secret */
    bool database_tls;

    uint64_t plugin; /* enum config_plugin */
    uint64_t wal2json_format;
    uint64_t pgoutput_protocol; /* 0: the newest that the server knows */
    char *publication;
    bool publish_via_partition_root;
    char *slot_name; /* empty: a temporary slot */
    bool slot_failover;
    uint64_t journal_size;      /* bytes */
    uint64_t journal_age;       /* seconds; 0: any age */
    uint64_t journal_wal_limit; /* bytes */
    uint64_t spill_memory;      /* bytes */
    char *spill_directory;      /* empty: $TMPDIR or /var/tmp */
    uint64_t workers;           /* 0: one per CPU that we may use, or of worker_cpus */
    char *worker_cpus;          /* app/cpus.h; empty: not pinned */
    uint64_t batch_delay;       /* microseconds */
    uint64_t snapshot_connections;

    char *binding; /* the one in effect: see config_load */
    bool binding_shared;
    bool https;
    char *key_priv;
    char *key_cert;
    char *ticket_key; /* empty: keys made at start, and renewed */
    bool ktls;
    uint64_t ping_interval; /* seconds */
    bool compression;
    bool metrics_public;

    uint64_t auth;       /* enum config_auth */
    char *cookie_secret; /* secret */
    char *admin_secret;  /* secret */
    char *auth_database_url;
    uint64_t auth_database_max_connection;
    struct config_list allowed_origins;

    uint64_t log_level; /* enum log_level of base/log.h; -v and -q are counted in */

    bool is_auth_on; /* auth is auto and a secret is set; neither secret is used otherwise */
    struct config_source sources[CONFIG_KEY_COUNT]; /* in the order of the table */
};

/* Where to look.  Everything is borrowed. */
struct config_input {
    const char *path;        /* -c FILE; NULL: the default path, if there is such a file */
    const char *const *sets; /* KEY=VALUE each */
    size_t set_count;
    const char *database_url;       /* the argument; NULL: none */
    const char *const *environment; /* "NAME=value", NULL at the end; NULL: none */
    int verbosity;                  /* -v minus -q */
    bool is_checking;               /* unknown keys are errors, not warnings */
};

/*
 * Reads everything.  ERR_CONFIG: there are errors among the notes; `out` is zeroed then.  Fills
 * `notes` with warnings in both cases.
 *
 * Without a configured binding it is 0.0.0.0:8080 when clients must prove themselves, and
 * 127.0.0.1:8080 when anybody may ask.
 */
MUST_CHECK enum status config_load(const struct config_input *input, struct config *out,
                                   struct config_notes *notes);
void config_release(struct config *config); /* wipes the secrets */

/* Appends what libpq is to be told: database_url, or the parts as a keyword string ("": all
 * libpq's own).  Holds the password: not for logs. */
void config_conninfo(const struct config *config, struct buf *out);
/* Appends a configuration file with every value in effect and, as a comment, its source. */
void config_print(const struct config *config, struct buf *out);
