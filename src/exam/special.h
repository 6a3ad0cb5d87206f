/* The few special functions that the statistics need and libm lacks.  Called by the exam's own
 * statistics alone. */
#ifndef PR_EXAM_SPECIAL_H
#define PR_EXAM_SPECIAL_H

/* Φ(z), the standard normal distribution function, and its inverse for 0 < p < 1 (−inf, +inf at the
 * ends).  Accurate to about 1e-15. */
double pr_normal_cdf(double z);
double pr_normal_quantile(double p);
/* ln of the regularized incomplete beta function I_x(a, b), a, b > 0, 0 <= x <= 1: stays useful
 * where I itself would underflow. */
double pr_log_ibeta(double a, double b, double x);
double pr_ibeta(double a, double b, double x);
/* Two-sided p value of Student's t with df > 0 degrees of freedom (df may be fractional). */
double pr_t_two_sided(double t, double df);
/* The t for which pr_t_two_sided(t, df) = 1 − level. */
double pr_t_quantile(double level, double df);

#endif
