/* Comparing two sets of grades; see compare.h. */
#include "exam/compare.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "exam/suiteset.h"

struct pair {
    const struct pr_grade *a, *b;
};

struct pairs {
    struct pair *v;
    size_t n, cap;
    size_t n_unpaired; /* graded in one only, or asked differently */
};

static void find_pairs(const struct pr_grades *a, const struct pr_grades *b, struct pairs *ret)
{
    struct pr_idset ids = {0};
    size_t n_a = 0, n_b = 0;
    for (size_t i = 0; i < a->n; i++) {
        if (!a->v[i].graded)
            continue;
        pr_idset_add(&ids, a->v[i].example->id, i);
        n_a++;
    }
    for (size_t i = 0; i < b->n; i++) {
        const struct pr_grade *g = &b->v[i];
        size_t at = g->graded ? pr_idset_find(&ids, g->example->id) : SIZE_MAX;
        n_b += g->graded;
        if (at == SIZE_MAX ||
            memcmp(a->v[at].example->digest, g->example->digest, PR_SHA256_LEN) != 0)
            continue;
        struct pair p = {&a->v[at], g};
        PR_PUSH(ret->v, ret->n, ret->cap, p);
    }
    ret->n_unpaired = n_a + n_b - 2 * ret->n;
    pr_idset_done(&ids);
}

static void set_interval(json_t *o, double lo, double hi)
{
    static const char few[] = "too few examples";
    if (!isfinite(lo) || !isfinite(hi)) {
        pr_json_set_null(o, "ci95", few);
        return;
    }
    json_t *ci = json_array();
    json_array_append_new(ci, json_real(lo));
    json_array_append_new(ci, json_real(hi));
    pr_json_set(o, "ci95", ci);
}

static json_t *metric(double first, double second, const struct pr_estimate *d)
{
    json_t *o = json_object();
    static const char none[] = "no example has it in both";
    pr_json_set_real(o, "first", first, none);
    pr_json_set_real(o, "second", second, none);
    pr_json_set_real(o, "difference", d->value, none);
    set_interval(o, d->lo, d->hi);
    pr_json_set_int(o, "n", (int64_t)d->n);
    return o;
}

static bool both_losses(const struct pair *p)
{
    return isfinite(p->a->loss) && isfinite(p->b->loss);
}

static bool both_decided(const struct pair *p)
{
    return p->a->correct != PR_VERDICT_NONE && p->b->correct != PR_VERDICT_NONE;
}

static bool right(const struct pr_grade *g)
{
    return g->correct == PR_VERDICT_RIGHT;
}

static enum pr_code add_mean_loss(
    json_t *metrics, const struct pairs *ps, const struct pr_compare_options *o, struct pr_error *e)
{
    double *a = pr_zalloc((ps->n + 1) * sizeof *a), *b = pr_zalloc((ps->n + 1) * sizeof *b);
    size_t n = 0;
    struct pr_paired t;
    for (size_t i = 0; i < ps->n; i++) {
        if (!both_losses(&ps->v[i]))
            continue;
        a[n] = ps->v[i].a->loss;
        b[n++] = ps->v[i].b->loss;
    }
    enum pr_code code = pr_stats_paired(a, b, n, &o->bootstrap, &t, e);
    if (!code) {
        json_t *m = metric(n ? pr_stats_sum(a, n) / (double)n : NAN,
            n ? pr_stats_sum(b, n) / (double)n : NAN, &t.difference);
        pr_json_set_int(m, "n_better", (int64_t)t.n_better);
        pr_json_set_int(m, "n_worse", (int64_t)t.n_worse);
        pr_json_set_real(m, "p_t", t.t_p, "fewer than two pairs, or all differ alike");
        pr_json_set_real(m, "p_sign_flip", t.sign_flip_p, "no pairs");
        pr_json_set(metrics, "loss_mean_per_example", m);
    }
    pr_free(a);
    pr_free(b);
    return code;
}

/* Some of the pairs, as a bootstrap chooses them. */
struct chosen {
    const struct pair *v;
};

