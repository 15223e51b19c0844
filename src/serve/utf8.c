/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/utf8.h"

/*
 * A state says which bytes may come next, and where the rest of the character stands then:
 *
 *     E2 82 AC (the euro sign):  START --E2--> ANY_2 --82--> ANY_1 --AC--> START
 *
 * The four special states keep out overlong forms, surrogates and what is beyond U+10FFFF; only
 * the second byte of a character can give those away (RFC 3629 section 4).
 */
enum { ANY_1 = 2, ANY_2, ANY_3, AFTER_E0, AFTER_ED, AFTER_F0, AFTER_F4 };

static const struct {
    uint8_t low, high, next;
} rules[] = {
    [ANY_1] = {0x80, 0xBF, UTF8_START}, [ANY_2] = {0x80, 0xBF, ANY_1},
    [ANY_3] = {0x80, 0xBF, ANY_2},      [AFTER_E0] = {0xA0, 0xBF, ANY_1},
    [AFTER_ED] = {0x80, 0x9F, ANY_1},   [AFTER_F0] = {0x90, 0xBF, ANY_2},
    [AFTER_F4] = {0x80, 0x8F, ANY_2},
};

static uint8_t after_first(uint8_t byte)
{
    if (byte < 0x80)
        return UTF8_START;
    if (byte < 0xC2)
        return UTF8_BAD;
    if (byte < 0xE0)
        return ANY_1;
    if (byte < 0xF0)
        return byte == 0xE0 ? AFTER_E0 : byte == 0xED ? AFTER_ED : ANY_2;
    if (byte < 0xF5)
        return byte == 0xF0 ? AFTER_F0 : byte == 0xF4 ? AFTER_F4 : ANY_3;
    return UTF8_BAD;
}

uint8_t utf8_next(uint8_t state, struct slice piece)
{
    for (size_t i = 0; i < piece.size && state != UTF8_BAD; i++) {
        const uint8_t byte = (uint8_t)piece.at[i];

        if (state == UTF8_START)
            state = after_first(byte);
        else if (byte >= rules[state].low && byte <= rules[state].high)
            state = rules[state].next;
        else
            state = UTF8_BAD;
    }
    return state;
}
