/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"

/*
 * May a page of this origin use the visitor's cookie?
 *
 * A browser sends cookies along with a WebSocket that any page opens, and no same-origin rule
 * stops it; what it also sends, and a page cannot change, is `Origin: https://app.example.com`
 * (RFC 6454).  So an upgrade that proves itself by a cookie needs an origin that is listed, or,
 * without a list, the very host that it came to:
 *
 *     Origin: https://Example.com:443    Host: example.com    over TLS    same origin
 *     Origin: http://example.com         Host: example.com    over TLS    refused
 *     Origin: null                                                        refused
 *     (none)                             not a browser                    allowed
 *
 * Behind a proxy that ends TLS the scheme we see is not the browser's: list the origin then.
 * Any thread.
 */
struct origin_rule {
    const char *const *allowed; /* borrowed; each "scheme://host[:port]" */
    size_t count;               /* 0: the same origin only */
    bool is_tls;                /* do clients reach us by https? */
};

/* `origin` and `host` are the header fields' values; at == NULL when there is none.  Two Origin
 * fields are the caller's to refuse. */
bool origin_is_allowed(const struct origin_rule *rule, struct slice origin, struct slice host);
/* Fits a list: scheme://host[:port], nothing behind.  ERR_INPUT and what would be right. */
MUST_CHECK enum status origin_check(struct slice text, struct fault *fault);
