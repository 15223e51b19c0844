/* SPDX-License-Identifier: Apache-2.0 */
/* Against a server: PGCDC_TEST_CONNINFO names it, as a superuser; it makes a database of its own.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "catalog/hypertable.h"
#include "catalog/publication.h"
#include "catalog/source.h"
#include "net/loop.h"
#include "sql/sql.h"

struct probe {
    struct loop *loop;
    struct sql *sql;
    struct timer *limit;
    enum status status;
    char text[1200];
    enum source_plugin plugin;
    char warning[1200];
};

static struct buf logged;

static void on_log(void *arg, enum log_level level, const char *text)
{
    (void)arg;
    buf_printf(&logged, "%d %s\n", (int)level, text);
}

static void on_up(void *arg)
{
    loop_stop(((struct probe *)arg)->loop);
}

static void on_down(void *arg, const struct fault *why)
{
    (void)arg;
    fail_msg("%s", why->text);
}

static void on_limit(void *arg)
{
    (void)arg;
    fail_msg("no answer within %d s", LIMIT_MS / 1000);
}

static void probe_init(struct probe *probe, const char *more)
{
    const char *conninfo = getenv("PGCDC_TEST_CONNINFO");
    const struct sql_events events = {on_up, on_down, NULL, NULL};
    char text[500];

    if (!conninfo)
        fail_msg("PGCDC_TEST_CONNINFO is not set");
    (void)snprintf(text, sizeof text, "%s %s", conninfo, more);
    const struct sql_config config = {text, "probe", false};
    *probe = (struct probe){.loop = loop_new()};
    probe->limit = timer_new(probe->loop, on_limit, probe);
    timer_start(probe->limit, LIMIT_MS, 0);
    probe->sql = sql_new(probe->loop, &config, &events, probe);
    sql_connect(probe->sql);
    loop_run(probe->loop);
}

static void probe_release(struct probe *probe)
{
    sql_free(probe->sql);
    timer_free(probe->limit);
    loop_free(probe->loop);
}

static void on_answer(void *arg, const struct sql_answer *answer)
{
    struct probe *probe = arg;

    probe->status = answer->status;
    if (answer->status == OK && answer->rows > 0)
        (void)snprintf(probe->text, sizeof probe->text, "%.*s", SLICE_ARG(sql_value(answer, 0, 0)));
    else
        (void)snprintf(probe->text, sizeof probe->text, "%s", answer->message);
    loop_stop(probe->loop);
}

static const char *ask(struct probe *probe, const char *text)
{
    sql_ask(probe->sql, text, NULL, 0, on_answer, probe);
    loop_run(probe->loop);
    return probe->text;
}

static void must(struct probe *probe, const char *text)
{
    (void)ask(probe, text);
    if (probe->status != OK)
        fail_msg("%s: %s", text, probe->text);
}

static void on_plan(void *arg, const struct source_plan *plan, const struct fault *why)
{
    struct probe *probe = arg;

    probe->status = why ? why->status : OK;
    probe->plugin = plan ? plan->plugin : SOURCE_AUTO;
    (void)snprintf(probe->text, sizeof probe->text, "%s",
                   why                       ? why->text
                   : plan->publication_names ? plan->publication_names
                                             : "");
    (void)snprintf(probe->warning, sizeof probe->warning, "%s",
                   plan && plan->warning ? plan->warning : "");
    loop_stop(probe->loop);
}

static const char *check(struct probe *probe, struct publication *publication,
                         enum source_plugin plugin)
{
    const struct source_config config = {plugin, true};

    (void)source_check(probe->sql, &config, publication, on_plan, probe);
    loop_run(probe->loop);
    return probe->text;
}

/* publication_keep has no callback: the connection is busy with it until this is answered. */
static void keep(struct probe *probe, struct publication *publication)
{
    for (int i = 0; i < 3; i++) {
        publication_keep(publication, probe->sql);
        (void)ask(probe, "SELECT 1");
        (void)ask(probe, "SELECT 1");
    }
}

