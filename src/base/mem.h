/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Allocation that cannot fail: when memory is out, the process stops with a
 * message that names the size.  A size that a peer chose is checked against a
 * limit before it comes here.  Free with mem_free; NULL is accepted.
 */
void *mem_new(size_t size);                      /* zeroed */
void *mem_array(size_t count, size_t item_size); /* zeroed; stops on overflow */
void *mem_resize(void *memory, size_t size);
char *mem_text(const char *text);                 /* a copy; NULL stays NULL */
char *mem_text_n(const char *bytes, size_t size); /* a NUL-terminated copy of `size` bytes */
void mem_free(void *memory);
/* For CLEANUP on a `char *` or any other pointer: frees what `pointer` points to. */
void mem_free_at(void *pointer);
/* Gives what was freed back to the system.  The C library keeps it otherwise, for a program that is
 * soon to want it again; takes milliseconds, and holds up all who allocate meanwhile. */
void mem_trim(void);
