/* What goes on now, as a document. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/supervisor_internal.h"

#define MAX_LISTED 100

static void set_time(json_t *o, const char *key, int64_t ms)
{
    char at[32];
    if (ms)
        pr_clock_iso8601(ms, at);
    pr_json_set_str(o, key, ms ? at : NULL);
}

static json_t *owner(const struct pr_supervisor *s)
{
    json_t *o = json_object();
    pr_json_set_int(o, "pid", getpid());
    set_time(o, "since", s->since_ms);
    pr_json_set_str(o, "version", PR_VERSION);
    return o;
}

static json_t *systems(const struct pr_supervisor *s)
{
    json_t *list = json_array();
    int64_t now = pr_clock_monotonic_ns();
    for (size_t i = 0; i < s->n_runners; i++) {
        const struct pr_sv_runner *r = &s->runners[i];
        size_t n_jobs = 0;
        json_t *o = json_object();
        for (const struct pr_job *j = r->jobs; j; j = j->next)
            n_jobs++;
        if (!n_jobs) {
            json_decref(o);
            continue;
        }
        pr_json_set_str(o, "name", r->system->name);
        pr_json_set(o, "state",
            r->document ? json_incref(json_object_get(r->document, "state")) : json_null());
        pr_json_set_bool(o, "running", r->running);
        set_time(o, "last_run", r->last_run_ms);
        if (r->timer.at_ns)
            pr_json_set_real(o, "next_run_seconds", (double)(r->timer.at_ns - now) / 1e9, NULL);
        else
            pr_json_set_null(o, "next_run_seconds", "it runs once");
        pr_json_set_int(o, "jobs", (int64_t)n_jobs);
        pr_json_set_int(o, "outstanding", (int64_t)r->outstanding);
        pr_json_set_str(o, "error", r->reason);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *names_of(const struct pr_supervisor *s, uint32_t set)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < s->n_runners; i++)
        if (set >> i & 1)
            json_array_append_new(list, json_string(s->runners[i].system->name));
    return list;
}

static const char *state_of(const struct pr_supervisor *s, int64_t checkpoint)
{
    if (s->grader.p && s->grader.checkpoint == checkpoint)
        return "running";
    int64_t now = pr_clock_monotonic_ns();
    for (size_t i = 0; i < s->n_blocked; i++)
        if (s->blocked[i].checkpoint == checkpoint && s->blocked[i].until_ns > now)
            return s->blocked[i].until_ns == INT64_MAX ? "blocked" : "backing off";
    return "waiting";
}

/* What is wanted, the next first. */
static json_t *orders(const struct pr_supervisor *s)
{
    json_t *list = json_array();
    int64_t *listed = pr_alloc((s->plan.n + 1) * sizeof *listed);
    for (size_t n = 0; n < s->plan.n && n < MAX_LISTED; n++) {
        int64_t i = pr_orders_next(s->plan.v, s->plan.n, listed, n);
        if (i < 0)
            break;
        const struct pr_wanted *w = &s->plan.v[i];
        json_t *o = json_object(), *suites = json_array();
        listed[n] = w->checkpoint;
        for (size_t k = 0; k < w->n_suites; k++)
            json_array_append_new(suites, json_integer(w->suites[k]));
        pr_json_set_int(o, "checkpoint", w->checkpoint);
        pr_json_set_str(o, "state", state_of(s, w->checkpoint));
        pr_json_set_int(o, "priority", w->priority);
        pr_json_set(o, "suites", suites);
        pr_json_set(o, "asked_by", names_of(s, s->plan.systems[i]));
        json_array_append_new(list, o);
    }
    pr_free(listed);
    return list;
}

