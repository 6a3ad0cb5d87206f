/* The statistics behind every figure that proctor reports: intervals, calibration, paired tests,
 * and a test that may be looked at as often as one likes.
 *
 * Rules of the whole file: a NaN or infinite input is PR_E_NUMBER and names its index; a quantity
 * that does not exist (the mean of nothing) is `known` false with its numbers NaN, never 0;
 * everything that draws random numbers takes a seed and gives the same result for the same seed.
 */
#ifndef PR_EXAM_STATS_H
#define PR_EXAM_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A figure with its interval.  n: the observations behind it. */
struct pr_estimate {
    bool known;
    double value, lo, hi;
    size_t n;
};

#define PR_STATS_LEVEL     0.95
#define PR_STATS_RESAMPLES 2000
#define PR_STATS_SEED      20260101

struct pr_bootstrap_options {
    double level;     /* 0: PR_STATS_LEVEL */
    size_t resamples; /* 0: PR_STATS_RESAMPLES */
    uint64_t seed;    /* 0: PR_STATS_SEED */
    bool bca;         /* bias-corrected and accelerated (Efron 1987) instead of percentiles */
};

/* Wilson's score interval of k successes in n trials (Wilson 1927), without continuity correction.
 * PR_E_USAGE when k > n or level is not in (0, 1). */
PR_MUST_CHECK enum pr_code pr_stats_wilson(
    uint64_t k, uint64_t n, double level, struct pr_estimate *ret, struct pr_error *e);

/* Σ num / Σ den over n units with a bootstrap interval that resamples units; den NULL: the mean of
 * num.  Unknown when n = 0 or Σ den = 0; with n = 1 the value is known and the interval is NaN. */
PR_MUST_CHECK enum pr_code pr_stats_bootstrap(const double *num, const double *den, size_t n,
    const struct pr_bootstrap_options *options, struct pr_estimate *ret, struct pr_error *e);

/* The same for any statistic of n units: `value` gets the chosen units' indices (all of them in
 * order for the estimate itself) and returns NaN where there is no value; such resamples are left
 * out.  The interval is NaN when fewer than 95 % of the resamples had a value.  bca is not used. */
PR_MUST_CHECK enum pr_code pr_stats_bootstrap_any(size_t n,
    double (*value)(const void *ctx, const size_t *index, size_t n), const void *ctx,
    const struct pr_bootstrap_options *options, struct pr_estimate *ret, struct pr_error *e);

/* The difference b − a of paired observations. */
struct pr_paired {
    struct pr_estimate difference; /* mean of b − a, percentile (or BCa) bootstrap over pairs */
    double t_p;         /* paired t test, two-sided; NaN when n < 2 or all differ alike */
    double sign_flip_p; /* sign-flip test, two-sided: exact up to 16 pairs, else seeded draws */
    size_t n_better, n_worse; /* pairs with b < a, with b > a */
};
PR_MUST_CHECK enum pr_code pr_stats_paired(const double *a, const double *b, size_t n,
    const struct pr_bootstrap_options *options, struct pr_paired *ret, struct pr_error *e);

/* McNemar's exact test of `gained` against `lost` discordant pairs: two-sided binomial with p =
 * 1/2; mid_p counts the observed table half (Fagerland, Lydersen & Laake 2013).  1 when both are 0.
 */
double pr_stats_mcnemar(uint64_t gained, uint64_t lost, bool mid_p);

/* The same exact test one-sided, P(at least `lost` of the discordant pairs are lost): is the second
 * worse?  It rejects no more often than its level whatever the pairs. */
double pr_stats_mcnemar_worse(uint64_t gained, uint64_t lost);

/* One-sided p of the sign-flip test, P(Σ ±d >= Σ d): exact up to 16 pairs, else by seeded draws
 * with the observed one counted in (Phipson & Smyth 2010), so never below 1/(draws + 1). */
double pr_stats_sign_flips(const double *d, size_t n, size_t draws, uint64_t seed);
/* An upper bound on that p which needs no draws and holds for any d, however heavy its tails: the
 * smaller of Hoeffding's exp(−x²/2) and 3.18 · P(Z >= x), x = Σd / √Σd² (Bentkus & Dzindzalieta
 * 2015, "A tight Gaussian bound for weighted sums of Rademacher random variables").  For p values
 * as small as 1e-5, which draws would take minutes to reach. */
