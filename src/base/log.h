/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/status.h"

/*
 * One event, one line on standard error, peer or slot first:
 *
 *     2026-11-22T10:00:00.123Z warning slot pgcdc: is in use by process 4711, standing by
 *
 * Control characters in what peers sent are printed as \xNN, so that no one can forge a line.
 * The level is one of the two global states of the program.  Any thread.  A closed or full
 * standard error is ignored: logging never stops the service.
 */
enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