static json_t *grader(const struct pr_supervisor *s)
{
    const struct pr_sv_grader *g = &s->grader;
    json_t *o = json_object(), *list = json_array();
    pr_json_set_int(o, "started", g->n_started);
    pr_json_set(o, "pid", g->p ? json_integer(pr_grader_pid(g->p)) : json_null());
    pr_json_set(o, "checkpoint", g->p ? json_integer(g->checkpoint) : json_null());
    pr_json_set_str(o, "name", g->name);
    pr_json_set_str(o, "state",
        !g->p         ? "none"
        : g->leaving  ? "ending"
        : !g->opened  ? "opening"
        : g->n_orders ? "grading"
                      : "idle");
    pr_json_set_str(o, "sandbox", g->sandbox);
    set_time(o, "since", g->p ? g->since_ms : 0);
    for (size_t i = 0; i < g->n_orders; i++) {
        const struct pr_sv_order *x = &g->orders[i];
        json_t *item = json_object();
        pr_json_set_int(item, "id", x->row.id);
        pr_json_set_int(item, "suite", x->row.suite);
        pr_json_set_int(item, "examples", (int64_t)x->row.examples);
        pr_json_set_int(item, "graded", (int64_t)x->n_stored);
        json_array_append_new(list, item);
    }
    pr_json_set(o, "orders", list);
    return o;
}

static json_t *arrivals(const struct pr_supervisor *s)
{
    struct pr_arrivals_count c = {0};
    json_t *o = json_object(), *list = json_array();
    if (s->arrivals)
        pr_arrivals_counts(s->arrivals, &c);
    pr_json_set_int(o, "complete", (int64_t)c.complete);
    pr_json_set_int(o, "waiting", (int64_t)c.waiting);
    pr_json_set_bool(o, "inotify", c.inotify);
    pr_json_set_bool(o, "looked", s->scanned);
    for (size_t i = 0; i < s->n_waiting && i < MAX_LISTED; i++) {
        json_t *item = json_object();
        pr_json_set_str(item, "path", s->waiting[i].path);
        pr_json_set_str(item, "reason", s->waiting[i].reason);
        pr_json_set_bool(item, "broken", s->waiting[i].broken);
        json_array_append_new(list, item);
    }
    pr_json_set(o, "incomplete", list);
    return o;
}

static json_t *suites(const struct pr_supervisor *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->suites.n; i++) {
        const struct pr_suite_report *r = &s->suites.v[i];
        json_t *o = json_object();
        pr_json_set_str(o, "name", r->name);
        pr_json_set_str(o, "path", r->path);
        pr_json_set_str(o, "fingerprint", r->id ? r->fingerprint : NULL);
        pr_json_set_int(o, "n", (int64_t)r->n);
        pr_json_set_int(o, "n_skipped", (int64_t)r->n_skipped);
        pr_json_set_int(o, "n_repeated", (int64_t)r->n_repeated);
        pr_json_set_int(o, "n_warned", (int64_t)r->n_warned);
        pr_json_set_bool(o, "used", r->used);
        pr_json_set_str(o, "problem", r->problem);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *tokens(const struct pr_supervisor *s)
{
    json_t *o = json_object();
    pr_json_set_int(o, "examples", (int64_t)s->examples);
    pr_json_set_int(o, "scored", (int64_t)s->tokens.scored);
    pr_json_set_int(o, "generated", (int64_t)s->tokens.generated);
    pr_json_set_int(o, "prefilled", (int64_t)s->tokens.prefilled);
    pr_json_set_int(o, "shared", (int64_t)s->tokens.shared);
    return o;
}

json_t *pr_supervisor_state(struct pr_supervisor *s)
{
    struct pr_alert *open;
    struct pr_error e;
    size_t n;
    json_t *o = json_object(), *storage = json_object();
    pr_json_set(o, "owner", owner(s));
    pr_json_set(o, "systems", systems(s));
    pr_json_set(o, "orders", orders(s));
    pr_json_set_int(o, "wanted", (int64_t)s->plan.n);
    pr_json_set(o, "grader", grader(s));
    pr_json_set(o, "probe", pr_sv_probes_state(s));
    pr_json_set(o, "arrivals", arrivals(s));
    pr_json_set(o, "suites", suites(s));
    pr_json_set(o, "tokens", tokens(s));
    pr_json_set(o, "machine", pr_sv_machine_state(s));
    pr_json_set_str(storage, "state", s->paused ? "paused" : "ok");
    pr_json_set_str(storage, "reason", s->paused ? s->pause_reason : NULL);
    pr_json_set(o, "storage", storage);
    if (pr_gradebook_alerts(s->g, true, 1000000, &open, &n, &e)) {
        pr_json_set_null(o, "alerts", e.message);
    } else {
        pr_json_set_int(o, "alerts", (int64_t)n);
        pr_alerts_free(open, n);
    }
    return o;
}
