/* SPDX-License-Identifier: Apache-2.0 */
#include "change/token.h"

#include <inttypes.h>

void token_print(struct buf *out, struct token token)
{
    buf_printf(out, "%016" PRIx64 "-%016" PRIx64 "-%08" PRIx32, token.epoch, token.position.commit,
               token.position.index);
    if (token.position.check != 0)
        buf_printf(out, "-%08" PRIx32, token.position.check);
}

/* Exactly `size` lower-case hexadecimal digits. */
static enum status take_hex(struct slice *rest, size_t size, uint64_t *out)
{
    uint64_t number = 0;

    if (rest->size < size)
        return ERR_INPUT;
    for (size_t i = 0; i < size; i++) {
        const char c = rest->at[i];
        if (c >= '0' && c <= '9')
            number = number << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            number = number << 4 | (uint64_t)(c - 'a' + 10);
        else
            return ERR_INPUT;
    }
    *rest = slice_from(*rest, size);
    *out = number;
    return OK;
}

static enum status take_dash(struct slice *rest)
{
    if (rest->size == 0 || rest->at[0] != '-')
        return ERR_INPUT;
    *rest = slice_from(*rest, 1);
    return OK;
}

enum status token_parse(struct slice text, struct token *out)
{
    uint64_t epoch, commit, index, check = 0;

    if (take_hex(&text, 16, &epoch) != OK || take_dash(&text) != OK ||
        take_hex(&text, 16, &commit) != OK || take_dash(&text) != OK ||
        take_hex(&text, 8, &index) != OK)
        return ERR_INPUT;
    if (text.size > 0 && (take_dash(&text) != OK || take_hex(&text, 8, &check) != OK || check == 0))
        return ERR_INPUT;
    if (text.size != 0)
        return ERR_INPUT;
    *out = (struct token){epoch, {commit, (uint32_t)index, (uint32_t)check}};
    return OK;
}
