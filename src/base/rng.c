/* xoshiro256** with splitmix64 seeding. */
#include "base/rng.h"

#include <math.h>

void pr_rng_seed(struct pr_rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        r->s[i] = z ^ z >> 31;
    }
}

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

uint64_t pr_rng_u64(struct pr_rng *r)
{
    uint64_t *s = r->s, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

uint64_t pr_rng_below(struct pr_rng *r, uint64_t n)
{
    uint64_t floor = -n % n, x; /* 2^64 mod n: below it the remainders are uneven */
    do
        x = pr_rng_u64(r);
    while (x < floor);
    return x % n;
}

double pr_rng_double(struct pr_rng *r)
{
    return (double)(pr_rng_u64(r) >> 11) * 0x1p-53;
}

double pr_rng_normal(struct pr_rng *r)
{
    double u = 1.0 - pr_rng_double(r), v = pr_rng_double(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}
