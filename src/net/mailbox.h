/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/loop.h"

/*
 * How one thread hands work to another: it posts a letter into the other's mailbox, and the
 * letter's deliver() runs in the other's loop.
 *
 *     struct ask { struct letter letter; char *table; ... };        (letter first)
 *     ask->letter.deliver = ask_deliver;
 *     mailbox_post(control_mailbox, &ask->letter);                   (asker's thread)
 *     static void ask_deliver(struct letter *letter)                 (control's thread)
 *     {
 *         struct ask *ask = (struct ask *)(void *)letter;
 *
 * A letter is part of a larger object, and belongs to whoever holds it: to the poster until
 * mailbox_post, to the mailbox until deliver() begins, then to the receiver, who frees it or posts
 * it back as the answer.  Letters of one poster arrive in the order in which they were posted.
 * Everything that the poster wrote before posting is visible to the receiver.
 * Posting takes no lock and never waits; a mailbox has no limit, so those who post bound what they
 * have under way.
 */
struct letter {
    struct letter *next; /* the mailbox's own */
    void (*deliver)(struct letter *letter);
};

struct mailbox;

struct mailbox *mailbox_new(struct loop *loop);
/* When nobody will post any more; not inside a delivery.  What is still waiting is delivered
 * before it returns, so that no letter is lost. */
void mailbox_free(struct mailbox *mailbox);
void mailbox_post(struct mailbox *mailbox, struct letter *letter); /* any thread */
