/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

/*
 * How a database URL may be shown:
 *
 *     postgres://pgcdc:hunter2@db/shop?sslpassword=x  ->
 * postgres://pgcdc:***@db/shop?sslpassword=*** host=db password='hunter 2'                     ->
 * host=db password=***
 *
 * When in doubt it hides too much: a URL that libpq will refuse, too, may hold a password.
 */

/* Appends the URL or keyword string with its passwords masked; true: there was one. */
bool mask_url(struct slice url, struct buf *out);
/* Overwrites the passwords with '*', in place, size unchanged: for argv.  True: there was one. */
bool mask_url_in_place(char *url);