static double pooled(const struct chosen *c, const size_t *index, size_t n, bool second)
{
    double nll = 0;
    size_t tokens = 0;
    for (size_t i = 0; i < n; i++) {
        const struct pair *p = &c->v[index[i]];
        if (!both_losses(p))
            continue;
        nll += second ? p->b->nll : p->a->nll;
        tokens += second ? p->b->answer_tokens : p->a->answer_tokens;
    }
    return tokens ? nll / (double)tokens : NAN;
}

static double pooled_difference(const void *ctx, const size_t *index, size_t n)
{
    return pooled(ctx, index, n, true) - pooled(ctx, index, n, false);
}

/* ECE over the six bins of those that have a verdict and a confidence on both sides. */
static double ece(const struct chosen *c, const size_t *index, size_t n, bool second)
{
    struct {
        double confidence;
        size_t n, right;
    } bins[PR_BINS_SIX] = {0};
    size_t all = 0;
    for (size_t i = 0; i < n; i++) {
        const struct pair *p = &c->v[index[i]];
        const struct pr_grade *g = second ? p->b : p->a;
        if (!both_decided(p) || !isfinite(p->a->confidence) || !isfinite(p->b->confidence))
            continue;
        size_t k = 0;
        while (k + 1 < PR_BINS_SIX && g->confidence >= pr_stats_six_edges[k + 1])
            k++;
        bins[k].confidence += g->confidence;
        bins[k].right += right(g);
        bins[k].n++;
        all++;
    }
    double sum = 0;
    for (size_t k = 0; k < PR_BINS_SIX; k++)
        sum += fabs((double)bins[k].right - bins[k].confidence);
    return all ? sum / (double)all : NAN;
}

static double ece_difference(const void *ctx, const size_t *index, size_t n)
{
    return ece(ctx, index, n, true) - ece(ctx, index, n, false);
}

static enum pr_code add_resampled(json_t *metrics, const char *name, const struct pairs *ps,
    double (*one)(const struct chosen *, const size_t *, size_t, bool),
    double (*difference)(const void *, const size_t *, size_t), const struct pr_compare_options *o,
    struct pr_error *e)
{
    struct chosen c = {ps->v};
    struct pr_estimate d;
    size_t *all = pr_zalloc((ps->n + 1) * sizeof *all);
    for (size_t i = 0; i < ps->n; i++)
        all[i] = i;
    enum pr_code code = pr_stats_bootstrap_any(ps->n, difference, &c, &o->bootstrap, &d, e);
    if (!code)
        pr_json_set(
            metrics, name, metric(one(&c, all, ps->n, false), one(&c, all, ps->n, true), &d));
    pr_free(all);
    return code;
}

static enum pr_code add_accuracy(json_t *metrics, const struct pairs *ps, struct pr_error *e)
{
    uint64_t t[4] = {0}; /* neither, lost, gained, both */
    struct pr_betting bet;
    struct pr_estimate d;
    pr_betting_init(&bet);
    for (size_t i = 0; i < ps->n; i++) {
        const struct pair *p = &ps->v[i];
        if (!both_decided(p))
            continue;
        t[(right(p->b) ? 2 : 0) + (right(p->a) ? 1 : 0)]++;
        if (right(p->a) != right(p->b))
            pr_betting_add(&bet, right(p->b));
    }
    enum pr_code code = pr_stats_paired_proportions(t[3], t[2], t[1], t[0], PR_STATS_LEVEL, &d, e);
    if (code)
        return code;
    double n = (double)(t[0] + t[1] + t[2] + t[3]);
    json_t *m = metric(
        n > 0 ? (double)(t[1] + t[3]) / n : NAN, n > 0 ? (double)(t[2] + t[3]) / n : NAN, &d);
    pr_json_set_int(m, "n_gained", (int64_t)t[2]);
    pr_json_set_int(m, "n_lost", (int64_t)t[1]);
    pr_json_set_real(m, "p_mcnemar", n > 0 ? pr_stats_mcnemar(t[2], t[1], false) : NAN, "no pairs");
    pr_json_set_real(
        m, "p_mcnemar_mid", n > 0 ? pr_stats_mcnemar(t[2], t[1], true) : NAN, "no pairs");
    pr_json_set_real(m, "e_value", exp(pr_betting_log_e(&bet, PR_BET_TWO_SIDED)), "too large");
    pr_json_set_real(m, "p_anytime", pr_betting_p(&bet, PR_BET_TWO_SIDED), NULL);
    pr_json_set(metrics, "accuracy", m);
    return PR_OK;
}

