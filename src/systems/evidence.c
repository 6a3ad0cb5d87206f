/* Pieces of the evidence that a verdict is stored with. */
#include <math.h>

#include "systems/judge.h"

const char *pr_verdict_level_name(enum pr_verdict_level l)
{
    static const char *const names[] = {"ok", "warning", "critical"};
    return (unsigned)l < sizeof names / sizeof *names ? names[l] : "unknown";
}

void pr_evidence_interval(json_t *o, const char *key, double lo, double hi, const char *reason)
{
    if (isfinite(lo) && isfinite(hi))
        pr_json_set(o, key, json_pack("[ff]", lo, hi));
    else
        pr_json_set_null(o, key, reason);
}

static json_t *thresholds(const struct pr_settings *s)
{
    json_t *o = json_object();
    pr_json_set_real(o, "threshold_percent", s->threshold, NULL);
    pr_json_set_real(o, "margin_nats", s->margin_nats, NULL);
    pr_json_set_real(o, "warn_points", s->warn_points, NULL);
    pr_json_set_real(o, "warn_percent", s->warn_percent, NULL);
    pr_json_set_real(o, "error_rate", s->error_rate, NULL);
    pr_json_set_real(o, "loss_share", s->loss_share, NULL);
    pr_json_set_real(o, "early_rate", s->early_rate, NULL);
    pr_json_set_real(o, "baseline_p", s->baseline_p, NULL);
    return o;
}

json_t *pr_evidence_new(const struct pr_settings *s, const struct pr_grades *baseline,
    const struct pr_grades *checkpoint)
{
    json_t *o = json_object();
    size_t graded = 0;
    for (size_t i = 0; checkpoint && i < checkpoint->n; i++)
        graded += checkpoint->v[i].graded;
    pr_json_set_str(o, "checkpoint", checkpoint ? checkpoint->checkpoint : NULL);
    pr_json_set_str(o, "fingerprint", checkpoint ? checkpoint->fingerprint : NULL);
    pr_json_set_str(o, "baseline", baseline ? baseline->checkpoint : NULL);
    pr_json_set_str(o, "baseline_fingerprint", baseline ? baseline->fingerprint : NULL);
    pr_json_set_str(
        o, "settings_fingerprint", checkpoint ? checkpoint->settings_fingerprint : NULL);
    pr_json_set_int(o, "n", checkpoint ? (int64_t)checkpoint->n : 0);
    pr_json_set_int(o, "n_graded", (int64_t)graded);
    pr_json_set(o, "thresholds", thresholds(s));
    return o;
}

double pr_mean_loss(const struct pr_grades *g, size_t *ret_n)
{
    double *v = pr_alloc((g->n + 1) * sizeof *v);
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i].graded && isfinite(g->v[i].loss))
            v[n++] = g->v[i].loss;
    double mean = n ? pr_stats_sum(v, n) / (double)n : NAN;
    pr_free(v);
    *ret_n = n;
    return mean;
}

double pr_accuracy(const struct pr_grades *g, size_t *ret_right, size_t *ret_n)
{
    size_t right = 0, n = 0;
    for (size_t i = 0; i < g->n; i++) {
        n += g->v[i].graded && g->v[i].correct != PR_VERDICT_NONE;
        right += g->v[i].graded && g->v[i].correct == PR_VERDICT_RIGHT;
    }
    *ret_right = right;
    *ret_n = n;
    return n ? (double)right / (double)n : NAN;
}

size_t pr_bad_numbers(const struct pr_grades *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        n += g->v[i].graded && g->v[i].bad_number;
    return n;
}