/* "a b|c d": the tables of the two publications. */
static const char *published(struct probe *probe)
{
    return ask(probe, "SELECT coalesce(string_agg(c.relname, ' ' ORDER BY c.relname)"
                      " FILTER (WHERE p.pubname = 'pub'), '') || '|' ||"
                      " coalesce(string_agg(c.relname, ' ' ORDER BY c.relname)"
                      " FILTER (WHERE p.pubname = 'pub_inserts'), '')"
                      " FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid"
                      " JOIN pg_class c ON c.oid = r.prrelid");
}

static int make_database(void **state)
{
    struct probe probe;

    (void)state;
    probe_init(&probe, "");
    must(&probe, "DROP DATABASE IF EXISTS pgcdc_probe");
    must(&probe, "DROP ROLE IF EXISTS pgcdc_owner");
    must(&probe, "DROP ROLE IF EXISTS pgcdc_guest");
    must(&probe, "CREATE DATABASE pgcdc_probe");
    must(&probe, "CREATE ROLE pgcdc_owner LOGIN REPLICATION");
    must(&probe, "CREATE ROLE pgcdc_guest LOGIN");
    must(&probe, "GRANT CREATE ON DATABASE pgcdc_probe TO pgcdc_owner");
    probe_release(&probe);
    probe_init(&probe, "dbname=pgcdc_probe");
    must(&probe, "GRANT CREATE ON SCHEMA public TO pgcdc_owner");
    must(&probe, "CREATE TABLE keyed (id int PRIMARY KEY, t text)");
    must(&probe, "CREATE TABLE bare (id int)");
    must(&probe, "CREATE TABLE late (id int PRIMARY KEY DEFERRABLE)");
    must(&probe, "CREATE TABLE whole (id int); ALTER TABLE whole REPLICA IDENTITY FULL");
    must(&probe, "CREATE TABLE heir () INHERITS (keyed)");
    must(&probe, "CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY)");
    must(&probe, "CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);"
                 "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (9)");
    probe_release(&probe);
    return 0;
}

static int drop_database(void **state)
{
    struct probe probe;

    (void)state;
    probe_init(&probe, "");
    must(&probe, "DROP DATABASE pgcdc_probe WITH (FORCE)");
    must(&probe, "DROP ROLE pgcdc_owner");
    must(&probe, "DROP ROLE pgcdc_guest");
    probe_release(&probe);
    buf_release(&logged);
    return 0;
}

static struct publication *publication(bool is_via_root)
{
    const struct publication_config config = {"pub", is_via_root};

    buf_reset(&logged);
    return publication_new(&config, on_log, NULL);
}

static void a_superuser_gets_both_and_they_are_kept(void **state)
{
    struct probe probe;
    struct publication *pub = publication(false);

    (void)state;
    probe_init(&probe, "dbname=pgcdc_probe");
    assert_string_equal(check(&probe, pub, SOURCE_AUTO), "\"pub\",\"pub_inserts\"");
    assert_int_equal(probe.plugin, SOURCE_PGOUTPUT);
    assert_string_equal(published(&probe), "keyed parted_1 whole|");
    assert_non_null(
        strstr(buf_text(&logged), "only inserts and truncates are seen of public.bare"));
    assert_string_equal(ask(&probe, "SELECT puballtables FROM pg_publication "
                                    "WHERE pubname = 'pub_inserts'"),
                        "t");
    /* C10: no write fails. */
    must(&probe, "UPDATE bare SET id = 1; UPDATE late SET id = 2; UPDATE heir SET id = 3;"
                 "DELETE FROM bare; UPDATE keyed SET id = 4");

    must(&probe, "CREATE TABLE fresh (id int PRIMARY KEY)");
    must(&probe, "ALTER TABLE keyed DROP CONSTRAINT keyed_pkey");
    must(&probe, "ALTER TABLE bare REPLICA IDENTITY FULL");
    buf_reset(&logged);
    keep(&probe, pub);
    assert_string_equal(published(&probe), "bare fresh parted_1 whole|");
    assert_non_null(strstr(buf_text(&logged), "takes out public.keyed:"));
    must(&probe, "UPDATE keyed SET id = 5");
    must(&probe,
         "ALTER TABLE keyed ADD PRIMARY KEY (id); ALTER TABLE bare REPLICA IDENTITY DEFAULT");
    must(&probe, "DROP TABLE fresh");
    keep(&probe, pub);
    assert_string_equal(published(&probe), "keyed parted_1 whole|");
    buf_reset(&logged);
    keep(&probe, pub);
    assert_slice_is(buf_slice(&logged), "");

    must(&probe, "DROP PUBLICATION pub_inserts");
    keep(&probe, pub);
    assert_true(publication_is_lost(pub));
    assert_string_equal(check(&probe, pub, SOURCE_PGOUTPUT), "\"pub\",\"pub_inserts\"");
    assert_false(publication_is_lost(pub));
    publication_free(pub);

    pub = publication(true);
    assert_string_equal(check(&probe, pub, SOURCE_AUTO), "\"pub\",\"pub_inserts\"");
    assert_string_equal(published(&probe), "keyed parted whole|");
    publication_free(pub);
    must(&probe, "DROP PUBLICATION pub, pub_inserts");
    probe_release(&probe);
}

