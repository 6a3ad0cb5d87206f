/* What people ask for over proctor.sock, carried out by the owner (acting.h). */
#include <string.h>

#include "base/clock.h"
#include "daemon/acting.h"
#include "daemon/supervisor_internal.h"

/* A run that was asked for begins when the action is stored. */
struct asked {
    struct pr_supervisor *s;
    struct pr_sv_runner *run;
    bool scan;
};

static enum pr_code ask_run(void *ctx, const char *system, struct pr_error *e)
{
    struct asked *a = ctx;
    for (size_t i = 0; i < a->s->n_runners; i++) {
        struct pr_sv_runner *r = &a->s->runners[i];
        if (strcmp(r->system->name, system) != 0)
            continue;
        if (!r->jobs)
            break;
        a->run = r;
        return PR_OK;
    }
    if (!pr_system_find(system))
        return pr_fail(e, PR_E_NOT_FOUND, "there is no system '%.100s'", system);
    return pr_fail(e, PR_E_UNSUPPORTED, "%s does not run here", system);
}

static enum pr_code ask_scan(void *ctx, struct pr_error *e)
{
    (void)e;
    struct asked *a = ctx;
    a->scan = true;
    return PR_OK;
}

static void begin(const struct asked *a)
{
    if (a->scan)
        pr_supervisor_scan(a->s);
    if (a->run)
        pr_sv_run(a->run);
    pr_sv_deliveries_soon(a->s); /* what is acknowledged need not be said any more */
}

/* In a transaction of its own: what is refused or fails takes nothing else with it. */
static bool act(
    struct pr_supervisor *s, const json_t *message, struct asked *a, struct pr_error *refused)
{
    struct pr_acting x = {.now_ms = pr_clock_utc_ms(), .run = ask_run, .scan = ask_scan, .ctx = a};
    struct pr_error e;
    bool done = false;
    if (!pr_sv_end(s) || pr_sv_begin(s, &e)) {
        pr_fail(refused, PR_E_CANCELLED, "nothing is stored now: %s",
            s->pause_reason ? s->pause_reason : "the gradebook cannot be written");
        return false;
    }
    x.g = s->g;
    if (pr_act(&x, message, &done, refused, &e)) {
        *refused = e;
        pr_sv_failed(s, "store an action", &e);
        return false;
    }
    if (!pr_sv_end(s)) {
        pr_fail(refused, PR_E_CANCELLED, "it could not be stored");
        return false;
    }
    return done;
}

json_t *pr_supervisor_act(struct pr_supervisor *s, const json_t *message)
{
    struct pr_error refused;
    struct asked a = {.s = s};
    bool done = act(s, message, &a, &refused);
    const char *name = json_string_value(json_object_get(message, "action"));
    pr_log(PR_LOG_INFO, PR_SV_NAME, done ? "action" : "action-refused", "action=%s%s%s",
        pr_log_quote(name ? name : "?"),
        done ? "" : " why=", done ? "" : pr_log_quote(refused.message));
    if (done)
        begin(&a);
    return pr_act_answer(message, done, &refused);
}
