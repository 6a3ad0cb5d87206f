/* What could have been detected. */
#include <math.h>

#include "exam/special.h"
#include "systems/baseline.h"
#include "systems/judge.h"

#define POWER 0.8

/* The share of discordant answers to reckon with.  Half an answer is added, since having seen none
 * does not mean that there are none. */
static double discordance(const struct pr_pairs *p)
{
    double n = (double)p->n_verdicts;
    return fmin(1, ((double)(p->gained + p->lost) + 0.5) / n);
}

/* P(a drop of `drop` is found), normal approximation: lost − gained has mean n·drop and variance
 * n·(share − drop²), and mid-p McNemar rejects about where it passes z·√(n·share). */
static double found(double n, double share, double drop, double level, double margin)
{
    double d = fmax(share, drop); /* as many answers differ as are lost, at least */
    double bar = fmax(-pr_normal_quantile(level) * sqrt(n * d), n * margin);
    double var = n * (d - drop * drop);
    return var > 0 ? pr_normal_cdf((n * drop - bar) / sqrt(var)) : n * drop >= bar;
}

double pr_detectable_accuracy(size_t n, double share, double level, double margin)
{
    double lo = 0, hi = 1, m = (double)n;
    if (!n || found(m, share, 1, level, margin) < POWER)
        return NAN;
    for (int i = 0; i < 50; i++) {
        double mid = (lo + hi) / 2;
        *(found(m, share, mid, level, margin) < POWER ? &lo : &hi) = mid;
    }
    return hi;
}

double pr_detectable_mean(const struct pr_greater *t, double level)
{
    if (t->n < 2 || !(t->se > 0))
        return NAN;
    double df = (double)(t->n - 1);
    return t->se * (pr_t_quantile(1 - 2 * level, df) + pr_t_quantile(2 * POWER - 1, df));
}

json_t *pr_detectable_drop(const struct pr_settings *s, const struct pr_pairs *p)
{
    json_t *o = json_object();
    struct pr_greater t = {.n = 0};
    double *d = pr_alloc((p->n_loss + 1) * sizeof *d), loss = 0;
    for (size_t i = 0; i < p->n_loss; i++)
        d[i] = p->loss_b[i] - p->loss_a[i];
    loss = p->n_loss ? pr_stats_sum(p->loss_a, p->n_loss) / (double)p->n_loss : NAN;
    double level = pr_level_loss(s, p), percent = NAN;
    /* Losses in pairs are finite, so that this cannot fail for another reason than the level. */
    if (pr_stats_greater(d, p->n_loss, level, &t, NULL) == PR_OK && loss > 0)
        percent = fmax(100 * pr_detectable_mean(&t, level) / loss, s->warn_percent);
    pr_free(d);
    double points = p->n_verdicts ? 100 * pr_detectable_accuracy(p->n_verdicts, discordance(p),
                                              pr_level_accuracy(s), s->warn_points / 100)
                                  : NAN;
    pr_json_set_real(o, "accuracy_points", points,
        p->n_verdicts ? "no drop would be found with this certainty" : "no answers to compare");
    pr_json_set_real(o, "loss_percent", percent, "the losses of the pairs do not vary");
    pr_json_set_real(o, "power", POWER, NULL);
    pr_json_set_int(o, "n", (int64_t)p->n);
    return o;
}