static void a_lock_delays_but_never_blocks(void **state)
{
    struct probe probe, user;
    struct publication *pub = publication(false);

    (void)state;
    probe_init(&probe, "dbname=pgcdc_probe");
    probe_init(&user, "dbname=pgcdc_probe");
    must(&user, "BEGIN; LOCK TABLE keyed IN SHARE ROW EXCLUSIVE MODE");
    assert_string_equal(check(&probe, pub, SOURCE_AUTO), "\"pub\",\"pub_inserts\"");
    assert_string_equal(published(&probe), "|");
    keep(&probe, pub);
    assert_string_equal(published(&probe), "parted_1 whole|");
    must(&user, "COMMIT");
    keep(&probe, pub);
    assert_string_equal(published(&probe), "keyed parted_1 whole|");
    publication_free(pub);
    must(&probe, "DROP PUBLICATION pub, pub_inserts");
    probe_release(&user);
    probe_release(&probe);
}

static void without_rights_the_sql_is_told(void **state)
{
    struct probe probe, owner, guest;
    struct publication *pub = publication(false);

    (void)state;
    probe_init(&probe, "dbname=pgcdc_probe");
    probe_init(&owner, "dbname=pgcdc_probe user=pgcdc_owner");
    probe_init(&guest, "dbname=pgcdc_probe user=pgcdc_guest");

    assert_non_null(
        strstr(check(&guest, pub, SOURCE_AUTO), "ALTER ROLE \"pgcdc_guest\" REPLICATION;"));
    check(&owner, pub, SOURCE_PGOUTPUT);
    assert_int_equal(owner.status, ERR_DENIED);
    const char *remedy = strstr(owner.text, "CREATE PUBLICATION");
    assert_non_null(remedy);
    must(&probe, remedy);
    assert_string_equal(check(&owner, pub, SOURCE_PGOUTPUT), "\"pub\",\"pub_inserts\"");
    assert_string_equal(published(&probe), "keyed parted_1 whole|");
    must(&probe, "UPDATE bare SET id = 1");
    must(&probe, "DROP PUBLICATION pub, pub_inserts");
    keep(&owner, pub);
    assert_true(publication_is_lost(pub));

    check(&owner, pub, SOURCE_AUTO);
    assert_int_equal(owner.status, OK);
    assert_int_equal(owner.plugin, SOURCE_WAL2JSON);
    assert_non_null(strstr(owner.warning, "CREATE PUBLICATION"));

    must(&owner, "CREATE TABLE mine (id int PRIMARY KEY); CREATE TABLE mine_bare (id int)");
    assert_string_equal(check(&owner, pub, SOURCE_AUTO), "\"pub\",\"pub_inserts\"");
    assert_string_equal(published(&probe), "mine|mine mine_bare");
    must(&owner, "UPDATE mine_bare SET id = 1");
    assert_non_null(strstr(buf_text(&logged), "tables belong to roles"));
    publication_free(pub);
    must(&probe, "DROP PUBLICATION pub, pub_inserts; DROP TABLE mine, mine_bare");
    probe_release(&guest);
    probe_release(&owner);
    probe_release(&probe);
}

