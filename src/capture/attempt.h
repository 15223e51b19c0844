/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct session;

/*
 * One way up from STEP_SIDE to STEP_STREAM: each function asks the next question, and each answer
 * calls the next function, or session_fail.
 */
void attempt_begin(struct session *session);
void attempt_side_up(struct session *session);
void attempt_replication_up(struct session *session);
/* Making a slot waits for all transactions that are open: names the oldest. */
void attempt_say_who_blocks(struct session *session);
