/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"

struct http_request;
struct worker;

/*
 * The answers that need no subscription.
 *
 *     /ping      200 zpour              any method, as the original
 *     /live      200 live               the process answers
 *     /ready     200 or 503 and JSON    {"ready":false,"state":"connecting","reason":"..."}
 *     /metrics   Prometheus text 0.0.4  to this machine and to admins, unless set otherwise
 *
 * False: there is no such path here.
 */
struct answer {
    int code;
    const char *type;    /* static */
    const char *headers; /* static; whole lines, or "" */
    struct buf body;     /* owned by the caller */
};

/* `is_local`: the peer is on this machine. */
bool endpoint_answer(const struct worker *worker, const struct http_request *http, bool is_local,
                     struct answer *out);