static void a_users_publication_is_left_alone(void **state)
{
    struct probe probe;
    struct publication *pub = publication(false);

    (void)state;
    probe_init(&probe, "dbname=pgcdc_probe");
    must(&probe, "CREATE PUBLICATION pub FOR ALL TABLES");
    assert_string_equal(check(&probe, pub, SOURCE_AUTO), "\"pub\"");
    assert_non_null(strstr(buf_text(&logged), "UPDATE and DELETE fail on tables"));
    keep(&probe, pub);
    assert_false(publication_is_lost(pub));
    publication_free(pub);
    must(&probe, "DROP PUBLICATION pub");
    probe_release(&probe);
}

static void wal2json_is_refused_with_the_line_to_add(void **state)
{
    struct probe probe;
    struct publication *pub = publication(false);

    (void)state;
    probe_init(&probe, "dbname=pgcdc_probe");
    ask(&probe, "SHOW output_plugin_libraries");
    if (probe.status == OK) {
        must(&probe, "SET output_plugin_libraries = pgoutput, test_decoding");
        check(&probe, pub, SOURCE_WAL2JSON);
        assert_int_equal(probe.status, ERR_REFUSED);
        assert_non_null(
            strstr(probe.text, "output_plugin_libraries = 'pgoutput,test_decoding,wal2json'"));
        must(&probe, "SET output_plugin_libraries = pgoutput, wal2json");
    }
    check(&probe, pub, SOURCE_WAL2JSON);
    assert_int_equal(probe.status, OK);
    assert_int_equal(probe.plugin, SOURCE_WAL2JSON);
    publication_free(pub);
    probe_release(&probe);
}

static void on_known(void *arg)
{
    loop_stop(((struct probe *)arg)->loop);
}

static enum status find(struct probe *probe, struct hypertables *cache, const char *chunk)
{
    struct slice schema = {0}, name = {0};
    enum status status;

    while ((status = hypertables_find(cache, SLICE("_timescaledb_internal"), slice_text(chunk),
                                      &schema, &name)) == ERR_AGAIN)
        loop_run(probe->loop);
    (void)snprintf(probe->text, sizeof probe->text, "%.*s.%.*s", SLICE_ARG(schema),
                   SLICE_ARG(name));
    return status;
}

static void chunks_find_their_hypertable(void **state)
{
    struct probe probe;

    (void)state;
    probe_init(&probe, "dbname=pgcdc_probe");
    struct hypertables *cache = hypertables_new(probe.sql, on_known, &probe);
    assert_int_equal(find(&probe, cache, "_hyper_300_1_chunk"), ERR_NOT_FOUND);
    assert_int_equal(find(&probe, cache, "other"), ERR_NOT_FOUND);
    must(&probe, "CREATE SCHEMA _timescaledb_catalog; CREATE TABLE _timescaledb_catalog.hypertable"
                 " (id int, schema_name name, table_name name)");
    must(&probe, "INSERT INTO _timescaledb_catalog.hypertable VALUES (300, 'public', 'cputimes')");
    assert_int_equal(find(&probe, cache, "_hyper_300_1_chunk"), ERR_NOT_FOUND); /* within 1 s */
    must(&probe, "INSERT INTO _timescaledb_catalog.hypertable VALUES (301, 'public', 'young')");
    assert_int_equal(find(&probe, cache, "_hyper_301_1_chunk"), OK); /* younger than the answer */
    assert_string_equal(probe.text, "public.young");
    hypertables_reset(cache);
    assert_int_equal(find(&probe, cache, "_hyper_302_1_chunk"), ERR_NOT_FOUND);
    assert_int_equal(find(&probe, cache, "_hyper_300_1_chunk"), OK);
    assert_string_equal(probe.text, "public.cputimes");
    hypertables_free(cache);
    probe_release(&probe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_superuser_gets_both_and_they_are_kept),
        cmocka_unit_test(a_lock_delays_but_never_blocks),
        cmocka_unit_test(without_rights_the_sql_is_told),
        cmocka_unit_test(a_users_publication_is_left_alone),
        cmocka_unit_test(wal2json_is_refused_with_the_line_to_add),
        cmocka_unit_test(chunks_find_their_hypertable),
    };

    return cmocka_run_group_tests(tests, make_database, drop_database);
}
