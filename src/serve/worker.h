/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/grant.h"
#include "auth/identity.h"
#include "base/bytes.h"
#include "base/random.h"
#include "change/token.h"
#include "net/address.h"
#include "net/mailbox.h"
#include "serve/batch.h"
#include "serve/ebb.h"
#include "serve/fanout.h"
#include "serve/handshakes.h"
#include "serve/wheel.h"

struct commits;
struct control;
struct journal;
struct journal_ledger;
struct journal_reader;
struct listener;
struct snapshots;
struct tls_server;

/*
 * One thread that serves clients: its own loop, listener, sessions and index.
 *
 * Workers share nothing but the journal, which they read, and the control thread, which they ask
 * by mail.  The kernel deals new connections out among their listeners.
 *
 * One turn of the loop, when the journal has something new:
 *
 *     journal_next -> index_match -> the frame is made once, and laid behind the run of each
 *     group it concerns (serve/group.h) -> ... -> every dirty group's run goes to its clients,
 *     one send each -> journal_done
 *
 * A turn takes at most TURN_CHANGES changes or TURN_BYTES of frames, so that sockets and timers
 * have their turn, too; under load that is what makes several changes share one send.
 */

/* Where changes come from, as far as those who serve must know.  Called in workers' threads. */
struct serve_source {
    bool (*is_live)(void *arg);                     /* changes are streaming */
    bool (*is_elsewhere)(void *arg);                /* they stream to another server of our kind */
    void (*print)(void *arg, struct buf *out_json); /* its state as a JSON object */
    void *arg;
};

struct worker_config {
    struct address address;      /* all workers listen on the same; no port 0 then */
    struct tls_server *tls;      /* borrowed; NULL: plain HTTP */
    struct journal *journal;     /* borrowed */
    struct control *control;     /* borrowed */
    struct snapshots *snapshots; /* borrowed */
    struct serve_source source;
    bool is_auth_on; /* else everybody may ask anything */
    struct identity_config identity;
    bool is_metrics_public;  /* else /metrics is for this machine and for admins only */
    uint32_t batch_delay_us; /* how long a worker waits for more changes; 0: not */
    bool is_deflating;       /* permessage-deflate is agreed on with who offers it */
    uint32_t ping_seconds;   /* 1 to WHEEL_SECONDS - 1 - SESSION_PONG_SECONDS */
};

struct worker {
    struct worker_config config;
    struct loop *loop; /* owned, as all below */
    struct listener *listener;
    struct mailbox *mailbox;
    struct wake *wake;  /* there is something in the journal */
    struct timer *tick; /* every second */
    struct journal_reader *reader;
    struct batch batch;
    struct fanout fanout;
    uint64_t flushed_to;       /* offset: all before it has been sent to live sessions */
    struct position last;      /* of the last change read */
    uint64_t epoch, old_epoch; /* of changes from epoch_start on; of those before */
    uint64_t epoch_start;
    struct list_link catching; /* sessions that are behind and could send more */
    struct buf catch_up_run;   /* what one of them gets in its round */
    struct commits *commits;   /* where the latest transactions begin */
    struct list_link rebinds;  /* filters that are being bound again */
    struct list_link doomed;   /* sessions that are over, until the turn's end */
    struct handshakes handshakes;
    struct grant_cache grants;
    struct wheel wheel;     /* every open session is in it, by its next deadline */
    struct ebb ebb;         /* who has left */
    uint32_t session_count; /* with those whose sockets are still closing */
    bool is_draining;       /* no new clients; ends when the last has gone */
    uint32_t drain_ticks;   /* seconds since then */
    bool is_source_down;    /* as last told to those who want to know */
    uint64_t bytes_sent;    /* not yet told to the metrics */
    struct random random;
    char *read_buffer; /* WORKER_READ_SIZE bytes that all sessions read into */
    struct letter drain_letter;
};

#define WORKER_READ_SIZE ((size_t)64 * 1024)

/* Opens the listener and the journal's reader in the caller's thread, so that a taken port is
 * reported before anything starts.  The texts of the configuration are borrowed.  NULL with a
 * fault. */
struct worker *worker_new(const struct worker_config *config, struct fault *fault);
/* After worker_run has returned, or instead of it. */
void worker_free(struct worker *worker);

/* The thread's whole life: returns when a drain has ended. */
void worker_run(struct worker *worker);
/* Any thread, once: stop accepting, tell every client 1001 (going away), end soon. */
void worker_drain(struct worker *worker);

/* ---- For sessions, in the worker's thread ---- */

/* One of them is freed. */
void worker_forget(struct worker *worker);
/* The epoch of the change that ends at this offset of the journal. */
uint64_t worker_epoch_at(const struct worker *worker, uint64_t offset);
/* A position of the current epoch as a token. */
struct token worker_token(const struct worker *worker, struct position position);
/* A stream that does not go on from the one before counts its positions anew.  A session that
 * begins may be the first to know: nothing has come since that would have woken the worker. */
void worker_learn_epoch(struct worker *worker);
/* Everything up to here had been committed before it was asked for. */
struct token worker_token_now(const struct worker *worker);
/* All transactions up to here have been read, and sent to whoever is live. */
lsn worker_complete_to(const struct worker *worker);
/* The same as a position; false within a transaction, and while there is more to read.  What is
 * settled then may lie before a change that has been sent already: told as progress, that change
 * would come twice to who goes on from there. */
bool worker_is_level(const struct worker *worker, struct token *out);
/* Behind the transaction at hand: where somebody begins who is to have none of its rest. */
struct position worker_behind(const struct worker *worker, const struct journal_ledger *ledger);
/* The position that has been read, which may be within a transaction. */
struct token worker_token_read(const struct worker *worker);
