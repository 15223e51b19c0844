/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_SIZE 2048

static _Atomic int current_level = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
    return (enum log_level)atomic_load_explicit(&current_level, memory_order_relaxed);
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARNING:
        return "warning";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        return "debug";
    }
    return "unknown";
}

static size_t write_head(char *line, size_t size, enum log_level level)
{
    struct timespec now;
    struct tm utc;
    char date[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    const int n =
        snprintf(line, size, "%s.%03ldZ %s ", date, now.tv_nsec / 1000000L, level_name(level));
    return n > 0 ? (size_t)n : 0;
}

/* Copies `text` with its control characters spelled out; returns the new size of the line. */
static size_t write_escaped(char *line, size_t at, size_t size, const char *text)
{
    static const char hex[] = "0123456789abcdef";

    for (; *text && at + 5 < size; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c != 0x7F) {
            line[at++] = (char)c;
            continue;
        }
        line[at++] = '\\';
        line[at++] = 'x';
        line[at++] = hex[c >> 4];
        line[at++] = hex[c & 15U];
    }
    return at;
}

void log_line(enum log_level level, const char *format, ...)
{
    char text[LINE_MAX_SIZE / 2], line[LINE_MAX_SIZE];
    va_list args;

    if (level > log_get_level())
        return;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);

    size_t size = write_head(line, sizeof line, level);
    size = write_escaped(line, size, sizeof line - 1, text);
    line[size++] = '\n';
    /* One write, so that lines of several threads never mix. */
    if (write(STDERR_FILENO, line, size) < 0)
        return;
}
