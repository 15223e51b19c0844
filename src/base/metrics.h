/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/bytes.h"

/*
 * Counters and gauges, one line of METRICS each, printed in Prometheus' text format 0.0.4.
 *
 *     metrics_add(METRIC_CHANGES_CAPTURED, 1);
 *
 * This is the other global state of the program.  Any thread: relaxed atomics, so a counter that
 * is touched per change should be added to once per batch.
 */
#define METRICS(X)                                                                                 \
    X(CHANGES_CAPTURED, counter, "pgcdc_changes_captured_total",                                   \
      "Row changes received from PostgreSQL.")                                                     \
    X(TRANSACTIONS_CAPTURED, counter, "pgcdc_transactions_captured_total",                         \
      "Committed transactions received from PostgreSQL.")                                          \
    X(BYTES_CAPTURED, counter, "pgcdc_captured_bytes_total",                                       \
      "Bytes of logical decoding output received from PostgreSQL.")                                \
    X(UNDECODABLE, counter, "pgcdc_undecodable_transactions_total",                                \
      "Transactions of which a part could not be decoded; clients were told of a gap.")            \
    X(SPILL_MEMORY, gauge, "pgcdc_spill_memory_bytes",                                             \
      "Memory that holds changes of transactions that have not ended.")                            \
    X(SPILL_DISK, gauge, "pgcdc_spill_disk_bytes",                                                 \
      "Size of the files that hold changes of transactions that have not ended.")                  \
    X(SPILLED, counter, "pgcdc_spilled_transactions_total",                                        \
      "Transactions that did not fit spill_memory and were written to disk in part.")              \
    X(SPILL_FAILURES, counter, "pgcdc_spill_failures_total",                                       \
      "Times capture was held up because spill_directory could not be written or read.")           \
    X(CAPTURE_CONNECTS, counter, "pgcdc_capture_connects_total",                                   \
      "Times streaming from PostgreSQL has begun.")                                                \
    X(CAPTURE_UP, gauge, "pgcdc_capture_up", "1 while changes are streaming, else 0.")             \
    X(CONFIRMED_LSN, gauge, "pgcdc_confirmed_lsn_bytes",                                           \
      "WAL position confirmed to PostgreSQL, in bytes.")                                           \
    X(RECEIVED_LSN, gauge, "pgcdc_received_lsn_bytes",                                             \
      "WAL position that PostgreSQL last reported, in bytes.")                                     \
    X(JOURNAL_BYTES, gauge, "pgcdc_journal_bytes", "Bytes of changes that the journal holds.")     \
    X(JOURNAL_WAITS, counter, "pgcdc_journal_waits_total",                                         \
      "Times capture waited because a worker had not read the journal.")                           \
    X(CONNECTIONS, gauge, "pgcdc_connections", "Open client connections.")                         \
    X(ACCEPTED, counter, "pgcdc_connections_accepted_total", "Client connections accepted.")       \
    X(TLS_HANDSHAKES, counter, "pgcdc_tls_handshakes_total", "TLS handshakes that succeeded.")     \
    X(TLS_RESUMED, counter, "pgcdc_tls_resumed_total",                                             \
      "TLS handshakes that a session ticket made short.")                                          \
    X(TLS_FAILED, counter, "pgcdc_tls_failures_total",                                             \
      "TLS handshakes that failed or were broken off by the client.")                              \
    X(TLS_FULL_TURNS, counter, "pgcdc_tls_full_turns_total",                                       \
      "Turns of a worker's loop that left TLS handshakes for the next.")                           \
    X(TLS_KERNEL, counter, "pgcdc_tls_kernel_total",                                               \
      "TLS handshakes after which the kernel encrypts (kTLS).")                                    \
    X(SUBSCRIPTIONS, gauge, "pgcdc_subscriptions", "Live subscriptions.")                          \
    X(FILTERS, gauge, "pgcdc_filters", "Distinct filters, summed over workers.")                   \
    X(MATCH_ASKED, counter, "pgcdc_match_asked_total",                                             \
      "Filters evaluated against a change after the index had named them.")                        \
    X(FRAMES_SENT, counter, "pgcdc_frames_sent_total", "WebSocket data frames queued to clients.") \
    X(SENDS, counter, "pgcdc_sends_total",                                                         \
      "Times data frames were handed to a client's socket, each time one or more.")                \
    X(BYTES_SENT, counter, "pgcdc_sent_bytes_total", "Bytes written to clients.")                  \
    X(DEFLATE_CLIENTS, gauge, "pgcdc_deflate_connections",                                         \
      "Client connections that have agreed on compression.")                                       \
    X(DEFLATED, counter, "pgcdc_deflated_messages_total",                                          \
      "Messages compressed, each for all clients of a worker that get it.")                        \
    X(DEFLATED_IN, counter, "pgcdc_deflate_in_bytes_total",                                        \
      "Bytes of those messages before they were compressed.")                                      \
    X(DEFLATED_OUT, counter, "pgcdc_deflate_out_bytes_total",                                      \
      "Bytes of those messages compressed.")                                                       \
    X(REQUESTS_REFUSED, counter, "pgcdc_requests_refused_total",                                   \
      "HTTP requests answered with a status of 400 or more.")                                      \
    X(BEHIND, gauge, "pgcdc_clients_behind",                                                       \
      "Clients that read the journal further back, because they resume or are slow.")              \
    X(SLOW_CLOSED, counter, "pgcdc_slow_clients_closed_total",                                     \
      "Clients closed because the journal had moved past them.")                                   \
    X(DEAD_CLOSED, counter, "pgcdc_dead_clients_closed_total",                                     \
      "Clients closed because they did not answer a ping.")                                        \
    X(QUESTIONS, counter, "pgcdc_catalogue_questions_total",                                       \
      "Questions put to PostgreSQL about tables, values and owners, for those who subscribe.")     \
    X(SNAPSHOTS_RUNNING, gauge, "pgcdc_snapshots_running", "Snapshots that are being read.")       \
    X(SNAPSHOTS_WAITING, gauge, "pgcdc_snapshots_waiting",                                         \
      "Snapshots that wait for a connection.")                                                     \
    X(GAPS_TOLD, counter, "pgcdc_gaps_total", "Gaps in the stream of changes; clients were told.") \
    X(ACCEPT_PAUSES, counter, "pgcdc_accept_pauses_total",                                         \
      "Times accepting paused because descriptors ran out.")                                       \
    X(ACCEPT_REFUSED, counter, "pgcdc_connections_refused_total",                                  \
      "Connections refused because all descriptors for clients are in use.")

enum metric {
#define METRIC_ID(id, type, name, help) METRIC_##id,
    METRICS(METRIC_ID)
#undef METRIC_ID
        METRIC_COUNT
};

void metrics_add(enum metric metric, uint64_t amount);
void metrics_sub(enum metric metric, uint64_t amount); /* gauges only */
void metrics_set(enum metric metric, uint64_t value);
uint64_t metrics_get(enum metric metric);

/* Appends all of them: # HELP, # TYPE and one sample each. */
void metrics_print(struct buf *out);
