/* SPDX-License-Identifier: Apache-2.0 */
#include "app/pipeline.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/config.h"
#include "app/cpus.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/mem.h"
#include "capture/capture.h"
#include "capture/spill.h"
#include "catalog/control.h"
#include "catalog/snapshot.h"
#include "journal/journal.h"
#include "net/listener.h"
#include "net/tls.h"
#include "serve/worker.h"

#define WORKERS_MAX ((size_t)256) /* of the setting, too */

struct pipeline {
    const struct config *config;
    struct loop *loop; /* of the main thread; owned, as is all below */
    struct signal_watch *on_term, *on_int, *on_hup;
    struct journal *journal;
    struct control *control;
    struct snapshots *snapshots;
    struct tls_server *tls;
    struct capture *capture;
    struct worker **workers;
    pthread_t *threads;
    size_t worker_count, running; /* workers made; their threads started */
    struct cpus cpus;             /* where these run */
};

/* ---- what workers are told of the source ---- */

static bool source_is_live(void *arg)
{
    const struct pipeline *pipeline = arg;

    return capture_is_streaming(pipeline->capture);
}

static bool source_is_elsewhere(void *arg)
{
    const struct pipeline *pipeline = arg;

    return capture_stands_by(pipeline->capture);
}

static void source_print(void *arg, struct buf *out)
{
    const struct pipeline *pipeline = arg;
    struct capture_state state;

    capture_read_state(pipeline->capture, &state);
    buf_printf(out, "{\"ready\":%s,\"state\":\"%s\",\"reason\":",
               state.phase == CAPTURE_STREAMING ? "true" : "false",
               capture_phase_text(state.phase));
    json_add_string(out, slice_text(state.reason));
    buf_add_text(out, "}\n");
}

/* ---- parts ---- */

static enum capture_plugin plugin_of(const struct config *config)
{
    switch ((enum config_plugin)config->plugin) {
    case CONFIG_PLUGIN_AUTO:
        return CAPTURE_AUTO;
    case CONFIG_PLUGIN_PGOUTPUT:
        return CAPTURE_PGOUTPUT;
    case CONFIG_PLUGIN_WAL2JSON:
        return CAPTURE_WAL2JSON;
    }
    return CAPTURE_AUTO;
}

/* Told early, and no more than told: most will never need it. */
static const char *spill_directory_of(const struct config *config)
{
    const char *temporary = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
    const char *directory = config->spill_directory;
    struct fault fault;

    if (directory[0] == '\0')
        directory = temporary && temporary[0] ? temporary : "/var/tmp";
    if (config->plugin != CONFIG_PLUGIN_WAL2JSON && spill_check(directory, &fault) != OK)
        log_warning("%s; large transactions will be held up", fault.text);
    return directory;
}

static void make_control(struct pipeline *pipeline)
{
    const struct config *config = pipeline->config;
    CLEANUP(buf_release) struct buf conninfo = BUF_INIT;

    config_conninfo(config, &conninfo);
    const struct control_config control = {
        .conninfo = buf_text(&conninfo),
        .auth_conninfo = config->auth_database_url[0] ? config->auth_database_url : NULL,
        .auth_connections = (int)config->auth_database_max_connection,
        .publication = plugin_of(config) == CAPTURE_WAL2JSON ? NULL : config->publication,
    };
    const struct snapshots_config snapshots = {.conninfo = control.conninfo,
                                               .connections = (int)config->snapshot_connections};
    pipeline->control = control_new(pipeline->loop, &control);
    pipeline->snapshots = snapshots_new(pipeline->loop, &snapshots);
}

static void make_capture(struct pipeline *pipeline)
{
    const struct config *config = pipeline->config;
    CLEANUP(buf_release) struct buf conninfo = BUF_INIT;

    config_conninfo(config, &conninfo);
    const struct capture_config capture = {
        .conninfo = buf_text(&conninfo),
        .plugin = plugin_of(config),
        .wal2json_format = (int)config->wal2json_format,
        .pgoutput_protocol = (int)config->pgoutput_protocol,
        .publication = config->publication,
        .publish_via_partition_root = config->publish_via_partition_root,
        .slot_name = config->slot_name,
        .is_failover = config->slot_failover,
        .journal_age_s = config->journal_age,
        .journal_wal_limit = config->journal_wal_limit,
        .journal = pipeline->journal,
        .spill_memory = config->spill_memory,
        .spill_directory = spill_directory_of(config),
    };
    pipeline->capture = capture_new(&capture);
}

