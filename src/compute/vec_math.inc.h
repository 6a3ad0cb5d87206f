/* Functions on vectors, from the primitives of a vec_*.h included before. */

#define PR_INLINE static inline __attribute__((always_inline))

/* Before a loop with a constant count over registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 64")
#endif

PR_INLINE vf ld(const float *p, size_t n)
{
    return n == VL ? vf_load(p) : vf_load_n(p, n);
}

PR_INLINE void st(float *p, vf v, size_t n)
{
    if (n == VL)
        vf_store(p, v);
    else
        vf_store_n(p, v, n);
}

/* For each vector of n elements: i is its first, c the number that it holds. */
#define FOR_VECTORS(i, c, n) for (size_t i = 0, c; c = (n)-i < VL ? (n)-i : VL, i < (n); i += VL)

/* Sums of the lanes, as a tree: halves are added to halves. */
PR_INLINE float vf_sum(vf v)
{
    float t[VL];
    vf_store(t, v);
    for (size_t w = VL / 2; w; w /= 2) {
        for (size_t i = 0; i < w; i++)
            t[i] += t[i + w];
    }
    return t[0];
}

PR_INLINE float vf_highest(vf v)
{
    float t[VL], m;
    vf_store(t, v);
    m = t[0];
    for (size_t i = 1; i < VL; i++)
        m = t[i] > m ? t[i] : m;
    return m;
}

/* e^x within 1 ulp or so: x = n·ln 2 + r with |r| <= 0.35, a polynomial for e^r (coefficients of
 * Moshier's Cephes expf), times 2^n.  e^−inf = 0, e^0 = 1, subnormal results are rounded properly,
 * NaN stays NaN. */
PR_INLINE vf vf_exp(vf x)
{
    const vf magic =
        vf_set1(0x1.8p23f);          /* adding it leaves the nearest whole number in the low bits */
    x = vf_max(vf_set1(-104.0f), x); /* below, and above 89, the result is 0 or infinity anyway */
    x = vf_min(vf_set1(89.0f), x);
    vf t = vf_fma(x, vf_set1(0x1.715476p0f), magic);
    vf n = t - magic;
    vf r = vf_fma(n, vf_set1(-0.693359375f), x); /* 10 bits: n times it is exact */
    r = vf_fma(n, vf_set1(2.12194440e-4f), r);
    vf p = vf_set1(1.9875691500e-4f);
    p = vf_fma(p, r, vf_set1(1.3981999507e-3f));
    p = vf_fma(p, r, vf_set1(8.3334519073e-3f));
    p = vf_fma(p, r, vf_set1(4.1665795894e-2f));
    p = vf_fma(p, r, vf_set1(1.6666665459e-1f));
    p = vf_fma(p, r, vf_set1(5.0000001201e-1f));
    vf y = vf_fma(p, r * r, r) + vf_set1(1.0f);
    return vf_scale2(y, (vi)t - (vi)magic, n);
}

PR_INLINE float exp1(float x)
{
    return vf_exp(vf_set1(x))[0];
}

/* The bits of v rounded to bf16 (nearest, ties to even; NaN stays NaN), in the low halves.  Whole
 * numbers rather than vcvtneps2bf16, which would flush subnormals. */
PR_INLINE vu vf_round_bf16(vf v)
{
    vu u = (vu)v, nan = (vu)(v != v);
    vu rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
    return (nan & (u >> 16 | 0x40)) | (~nan & rounded);
}
