/* The examination: a grader process on the validation examples, the same ones for every probe
 * (probe_internal.h).  Figures are added up in the suite's order, whatever order the grades came
 * in, so that they are the same to the last bit. */
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "curriculum/probe_internal.h"
#include "grader/grader.h"

#define ORDER   1
#define LOOK_MS 50 /* between looks at the clock and at stop */
#define MS      INT64_C(1000000)

enum state { MISSING, UNGRADED, GRADED };
struct mark {
    enum state state;
    double loss; /* NaN: unknown */
    bool bad, judge;
    enum pr_verdict correct;
};
struct key {
    char digest[PR_SHA256_HEX];
    size_t index;
};
struct exam {
    const struct pr_suite *suite;
    struct key *keys;   /* sorted by digest */
    struct mark *marks; /* in the suite's order */
    char *ungraded;
    bool done, ended;
    enum pr_grader_end how;
    struct pr_error why;
};

static int by_digest(const void *a, const void *b)
{
    return strcmp(((const struct key *)a)->digest, ((const struct key *)b)->digest);
}

/* ---- what the grader says ---- */

static void on_grade(
    void *ctx, int64_t order, const char *digest, const struct pr_grade *g, bool judge)
{
    struct exam *x = ctx;
    struct key want;
    (void)order;
    memcpy(want.digest, digest, sizeof want.digest);
    const struct key *k = bsearch(&want, x->keys, x->suite->n, sizeof want, by_digest);
    if (!k)
        return;
    x->marks[k->index] = (struct mark){.state = g->graded ? GRADED : UNGRADED,
        .loss = g->loss,
        .bad = g->bad_number,
        .judge = judge,
        .correct = g->correct};
    if (!g->graded && !x->ungraded && g->reason) {
        struct pr_str text = PR_STR_INIT(1 << 16);
        pr_str_printf(&text, "%s: %s", x->suite->v[k->index].id, g->reason);
        x->ungraded = pr_str_take(&text);
    }
}

static void on_done(void *ctx, const struct pr_grader_done *d)
{
    struct exam *x = ctx;
    x->done = !d->cancelled;
}

static void on_failed(void *ctx, int64_t order, const struct pr_error *why)
{
    struct exam *x = ctx;
    (void)order;
    x->why = *why;
    x->ended = true;
    x->how = PR_GRADER_REFUSED;
}

static void on_ended(void *ctx, enum pr_grader_end how, const struct pr_error *why)
{
    struct exam *x = ctx;
    if (x->ended)
        return;
    x->ended = true;
    x->how = how;
    x->why = *why;
}

/* ---- the grader ---- */

static enum pr_code start(const struct pr_probe *p, const char *checkpoint, struct exam *x,
    struct pr_grader **ret, struct pr_error *e)
{
    const struct pr_probe_options *o = p->o;
    const char *const argv[] = {o->program, "grader", NULL};
    struct pr_grader_events events = {
        .grade = on_grade, .done = on_done, .order_failed = on_failed, .ended = on_ended, .ctx = x};
    /* An adapter that the trainer made stands on the start checkpoint, or on that one's base by the
     * name that it has there. */
    const char *(*bases)[2] = pr_alloc((o->n_bases + 3) * sizeof *bases);
    size_t n = 0;
    for (; n < o->n_bases; n++)
        memcpy(bases[n], o->bases[n], sizeof *bases);
    const char *const pairs[][2] = {
        {o->start, p->start}, {p->start, p->start}, {p->base_name, p->base_folder}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i][0] && pairs[i][1])
            memcpy(bases[n++], pairs[i], sizeof *bases);
    struct pr_grader_options go = {.argv = o->program ? argv : NULL,
        .path = checkpoint,
        .bases = (const char *const(*)[2])bases,
        .n_bases = n,
        .template_vars = o->template_vars,
        .now_utc_ms = o->now_utc_ms,
        .max_new_tokens = o->max_new_tokens ? o->max_new_tokens : PR_GRADE_MAX_NEW,
        .dtype = o->dtype ? o->dtype : "auto",
        .allow_commands = true, /* to be asked; it runs none */
        .n_threads = o->n_threads,
        .max_memory = o->max_memory,
        .nice = o->nice,
        .cpu_percent = o->cpu_percent ? o->cpu_percent : 100};
    enum pr_code code = pr_grader_start(&go, &events, ret, e);
    pr_free(bases);
    return code;
}

static enum pr_code order(
    struct pr_grader *g, const struct pr_suite *s, struct key *keys, struct pr_error *e)
{
    struct pr_grader_example *v = pr_zalloc((s->n + 1) * sizeof *v);
    for (size_t i = 0; i < s->n; i++) {
        pr_sha256_hex(s->v[i].digest, keys[i].digest);
        keys[i].index = i;
        v[i] = (struct pr_grader_example){keys[i].digest, pr_example_pack(&s->v[i])};
    }
    enum pr_code code = pr_grader_order(g, ORDER, v, s->n, e);
    for (size_t i = 0; i < s->n; i++)
        pr_free((void *)(uintptr_t)v[i].line);
    pr_free(v);
    qsort(keys, s->n, sizeof *keys, by_digest);
    return code;
}

