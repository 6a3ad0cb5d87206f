/* Special functions by textbook methods; tested against published tables and scipy's values. */
#include "exam/special.h"

#include <math.h>

double pr_normal_cdf(double z)
{
    return 0.5 * erfc(-z * M_SQRT1_2);
}

/* Acklam's rational approximation (relative error 1.2e-9), then two steps of Halley's method on
 * erfc, which bring it to the precision of double. */
static double quantile_guess(double p)
{
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,
        -2.759285104469687e+02, 1.383577518672690e+02, -3.066479806614716e+01,
        2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,
        -1.556989798598866e+02, 6.680131188771972e+01, -1.328068155288572e+01};
    static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01,
        -2.400758277161838e+00, -2.549732539343734e+00, 4.374664141464968e+00,
        2.938163982698783e+00};
    static const double d[] = {
        7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00};
    if (p < 0.02425) {
        double q = sqrt(-2 * log(p));
        return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
               ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
    }
    double q = p - 0.5, r = q * q;
    return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
           (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
}

double pr_normal_quantile(double p)
{
    if (!(p > 0 && p < 1))
        return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
    if (p > 0.5)
        return -pr_normal_quantile(
            1 - p); /* 1 − p is exact here, and the lower tail is the precise one */
    double z = quantile_guess(p);
    for (int i = 0; i < 2; i++) {
        double u = (pr_normal_cdf(z) - p) * sqrt(2 * M_PI) * exp(z * z / 2);
        z -= u / (1 + z * u / 2);
    }
    return z;
}

/* The continued fraction of the incomplete beta function by Lentz's method (Numerical Recipes, 3rd
 * edition, section 6.4); converges quickly for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m < 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double step = 1;
        for (int half = 0; half < 2; half++) {
            double k = half ? odd : even;
            d = 1 + k * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + k / c;
            c = fabs(c) < tiny ? tiny : c;
            step = c * d;
            h *= step;
        }
        if (fabs(step - 1) < 1e-16)
            break;
    }
    return h;
}

double pr_log_ibeta(double a, double b, double x)
{
    if (!(a > 0 && b > 0 && x >= 0 && x <= 1))
        return NAN;
    if (x == 0)
        return -INFINITY;
    if (x == 1)
        return 0;
    double front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x);
    if (x < (a + 1) / (a + b + 2))
        return front + log(beta_fraction(a, b, x)) - log(a);
    double other = exp(front) * beta_fraction(b, a, 1 - x) / b;
    return other >= 1 ? -INFINITY : log1p(-other);
}

double pr_ibeta(double a, double b, double x)
{
    return exp(pr_log_ibeta(a, b, x));
}

double pr_t_two_sided(double t, double df)
{
    if (isinf(t))
        return 0;
    return pr_ibeta(df / 2, 0.5, df / (df + t * t));
}

double pr_t_quantile(double level, double df)
{
    double lo = 0, hi = 1;
    while (hi < 1e12 && pr_t_two_sided(hi, df) > 1 - level)
        hi *= 2;
    for (int i = 0; i < 200 && hi - lo > 1e-15 * hi; i++) {
        double mid = (lo + hi) / 2;
        if (pr_t_two_sided(mid, df) > 1 - level)
            lo = mid;
        else
            hi = mid;
    }
    return (lo + hi) / 2;
}
