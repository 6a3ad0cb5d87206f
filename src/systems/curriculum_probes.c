/* What the probes of the present question have shown, whether more can be run, and which is next.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "systems/curriculum.h"

/* ---- can there be probes at all? ---- */

/* It did not end in the time that a probe may take now. */
static bool ran_out(const struct pr_probe_row *r)
{
    return r->reason && json_is_true(json_object_get(r->result, "out_of_time"));
}

static double seconds_allowed(const struct pr_probe_row *r)
{
    const json_t *x = json_object_get(r->result, "seconds_allowed");
    return json_is_number(x) ? json_number_value(x) : 0;
}

/* Do probes run out whatever their strategy?  The last ones did, of random order or of two
 * strategies. One that ran out after others were done was unlucky; it is tried again.  An order
 * that takes longer than the others (a user's trainer may) must not stop these. */
static bool do_run_out(const struct pr_curriculum_probes *p)
{
    bool any_done = false, several = false;
    size_t of_random = 0;
    for (size_t i = 0; i < p->n; i++)
        any_done |= !p->rows[i].reason;
    for (size_t i = p->n; i-- > 0 && ran_out(&p->rows[i]);) {
        of_random += !strcmp(p->rows[i].arm, PR_ARM_RANDOM);
        several |= strcmp(p->rows[i].arm, p->rows[p->n - 1].arm) != 0;
    }
    return several || of_random > 1 || (of_random && !any_done);
}

/* Less than a day ago.  One that is a day ahead was stored before the clock was set back. */
static bool is_of_today(const struct pr_view *v, const struct pr_probe_row *r)
{
    return llabs((long long)(v->now_ms - r->at_ms)) <= PR_CURRICULUM_REST_MS;
}

/* A longer time or another day is an occasion to try again. */
static bool does_not_fit(const struct pr_view *v, struct pr_curriculum_probes *p)
{
    double may = (double)v->settings->curriculum_probe_seconds;
    const struct pr_probe_row *last = p->n ? &p->rows[p->n - 1] : NULL;
    if (!last || !is_of_today(v, last))
        return false;
    if (do_run_out(p) && seconds_allowed(last) >= may)
        snprintf(p->no_probes, sizeof p->no_probes,
            "a probe does not fit: the last was not done after %.0f s "
            "(curriculum.probe_seconds; curriculum.probe_tokens makes it shorter)",
            seconds_allowed(last));
    else if (!last->reason && last->seconds > may)
        snprintf(p->no_probes, sizeof p->no_probes,
            "a probe does not fit: the last took %.0f s, and it may take %.0f "
            "(curriculum.probe_seconds)",
            last->seconds, may);
    return p->no_probes[0];
}

static bool can_probe(const struct pr_view *v, struct pr_curriculum_probes *p)
{
    const char *why = !v->pool             ? "nothing is known of training examples here"
                      : !v->pool->question ? v->pool->reason
                      : !v->settings->curriculum_budget_percent
                          ? "probes are switched off (curriculum.budget_percent is 0)"
                          : NULL;
    if (why || (v->pool && !v->pool->question))
        snprintf(p->no_probes, sizeof p->no_probes, "%s", why ? why : "no probe can be run");
    return !p->no_probes[0] && !does_not_fit(v, p);
}

/* ---- what they showed ---- */

bool pr_curriculum_diverged(const struct pr_probe_row *r)
{
    return r->reason && json_is_true(json_object_get(r->result, "diverged"));
}

/* A probe that had no time says nothing of its strategy, and is run again.  When one of that
 * strategy ran out before, since the last that was done, it counts as one that failed, so that the
 * others come to their turn: wherever those started, for starts vanish, and a strategy that is slow
 * would else be the first of every block. */
static bool is_outcome(const struct pr_curriculum_probes *p, size_t i, double may)
{
    const struct pr_probe_row *r = &p->rows[i];
    bool before = false;
    if (!ran_out(r))
        return true;
    for (size_t k = i; k-- > 0 && !before;) {
        const struct pr_probe_row *x = &p->rows[k];
        if (strcmp(x->arm, r->arm) != 0)
            continue;
        if (!x->reason)
            break;
        before = ran_out(x) && seconds_allowed(x) >= may;
    }
    return before && seconds_allowed(r) >= may;
}

static size_t outcomes(
    const struct pr_view *v, const struct pr_curriculum_probes *p, struct pr_probe_outcome *ret)
{
    double may = (double)v->settings->curriculum_probe_seconds;
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct pr_probe_row *r = &p->rows[i];
        if (!is_outcome(p, i, may))
            continue;
        ret[n++] = (struct pr_probe_outcome){.start = r->checkpoint,
            .arm = r->arm,
            .seed = (uint64_t)r->seed,
            .score = pr_curriculum_diverged(r) ? -INFINITY
                     : r->reason               ? NAN
                                               : -r->loss};
    }
    return n;
}

/* ---- which is next ---- */

