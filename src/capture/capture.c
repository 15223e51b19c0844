/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/capture.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "capture/session.h"
#include "net/loop.h"

/*
 * The thread around a session.  All of it lives in that thread, but for the wake that ends it and
 * the board that others read.
 */
struct capture {
    struct session *session;
    struct loop *loop;
    struct wake *stop;
    struct state_board board;
    pthread_t thread;
    bool is_running;
};

static void on_ended(void *arg)
{
    struct capture *capture = arg;

    loop_stop(capture->loop);
}

static void on_stop(void *arg)
{
    struct capture *capture = arg;

    session_stop(capture->session, on_ended, capture);
}

static void *capture_main(void *arg)
{
    struct capture *capture = arg;

    session_start(capture->session);
    loop_run(capture->loop);
    session_free(capture->session);
    capture->session = NULL;
    return NULL;
}

struct capture *capture_new(const struct capture_config *config)
{
    struct capture *capture = mem_new(sizeof *capture);

    capture->loop = loop_new();
    capture->stop = wake_new(capture->loop, on_stop, capture);
    capture->session = session_new(capture->loop, config, &capture->board);
    return capture;
}

enum status capture_start(struct capture *capture, struct fault *fault)
{
    sigset_t all, before;

    /* Signals are the main thread's. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&capture->thread, NULL, capture_main, capture);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return fault_set(fault, ERR_SYSTEM, "capture thread: %s", strerrordesc_np(error));
    (void)pthread_setname_np(capture->thread, "capture");
    capture->is_running = true;
    return OK;
}

void capture_stop(struct capture *capture)
{
    if (!capture->is_running)
        return;
    wake_signal(capture->stop);
    (void)pthread_join(capture->thread, NULL);
    capture->is_running = false;
}

void capture_free(struct capture *capture)
{
    if (!capture)
        return;
    capture_stop(capture);
    session_free(capture->session); /* if it was never started */
    wake_free(capture->stop);
    loop_free(capture->loop);
    mem_free(capture);
}

bool capture_is_streaming(const struct capture *capture)
{
    return state_board_phase(&capture->board) == CAPTURE_STREAMING;
}

bool capture_stands_by(const struct capture *capture)
{
    return state_board_phase(&capture->board) == CAPTURE_STANDBY;
}

void capture_read_state(const struct capture *capture, struct capture_state *out)
{
    state_board_read(&capture->board, out);
}
