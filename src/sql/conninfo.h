/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

/*
 * What the user wrote about a database, and what we add to it.
 *
 *     "postgres://bob@db/shop?options=-c%20work_mem%3D64MB"
 *     -> keepalives and the like (the user's win), then all of that, then (ours win)
 *        client_encoding=UTF8, options="-c work_mem=64MB -c search_path=public -c DateStyle=ISO
 * ..."
 *
 * Settings in the start-up options go before ALTER ROLE SET, ALTER DATABASE SET and
 * postgresql.conf, so that none of these changes what we find or how values are printed.
 */
struct conninfo {
    const char *keys[20];   /* ends with NULL, as PQconnectStartParams wants it */
    const char *values[20]; /* owned where they had to be made */
    char *database, *options, *application_name; /* owned */
};

/* `text` is a URI, keywords, a database's name, or "". ERR_CONFIG: not to be understood; the fault
 * repeats nothing that could be a secret. */
MUST_CHECK enum status conninfo_init(struct conninfo *info, const char *text,
                                     const char *application_name, bool is_replication,
                                     struct fault *fault);
void conninfo_release(struct conninfo *info);

/* Is it one that libpq understands?  For those who check a configuration. */
MUST_CHECK enum status conninfo_check(const char *text, struct fault *fault);

/*
 * Appends `message` without the secrets that it may repeat, in one line ("; " for each newline):
 * passwords in URIs and after "password=", and `secret` (may be NULL) itself.
 *
 *     could not connect to "postgres://bob:hunter2@db"  ->  ... "postgres://bob:***@db"
 */
void conninfo_mask(struct buf *out, struct slice message, const char *secret);
/* The password in it, owned; NULL if there is none. */
char *conninfo_password(const char *text);