static size_t count_of_workers(const struct config *config, const struct cpus *cpus,
                               const cpu_set_t *allowed)
{
    size_t count = (size_t)config->workers;

    if (count == 0)
        count = cpus->count > 0 ? cpus->count : (size_t)CPU_COUNT(allowed);
    return count < WORKERS_MAX ? count : WORKERS_MAX;
}

static struct worker_config worker_config_of(const struct pipeline *pipeline)
{
    const struct config *config = pipeline->config;

    return (struct worker_config){
        .tls = pipeline->tls,
        .journal = pipeline->journal,
        .control = pipeline->control,
        .snapshots = pipeline->snapshots,
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): takes the const away */
        .source = {source_is_live, source_is_elsewhere, source_print, (void *)(uintptr_t)pipeline},
        .is_auth_on = config->is_auth_on,
        .identity = {.cookie_secret = slice_text(config->cookie_secret),
                     .admin_secret = slice_text(config->admin_secret),
                     .origins = {.allowed = (const char *const *)config->allowed_origins.items,
                                 .count = config->allowed_origins.count,
                                 .is_tls = config->https}},
        .is_metrics_public = config->metrics_public,
        .batch_delay_us = (uint32_t)config->batch_delay,
        .is_deflating = config->compression,
        .ping_seconds = (uint32_t)config->ping_interval,
    };
}

/* Port 0 is the system's choice; the first worker asks for it and the others take the same. */
static enum status open_workers(struct pipeline *pipeline, size_t count, struct fault *fault)
{
    struct worker_config config = worker_config_of(pipeline);
    enum status status = address_parse(pipeline->config->binding, &config.address, fault);

    if (status == OK && !pipeline->config->binding_shared)
        status = listener_check_free(&config.address, fault);
    if (status != OK)
        return status;
    pipeline->workers = mem_array(count, sizeof(struct worker *));
    pipeline->threads = mem_array(count, sizeof(pthread_t));
    while (pipeline->worker_count < count) {
        struct worker *worker = worker_new(&config, fault);
        if (!worker)
            return ERR_SYSTEM;
        config.address = *listener_address(worker->listener);
        pipeline->workers[pipeline->worker_count++] = worker;
    }
    return OK;
}

static enum status make_workers(struct pipeline *pipeline, struct fault *fault)
{
    const struct config *config = pipeline->config;
    cpu_set_t allowed;

    cpus_allowed(&allowed);
    if (cpus_choose(config->worker_cpus, &allowed, &pipeline->cpus, fault) != OK)
        return ERR_CONFIG;
    return open_workers(pipeline, count_of_workers(config, &pipeline->cpus, &allowed), fault);
}

static void log_address(const struct pipeline *pipeline)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT;

    address_print(&text, listener_address(pipeline->workers[0]->listener));
    log_info("listening on %s://%s, %zu worker%s", pipeline->tls ? "https" : "http",
             buf_text(&text), pipeline->worker_count, pipeline->worker_count == 1 ? "" : "s");
}

/* ktls is a wish; who made it is told whether it came true. */
static void log_kernel(const struct pipeline *pipeline)
{
    if (!pipeline->tls || !pipeline->config->ktls)
        return;
    if (tls_server_has_kernel(pipeline->tls))
        log_info("ktls: the kernel encrypts for clients, where it knows their cipher");
    else
        log_warning("ktls: the kernel's module tls is not loaded (modprobe tls), or OpenSSL was "
                    "built without it: OpenSSL encrypts");
}

/* ---- start and end ---- */

struct pipeline *pipeline_new(const struct config *config, struct fault *fault)
{
    struct pipeline *pipeline = mem_new(sizeof *pipeline);
    bool is_well = true;

