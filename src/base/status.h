/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How a function says that it failed, and how a person is told why.
 *
 * Every function that can fail returns an enum status.  Where somebody will
 * read the reason, it also fills a struct fault, in one line:
 *
 *     return fault_set(fault, ERR_CONFIG, "workers is %d, not 0 to 256", n);
 */
enum status {
    OK = 0,
    ERR_AGAIN = -1,     /* more bytes, more room or more time is needed; nothing has changed */
    ERR_INPUT = -2,     /* what a client sent is wrong; the fault says what would be right */
    ERR_PARSE = -3,     /* what a server or file sent cannot be understood */
    ERR_LIMIT = -4,     /* a configured limit is reached */
    ERR_CLOSED = -5,    /* the other side is gone */
    ERR_REFUSED = -6,   /* the other side said no */
    ERR_NOT_FOUND = -7, /* there is no such thing */
    ERR_CONFIG = -8,    /* the configuration is wrong */
    ERR_SYSTEM = -9,    /* the operating system said no */
    ERR_TIMEOUT = -10,  /* no answer in time */
    ERR_DENIED = -11,   /* who asks may not */
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text_at, first) __attribute__((__format__(__printf__, text_at, first)))
/* Releases a local when it leaves its scope: CLEANUP(buf_release) struct buf line = BUF_INIT; */
#define CLEANUP(release) __attribute__((cleanup(release)))

/* A short, lower-case text for logs: "would block", "bad input". Never NULL. */
const char *status_text(enum status status);

/* A reason for a person.  Small enough for the stack; holds no secrets. */
struct fault {
    enum status status;
    char text[1000]; /* NUL-terminated, cut at a whole UTF-8 character */
};

/* Fills the fault (which may be NULL) and returns `status`, so that a caller can return it. */
enum status fault_set(struct fault *fault, enum status status, const char *format, ...)
    PRINTF_LIKE(3, 4);
