/* SPDX-License-Identifier: Apache-2.0 */
#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

#include "base/mem.h"

static enum status take_host(struct slice host, struct address *out, const char *text,
                             struct fault *fault)
{
    CLEANUP(mem_free_at) char *name = mem_text_n(host.at, host.size);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;

    const int result = getaddrinfo(name, NULL, &hints, &found);
    if (result != 0)
        return fault_set(fault, ERR_CONFIG, "\"%s\": the host \"%s\" is not found: %s", text, name,
                         gai_strerror(result));
    memcpy(&out->at, found->ai_addr, found->ai_addrlen);
    out->size = found->ai_addrlen;
    freeaddrinfo(found);
    return OK;
}

static void set_port(struct address *address, uint64_t port)
{
    const in_port_t port_be = htons((uint16_t)port);

    if (address->at.any.sa_family == AF_INET6)
        address->at.v6.sin6_port = port_be;
    else
        address->at.v4.sin_port = port_be;
}

/* "[::1]:8080" and "host:8080" into two; a bare "::1:8080" is ambiguous and refused. */
static bool split(struct slice text, struct slice *host, struct slice *port)
{
    const char *colon = text.size > 0 ? memrchr(text.at, ':', text.size) : NULL;

    if (!colon)
        return false;
    *host = slice_of(text.at, (size_t)(colon - text.at));
    *port = slice_from(text, host->size + 1);
    if (host->size >= 2 && host->at[0] == '[' && colon[-1] == ']') {
        *host = slice_of(host->at + 1, host->size - 2);
        return memchr(host->at, ':', host->size) != NULL;
    }
    return host->size == 0 || (!memchr(host->at, ':', host->size) && host->at[0] != '[');
}

enum status address_parse(const char *text, struct address *out, struct fault *fault)
{
    struct address address = {0};
    struct slice host, port;
    uint64_t number;

    if (!split(slice_text(text), &host, &port) || slice_to_u64(port, 65535, &number) != OK)
        return fault_set(fault, ERR_CONFIG,
                         "\"%s\" is not an address with a port, such as 0.0.0.0:8080, [::]:8080 "
                         "or localhost:8080",
                         text);
    if (host.size == 0)
        host = SLICE("0.0.0.0");
    const enum status status = take_host(host, &address, text, fault);
    if (status != OK)
        return status;
    set_port(&address, number);
    *out = address;
    return OK;
}

enum status address_from(const struct sockaddr_storage *from, struct address *out)
{
    if (from->ss_family != AF_INET && from->ss_family != AF_INET6)
        return ERR_INPUT;
    out->size = from->ss_family == AF_INET ? sizeof out->at.v4 : sizeof out->at.v6;
    memcpy(&out->at, from, out->size);
    return OK;
}

/* The IPv4 address in it, in network order, if it is one or holds one (::ffff:10.1.2.3). */
static bool ipv4_of(const struct address *address, struct in_addr *out)
{
    if (address->at.any.sa_family == AF_INET) {
        *out = address->at.v4.sin_addr;
        return true;
    }
    if (!IN6_IS_ADDR_V4MAPPED(&address->at.v6.sin6_addr))
        return false;
    memcpy(out, address->at.v6.sin6_addr.s6_addr + 12, sizeof *out);
    return true;
}

bool address_is_loopback(const struct address *address)
{
    struct in_addr v4;

    if (ipv4_of(address, &v4))
        return ntohl(v4.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&address->at.v6.sin6_addr);
}

int address_port(const struct address *address)
{
    return ntohs(address->at.any.sa_family == AF_INET6 ? address->at.v6.sin6_port
                                                       : address->at.v4.sin_port);
}

void address_print(struct buf *out, const struct address *address)
{
    char text[INET6_ADDRSTRLEN] = "?";
    struct in_addr v4;

    if (ipv4_of(address, &v4)) {
        (void)inet_ntop(AF_INET, &v4, text, sizeof text);
        buf_printf(out, "%s:%d", text, address_port(address));
    } else {
        (void)inet_ntop(AF_INET6, &address->at.v6.sin6_addr, text, sizeof text);
        buf_printf(out, "[%s]:%d", text, address_port(address));
    }
}
