/* SPDX-License-Identifier: Apache-2.0 */
#include "match/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"

#define MATCH_STEPS_MAX 1000000U
#define MATCH_DEPTH_MAX 10000U
#define MATCH_HEAP_KIB 8192U

struct regex {
    pcre2_code *code;
    pcre2_match_data *result;
    pcre2_match_context *limits;
};

enum status regex_new(struct slice pattern, bool is_nocase, bool is_ascii, struct regex **out,
                      struct fault *fault)
{
    CLEANUP(buf_release) struct buf translated = BUF_INIT;
    const enum status status = regex_translate(pattern, is_nocase, is_ascii, &translated, fault);
    int error = 0;
    PCRE2_SIZE at = 0;

    if (status != OK)
        return status;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)buf_text(&translated), translated.size,
                      PCRE2_UTF | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C,
                      &error, &at, NULL);
    if (!code) {
        char words[128] = "";
        pcre2_get_error_message(error, (PCRE2_UCHAR *)words, sizeof words);
        return fault_set(fault, ERR_INPUT, "the regular expression cannot be used: %s", words);
    }
    struct regex *regex = mem_new(sizeof *regex);
    regex->code = code;
    regex->result = pcre2_match_data_create(1, NULL);
    regex->limits = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(regex->limits, MATCH_STEPS_MAX);
    pcre2_set_depth_limit(regex->limits, MATCH_DEPTH_MAX);
    pcre2_set_heap_limit(regex->limits, MATCH_HEAP_KIB);
    *out = regex;
    return OK;
}

void regex_free(struct regex *regex)
{
    if (!regex)
        return;
    pcre2_match_context_free(regex->limits);
    pcre2_match_data_free(regex->result);
    pcre2_code_free(regex->code);
    mem_free(regex);
}

bool regex_matches(struct regex *regex, struct slice text)
{
    return pcre2_match(regex->code, (PCRE2_SPTR)(text.at ? text.at : ""), text.size, 0, 0,
                       regex->result, regex->limits) >= 0;
}
