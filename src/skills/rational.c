/* Fractions. */
#include "skills/rational.h"

#define MOST 1000000000000000000 /* of numerator and denominator */

static struct pr_rational reduced(__int128 num, __int128 den)
{
    static const struct pr_rational none = {0, 0};
    if (!den)
        return none;
    __int128 a = num < 0 ? -num : num, b = den < 0 ? -den : den;
    while (b) {
        __int128 rest = a % b;
        a = b;
        b = rest;
    }
    num = den < 0 ? -num / a : num / a;
    den = den < 0 ? -den / a : den / a;
    if (num > MOST || num < -MOST || den > MOST)
        return none;
    return (struct pr_rational){(int64_t)num, (int64_t)den};
}

struct pr_rational pr_rational(int64_t num, int64_t den)
{
    return reduced(num, den);
}

static bool none(struct pr_rational a, struct pr_rational b)
{
    return !a.den || !b.den;
}

/* Each product is below 10^36, a sum of two below 2^127. */
struct pr_rational pr_rational_add(struct pr_rational a, struct pr_rational b)
{
    if (none(a, b))
        return (struct pr_rational){0, 0};
    return reduced((__int128)a.num * b.den + (__int128)b.num * a.den, (__int128)a.den * b.den);
}

struct pr_rational pr_rational_sub(struct pr_rational a, struct pr_rational b)
{
    b.num = -b.num;
    return pr_rational_add(a, b);
}

struct pr_rational pr_rational_mul(struct pr_rational a, struct pr_rational b)
{
    if (none(a, b))
        return (struct pr_rational){0, 0};
    return reduced((__int128)a.num * b.num, (__int128)a.den * b.den);
}

struct pr_rational pr_rational_div(struct pr_rational a, struct pr_rational b)
{
    if (none(a, b) || !b.num)
        return (struct pr_rational){0, 0};
    return reduced((__int128)a.num * b.den, (__int128)a.den * b.num);
}

bool pr_rational_same(struct pr_rational a, struct pr_rational b)
{
    return a.den && a.den == b.den && a.num == b.num;
}

void pr_rational_put(struct pr_str *out, struct pr_rational a)
{
    if (a.den == 1)
        pr_str_printf(out, "%lld", (long long)a.num);
    else
        pr_str_printf(out, "%lld/%lld", (long long)a.num, (long long)a.den);
}
