/* The operations on rows behind struct pr_kernels, for one instruction set: a vec_*.h and
 * vec_math.inc.h come before.  An element's arithmetic depends neither on its place in the row nor
 * on the row's length; sums run in VL lanes of SUMS accumulators and then as a tree. */

#define SUMS 4

static void op_to_bf16(const float *x, size_t n, uint16_t *y)
{
    FOR_VECTORS(i, c, n)
    vu_store_low16(y + i, vf_round_bf16(ld(x + i, c)), c);
}

static void op_rmsnorm(const float *x, const float *w, size_t n, float eps, float *y)
{
    vf sum[SUMS] = {{0}};
    size_t i = 0;
    for (; i + SUMS * VL <= n; i += SUMS * VL) {
        for (size_t s = 0; s < SUMS; s++) {
            vf v = vf_load(x + i + s * VL);
            sum[s] = vf_fma(v, v, sum[s]);
        }
    }
    for (size_t s = 0; i < n; i += VL, s++) {
        vf v = ld(x + i, n - i < VL ? n - i : VL);
        sum[s] = vf_fma(v, v, sum[s]);
    }
    float mean = vf_sum((sum[0] + sum[1]) + (sum[2] + sum[3])) / (float)n;
    vf inverse = vf_set1(1.0f / sqrtf(mean + eps));
    FOR_VECTORS(j, c, n)
    st(y + j, ld(x + j, c) * inverse * ld(w + j, c), c);
}

static void op_rope(float *x, size_t n_heads, size_t head_dim, const float *cos, const float *sin)
{
    size_t half = head_dim / 2;
    for (size_t h = 0; h < n_heads; h++, x += head_dim) {
        FOR_VECTORS(i, c, half)
        {
            vf a = ld(x + i, c), b = ld(x + half + i, c), co = ld(cos + i, c), si = ld(sin + i, c);
            st(x + i, vf_fma(a, co, -(b * si)), c);
            st(x + half + i, vf_fma(b, co, a * si), c);
        }
    }
}

PR_INLINE vf silu_mul1(vf gate, vf up)
{
    return gate / (vf_exp(-gate) + vf_set1(1.0f)) * up;
}

static void op_silu_mul(const float *gate, const float *up, size_t n, float *y)
{
    FOR_VECTORS(i, c, n)
    st(y + i, silu_mul1(ld(gate + i, c), ld(up + i, c)), c);
}

static void op_silu_mul_bf16(const float *gate, const float *up, size_t n, uint16_t *y)
{
    FOR_VECTORS(i, c, n)
    vu_store_low16(y + i, vf_round_bf16(silu_mul1(ld(gate + i, c), ld(up + i, c))), c);
}

static void op_add(const float *x, size_t n, float *y)
{
    FOR_VECTORS(i, c, n)
    st(y + i, ld(y + i, c) + ld(x + i, c), c);
}

static void op_scale(float a, size_t n, float *y)
{
    FOR_VECTORS(i, c, n)
    st(y + i, ld(y + i, c) * vf_set1(a), c);
}

#define BLOCK_VECTORS (PR_PANEL / VL)

static float op_softmax_block(const float *s, size_t lo, size_t hi, float scale, float *m, float *l,
    float *p_f32, uint16_t *p_bf16)
{
    const vf none = vf_set1(-INFINITY);
    vf v[BLOCK_VECTORS], highest = none, sum = {0};
    vi lane;
    for (int32_t i = 0; i < VL; i++)
        lane[i] = i;
    for (size_t i = 0; i < BLOCK_VECTORS; i++) {
        vi at = lane + (int32_t)(i * VL);
        vi seen = (vi)(at >= (int32_t)lo) & (vi)(at < (int32_t)hi);
        v[i] = vf_select(seen, vf_load(s + i * VL) * vf_set1(scale), none);
        highest = vf_max(v[i], highest);
    }
    float top = vf_highest(highest), old = *m, now = top > old ? top : old;
    vf base = vf_set1(now > -INFINITY ? now : 0); /* −inf − −inf would be NaN */
    for (size_t i = 0; i < BLOCK_VECTORS; i++) {
        vf p = vf_exp(v[i] - base);
        if (p_bf16) {
            vu bits = vf_round_bf16(p);
            vu_store_low16(p_bf16 + i * VL, bits, VL);
            p = (vf)(bits << 16);
        } else {
            vf_store(p_f32 + i * VL, p);
        }
        sum += p;
    }
    float factor = now > old ? exp1(old - now) : 1.0f;
    *m = now;
    *l = *l * factor + vf_sum(sum);
    return factor;
}

/* As op_logsumexp_part; exp(x − max) also go to `exps`, which may be x (NULL: nowhere). */
PR_INLINE void logsumexp(const float *x, size_t n, float *exps, float *ret_max, float *ret_sum)
{
    const vf none = vf_set1(-INFINITY);
    vf highest = none, sum[SUMS] = {{0}}, y;
    size_t full = n / VL * VL;
    float tail[VL];
    for (size_t j = 0; j < VL; j++)
        tail[j] = full + j < n ? x[full + j] : -INFINITY;
    for (size_t i = 0; i < full; i += VL)
        highest = vf_max(vf_load(x + i), highest);
    float max = vf_highest(vf_max(vf_load(tail), highest));
    vf base = vf_set1(max > -INFINITY ? max : 0);
    size_t i = 0;
    for (; i + SUMS * VL <= full; i += SUMS * VL) {
        for (size_t s = 0; s < SUMS; s++) {
            sum[s] += y = vf_exp(vf_load(x + i + s * VL) - base);
            if (exps)
                vf_store(exps + i + s * VL, y);
        }
    }
    for (size_t s = 0; i < full; i += VL, s++) {
        sum[s] += y = vf_exp(vf_load(x + i) - base);
        if (exps)
            vf_store(exps + i, y);
    }
    sum[SUMS - 1] += y = vf_exp(vf_load(tail) - base); /* past the end e^−inf = 0 is added */
    if (exps)
        st(exps + full, y, n - full);
    float total = vf_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
    *ret_max =
        total == total ? max : total; /* a NaN never wins a comparison, but it spoils the sum */
    *ret_sum = total;
}

static void op_logsumexp_part(const float *x, size_t n, float *ret_max, float *ret_sum)
{
    logsumexp(x, n, NULL, ret_max, ret_sum);
}