static json_t *side(const struct pr_grades *g)
{
    json_t *o = json_object();
    pr_json_set_str(o, "checkpoint", g->checkpoint);
    pr_json_set_str(o, "path", g->path);
    pr_json_set_str(o, "fingerprint", g->fingerprint);
    pr_json_set_str(o, "run", g->origin.run);
    pr_json_set_int(o, "step", g->origin.step);
    pr_json_set_str(o, "numerics", g->numerics);
    return o;
}

static json_t *answer_of(const struct pr_grade *g)
{
    json_t *line = pr_grade_line(g), *o = json_object();
    static const char *const keys[] = {
        "answer", "correct", "loss", "confidence", "finish", "truncated"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        json_object_set(o, keys[i], json_object_get(line, keys[i]));
    json_decref(line);
    return o;
}

static void add_examples(json_t *doc, const struct pairs *ps, bool all)
{
    json_t *gained = json_array(), *lost = json_array(), *examples = json_array();
    for (size_t i = 0; i < ps->n; i++) {
        const struct pair *p = &ps->v[i];
        const struct pr_example *x = p->a->example;
        bool changed = both_decided(p) && right(p->a) != right(p->b);
        if (changed)
            json_array_append_new(right(p->b) ? gained : lost, json_string(x->id));
        if (!changed && !all)
            continue;
        json_t *o = json_object();
        pr_json_set_str(o, "id", x->id);
        pr_json_set_str(o, "change", !changed ? "none" : right(p->b) ? "gained" : "lost");
        struct pr_text prompt = x->text.s ? x->text : x->prompt;
        pr_json_set_strn(o, "prompt", prompt.s, prompt.n);
        if (x->golden.s)
            pr_json_set_strn(o, "golden", x->golden.s, x->golden.n);
        pr_json_set(o, "first", answer_of(p->a));
        pr_json_set(o, "second", answer_of(p->b));
        json_array_append_new(examples, o);
    }
    pr_json_set(doc, "gained", gained);
    pr_json_set(doc, "lost", lost);
    pr_json_set(doc, "examples", examples);
}

enum pr_code pr_compare(const struct pr_grades *first, const struct pr_grades *second,
    const struct pr_compare_options *options, json_t **ret, struct pr_error *e)
{
    static const struct pr_compare_options none;
    const struct pr_compare_options *o = options ? options : &none;
    struct pairs ps = {0};
    json_t *doc = json_object(), *metrics = json_object();
    enum pr_code code = PR_OK;
    find_pairs(first, second, &ps);
    if (!ps.n)
        code = pr_fail(e, PR_E_FORMAT, "%s and %s have no graded example in common",
            first->checkpoint, second->checkpoint);
    if (code || (code = add_mean_loss(metrics, &ps, o, e)) ||
        (!o->tests_only &&
            (code = add_resampled(metrics, "loss", &ps, pooled, pooled_difference, o, e))) ||
        (code = add_accuracy(metrics, &ps, e)) ||
        (!o->tests_only && (code = add_resampled(metrics, "ece", &ps, ece, ece_difference, o, e))))
        goto out;
    pr_json_set_int(doc, "schema_version", 1);
    pr_json_set(doc, "first", side(first));
    pr_json_set(doc, "second", side(second));
    pr_json_set_str(doc, "suite", first->suite->name);
    pr_json_set_str(doc, "suite_fingerprint", first->suite->fingerprint);
    pr_json_set_bool(
        doc, "same_suite", !strcmp(first->suite->fingerprint, second->suite->fingerprint));
    pr_json_set_bool(doc, "same_numerics", !strcmp(first->numerics, second->numerics));
    pr_json_set_int(doc, "n_paired", (int64_t)ps.n);
    pr_json_set_int(doc, "n_unpaired", (int64_t)ps.n_unpaired);
    json_object_set(doc, "metrics", metrics);
    add_examples(doc, &ps, o->all_examples);
    *ret = json_incref(doc);
out:
    json_decref(metrics);
    json_decref(doc);
    pr_free(ps.v);
    return code;
}
