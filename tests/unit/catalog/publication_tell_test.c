/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "catalog/publication_tell.h"

static void on_log(void *arg, enum log_level level, const char *text)
{
    buf_printf(arg, "%d %s\n", (int)level, text);
}

static void each_kind_of_news_has_its_line(void **state)
{
    /* wants and has update, wants and has inserts, identity */
    static const struct {
        bool flags[5];
        const char *line;
    } cases[] = {
        {{true, false, true, false, true}, "2 publication: takes in s.t\n"},
        {{false, true, true, true, false},
         "1 publication: takes out s.t: no replica identity, or no longer ours to publish; updates "
         "and deletes there are not seen, and go on working\n"},
        {{false, false, true, false, false},
         "1 publication: without a primary key or REPLICA IDENTITY only inserts and truncates are "
         "seen of s.t\n"},
        {{false, false, false, false, false},
         "1 publication: without a primary key or REPLICA IDENTITY only inserts and truncates are "
         "seen of s.t\n"},
        {{false, false, false, true, false}, ""},
        {{true, true, true, false, true}, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const bool *flags = cases[i].flags;
        const struct publication_table table = {
            slice_text("s"), slice_text("t"), flags[0], flags[1], flags[2], flags[3], flags[4]};
        CLEANUP(buf_release) struct buf out = BUF_INIT;
        const struct publication_voice voice = {on_log, &out};
        publication_tell(&voice, &table, 1);
        assert_slice_is(buf_slice(&out), cases[i].line);
    }
}

static void a_long_list_is_cut(void **state)
{
    struct publication_table tables[12];
    CLEANUP(buf_release) struct buf out = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < 12; i++)
        tables[i] = (struct publication_table){.schema = slice_text("s"), .name = slice_text("t")};
    publication_add_names(&out, tables, 12);
    assert_slice_is(buf_slice(&out), "s.t, s.t, s.t, s.t, s.t and 7 more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_news_has_its_line),
        cmocka_unit_test(a_long_list_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
