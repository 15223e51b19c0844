/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "base/bytes.h"

struct session;

/*
 * What clients over WebSocket have in common, whatever they speak there: the close handshake
 * (RFC 6455, section 7), frames heard (5), pings (5.5.2).  For serve/protocol.h.
 */
void ws_client_say_close(struct session *session, unsigned code, struct slice reason);
void ws_client_take_bytes(struct session *session, char *bytes, size_t size);
/* The next ping, or the check for its answer, is due.  `before_ping` may be NULL: what is said
 * first, when there is nothing that waits. */
void ws_client_keep_alive(struct session *session, void (*before_ping)(struct session *session));
