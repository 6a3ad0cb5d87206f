/* Carrying an order out: a suite made of its examples, graded in one run of the engine.
 *
 * Grades wait in `pending` until the pass in which they were finished is over and the checkpoint's
 * files are found to be those that were opened; so whatever has been sent is right, also when the
 * files change later. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fault.h"
#include "grader/serve.h"

#define PROGRESS_NS INT64_C(100000000)  /* between two messages of progress */
#define REST_NS     INT64_C(5000000000) /* of silence at most while it rests */

struct job {
    struct pr_serve *s;
    int64_t order;
    json_t **pending; /* messages */
    size_t n_pending, cap_pending, n_told;
    size_t n_sent;
    int64_t pass_ns, told_ns; /* when the pass began; when progress was told last */
    enum pr_code code;        /* why it was stopped from within a callback */
    struct pr_error why;
};

/* Must a command that the example names decide? */
static bool needs_judge(const struct pr_grade *g)
{
    const struct pr_check *c = &g->example->check;
    return c->argv && g->answer && !g->truncated && g->correct == PR_VERDICT_NONE;
}

static int on_grade(void *ctx, const struct pr_grade *g)
{
    struct job *j = ctx;
    json_t *m = pr_wire_message("grade");
    pr_fault_point(PR_FAULT_GRADER_EXAMPLE);
    pr_json_set_int(m, "order", j->order);
    pr_json_set_bool(m, "judge", needs_judge(g));
    pr_message_put_grade(m, g);
    if (needs_judge(g)) /* not for a reason, but not yet */
        pr_json_set(m, "correct_reason", json_null());
    PR_PUSH(j->pending, j->n_pending, j->cap_pending, m);
    return 0;
}

static enum pr_code send_pending(struct job *j, struct pr_error *e)
{
    if (!j->n_pending)
        return PR_OK;
    enum pr_code code = pr_checkpoint_unchanged(j->s->checkpoint, e);
    for (size_t i = 0; i < j->n_pending; i++) {
        if (code)
            json_decref(j->pending[i]);
        else
            pr_serve_say(j->s, j->pending[i]);
    }
    j->n_sent += code ? 0 : j->n_pending;
    j->n_pending = 0;
    return code;
}

static void tell_progress(struct job *j, const struct pr_grade_progress *p)
{
    struct pr_grader_progress told = {
        p->examples_done, p->examples_total, p->tokens_done, p->tokens_total};
    pr_serve_say(j->s, pr_wire_put_progress(j->order, &told));
    j->told_ns = pr_clock_monotonic_ns();
}

static bool stopped(const struct job *j)
{
    return j->s->parent_gone || j->s->failed || j->s->orders[0].cancelled;
}

/* Sleeps the share of the time that is not its own, hearing what the parent says meanwhile. */
static enum pr_code rest(struct job *j, const struct pr_grade_progress *p, struct pr_error *e)
{
    int percent = j->s->task.cpu_percent;
    int64_t worked = pr_clock_monotonic_ns() - j->pass_ns;
    int64_t left = worked / percent * (100 - percent);
    enum pr_code code = pr_serve_listen(j->s, 0, e);
    while (left > 0 && !code && !stopped(j)) {
        int64_t part = left < REST_NS ? left : REST_NS;
        code = pr_serve_listen(j->s, part, e);
        left -= part;
        if (left > 0 && p)
            tell_progress(j, p);
    }
    j->pass_ns = pr_clock_monotonic_ns();
    return code;
}

static int on_progress(void *ctx, const struct pr_grade_progress *p)
{
    struct job *j = ctx;
    j->code = send_pending(j, &j->why);
    if (!j->code && pr_clock_monotonic_ns() - j->told_ns >= PROGRESS_NS)
        tell_progress(j, p);
    if (!j->code)
        j->code = rest(j, p, &j->why);
    return j->code || stopped(j);
}

/* The examples as they arrived, each still the one that was meant. */
static enum pr_code make_suite(const struct pr_serve *s, const struct pr_serve_order *o,
    struct pr_suite **ret, struct pr_error *e)
{
    struct pr_suite *suite = NULL;
    enum pr_code code = pr_suite_from_lines(
        "order", (const char *const *)o->lines, o->n, s->task.allow_commands, &suite, e);
    for (size_t i = 0; i < o->n && !code; i++) {
        char digest[PR_SHA256_HEX];
        pr_sha256_hex(suite->v[i].digest, digest);
        if (*o->digests[i] && strcmp(digest, o->digests[i]) != 0)
            code = pr_fail(e, PR_E_FORMAT,
                "example %zu reads as %.12s… here, %.12s… was ordered: another version of proctor?",
                i, digest, o->digests[i]);
    }
    if (code)
        pr_suite_free(suite);
    else
        *ret = suite;
    return code;
}