static enum pr_code wait_for(
    const struct pr_probe *p, struct pr_grader *g, struct exam *x, struct pr_error *e)
{
    while (!x->done && !x->ended) {
        int in, out;
        bool want_write;
        enum pr_code code = pr_probe_goes_on(p, e);
        if (code)
            return code;
        int64_t left = pr_grader_deadline(g) - pr_clock_monotonic_ns();
        pr_grader_fds(g, &in, &out, &want_write);
        struct pollfd f[2] = {
            {.fd = in, .events = POLLIN}, {.fd = want_write ? out : -1, .events = POLLOUT}};
        poll(f, 2, left > LOOK_MS * MS ? LOOK_MS : left > 0 ? (int)(left / MS) + 1 : 0);
        pr_grader_turn(g);
    }
    if (x->done)
        return PR_OK;
    if (x->how == PR_GRADER_FINISHED || x->how == PR_GRADER_KILLED)
        return pr_fail(e, PR_E_IO, "the grader ended before its work did");
    *e = x->why;
    return e->code ? e->code : pr_fail(e, PR_E_IO, "the grader ended");
}

/* ---- figures ---- */

struct sum {
    size_t n, n_loss, n_verdict, n_right, n_bad, n_command;
    double loss;
};

static void count(struct sum *s, const struct mark *m)
{
    if (m->state != GRADED)
        return;
    s->n++;
    s->n_bad += m->bad;
    s->n_command += m->judge;
    if (isfinite(m->loss)) {
        s->n_loss++;
        s->loss += m->loss;
    }
    s->n_verdict += m->correct != PR_VERDICT_NONE;
    s->n_right += m->correct == PR_VERDICT_RIGHT;
}

/* Of a model that gives NaN for some examples, the mean over the others would tell of another model
 * than this one. */
static double mean_loss(const struct sum *s)
{
    return s->n_loss && !s->n_bad ? s->loss / (double)s->n_loss : NAN;
}

static double accuracy(const struct sum *s)
{
    return s->n_verdict ? (double)s->n_right / (double)s->n_verdict : NAN;
}

static void figures(const struct exam *x, struct pr_probe_exam *ret)
{
    struct pr_levels levels;
    struct sum all = {0}, by[PR_MAX_LEVELS] = {{0}};
    uint8_t *level = pr_zalloc(x->suite->n + 1);
    pr_levels_of(x->suite, NULL, level, &levels);
    for (size_t i = 0; i < x->suite->n; i++) {
        count(&all, &x->marks[i]);
        count(&by[level[i]], &x->marks[i]);
    }
    ret->n = all.n;
    ret->n_ungraded = x->suite->n - all.n;
    ret->n_accuracy = all.n_verdict;
    ret->n_bad = all.n_bad;
    ret->n_command = all.n_command;
    ret->loss_mean_per_example = mean_loss(&all);
    ret->accuracy = accuracy(&all);
    ret->n_levels = levels.n;
    for (size_t k = 0; k < levels.n; k++) {
        ret->levels[k] = (struct pr_probe_level){.n = by[k].n,
            .n_accuracy = by[k].n_verdict,
            .loss = mean_loss(&by[k]),
            .accuracy = accuracy(&by[k])};
        memcpy(ret->levels[k].name, levels.v[k].name, PR_LEVEL_NAME);
    }
    pr_free(level);
}

enum pr_code pr_probe_grade(const struct pr_probe *p, const char *checkpoint,
    const struct pr_suite *s, struct pr_probe_exam *ret, struct pr_error *e)
{
    int64_t begun = pr_clock_monotonic_ns();
    struct pr_grader *g = NULL;
    struct exam x = {.suite = s,
        .keys = pr_zalloc((s->n + 1) * sizeof *x.keys),
        .marks = pr_zalloc((s->n + 1) * sizeof *x.marks)};
    *ret = (struct pr_probe_exam){.n = 0};
    enum pr_code code = start(p, checkpoint, &x, &g, e);
    if (!code)
        code = order(g, s, x.keys, e);
    if (!code)
        code = wait_for(p, g, &x, e);
    pr_grader_free(g);
    if (!code) {
        figures(&x, ret);
        ret->ungraded = x.ungraded;
        x.ungraded = NULL;
        ret->seconds = (double)(pr_clock_monotonic_ns() - begun) / 1e9;
        if (!ret->n)
            code = pr_fail(e, PR_E_FORMAT, "none of the %zu examples could be asked: %s", s->n,
                ret->ungraded ? ret->ungraded : "no reason was given");
    }
    if (code)
        pr_probe_exam_done(ret);
    pr_free(x.keys);
    pr_free(x.marks);
    pr_free(x.ungraded);
    return code;
}

void pr_probe_exam_done(struct pr_probe_exam *x)
{
    pr_free(x->ungraded);
    x->ungraded = NULL;
}
