/* SPDX-License-Identifier: Apache-2.0 */
#include "net/mailbox.h"

#include <stdatomic.h>

#include "base/mem.h"

/*
 * A stack that many push to and one empties as a whole.
 *
 *     post a, b, c:    newest -> c -> b -> a          (one compare-and-swap each)
 *     the loop takes all by one exchange, turns them round and delivers a, b, c.
 *
 * Nobody ever takes a single letter off the stack, so the usual trap of such stacks (a letter that
 * left and came back between two reads, "ABA") cannot arise.  Only the post that finds the stack
 * empty wakes the loop: later ones are taken along.
 */
struct mailbox {
    _Atomic(struct letter *) newest;
    struct wake *wake; /* owned */
};

static void deliver_all(void *arg)
{
    struct mailbox *mailbox = arg;
    struct letter *newest = atomic_exchange_explicit(&mailbox->newest, NULL, memory_order_acquire);
    struct letter *oldest = NULL;

    while (newest) {
        struct letter *older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    while (oldest) {
        struct letter *letter = oldest;
        oldest = letter->next;
        letter->next = NULL;
        letter->deliver(letter);
    }
}

struct mailbox *mailbox_new(struct loop *loop)
{
    struct mailbox *mailbox = mem_new(sizeof *mailbox);

    atomic_init(&mailbox->newest, NULL);
    mailbox->wake = wake_new(loop, deliver_all, mailbox);
    return mailbox;
}

void mailbox_free(struct mailbox *mailbox)
{
    if (!mailbox)
        return;
    while (atomic_load_explicit(&mailbox->newest, memory_order_relaxed))
        deliver_all(mailbox);
    wake_free(mailbox->wake);
    mem_free(mailbox);
}

void mailbox_post(struct mailbox *mailbox, struct letter *letter)
{
    struct letter *newest = atomic_load_explicit(&mailbox->newest, memory_order_relaxed);

    do {
        letter->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(&mailbox->newest, &newest, letter,
                                                    memory_order_release, memory_order_relaxed));
    if (!newest)
        wake_signal(mailbox->wake);
}
