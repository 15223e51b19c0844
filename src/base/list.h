/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A doubly linked list whose links live inside the items; the head is a link, too.
 *
 *     struct session { ...; struct list_link in_worker; };
 *     list_append(&worker->sessions, &session->in_worker);
 *     LIST_EACH(link, &worker->sessions)            (the current item may be removed)
 *         struct session *s = LIST_ITEM(link, struct session, in_worker);
 */
struct list_link {
    struct list_link *next, *prev;
};

#define LIST_ITEM(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))
/* NOLINTBEGIN(bugprone-macro-parentheses): what declares a name cannot be in parentheses */
#define LIST_EACH(link, head)                                                                      \
    for (struct list_link *link = (head)->next, *link##_next = link->next; link != (head);         \
         link = link##_next, link##_next = link->next)
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void list_init(struct list_link *head)
{
    head->next = head->prev = head;
}

static inline bool list_is_empty(const struct list_link *head)
{
    return head->next == head;
}

static inline void list_append(struct list_link *head, struct list_link *item)
{
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}

/* A removed link is zeroed; removing a zeroed link does nothing. */
static inline void list_remove(struct list_link *item)
{
    if (!item->next)
        return;
    item->prev->next = item->next;
    item->next->prev = item->prev;
    item->next = item->prev = NULL;
}
