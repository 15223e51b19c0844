/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/status.h"

/* Where to listen, or who has connected: an IPv4 or IPv6 address with its port. */
struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    socklen_t size;
};

/*
 * Understands what the key `binding` may hold:
 *
 *     0.0.0.0:8080       every IPv4 address; so does :8080
 *     [::]:8080          every address, IPv4 and IPv6
 *     [::1]:8080, 127.0.0.1:8080, localhost:8080
 *
 * A name is asked of the system's resolver, which may take its time: not for a running loop.
 * ERR_CONFIG with a fault that quotes the text.
 */
MUST_CHECK enum status address_parse(const char *text, struct address *out, struct fault *fault);
/* As accept(2) or getsockname(2) gave it; ERR_INPUT for other families. */
MUST_CHECK enum status address_from(const struct sockaddr_storage *from, struct address *out);
/* Can only this machine reach it? 127.0.0.0/8, ::1, and the former mapped into IPv6. */
bool address_is_loopback(const struct address *address);
/* Appends "10.1.2.3:4711" or "[2001:db8::1]:4711"; an IPv4 address mapped into IPv6 as IPv4. */
void address_print(struct buf *out, const struct address *address);
int address_port(const struct address *address);
