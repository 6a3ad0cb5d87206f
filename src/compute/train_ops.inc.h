/* The operations on rows that training adds, for one instruction set; vec_ops.inc.h comes before.
 * As there, an element's arithmetic depends neither on its place nor on the row's length, and sums
 * run in VL lanes of SUMS accumulators and then as a tree. */

/* Lane i of vector number i / VL of a row: whether it is in [lo, hi). */
PR_INLINE vi lanes_in(size_t i, size_t lo, size_t hi)
{
    vi lane;
    for (int32_t j = 0; j < VL; j++)
        lane[j] = j;
    lane += (int32_t)i;
    return (vi)(lane >= (int32_t)lo) & (vi)(lane < (int32_t)hi);
}

PR_INLINE vf sum_of(const vf sum[SUMS])
{
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void zero(float *y, size_t n)
{
    if (n)
        memset(y, 0, n * sizeof *y);
}

static float op_softmax_row(float *s, size_t n, size_t lo, size_t hi, float scale)
{
    const vf none = vf_set1(-INFINITY), by = vf_set1(scale);
    vf highest = none, sum[SUMS] = {{0}};
    for (size_t i = lo / VL * VL, c; i < hi; i += VL) {
        c = n - i < VL ? n - i : VL;
        vf v = vf_select(lanes_in(i, lo, hi), ld(s + i, c) * by, none);
        highest = vf_max(v, highest);
        st(s + i, v, c);
    }
    float top = vf_highest(highest);
    vf base = vf_set1(top > -INFINITY ? top : 0);
    for (size_t i = lo / VL * VL, c; i < hi; i += VL) {
        c = n - i < VL ? n - i : VL;
        vf p = vf_exp(vf_select(lanes_in(i, lo, hi), ld(s + i, c), none) - base);
        sum[i / VL % SUMS] += p;
        st(s + i, p, c);
    }
    float total = vf_sum(sum_of(sum));
    vf inverse = vf_set1(1.0f / total);
    for (size_t i = lo / VL * VL, c; i < hi; i += VL) {
        c = n - i < VL ? n - i : VL;
        st(s + i, ld(s + i, c) * inverse, c);
    }
    zero(s, lo / VL * VL);
    size_t end = (hi + VL - 1) / VL * VL;
    zero(s + (end < n ? end : n), end < n ? n - end : 0);
    return top + logf(total);
}

static void op_softmax_row_back(
    float *s, float *dp, size_t n, size_t lo, size_t hi, float scale, float lse)
{
    const vf none = vf_set1(-INFINITY), by = vf_set1(scale), base = vf_set1(lse);
    vf sum[SUMS] = {{0}};
    for (size_t i = lo / VL * VL, c; i < hi; i += VL) {
        c = n - i < VL ? n - i : VL;
        vi in = lanes_in(i, lo, hi);
        vf p = vf_exp(vf_select(in, ld(s + i, c) * by - base, none));
        vf d = vf_select(in, ld(dp + i, c), vf_set1(0));
        sum[i / VL % SUMS] = vf_fma(p, d, sum[i / VL % SUMS]);
        st(s + i, p, c);
        st(dp + i, d, c);
    }
    vf delta = vf_set1(vf_sum(sum_of(sum)));
    for (size_t i = lo / VL * VL, c; i < hi; i += VL) {
        c = n - i < VL ? n - i : VL;
        st(dp + i, ld(s + i, c) * (ld(dp + i, c) - delta) * by, c);
    }
    size_t end = (hi + VL - 1) / VL * VL;
    zero(s, lo / VL * VL);
    zero(dp, lo / VL * VL);
    if (end < n) {
        zero(s + end, n - end);
        zero(dp + end, n - end);
    }
}

/* y = x·r·w with r = 1/√(mean(x²) + eps), so with g = dy·w: dx = r·g − x·r³·mean(g·x). */
static void op_rmsnorm_back(
    const float *x, const float *w, const float *dy, size_t n, float eps, float *dx, float *dw)
{
    vf squares[SUMS] = {{0}}, products[SUMS] = {{0}};
    FOR_VECTORS(i, c, n)
    {
        vf v = ld(x + i, c), g = ld(dy + i, c) * ld(w + i, c);
        size_t s = i / VL % SUMS;
        squares[s] = vf_fma(v, v, squares[s]);
        products[s] = vf_fma(v, g, products[s]);
    }
    float r = 1.0f / sqrtf(vf_sum(sum_of(squares)) / (float)n + eps);
    float f = vf_sum(sum_of(products)) / (float)n * r * r * r;
    FOR_VECTORS(j, c, n)
    {
        vf v = ld(x + j, c), d = ld(dy + j, c);
        vf g = d * ld(w + j, c);
        st(dx + j, ld(dx + j, c) + vf_fma(g, vf_set1(r), -(v * vf_set1(f))), c);
        if (dw)
            st(dw + j, vf_fma(d, v * vf_set1(r), ld(dw + j, c)), c);
    }
}

/* With s the logistic function of g: (g·s)' = s·(1 + g·(1 − s)). */
static void op_silu_mul_back(
    const float *gate, const float *up, const float *dy, size_t n, float *dgate, float *dup)
{
    const vf one = vf_set1(1.0f);
    FOR_VECTORS(i, c, n)
    {
        vf g = ld(gate + i, c), u = ld(up + i, c), d = ld(dy + i, c);
        vf s = one / (vf_exp(-g) + one);
        st(dgate + i, d * u * s * vf_fma(g, one - s, one), c);
        st(dup + i, d * (g * s), c);
    }
}

static double op_softmax_xent(float *logits, size_t n, size_t target, float scale)
{
    float max, total, wanted = logits[target];
    logsumexp(logits, n, logits, &max, &total);
    /* NaN, or nothing but −∞, makes all NaN */
    vf by = vf_set1(total > 0 ? scale / total : NAN);
    FOR_VECTORS(i, c, n)
    st(logits + i, ld(logits + i, c) * by, c);
    logits[target] -= scale;
    return total > 0 ? log((double)total) + ((double)max - (double)wanted) : (double)NAN;
}

static void op_axpy(float a, const float *x, size_t n, float *y)
{
    FOR_VECTORS(i, c, n)
    st(y + i, vf_fma(vf_set1(a), ld(x + i, c), ld(y + i, c)), c);
}

/* In double from the products on: the gradients of a whole model are summed. */
static double op_sum_squares(const float *x, size_t n)
{
    typedef double vd __attribute__((vector_size(8 * VL)));
    vd sum[SUMS] = {{0}}, all;
    FOR_VECTORS(i, c, n)
    {
        vd v = __builtin_convertvector(ld(x + i, c), vd);
        sum[i / VL % SUMS] += v * v;
    }
    all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    double total = 0;
    for (size_t i = 0; i < VL; i++)
        total += all[i];
    return total;
}

static void op_adamw(
    float *p, const float *grad, float *m, float *v, size_t n, const struct pr_adamw_step *k)
{
    const vf b1 = vf_set1(k->beta1), b2 = vf_set1(k->beta2), scale = vf_set1(k->scale);
    const vf c1 = vf_set1(k->rest1), c2 = vf_set1(k->rest2);
    const vf keep = vf_set1(-k->lr_decay), step = vf_set1(k->step);
    const vf root = vf_set1(k->root), eps = vf_set1(k->eps);
    FOR_VECTORS(i, c, n)
    {
        vf g = ld(grad + i, c) * scale, old = ld(p + i, c);
        vf mean = vf_fma(b1, ld(m + i, c), c1 * g), square = vf_fma(b2, ld(v + i, c), c2 * (g * g));
        vf now = vf_fma(old, keep, old);
        st(m + i, mean, c);
        st(v + i, square, c);
        st(p + i, now - step * mean / vf_fma(vf_sqrt(square), root, eps), c);
    }
}
