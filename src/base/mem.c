/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *memory, size_t size)
{
    if (!memory) {
        (void)fprintf(stderr, "pgcdc: out of memory (%zu bytes)\n", size);
        abort();
    }
    return memory;
}

void *mem_new(size_t size)
{
    return check(calloc(1, size ? size : 1), size);
}

void *mem_array(size_t count, size_t item_size)
{
    return check(calloc(count ? count : 1, item_size ? item_size : 1), count * item_size);
}

void *mem_resize(void *memory, size_t size)
{
    return check(realloc(memory, size ? size : 1), size);
}

char *mem_text(const char *text)
{
    return text ? mem_text_n(text, strlen(text)) : NULL;
}

char *mem_text_n(const char *bytes, size_t size)
{
    char *copy = check(malloc(size + 1), size);

    if (size > 0)
        memcpy(copy, bytes, size);
    copy[size] = '\0';
    return copy;
}

void mem_free(void *memory)
{
    free(memory);
}

void mem_free_at(void *pointer)
{
    void *memory;

    memcpy(&memory, pointer, sizeof memory);
    free(memory);
}

void mem_trim(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}
