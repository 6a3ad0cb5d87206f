/* Reproducible random numbers: xoshiro256** (Blackman & Vigna 2018), seeded by splitmix64.  The
 * same seed gives the same numbers on every machine and in every release.  Not for secrets. */
#ifndef PR_BASE_RNG_H
#define PR_BASE_RNG_H

#include <stdint.h>

struct pr_rng {
    uint64_t s[4];
};
void pr_rng_seed(struct pr_rng *r, uint64_t seed);
uint64_t pr_rng_u64(struct pr_rng *r);
/* Uniform in [0, n), n > 0, without modulo bias. */
uint64_t pr_rng_below(struct pr_rng *r, uint64_t n);
/* Uniform in [0, 1) with 53 bits. */
double pr_rng_double(struct pr_rng *r);
/* Standard normal (Box–Muller). */
double pr_rng_normal(struct pr_rng *r);

#endif
