/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/publication_tell.h"

#include "base/mem.h"
#include "sql/sql.h"

#define NAMES_LOGGED 5 /* tables that one line names */

struct publication_table *publication_tables_of(const struct sql_answer *answer, int column,
                                                bool has_flags)
{
    struct publication_table *tables = mem_array((size_t)answer->rows + 1, sizeof *tables);

    for (int i = 0; i < answer->rows; i++) {
        tables[i].schema = sql_value(answer, i, column);
        tables[i].name = sql_value(answer, i, column + 1);
        if (!has_flags)
            continue;
        tables[i].wants_update = sql_is_true(answer, i, column + 2);
        tables[i].has_update = sql_is_true(answer, i, column + 3);
        tables[i].wants_inserts = sql_is_true(answer, i, column + 4);
        tables[i].has_inserts = sql_is_true(answer, i, column + 5);
        tables[i].has_identity = sql_is_true(answer, i, column + 6);
    }
    return tables;
}

void publication_add_names(struct buf *out, const struct publication_table *tables, size_t count)
{
    for (size_t i = 0; i < count && i < NAMES_LOGGED; i++)
        buf_printf(out, "%s%.*s.%.*s", i > 0 ? ", " : "", SLICE_ARG(tables[i].schema),
                   SLICE_ARG(tables[i].name));
    if (count > NAMES_LOGGED)
        buf_printf(out, " and %zu more", count - NAMES_LOGGED);
}

enum news { NEWS_LOST, NEWS_ADDED, NEWS_BARE };

static const struct {
    enum log_level level;
    const char *before, *behind;
} TEXTS[] = {
    [NEWS_LOST] = {LOG_WARNING, "publication: takes out ",
                   ": no replica identity, or no longer ours to publish; updates and deletes there "
                   "are not seen, and go on working"},
    [NEWS_ADDED] = {LOG_INFO, "publication: takes in ", ""},
    [NEWS_BARE] = {LOG_WARNING,
                   "publication: without a primary key or REPLICA IDENTITY only inserts and "
                   "truncates are seen of ",
                   ""},
};

static bool is_news(const struct publication_table *table, enum news news)
{
    const bool is_leaving = !table->wants_inserts && table->has_inserts;

    switch (news) {
    case NEWS_LOST:
        return table->has_update && !table->wants_update;
    case NEWS_ADDED:
        return table->wants_update && !table->has_update;
    case NEWS_BARE:
        return !table->has_identity && !table->has_update && !is_leaving;
    }
    return false;
}

static void tell(const struct publication_voice *voice, const struct publication_table *tables,
                 size_t count, enum news news)
{
    struct publication_table *told = mem_array(count + 1, sizeof *told);
    CLEANUP(buf_release) struct buf text = BUF_INIT;
    size_t told_count = 0;

    for (size_t i = 0; i < count; i++) {
        if (is_news(&tables[i], news))
            told[told_count++] = tables[i];
    }
    if (told_count > 0) {
        buf_add_text(&text, TEXTS[news].before);
        publication_add_names(&text, told, told_count);
        buf_add_text(&text, TEXTS[news].behind);
        voice->log(voice->arg, TEXTS[news].level, buf_text(&text));
    }
    mem_free(told);
}

void publication_tell(const struct publication_voice *voice, const struct publication_table *tables,
                      size_t count)
{
    if (!voice->log)
        return;
    for (enum news news = NEWS_LOST; news <= NEWS_BARE; news++)
        tell(voice, tables, count, news);
}
