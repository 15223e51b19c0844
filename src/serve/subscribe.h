/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "change/token.h"

struct filter;
struct http_request;
struct subscribe;
struct worker;

/*
 * From the words of a request to the filters of its queries.
 *
 *     ?query=insert:orders:total.gt.100&query=*:alerts&since=now
 *
 * Every parameter is read first, then who asks is found out (serve/who.h), then the queries go
 * their way to filters together (serve/binding.h).  Errors come in that order, and the first one
 * wins: words before credentials before rights before the catalogue.
 *
 * A request may have at most SUBSCRIBE_MAX queries.  Used only by the worker that owns it.
 */
#define SUBSCRIBE_MAX 64

struct subscribe_result {
    bool has_since;          /* messages carry their positions */
    bool has_token;          /* and it goes on behind `token`, else from now on */
    struct token token;      /* of epoch 0, which there is not, where its text could not be read */
    int code;                /* 0: done; else the HTTP status to refuse with */
    const char *headers;     /* static; whole lines, or "" */
    struct slice text;       /* why, borrowed during the call */
    struct filter **filters; /* of each query; whoever takes one puts NULL in its place */
    uint32_t count;
};

typedef void(subscribe_done_fn)(void *arg, struct subscribe_result *result);

/* The request is borrowed during the call.  `is_sse`: Last-Event-ID counts as `since`.  `done` is
 * called once, unless freed before. */
struct subscribe *subscribe_new(struct worker *worker, subscribe_done_fn *done, void *arg);
void subscribe_start(struct subscribe *subscribe, const struct http_request *http, bool is_sse);
void subscribe_free(struct subscribe *subscribe); /* NULL is accepted; cancels its questions */
