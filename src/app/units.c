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

static const struct {
    const char *name;
    uint64_t us;
} time_units[] = {{"s", 1000000}, {"ms", 1000}, {"us", 1}};

/* Takes the digits at the front of `text`. */
static struct slice cut_digits(struct slice *text)
{
    size_t digits = 0;

    while (digits < text->size && text->at[digits] >= '0' && text->at[digits] <= '9')
        digits++;
    const struct slice found = slice_of(text->at, digits);
    *text = slice_from(*text, digits);
    return found;
}

/* ".5" of a millisecond is 500 us. */
static enum status read_fraction(struct slice *text, uint64_t unit_us, uint64_t *out_us)
{
    *out_us = 0;
    if (text->size == 0 || text->at[0] != '.')
        return OK;
    *text = slice_from(*text, 1);
    const struct slice digits = cut_digits(text);
    for (size_t i = 0; i < digits.size; i++) {
        unit_us /= 10;
        *out_us += unit_us * (uint64_t)(digits.at[i] - '0');
    }
    return digits.size > 0 ? OK : ERR_INPUT;
}

enum status units_read_time(struct slice text, uint64_t *out_us)
{
    struct slice rest = text;
    uint64_t number, fraction_us;

    const struct slice digits = cut_digits(&rest);
    if (slice_to_u64(digits, UINT32_MAX, &number) != OK)
        return ERR_INPUT;
    if (number == 0 && rest.size == 0) {
        *out_us = 0;
        return OK;
    }
    for (size_t i = 0; i < sizeof time_units / sizeof time_units[0]; i++) {
        struct slice unit = rest;
        if (read_fraction(&unit, time_units[i].us, &fraction_us) != OK)
            return ERR_INPUT;
        if (!slice_equal_nocase(slice_trim(unit), slice_text(time_units[i].name)))
            continue;
        *out_us = number * time_units[i].us + fraction_us;
        return OK;
    }
    return ERR_INPUT;
}

void units_print_time(struct buf *out, uint64_t us)
{
    size_t i = us == 0 ? 1 : 0;

    while (us % time_units[i].us != 0)
        i++;
    buf_printf(out, "%" PRIu64 "%s", us / time_units[i].us, time_units[i].name);
}
