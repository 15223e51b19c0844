/* SPDX-License-Identifier: Apache-2.0 */
#include "net/mailbox.h"

#include <pthread.h>

#include "base/mem.h"
#include "unit.h"

enum { POSTERS = 4, LETTERS = 20000 };

struct post_office {
    struct loop *loop;
    struct mailbox *mailbox;
    int next[POSTERS]; /* the number that each poster's next letter must have */
    int count;
    bool is_in_order;
};

struct numbered {
    struct letter letter;
    struct post_office *office;
    int poster, number;
};

struct poster {
    struct post_office *office;
    int poster;
};

static void deliver(struct letter *letter)
{
    struct numbered *numbered = (struct numbered *)(void *)letter;
    struct post_office *office = numbered->office;

    if (office->next[numbered->poster]++ != numbered->number)
        office->is_in_order = false;
    if (++office->count == POSTERS * LETTERS)
        loop_stop(office->loop);
    mem_free(numbered);
}

static void post(struct post_office *office, int poster, int number)
{
    struct numbered *numbered = mem_new(sizeof *numbered);

    numbered->letter.deliver = deliver;
    numbered->office = office;
    numbered->poster = poster;
    numbered->number = number;
    mailbox_post(office->mailbox, &numbered->letter);
}

static void *post_all(void *arg)
{
    const struct poster *poster = arg;

    for (int i = 0; i < LETTERS; i++)
        post(poster->office, poster->poster, i);
    return NULL;
}

static void letters_of_each_poster_arrive_in_order(void **state)
{
    struct post_office office = {.loop = loop_new(), .is_in_order = true};
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];

    (void)state;
    office.mailbox = mailbox_new(office.loop);
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){&office, i};
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    loop_run(office.loop);
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(office.count, POSTERS * LETTERS);
    assert_true(office.is_in_order);
    mailbox_free(office.mailbox);
    loop_free(office.loop);
}

static void freeing_a_mailbox_delivers_what_waits(void **state)
{
    struct post_office office = {.loop = loop_new(), .is_in_order = true};

    (void)state;
    office.mailbox = mailbox_new(office.loop);
    for (int i = 0; i < 3; i++)
        post(&office, 0, i);
    mailbox_free(office.mailbox);
    assert_int_equal(office.count, 3);
    assert_true(office.is_in_order);
    mailbox_free(NULL);
    loop_free(office.loop);
}

/* A question to another thread's loop, and the same letter back as the answer. */
struct question {
    struct letter letter;
    struct mailbox *asker;
    struct loop *asker_loop, *answerer_loop;
    int number, rounds;
    struct mailbox *answerer;
};

static void ask(struct letter *letter);

static void answer(struct letter *letter)
{
    struct question *question = (struct question *)(void *)letter;

    if (question->rounds == 1000)
        loop_stop(question->answerer_loop);
    question->number *= 3;
    question->letter.deliver = ask;
    mailbox_post(question->asker, letter);
}

static void ask(struct letter *letter)
{
    struct question *question = (struct question *)(void *)letter;

    assert_int_equal(question->number, 21);
    question->number = 7;
    if (question->rounds++ == 1000) {
        loop_stop(question->asker_loop);
        return;
    }
    question->letter.deliver = answer;
    mailbox_post(question->answerer, letter);
}

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void a_letter_comes_back_as_the_answer(void **state)
{
    struct question question = {
        .asker_loop = loop_new(), .answerer_loop = loop_new(), .number = 21};
    pthread_t thread;

    (void)state;
    question.asker = mailbox_new(question.asker_loop);
    question.answerer = mailbox_new(question.answerer_loop);
    question.letter.deliver = ask;
    mailbox_post(question.asker, &question.letter);
    assert_int_equal(pthread_create(&thread, NULL, run_loop, question.answerer_loop), 0);
    loop_run(question.asker_loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(question.rounds, 1001);
    mailbox_free(question.asker);
    mailbox_free(question.answerer);
    loop_free(question.asker_loop);
    loop_free(question.answerer_loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_of_each_poster_arrive_in_order),
        cmocka_unit_test(freeing_a_mailbox_delivers_what_waits),
        cmocka_unit_test(a_letter_comes_back_as_the_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
