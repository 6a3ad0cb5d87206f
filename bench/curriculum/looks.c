/* Makes the table of src/curriculum/looks.c: with which probability a sequence of t tests, one
 * after each block from the 5th to the 30th, each at nominal level g, ever rejects a true null.
 *
 * Exact for normal differences, by recursive numerical integration (Armitage, McPherson & Rowe
 * 1969) in one dimension: let r_n = S_n/√V_n with S_n = Σx and V_n = Σx².  Under the null V_n is
 * independent of r_1 … r_n (it is complete and sufficient, they are ancillary: Basu), and
 *   r_{n+1} = r_n·√(1−u²) + u,  u = x/√(V_n + x²) = sin φ,  φ of density ∝ cos^{n−1}φ,
 * so r is a Markov chain whose distribution, where no look has rejected yet, is carried forward.
 *
 *   bench_looks           prints the table
 *   bench_looks check     and beside it what 2 million made-up sequences give
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "curriculum/looks.h"
#include "exam/special.h"

#define GRID   1601 /* points of the distribution, even in the angle asin(r/√n) */
#define ANGLES 1200 /* of φ */
#define PI     3.14159265358979323846

/* The bound of look n as an angle: t >= the (1 − g) quantile, in r/√n. */
static double bound_angle(double g, int n)
{
    double t = pr_t_quantile(1 - 2 * g, n - 1);
    return asin(t / sqrt(n - 1 + t * t));
}

static double at(const double *f, double angle)
{
    double x = (angle + PI / 2) / PI * (GRID - 1);
    int i = (int)x;
    if (i >= GRID - 1)
        return f[GRID - 1];
    return f[i] + (x - i) * (f[i + 1] - f[i]);
}

/* f: P(r_n/√n <= sin angle, nothing rejected before n) on the grid; made into that of n + 1. */
static void advance(double *f, int n, double bound)
{
    static double next[GRID], weight[ANGLES], sine[ANGLES], cosine[ANGLES];
    double sum = 0;
    for (int q = 0; q < ANGLES; q++) {
        double phi = ((q + 0.5) / ANGLES - 0.5) * PI;
        sine[q] = sin(phi), cosine[q] = cos(phi);
        sum += weight[q] = pow(cosine[q], n - 1);
    }
    for (int i = 0; i < GRID; i++) {
        double r = sqrt(n + 1) * sin(((double)i / (GRID - 1) - 0.5) * PI), p = 0;
        for (int q = 0; q < ANGLES; q++) {
            double x = (r - sine[q]) / cosine[q] / sqrt(n);
            if (x > -1)
                p += weight[q] * at(f, fmin(x < 1 ? asin(x) : PI / 2, bound));
        }
        next[i] = p / sum;
    }
    memcpy(f, next, sizeof next);
}

static double overall(double g)
{
    static double f[GRID];
    for (int i = 0; i < GRID; i++) /* r_1 = ±1 */
        f[i] = i == GRID - 1 ? 1 : 0.5;
    for (int n = 1; n < PR_LOOKS_LAST; n++)
        advance(f, n, n >= PR_LOOKS_FIRST ? bound_angle(g, n) : PI / 2);
    return 1 - at(f, bound_angle(g, PR_LOOKS_LAST));
}

static double simulated(double g, int runs)
{
    struct pr_rng rng;
    pr_rng_seed(&rng, 1);
    int rejected = 0;
    double bound[PR_LOOKS_LAST + 1];
    for (int n = PR_LOOKS_FIRST; n <= PR_LOOKS_LAST; n++)
        bound[n] = sin(bound_angle(g, n)) * sqrt(n);
    for (int i = 0; i < runs; i++) {
        double s = 0, v = 0;
        for (int n = 1; n <= PR_LOOKS_LAST; n++) {
            double x = pr_rng_normal(&rng);
            s += x, v += x * x;
            if (n >= PR_LOOKS_FIRST && s >= bound[n] * sqrt(v)) {
                rejected++;
                break;
            }
        }
    }
    return (double)rejected / runs;
}

int main(int argc, char **argv)
{
    bool check = argc > 1 && strcmp(argv[1], "check") == 0;
    for (int i = 0; i < PR_LOOKS_TABLE; i++) {
        double g = pr_looks_nominal(i), p = overall(g);
        if (check)
            printf("%.3e  %.6e  %.6e\n", g, p, simulated(g, 2000000));
        else
            printf("%.6e,%s", p, i % 5 == 4 ? "\n" : " ");
    }
    puts("");
    return 0;
}