    pipeline->config = config;
    pipeline->loop = loop_new();
    pipeline->journal = journal_new(config->journal_size, fault);
    is_well = pipeline->journal != NULL;
    if (is_well && config->https) {
        const struct tls_config tls = {.cert_path = config->key_cert,
                                       .key_path = config->key_priv,
                                       .ticket_path = config->ticket_key,
                                       .wants_kernel = config->ktls};
        pipeline->tls = tls_server_new(&tls, fault);
        is_well = pipeline->tls != NULL;
    }
    if (is_well) {
        make_control(pipeline);
        make_capture(pipeline);
        is_well = make_workers(pipeline, fault) == OK;
    }
    if (is_well)
        return pipeline;
    pipeline_free(pipeline);
    return NULL;
}

void pipeline_free(struct pipeline *pipeline)
{
    if (!pipeline)
        return;
    /* Workers' mailboxes outlive those who answer into them, the journal's readers its writer. */
    if (pipeline->control)
        control_free(pipeline->control);
    if (pipeline->snapshots)
        snapshots_free(pipeline->snapshots);
    for (size_t i = 0; i < pipeline->worker_count; i++)
        worker_free(pipeline->workers[i]);
    mem_free(pipeline->workers);
    mem_free(pipeline->threads);
    capture_free(pipeline->capture);
    tls_server_free(pipeline->tls);
    if (pipeline->journal)
        journal_free(pipeline->journal);
    loop_free(pipeline->loop);
    mem_free(pipeline);
}

static void on_signal(void *arg, int number)
{
    struct pipeline *pipeline = arg;

    log_info("stopping: %s", number == SIGTERM ? "SIGTERM" : "SIGINT");
    loop_stop(pipeline->loop);
}

/* What is wrong with the new files must not end what runs well. */
static void on_reload(void *arg, int number)
{
    const struct pipeline *pipeline = arg;
    struct fault fault;

    (void)number;
    if (!pipeline->tls)
        log_info("SIGHUP: nothing to read again without https");
    else if (tls_server_reload(pipeline->tls, &fault) != OK)
        log_error("SIGHUP: nothing has changed: %s", fault.text);
    else
        log_info("SIGHUP: %s is in use from now on", pipeline->config->key_cert);
    log_kernel(pipeline);
}

static void *run_worker(void *arg)
{
    worker_run(arg);
    return NULL;
}

static enum status start_threads(struct pipeline *pipeline, struct fault *fault)
{
    char name[16];

    while (pipeline->running < pipeline->worker_count) {
        pthread_t *thread = &pipeline->threads[pipeline->running];
        if (pthread_create(thread, NULL, run_worker, pipeline->workers[pipeline->running]) != 0)
            return fault_set(fault, ERR_SYSTEM, "cannot start worker thread %zu",
                             pipeline->running + 1);
        (void)snprintf(name, sizeof name, "worker %zu", pipeline->running + 1);
        pthread_setname_np(*thread, name);
        pipeline->running++;
        if (cpus_pin(&pipeline->cpus, pipeline->running - 1, *thread, fault) != OK)
            return ERR_SYSTEM;
    }
    return capture_start(pipeline->capture, fault);
}

/* Clients first: what they were sent is what capture then confirms. */
static void stop_threads(struct pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->running; i++)
        worker_drain(pipeline->workers[i]);
    for (size_t i = 0; i < pipeline->running; i++)
        pthread_join(pipeline->threads[i], NULL);
    capture_stop(pipeline->capture);
}

enum status pipeline_run(struct pipeline *pipeline, struct fault *fault)
{
    pipeline->on_term = signal_watch_new(pipeline->loop, SIGTERM, on_signal, pipeline);
    pipeline->on_int = signal_watch_new(pipeline->loop, SIGINT, on_signal, pipeline);
    pipeline->on_hup = signal_watch_new(pipeline->loop, SIGHUP, on_reload, pipeline);
    const enum status status = start_threads(pipeline, fault);
    if (status == OK) {
        log_address(pipeline);
        log_kernel(pipeline);
        loop_run(pipeline->loop);
    }
    /* From here on a second signal does what it does to any program. */
    signal_watch_free(pipeline->on_term);
    signal_watch_free(pipeline->on_int);
    stop_threads(pipeline);
    signal_watch_free(pipeline->on_hup); /* no reason to end sooner than the clients */
    return status;
}
