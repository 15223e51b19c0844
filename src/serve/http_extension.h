/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"
#include "base/status.h"

struct http_request;
struct http_refusal;

/*
 * Does a client want its messages compressed, and on which terms (RFC 7692, section 7.1)?
 *
 *     Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8,
 *                               permessage-deflate; client_max_window_bits
 *
 *     the first offer is declined, since our window is larger; the second is taken:
 *
 *     Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover;
 *                               client_no_context_takeover
 *
 * A client lists what it could do, in the order of its liking; the first offer that we can keep is
 * the one.  An offer with an unknown parameter, with one twice, or with a value that cannot be, is
 * declined, as are other extensions; that is no error: then messages are not compressed.  Only a
 * header that breaks the grammar of RFC 6455, section 9.1, is refused.
 */
struct http_extension {
    bool is_deflate;     /* an offer was taken */
    bool has_max_window; /* it named a window that ours fits into, which the answer says */
};

/* ERR_INPUT with a 400.  No header: OK, and nothing is taken. */
MUST_CHECK enum status http_extension_choose(const struct http_request *request,
                                             struct http_extension *out,
                                             struct http_refusal *refusal);
/* Appends the answer's header line, or nothing where no offer was taken. */
void http_extension_answer(const struct http_extension *extension, struct buf *out);
