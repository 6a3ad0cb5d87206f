/* Expected calibration error over any bins. */
#include <math.h>

#include "exam/stats.h"

const double pr_stats_six_edges[PR_BINS_SIX + 1] = {0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0};

static enum pr_code lay_out(
    const double *edges, size_t n_bins, struct pr_bin *bins, struct pr_error *e)
{
    if (!n_bins)
        return pr_fail(e, PR_E_USAGE, "no bins");
    for (size_t i = 0; i < n_bins; i++) {
        double lo = edges ? edges[i] : (double)i / (double)n_bins;
        double hi = edges ? edges[i + 1] : (double)(i + 1) / (double)n_bins;
        if (!(isfinite(lo) && isfinite(hi) && lo < hi))
            return pr_fail(e, PR_E_USAGE, "bin %zu goes from %g to %g", i, lo, hi);
        bins[i] = (struct pr_bin){.lo = lo, .hi = hi, .accuracy = NAN, .mean_confidence = NAN};
    }
    return PR_OK;
}

/* Equal bins follow floor(c·n), which near an edge can differ from comparing with i/n. */
static size_t bin_of(double c, bool equal, const struct pr_bin *bins, size_t n_bins)
{
    if (equal) {
        size_t i = (size_t)(c * (double)n_bins);
        return i < n_bins ? i : n_bins - 1;
    }
    size_t i = 0;
    while (i + 1 < n_bins && c >= bins[i].hi)
        i++;
    return i;
}

enum pr_code pr_stats_ece(const double *confidence, const bool *correct, size_t n,
    const double *edges, size_t n_bins, struct pr_bin *bins, double *ret_ece, struct pr_error *e)
{
    enum pr_code code = lay_out(edges, n_bins, bins, e);
    if (code || (code = pr_stats_finite(confidence, n, "confidence", e)))
        return code;
    for (size_t i = 0; i < n; i++) {
        double c = confidence[i];
        if (c < bins[0].lo || c > bins[n_bins - 1].hi)
            return pr_fail(e, PR_E_NUMBER, "confidence %zu is %g, expected %g to %g", i, c,
                bins[0].lo, bins[n_bins - 1].hi);
        struct pr_bin *b = &bins[bin_of(c, !edges, bins, n_bins)];
        b->mean_confidence = b->count ? b->mean_confidence + c : c;
        b->count++;
        b->n_correct += correct[i];
    }
    double ece = 0;
    for (size_t i = 0; i < n_bins; i++) {
        struct pr_bin *b = &bins[i];
        if (!b->count)
            continue;
        b->mean_confidence /= (double)b->count;
        b->accuracy = (double)b->n_correct / (double)b->count;
        ece += (double)b->count / (double)n * fabs(b->accuracy - b->mean_confidence);
    }
    *ret_ece = n ? ece : NAN;
    return PR_OK;
}
