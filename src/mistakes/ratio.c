/* Exact arithmetic on fractions of 64 bits; what does not fit fails. */
#include <stdlib.h>

#include "mistakes/figure.h"

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? -(uint64_t)x : (uint64_t)x;
}

static bool reduce(int64_t num, int64_t den, struct pr_ratio *ret)
{
    uint64_t a = magnitude(num), b = magnitude(den);
    if (!den || num == INT64_MIN || den == INT64_MIN)
        return false;
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    int64_t common = (int64_t)a;
    *ret = (struct pr_ratio){.num = num / common, .den = den / common};
    if (ret->den < 0) {
        ret->num = -ret->num;
        ret->den = -ret->den;
    }
    return true;
}

static bool add(struct pr_ratio a, struct pr_ratio b, bool minus, struct pr_ratio *ret)
{
    int64_t x, y, sum, den;
    if (__builtin_mul_overflow(a.num, b.den, &x) || __builtin_mul_overflow(b.num, a.den, &y) ||
        __builtin_mul_overflow(a.den, b.den, &den))
        return false;
    if (minus ? __builtin_sub_overflow(x, y, &sum) : __builtin_add_overflow(x, y, &sum))
        return false;
    return reduce(sum, den, ret);
}

static bool multiply(struct pr_ratio a, struct pr_ratio b, struct pr_ratio *ret)
{
    int64_t num, den;
    return !__builtin_mul_overflow(a.num, b.num, &num) &&
           !__builtin_mul_overflow(a.den, b.den, &den) && reduce(num, den, ret);
}

bool pr_ratio_apply(char op, struct pr_ratio a, struct pr_ratio b, struct pr_ratio *ret)
{
    if (op == '+' || op == '-')
        return add(a, b, op == '-', ret);
    return multiply(a, op == '*' ? b : (struct pr_ratio){.num = b.den, .den = b.num}, ret);
}

bool pr_ratio_equal(struct pr_ratio a, struct pr_ratio b)
{
    return a.num == b.num && a.den == b.den;
}

/* The power of p that x holds is divided out. */
static int64_t without(int64_t x, int64_t p)
{
    while (x % p == 0)
        x /= p;
    return x;
}

bool pr_ratio_ends(struct pr_ratio a)
{
    return without(without(a.den, 2), 5) == 1;
}

void pr_ratio_put(struct pr_str *out, struct pr_ratio a)
{
    uint64_t rest = magnitude(a.num), den = (uint64_t)a.den;
    if (!pr_ratio_ends(a) || den > INT64_MAX / 10) {
        pr_str_printf(out, "%lld/%lld", (long long)a.num, (long long)a.den);
        return;
    }
    pr_str_printf(out, "%s%llu", a.num < 0 ? "-" : "", (unsigned long long)(rest / den));
    rest %= den;
    if (rest)
        pr_str_putc(out, '.');
    for (; rest; rest %= den) {
        rest *= 10;
        pr_str_putc(out, (char)('0' + rest / den));
    }
}