static enum pr_code need_engine(struct job *j, struct pr_error *e)
{
    struct pr_serve *s = j->s;
    if (s->engine)
        return PR_OK;
    struct pr_engine_options o = {
        .math = s->task.math, .n_threads = s->task.n_threads, .kv_bytes = s->task.kv_bytes};
    enum pr_code code = pr_engine_new(s->checkpoint, &o, &s->engine, e);
    if (!code) /* what was packed is what was fingerprinted */
        code = pr_checkpoint_unchanged(s->checkpoint, e);
    return code ? code : rest(j, NULL, e);
}

static void tell_done(struct job *j, const struct pr_grade_cost *cost, bool cancelled)
{
    struct rusage use;
    struct pr_grader_done d = {.order = j->order,
        .cancelled = cancelled,
        .examples = j->n_sent,
        .tokens_scored = cost->tokens_scored,
        .tokens_generated = cost->tokens_generated,
        .tokens_prefilled = cost->tokens_prefilled,
        .tokens_shared = cost->tokens_shared,
        .seconds = cost->seconds};
    if (!getrusage(RUSAGE_SELF, &use))
        d.peak_rss_bytes = (uint64_t)use.ru_maxrss * 1024;
    pr_serve_say(j->s, pr_wire_put_done(&d));
}

static enum pr_code grade(
    struct job *j, const struct pr_suite *suite, struct pr_grade_cost *ret_cost, struct pr_error *e)
{
    const struct pr_wire_task *t = &j->s->task;
    struct pr_grades *grades = NULL;
    struct pr_grade_options o = {.max_new_tokens = t->max_new_tokens,
        .n_threads = t->n_threads,
        .no_commands = true,
        .prompt = {.template_vars = t->template_vars, .now_utc_ms = t->now_utc_ms},
        .on_grade = on_grade,
        .on_progress = on_progress,
        .ctx = j,
        .ret_cost = ret_cost};
    enum pr_code code = pr_grade_suite(j->s->checkpoint, j->s->engine, suite, &o, &grades, e);
    pr_grades_free(grades);
    if (j->code) {
        *e = j->why;
        return j->code;
    }
    return code;
}

/* Is it the checkpoint that cannot be graded, or this order alone? */
static bool is_whole(enum pr_code code)
{
    return code == PR_E_CHANGED || code == PR_E_MEMORY || code == PR_E_IO;
}

static enum pr_code carry_out(struct job *j, struct pr_error *e)
{
    struct pr_serve *s = j->s;
    struct pr_suite *suite = NULL;
    struct pr_grade_cost cost = {0};
    struct pr_error changed;
    enum pr_code code = make_suite(s, &s->orders[0], &suite, e);
    if (code) {
        pr_serve_say(s, pr_wire_put_failed(j->order, e));
        return PR_OK;
    }
    size_t n = suite->n;
    if (!(code = need_engine(j, e))) {
        code = grade(j, suite, &cost, e);
        /* That none could be asked is said by each grade's own reason. */
        if (code == PR_E_FORMAT && cost.examples == n)
            code = PR_OK;
        bool cancelled = code == PR_E_CANCELLED && !j->code;
        if ((!code || cancelled) && !(code = send_pending(j, e)))
            tell_done(j, &cost, cancelled);
    }
    pr_suite_free(suite);
    if (code && code != PR_E_CHANGED && pr_checkpoint_unchanged(s->checkpoint, &changed)) {
        *e = changed;
        code = changed.code;
    }
    if (!code || !s->engine || j->code || is_whole(code))
        return code;
    pr_serve_say(s, pr_wire_put_failed(j->order, e));
    return PR_OK;
}

enum pr_code pr_serve_work(struct pr_serve *s, struct pr_error *e)
{
    struct job j = {.s = s, .order = s->orders[0].id, .pass_ns = pr_clock_monotonic_ns()};
    enum pr_code code = PR_OK;
    if (s->orders[0].cancelled)
        tell_done(&j, &(struct pr_grade_cost){0}, true);
    else
        code = carry_out(&j, e);
    for (size_t i = 0; i < j.n_pending; i++)
        json_decref(j.pending[i]);
    pr_free(j.pending);
    return code;
}
