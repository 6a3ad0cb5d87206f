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

/* Up to so many discordant answers are reckoned with exactly; beyond, the normal approximation is
 * within a percent of the power and costs nothing. */
#define EXACT_MEAN 40
#define EXACT_MAX  120

/* P(a drop of `drop` is found): lost − gained has mean n·drop and variance n·(share − drop²), and
 * the exact test rejects about where it passes z·√(n·share) + 1 (half a pair for the continuity,
 * half for the step to the next whole one). */
static double found_about(double n, double share, double drop, double level, double margin)
{
    double d = fmax(share, drop); /* as many answers differ as are lost, at least */
    double bar = fmax(-pr_normal_quantile(level) * sqrt(n * d) + 1, n * margin);
    double var = n * (d - drop * drop);
    return var > 0 ? pr_normal_cdf((n * drop - bar) / sqrt(var)) : n * drop >= bar;
}

/* critical[d]: of d discordant answers so many must be lost. */
static void fill_critical(double level, size_t critical[EXACT_MAX + 1])
{
    critical[0] = 1;
    for (size_t d = 1, k = 1; d <= EXACT_MAX; d++) {
        /* One more pair asks for as many lost ones as before, or for one more. */
        while (k <= d && pr_stats_mcnemar_worse(d - k, k) > level)
            k++;
        critical[d] = k;
    }
}

/* The same, added up over all numbers of discordant answers. */
static double found_exactly(
    double n, double share, double drop, double margin, const size_t critical[EXACT_MAX + 1])
{
    double s = fmax(share, drop), q = (s + drop) / 2 / s, sum = 0;
    for (size_t d = 1; d <= EXACT_MAX && (double)d <= n; d++) {
        double m = (double)d, k = fmax((double)critical[d], ceil((margin * n + m) / 2 - 1e-9));
        if (k > m)
            continue;
        double log_w =
            lgamma(n + 1) - lgamma(m + 1) - lgamma(n - m + 1) + m * log(s) + (n - m) * log1p(-s);
        if (log_w > -25)
            sum += exp(log_w) * (q < 1 ? pr_ibeta(k, m - k + 1, q) : 1);
    }
    return sum;
}

double pr_detectable_accuracy(size_t n, double share, double level, double margin)
{
    size_t critical[EXACT_MAX + 1];
    double lo = 0, hi = 1, m = (double)n;
    if (!n || found_about(m, share, 1, level, margin) < POWER)
        return NAN;
    for (int i = 0; i < 30; i++) {
        double mid = (lo + hi) / 2;
        *(found_about(m, share, mid, level, margin) < POWER ? &lo : &hi) = mid;
    }
    /* The approximation is an upper end here: it expects more than there is from few answers. */
    if (m * fmax(share, hi) > EXACT_MEAN || share >= 1 || hi >= 1)
        return hi;
    fill_critical(level, critical);
    for (lo = hi / 2, hi = fmin(1.2 * hi, 0.999); hi - lo > 2e-4;) {
        double mid = (lo + hi) / 2;
        *(found_exactly(m, share, mid, margin, critical) < POWER ? &lo : &hi) = mid;
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
