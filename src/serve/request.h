/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/bytes.h"

struct request;
struct session;

/*
 * The HTTP part of a session: reads heads, answers them, and for /ws makes the session live.
 *
 *     /ping              200 zpour                            (any method, as the original)
 *     /live, /ready      is the process, is the stream alive  (serve/endpoints.h)
 *     /metrics
 *     /ws?query=...      101, then messages                   (serve/subscribe.h)
 *
 * Connections are kept alive between answers; after 400 and its like they are closed, since where
 * the next request begins is then in doubt.  Bytes that a client sends behind an upgrade before it
 * was answered are refused, so that nothing can be smuggled past a proxy (RFC 6455, section 4.1,
 * has the client wait).
 *
 * At most HTTP_HEAD_MAX bytes are held.  Used only by the worker that owns the session.
 */
struct request *request_new(struct session *session);
void request_free(struct request *request); /* NULL is accepted; cancels what it asked for */

void request_take(struct request *request, struct slice bytes);
/* The deadline for a head, or for an answer from the database, has passed. */
void request_late(struct request *request);
