/* See serving.h. */
#include "cli/serving.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/interrupt.h"
#include "cli/term.h"
#include "model/checkpoint.h"

#define LOOK_MS  500
#define RETRY_NS INT64_C(30000000000)
#define REST_NS  INT64_C(2000000000) /* some looks that find the same */

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

void pr_serving_init(struct pr_serving *w, const char *dir, bool watch)
{
    *w = (struct pr_serving){.dir = dir, .watch = watch};
    if (pr_glance_at(dir, &w->tried))
        w->looked = w->tried;
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
    while (!pr_interrupted()) {
        struct pollfd stop = {.fd = pr_interrupt_fd(), .events = POLLIN};
        if (!access(dir, F_OK)) /* what is there and is no checkpoint is an error to be told */
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
    pr_glance_at(w->dir, &w->tried); /* before it is opened: a later change is seen later */
    pr_serve_server_now(w->server, &before);
    enum pr_code code = pr_serve_server_swap(w->server, w->dir, &e);
    pr_serve_server_now(w->server, &now);
    w->retry_ns = code ? pr_clock_monotonic_ns() + RETRY_NS : 0;
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

/* Another folder is there at once, as it was exchanged; files that are written over in their place
 * come one after the other, and are waited for until all of them rest. */
static void look_again(struct pr_serving *w)
{
    struct pr_glance now;
    int64_t now_ns = pr_clock_monotonic_ns();
    if (!pr_glance_at(w->dir, &now)) /* between two links there may be none */
        return;
    if (!pr_glance_same(&now, &w->looked)) {
        w->looked = now;
        w->rests_ns = now_ns;
    }
    bool other = !pr_glance_same_folder(&now, &w->tried);
    bool rewritten = !pr_glance_same(&now, &w->tried) && now_ns - w->rests_ns >= REST_NS;
    bool again = w->retry_ns && now_ns >= w->retry_ns;
    if ((other || rewritten || again) && is_complete(w))
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