double pr_stats_sign_bound(const double *d, size_t n);

/* One-sided p of Student's t for a mean above 0; NaN where n < 2. */
double pr_stats_t_greater(const double *d, size_t n, double *ret_mean, double *ret_se);

/* Is the mean of n paired differences above 0?  The p value is the larger of Student's t and the
 * sign flips': t alone can be wrong for a few large losses, sign flips are right whenever both
 * sides are alike (each difference is then as likely +d as −d).  The flips are drawn only where t
 * rejects at `level`, since they cannot change anything elsewhere; else sign_flip_p is NaN. */
struct pr_greater {
    double mean, se, lo, hi;    /* 95 % interval by t; NaN where n < 2 */
    double lower_bound;         /* one-sided, by t at `level` */
    double t_p, sign_flip_p, p; /* NaN where unknown */
    size_t n;
};
PR_MUST_CHECK enum pr_code pr_stats_greater(
    const double *d, size_t n, double level, struct pr_greater *ret, struct pr_error *e);

/* The difference of two paired proportions, (both + gained) − (both + lost) over n, with Newcombe's
 * hybrid score interval (Newcombe 1998, method 10): both right, gained (only the second right),
 * lost (only the first), neither. */
PR_MUST_CHECK enum pr_code pr_stats_paired_proportions(uint64_t both, uint64_t gained,
    uint64_t lost, uint64_t neither, double level, struct pr_estimate *ret, struct pr_error *e);

/* An anytime-valid test on discordant pairs: a bettor whose stake is the Krichevsky–Trofimov
 * mixture over all probabilities p (Beta(1/2, 1/2)) bets against p = 1/2.  Its wealth is a
 * non-negative martingale under the null, so by Ville's inequality P(it ever reaches 1/α) <= α,
 * however often one looks and whenever one stops (Waudby-Smith & Ramdas 2024; Ramdas et al. 2023,
 * "Game-theoretic statistics and safe anytime-valid inference").  The one-sided bettors put the
 * mixture on one half only and are valid against p <= 1/2 (for `gained`) or p >= 1/2 (for `lost`).
 */
struct pr_betting {
    uint64_t gained, lost;
    double max_log_e[3]; /* running maxima, by enum pr_betting_side */
};
enum pr_betting_side { PR_BET_TWO_SIDED, PR_BET_GAINED, PR_BET_LOST };
void pr_betting_init(struct pr_betting *b);
/* One more discordant pair.  The order of the pairs must not depend on their outcome. */
void pr_betting_add(struct pr_betting *b, bool gained);
/* ln of the wealth now, and p = min(1, 1 / largest wealth so far). */
double pr_betting_log_e(const struct pr_betting *b, enum pr_betting_side side);
double pr_betting_p(const struct pr_betting *b, enum pr_betting_side side);

/* One bin of a calibration table.  accuracy and mean_confidence are NaN when count is 0. */
struct pr_bin {
    double lo, hi;
    size_t count, n_correct;
    double accuracy, mean_confidence;
};
/* The six bins of every calibration figure: 7 edges. */
#define PR_BINS_SIX 6
extern const double pr_stats_six_edges[PR_BINS_SIX + 1];
/* Expected calibration error over n_bins bins [edges[i], edges[i+1]), the last one closed:
 * Σ count/n · |accuracy − mean confidence|.  Fills bins.  edges NULL: equal bins over [0, 1], an
 * observation's bin being min(n_bins − 1, floor(confidence · n_bins)).  *ret_ece is NaN when n = 0.
 * PR_E_NUMBER for a confidence outside the edges, PR_E_USAGE for edges that do not rise. */
PR_MUST_CHECK enum pr_code pr_stats_ece(const double *confidence, const bool *correct, size_t n,
    const double *edges, size_t n_bins, struct pr_bin *bins, double *ret_ece, struct pr_error *e);

/* Compensated sum (Neumaier 1974): the same to the last bit or two in any order. */
double pr_stats_sum(const double *x, size_t n);
/* PR_E_NUMBER names the first x[i] that is NaN or infinite. */
PR_MUST_CHECK enum pr_code pr_stats_finite(
    const double *x, size_t n, const char *what, struct pr_error *e);

#endif