/* A block that was begun is finished from where it began, as long as that is there: a checkpoint
 * that arrives must not leave every comparison half done. */
static bool finish_block(const struct pr_view *v, const struct pr_probe_outcome *o, size_t n,
    const struct pr_evidence_options *options, struct pr_curriculum_probes *p)
{
    int64_t start;
    if (!pr_evidence_begun(o, n, options, &start))
        return false;
    const struct pr_checkpoint_row *c = pr_view_checkpoint(v, start);
    if (!c || c->state != PR_CHECKPOINT_READY ||
        !pr_evidence_next(o, n, options, start, &p->arm, &p->seed))
        return false;
    p->start = start;
    return true;
}

static void say_rest(const struct pr_probe_outcome *o, size_t n,
    const struct pr_evidence_options *options, struct pr_curriculum_probes *p)
{
    static const char anew[] = "another pool, suite or setting asks anew";
    const char *names[PR_MAX_ARMS];
    char list[200] = "";
    size_t k = pr_evidence_lacking(o, n, options, names);
    if (p->evidence.decided) {
        snprintf(p->nothing, sizeof p->nothing, "the question is answered");
        return;
    }
    for (size_t i = 0, at = 0; i < k && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", names[i]);
    if (k)
        snprintf(p->nothing, sizeof p->nothing,
            "too few probes came to anything for these to be told from random order, and no more "
            "are tried: %s; %s",
            list, anew);
    else
        snprintf(p->nothing, sizeof p->nothing,
            "each strategy was tried with as many seeds as could tell it from random order, or is "
            "clearly worse, or diverges; %s",
            anew);
}

static void choose(const struct pr_view *v, const struct pr_probe_outcome *o, size_t n,
    const struct pr_evidence_options *options, struct pr_curriculum_probes *p)
{
    const struct pr_checkpoint_row *newest = pr_view_newest(v);
    if (finish_block(v, o, n, options, p))
        return;
    if (!newest)
        snprintf(p->nothing, sizeof p->nothing, "no checkpoint has been opened yet");
    else if (!pr_evidence_next(o, n, options, newest->id, &p->arm, &p->seed))
        say_rest(o, n, options, p);
    else
        p->start = newest->id;
}

/* Says it that probes fail, whatever is tried?  Not one that had no time: does_not_fit has its own
 * rule for these.  Nor one whose strategy destroys the model, which is an outcome, and after which
 * the strategy is soon tried no more; where random order does, all may, and must come to an end. */
static bool is_failure(const struct pr_probe_row *r)
{
    return !ran_out(r) && (!pr_curriculum_diverged(r) || !strcmp(r->arm, PR_ARM_RANDOM));
}

/* Until another checkpoint is there to start from, another question is asked, or a day has passed.
 */
static bool is_failing(const struct pr_view *v, struct pr_curriculum_probes *p)
{
    const struct pr_checkpoint_row *newest = pr_view_newest(v);
    const struct pr_probe_row *last = NULL;
    size_t failed = 0;
    char why[250];
    for (size_t i = p->n; i-- > 0 && p->rows[i].reason;) {
        if (!is_failure(&p->rows[i]))
            continue;
        last = last ? last : &p->rows[i];
        failed++;
    }
    p->failing = failed >= PR_CURRICULUM_FAILURES && newest && last->checkpoint == newest->id &&
                 is_of_today(v, last);
    if (p->failing) {
        pr_utf8_shorten(last->reason, why, sizeof why);
        snprintf(p->nothing, sizeof p->nothing, "the last %zu probes failed: %s", failed, why);
    }
    return p->failing;
}

enum pr_code pr_curriculum_probes(
    struct pr_view *v, struct pr_curriculum_probes *ret, struct pr_error *e)
{
    struct pr_curriculum_probes p = {.rows = NULL};
    const struct pr_evidence_options options = {.error_rate = v->settings->curriculum_error_rate,
        .min_seeds = (size_t)v->settings->curriculum_seeds};
    enum pr_code code = PR_OK;
    if (v->pool && v->pool->question)
        code = pr_gradebook_probes(v->g, v->pool->question, 0, &p.rows, &p.n, e);
    if (code)
        return code;
    struct pr_probe_outcome *o = pr_zalloc((p.n + 1) * sizeof *o);
    size_t n = outcomes(v, &p, o);
    if (!(code = pr_evidence_weigh(o, n, &options, &p.evidence, e))) {
        if (!can_probe(v, &p))
            snprintf(p.nothing, sizeof p.nothing, "%.399s", p.no_probes);
        else if (!is_failing(v, &p))
            choose(v, o, n, &options, &p);
        *ret = p;
    }
    pr_free(o);
    if (code)
        pr_probe_rows_free(p.rows, p.n);
    return code;
}

void pr_curriculum_probes_done(struct pr_curriculum_probes *p)
{
    pr_probe_rows_free(p->rows, p->n);
    *p = (struct pr_curriculum_probes){0};
}
