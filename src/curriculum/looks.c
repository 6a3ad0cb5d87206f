/* The repeated t test's error, from a table that bench/curriculum/looks.c makes. */
#include "curriculum/looks.h"

#include <math.h>

#include "exam/special.h"

#define LARGEST 0.5
#define RATIO   0.7

static const double overall[PR_LOOKS_TABLE] = {8.240550e-01, 6.922027e-01, 5.665387e-01,
    4.550417e-01, 3.602021e-01, 2.817899e-01, 2.183036e-01, 1.677158e-01, 1.279255e-01,
    9.695762e-02, 7.307369e-02, 5.479514e-02, 4.090115e-02, 3.040392e-02, 2.251595e-02,
    1.661671e-02, 1.222386e-02, 8.966591e-03, 6.559170e-03, 4.786364e-03, 3.484700e-03,
    2.531689e-03, 1.835622e-03, 1.328558e-03, 9.599203e-04, 6.924659e-04, 4.988107e-04,
    3.588176e-04, 2.577742e-04, 1.849761e-04, 1.325912e-04, 9.493458e-05, 6.791506e-05,
    4.853410e-05, 3.465724e-05, 2.472809e-05, 1.762993e-05, 1.255874e-05, 8.940784e-06,
    6.361383e-06};

double pr_looks_nominal(int i)
{
    return LARGEST * pow(RATIO, i);
}

/* Between the entries ln overall runs nearly straight over ln g.  Below the last one the looks add
 * up at most (Bonferroni), which is on the safe side. */
double pr_looks_overall(double g)
{
    if (!(g < pr_looks_nominal(0)))
        return 1;
    if (g <= pr_looks_nominal(PR_LOOKS_TABLE - 1))
        return fmin(overall[PR_LOOKS_TABLE - 1], g * (PR_LOOKS_LAST - PR_LOOKS_FIRST + 1));
    double x = log(g / LARGEST) / log(RATIO);
    int i = (int)fmin(x, PR_LOOKS_TABLE - 2);
    return overall[i] * pow(overall[i + 1] / overall[i], x - i);
}

double pr_looks_level(double p)
{
    int i = 0;
    while (i < PR_LOOKS_TABLE - 1 && overall[i + 1] >= p)
        i++;
    if (i == PR_LOOKS_TABLE - 1)
        return fmin(pr_looks_nominal(i), p / (PR_LOOKS_LAST - PR_LOOKS_FIRST + 1));
    double x = log(p / overall[i]) / log(overall[i + 1] / overall[i]);
    return LARGEST * pow(RATIO, fmax(0, i + x));
}

void pr_looks_mean(const double *d, size_t n, double *ret_mean, double *ret_se)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += d[i];
    double mean = n ? sum / (double)n : NAN;
    for (size_t i = 0; i < n; i++)
        squares += (d[i] - mean) * (d[i] - mean);
    *ret_mean = mean;
    *ret_se = n < 2 ? NAN : sqrt(squares / (double)(n - 1) / (double)n);
}

double pr_looks_t_p(double mean, double se, size_t n)
{
    /* Differences that are all alike, as coarse scores can make them, say nothing about chance. */
    if (n < 2 || !(se > 1e-12 * fabs(mean)))
        return NAN;
    double p = 0.5 * pr_t_two_sided(mean / se, (double)(n - 1));
    return mean > 0 ? p : 1 - p;
}
