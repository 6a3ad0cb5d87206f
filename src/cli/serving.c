/* See serving.h. */
#include "cli/serving.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cli/interrupt.h"
#include "cli/term.h"
#include "model/checkpoint.h"

#define LOOK_MS  500
#define RETRY_NS INT64_C(30000000000)

static volatile sig_atomic_t hung_up;

static void on_hup(int number)
{
    (void)number;
    hung_up = 1;
}

void pr_serving_heed_hup(void)
{
    struct sigaction act = {.sa_handler = on_hup, .sa_flags = SA_RESTART};
    sigemptyset(&act.sa_mask);
    sigaction(SIGHUP, &act, NULL);
}

/* The folder that the name leads to now, by device and inode; false: to none. */
static bool look(const char *dir, uint64_t *dev, uint64_t *ino)
{
    struct stat st;
    if (stat(dir, &st))
        return false;
    *dev = st.st_dev;
    *ino = st.st_ino;
    return true;
}

void pr_serving_init(struct pr_serving *w, const char *dir, bool watch)
{
    *w = (struct pr_serving){.dir = dir, .watch = watch};
    look(dir, &w->dev, &w->ino);
}

/* Each thing once: a folder that cannot be loaded is tried again and again. */
static void say_once(struct pr_serving *w, const char *text)
{
    if (strncmp(w->last, text, sizeof w->last - 1) != 0)
        pr_say("serve", "%s", text);
    snprintf(w->last, sizeof w->last, "%s", text);
}

bool pr_serving_wait(const char *dir)
{
    struct pr_serving w = {.dir = dir};
    uint64_t dev, ino;
    while (!pr_interrupted()) {
        struct pollfd stop = {.fd = pr_interrupt_fd(), .events = POLLIN};
        if (look(dir, &dev, &ino)) /* what is there and is no checkpoint is an error to be told */
            return true;
        say_once(&w, "waits for a checkpoint at the folder that it serves: there is none yet");
        poll(&stop, 1, LOOK_MS);
    }
    return false;
}

/* Whole?  Where it is still being written, nothing is said: it will be. */
static bool is_complete(struct pr_serving *w)
{
    struct pr_error reason, e;
    bool complete = false;
    if (pr_checkpoint_complete(w->dir, &complete, &reason, &e))
        say_once(w, e.message);
    else if (!complete && reason.code != PR_E_INCOMPLETE)
        say_once(w, reason.message);
    return complete;
}

static void load(struct pr_serving *w)
{
    struct pr_serve_now before, now;
    struct pr_error e;
    char text[sizeof w->last];
    uint64_t dev = 0, ino = 0;
    bool there = look(w->dir, &dev, &ino); /* before it is opened: a later change is seen later */
    pr_serve_server_now(w->server, &before);
    enum pr_code code = pr_serve_server_swap(w->server, w->dir, &e);
    pr_serve_server_now(w->server, &now);
    w->retry_ns = code ? pr_clock_monotonic_ns() + RETRY_NS : 0;
    if (there) {
        w->dev = dev;
        w->ino = ino;
    }
    if (code == PR_E_CANCELLED) /* so does this program */
        return;
    if (code)
        snprintf(text, sizeof text, "%s is not loaded, %.16s goes on: %.700s", w->dir,
            now.fingerprint, e.message);
    else if (!strcmp(before.fingerprint, now.fingerprint))
        snprintf(
            text, sizeof text, "%s holds what is served already, %.16s", w->dir, now.fingerprint);
    else
        snprintf(text, sizeof text, "%s is served now, %.16s", w->dir, now.fingerprint);
    if (!code)
        *w->last = 0;
    say_once(w, text);
}

static void look_again(struct pr_serving *w)
{
    uint64_t dev, ino;
    if (!look(w->dir, &dev, &ino)) /* between two links there may be none */
        return;
    bool other = dev != w->dev || ino != w->ino;
    bool again = w->retry_ns && pr_clock_monotonic_ns() >= w->retry_ns;
    if ((other || again) && is_complete(w))
        load(w);
}

void pr_serving_run(struct pr_serving *w)
{
    while (!pr_interrupted()) {
        struct pollfd stop = {.fd = pr_interrupt_fd(), .events = POLLIN};
        if (hung_up) {
            hung_up = 0;
            *w->last = 0;
            load(w);
        } else if (w->watch) {
            look_again(w);
        }
        poll(&stop, 1, LOOK_MS);
    }
}
