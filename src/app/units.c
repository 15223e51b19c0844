/* SPDX-License-Identifier: Apache-2.0 */
#include "app/units.h"

#include <inttypes.h>

static const struct {
    const char *name;
    uint64_t bytes;
} units[] = {
    {"TiB", (uint64_t)1 << 40}, /* those of 1024s first, the largest first: they are printed */
    {"GiB", (uint64_t)1 << 30},
    {"MiB", (uint64_t)1 << 20},
    {"KiB", (uint64_t)1 << 10},
    {"B", 1},
    {"kB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000},
    {"", 1},
};

enum status units_read_size(struct slice text, uint64_t *out_bytes)
{
    size_t digits = 0;
    uint64_t number;

    while (digits < text.size && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    if (digits == 0)
        return ERR_INPUT;
    const struct slice unit = slice_trim(slice_from(text, digits));
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (!slice_equal_nocase(unit, slice_text(units[i].name)))
            continue;
        if (slice_to_u64(slice_of(text.at, digits), UINT64_MAX / units[i].bytes, &number) != OK)
            return ERR_LIMIT;
        *out_bytes = number * units[i].bytes;
        return OK;
    }
    return ERR_INPUT;
}

void units_print_size(struct buf *out, uint64_t bytes)
{
    size_t i = 0;

    while (units[i].bytes > 1 && (bytes == 0 || bytes % units[i].bytes != 0))
        i++;
    buf_printf(out, "%" PRIu64 "%s", bytes / units[i].bytes, units[i].name);
}
