/* The operations that training adds, of every table: against the same in double at any length and
 * address, and every backward against central differences of its forward in double. */
#include "support.h"

#define MAX_N 700

static float *odd_address(struct pr_rng *r, float *buffer)
{
    return buffer + below(r, 16);
}

static void check_close(
    const struct pr_kernels *kn, const char *op, size_t i, float got, double want, double error)
{
    if (isnan(want))
        CHECK(isnan(got), "%s %s [%zu]: %g, expected NaN", kn->isa, op, i, (double)got);
    else
        CHECK((double)got == want || fabs((double)got - want) <= error,
            "%s %s [%zu]: %.9g, expected %.9g within %.3g", kn->isa, op, i, (double)got, want,
            error);
}

/* --- packing --- */

/* What a panel of `cols` (pack_ld: ld) columns holds at (k, col). */
static double packed(enum pr_panel_kind kind, const void *panel, size_t cols, size_t k, size_t col)
{
    return panel_get(kind, panel, cols, k, col);
}

static double as_panel(enum pr_panel_kind kind, float x)
{
    char out[4];
    float f;
    pr_convert(PR_F32, &x, 1, panel_dtype(kind), out);
    pr_to_f32(panel_dtype(kind), out, 1, &f);
    return (double)f;
}

static void panels_of_any_width_hold_the_matrix(void **state)
{
    (void)state;
    static const enum pr_dtype sources[] = {PR_F32, PR_BF16, PR_F16};
    static const size_t lds[] = {16, 32, 48, 64, 80, 272};
    struct pr_rng r;
    pr_rng_seed(&r, 71);
    for (int round = 0; round < 240; round++) {
        enum pr_panel_kind kind = (enum pr_panel_kind)(round % PR_PANEL_KINDS);
        enum pr_dtype from = sources[below(&r, 3)];
        size_t ld = lds[below(&r, 6)], n = 1 + below(&r, ld < 64 ? ld : 64), k = 1 + below(&r, 300);
        size_t stride = k + below(&r, 9), bytes = pr_panel_bytes(kind, k + 1, ld);
        char *src = big(n * stride * 4);
        void *panel = big(bytes);
        for (size_t i = 0; i < n * stride; i++) {
            float x = normal(&r);
            pr_convert(PR_F32, &x, 1, from, src + i * pr_dtype_size(from));
        }
        FOR_EACH_TABLE(kn)
        {
            memset(panel, 0x5a, bytes);
            kn->pack_ld(kind, from, src, stride, n, k, ld, panel);
            for (size_t i = 0; i < k; i++) {
                for (size_t col = 0; col < (ld < 64 ? ld : 64); col++) {
                    float x = 0;
                    if (col < n)
                        pr_to_f32(from, src + (col * stride + i) * pr_dtype_size(from), 1, &x);
                    CHECK(packed(kind, panel, ld, i, col) == as_panel(kind, x),
                        "%s pack_ld kind %d ld %zu, %zux%zu at [%zu][%zu]", kn->isa, kind, ld, n, k,
                        i, col);
                }
                for (size_t col = 64; col < ld && pr_panel_unit(kind) == 1; col++) {
                    const char *at = (char *)panel + panel_at(kind, ld, i, col);
                    assert_int_equal(*at, 0x5a); /* nobody else's columns */
                }
            }
        }
        pr_big_free(src, n * stride * 4);
        pr_big_free(panel, bytes);
    }
}

static void panels_of_rows_hold_the_matrix(void **state)
{
    (void)state;
    static const enum pr_dtype sources[] = {PR_F32, PR_BF16, PR_F16};
    struct pr_rng r;
    pr_rng_seed(&r, 72);
    for (int round = 0; round < 240; round++) {
        enum pr_panel_kind kind = (enum pr_panel_kind)(round % PR_PANEL_KINDS);
        enum pr_dtype from = sources[below(&r, 3)];
        size_t cols = 16 + 16 * below(&r, 4), n = 1 + below(&r, cols), k = 1 + below(&r, 100);
        size_t stride = n + below(&r, 9), bytes = pr_panel_bytes(kind, k, cols);
        size_t whole = (k + pr_panel_unit(kind) - 1) / pr_panel_unit(kind) * pr_panel_unit(kind);
        char *src = big(k * stride * 4);
        void *panel = big(bytes);
        for (size_t i = 0; i < k * stride; i++) {
            float x = normal(&r);
            pr_convert(PR_F32, &x, 1, from, src + i * pr_dtype_size(from));
        }
        FOR_EACH_TABLE(kn)
        {
            memset(panel, 0x5a, bytes);
            kn->pack_rows(kind, from, src, stride, n, k, cols, panel);
            for (size_t i = 0; i < whole; i++) {
                for (size_t col = 0; col < cols; col++) {
                    float x = 0;
                    if (col < n && i < k)
                        pr_to_f32(from, src + (i * stride + col) * pr_dtype_size(from), 1, &x);
                    CHECK(packed(kind, panel, cols, i, col) == as_panel(kind, x),
                        "%s pack_rows kind %d, %zux%zu of %zu at [%zu][%zu]", kn->isa, kind, n, k,
                        cols, i, col);
                }
            }
        }
        pr_big_free(src, k * stride * 4);
        pr_big_free(panel, bytes);
    }
}

/* The same products in the same order: the very bits of gemm on the matrix turned before. */
static void gemm_at_has_the_bits_of_gemm(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 80);
    for (int round = 0; round < 80; round++) {
        size_t rows = 1 + below(&r, 80), cols = 16 + 16 * below(&r, 4);
        size_t k = round % 4 ? below(&r, 60) : 250 + below(&r, 400), lda = rows + below(&r, 9);
        size_t ld = k + 1, ldc = cols + below(&r, 9);
        bool accumulate = below(&r, 2);
        float *a = big((k * lda + 1) * 4), *turned = big(rows * ld * 4);
        float *panel = big((k + 1) * cols * 4), *c = big(rows * ldc * 4),
              *want = big(rows * ldc * 4);
        fill_normal(&r, a, k * lda);
        fill_normal(&r, panel, k * cols);
        for (size_t row = 0; row < rows; row++)
            for (size_t i = 0; i < k; i++)
                turned[row * ld + i] = a[i * lda + row];
        FOR_EACH_TABLE(kn)
        {
            fill_normal(&r, c, rows * ldc);
            memcpy(want, c, rows * ldc * 4);
            kn->gemm[PR_PANEL_F32_F32](rows, cols, k, turned, ld, panel, want, ldc, accumulate);
            kn->gemm_at(rows, cols, k, a, lda, panel, c, ldc, accumulate);
            CHECK(
                !memcmp(c, want, rows * ldc * 4), "%s gemm_at %zux%zux%zu", kn->isa, rows, cols, k);
        }
        pr_big_free(a, (k * lda + 1) * 4);
        pr_big_free(turned, rows * ld * 4);
        pr_big_free(panel, (k + 1) * cols * 4);
        pr_big_free(c, rows * ldc * 4);
        pr_big_free(want, rows * ldc * 4);
    }
}

static void gemm_columns_has_the_bits_of_gemm_in_the_first_columns(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 81);
    for (int round = 0; round < 80; round++) {
        size_t wide = 16 + 16 * below(&r, 4), cols = 16 + 16 * below(&r, wide / 16);
        size_t rows = 1 + below(&r, 80), k = round % 4 ? below(&r, 80) : 500 + below(&r, 400);
        size_t lda = k + 1, ldc = wide + below(&r, 9);
        bool accumulate = below(&r, 2);
        float *a = big(rows * lda * 4), *panel = big((k + 1) * wide * 4);
        float *c = big(rows * ldc * 4), *want = big(rows * ldc * 4);
        fill_normal(&r, a, rows * lda);
        fill_normal(&r, panel, k * wide);
        FOR_EACH_TABLE(kn)
        {
            fill_normal(&r, c, rows * ldc);
            memcpy(want, c, rows * ldc * 4);
            kn->gemm[PR_PANEL_F32_F32](rows, wide, k, a, lda, panel, want, ldc, accumulate);
            for (size_t row = 0; row < rows; row++) /* the others stay as they are */
                memcpy(want + row * ldc + cols, c + row * ldc + cols, (ldc - cols) * 4);
            kn->gemm_columns(rows, cols, k, a, lda, panel, wide, c, ldc, accumulate);
            CHECK(!memcmp(c, want, rows * ldc * 4), "%s gemm_columns %zux%zu of %zux%zu", kn->isa,
                rows, cols, wide, k);
        }
        pr_big_free(a, rows * lda * 4);
        pr_big_free(panel, (k + 1) * wide * 4);
        pr_big_free(c, rows * ldc * 4);
        pr_big_free(want, rows * ldc * 4);
    }
}

/* --- rows --- */

/* Central differences of f at x[i], with steps that floats hold exactly enough. */
typedef double loss_fn(const void *ctx);
static double difference(float *at, float step, loss_fn *f, const void *ctx)
{
    float kept = *at, high = kept + step, low = kept - step;
    *at = high;
    double up = f(ctx);
    *at = low;
    double down = f(ctx);
    *at = kept;
    return (up - down) / ((double)high - (double)low);
}

struct norm {
    float *x, *w, *dy;
    size_t n;
};

static double norm_loss(const void *ctx)
{
    const struct norm *p = ctx;
    double squares = 0, loss = 0;
    for (size_t i = 0; i < p->n; i++)
        squares += (double)p->x[i] * (double)p->x[i];
    double inverse = 1 / sqrt(squares / (double)p->n + 1e-5);
    for (size_t i = 0; i < p->n; i++)
        loss += (double)p->dy[i] * (double)p->x[i] * inverse * (double)p->w[i];
    return loss;
}

static void rmsnorm_back_is_the_central_difference(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 73);
    static float buffer[5][MAX_N + 20];
    float before[2][MAX_N];
    FOR_EACH_TABLE(kn)
    {
        for (int round = 0; round < 60; round++) {
            struct norm p = {.n = 1 + below(&r, 300)};
            p.x = odd_address(&r, buffer[0]);
            p.w = odd_address(&r, buffer[1]);
            p.dy = odd_address(&r, buffer[2]);
            float *dx = odd_address(&r, buffer[3]), *dw = odd_address(&r, buffer[4]);
            fill_normal(&r, p.x, p.n);
            fill_normal(&r, p.w, p.n);
            fill_normal(&r, p.dy, p.n);
            fill_normal(&r, dx, p.n);
            fill_normal(&r, dw, p.n);
            memcpy(before[0], dx, p.n * 4);
            memcpy(before[1], dw, p.n * 4);
            dx[p.n] = dw[p.n] = 77;
            kn->rmsnorm_back(p.x, p.w, p.dy, p.n, 1e-5f, dx, dw);
            assert_true(dx[p.n] == 77 && dw[p.n] == 77);
            float again[MAX_N];
            memcpy(again, before[0], p.n * 4);
            kn->rmsnorm_back(p.x, p.w, p.dy, p.n, 1e-5f, again, NULL);
            assert_memory_equal(again, dx, p.n * 4);
            for (size_t i = 0; i < p.n; i += 1 + below(&r, 9)) {
                double want = difference(p.x + i, 0x1p-9f, norm_loss, &p);
                double scale = 1 + fabs(want) + fabs((double)p.x[i]);
                check_close(kn, "rmsnorm_back dx", i, dx[i], want + (double)before[0][i],
                    3e-5 * scale * (p.n < 8 ? 10 : 1));
                want = difference(p.w + i, 0x1p-6f, norm_loss, &p);
                check_close(kn, "rmsnorm_back dw", i, dw[i], want + (double)before[1][i],
                    1e-5 * (1 + fabs(want)));
            }
        }
    }
}

struct gated {
    float g, u, dy;
};

static double gated_loss(const void *ctx)
{
    const struct gated *p = ctx;
    return (double)p->dy * (double)p->g / (1 + exp(-(double)p->g)) * (double)p->u;
}

static void silu_mul_back_is_the_central_difference(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 74);
    static float buffer[5][MAX_N + 20];
    FOR_EACH_TABLE(kn)
    {
        for (int round = 0; round < 40; round++) {
            size_t n = below(&r, MAX_N);
            float *g = odd_address(&r, buffer[0]), *u = odd_address(&r, buffer[1]);
            float *dy = odd_address(&r, buffer[2]), in_g[MAX_N], in_u[MAX_N];
            for (size_t i = 0; i < n; i++) {
                g[i] = in_g[i] = normal(&r) * (below(&r, 4) ? 3.0f : 60.0f);
                u[i] = in_u[i] = normal(&r);
                dy[i] = normal(&r);
            }
            bool in_place = round % 2;
            float *dg = in_place ? g : odd_address(&r, buffer[3]);
            float *du = in_place ? u : odd_address(&r, buffer[4]);
            dg[n] = du[n] = 77;
            kn->silu_mul_back(g, u, dy, n, dg, du);
            assert_true(dg[n] == 77 && du[n] == 77);
            for (size_t i = 0; i < n; i++) {
                struct gated p = {in_g[i], in_u[i], dy[i]};
                double want = difference(&p.g, 0x1p-8f, gated_loss, &p);
                check_close(kn, "silu_mul_back dgate", i, dg[i], want, 2e-5 * (1 + fabs(want)));
                want = difference(&p.u, 0x1p-4f, gated_loss, &p);
                check_close(kn, "silu_mul_back dup", i, du[i], want, 1e-6 * (1 + fabs(want)));
            }
        }
    }
}

static void rope_by_the_negative_sine_is_its_backward(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 75);
    enum { HEADS = 3, DIM = 20, N = HEADS * DIM };
    FOR_EACH_TABLE(kn)
    {
        float x[N], dy[N], y[N], dx[N], co[DIM / 2], si[DIM / 2], minus[DIM / 2];
        fill_normal(&r, x, N);
        fill_normal(&r, dy, N);
        for (int i = 0; i < DIM / 2; i++) {
            double angle = pr_rng_normal(&r);
            co[i] = (float)cos(angle);
            si[i] = (float)sin(angle);
            minus[i] = -si[i];
        }
        memcpy(dx, dy, sizeof dx);
        kn->rope(dx, HEADS, DIM, co, minus);
        for (int i = 0; i < N; i++) { /* linear: the loss of a unit step is the gradient */
            memset(y, 0, sizeof y);
            y[i] = 1;
            kn->rope(y, HEADS, DIM, co, si);
            double want = 0;
            for (int o = 0; o < N; o++)
                want += (double)y[o] * (double)dy[o];
            check_close(kn, "rope back", (size_t)i, dx[i], want, 1e-6);
        }
    }
}

struct xent {
    float *x;
    size_t n, target;
};

static double xent_loss(const void *ctx)
{
    const struct xent *p = ctx;
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < p->n; i++)
        top = fmax(top, (double)p->x[i]);
    for (size_t i = 0; i < p->n; i++)
        sum += exp((double)p->x[i] - top);
    return top + log(sum) - (double)p->x[p->target];
}

static void softmax_xent_is_the_loss_and_its_central_difference(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 76);
    static float buffer[6000], in[6000];
    FOR_EACH_TABLE(kn)
    {
        for (int round = 0; round < 60; round++) {
            size_t n = round % 10 ? 1 + below(&r, 300) : 5000;
            float *x = odd_address(&r, buffer), scale = 0.25f;
            struct xent p = {in, n, below(&r, n)};
            for (size_t i = 0; i < n; i++)
                x[i] = in[i] = normal(&r) * (round % 3 ? 2.0f : 20.0f);
            x[n] = 77;
            double nll = kn->softmax_xent(x, n, p.target, scale), want = xent_loss(&p);
            assert_true(x[n] == 77);
            CHECK(fabs(nll - want) < 1e-5 * (1 + fabs(want)), "%s: loss %.9g, expected %.9g",
                kn->isa, nll, want);
            for (size_t i = 0; i < n; i += n < 400 ? 1 : 97) {
                double gradient = (double)scale * difference(p.x + i, 0x1p-7f, xent_loss, &p);
                check_close(kn, "softmax_xent", i, x[i], gradient, 1e-5);
            }
        }
    }
}

static void softmax_xent_of_what_is_no_number_is_none(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY};
    FOR_EACH_TABLE(kn)
    {
        for (size_t b = 0; b < 2; b++) {
            for (size_t at = 0; at < 37; at++) {
                float x[37] = {1, 2, 3};
                x[at] = bad[b];
                assert_true(isnan(kn->softmax_xent(x, 37, 5, 1)));
            }
        }
        float all[3] = {-INFINITY, -INFINITY, -INFINITY};
        assert_true(isnan(kn->softmax_xent(all, 3, 1, 1)) && isnan(all[0]));
        float some[3] = {1, -INFINITY, 1};
        assert_true(kn->softmax_xent(some, 3, 1, 1) == INFINITY);
        assert_true(some[0] == 0.5f && some[1] == -1 && some[2] == 0.5f);
    }
}

struct weighted {
    float *s, *dp;
    size_t lo, hi;
    double scale;
};

/* Σ dp · softmax(s·scale) over [lo, hi); p to `ret` where wanted. */
static double weighted_loss(const void *ctx)
{
    const struct weighted *p = ctx;
    double top = -INFINITY, sum = 0, loss = 0;
    for (size_t i = p->lo; i < p->hi; i++)
        top = fmax(top, (double)p->s[i] * p->scale);
    for (size_t i = p->lo; i < p->hi; i++) {
        double e = exp((double)p->s[i] * p->scale - top);
        sum += e;
        loss += e * (double)p->dp[i];
    }
    return loss / sum;
}

static void softmax_row_and_its_backward_are_those_in_double(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 77);
    static float buffer[3][MAX_N + 20];
    float s_in[MAX_N], dp_in[MAX_N];
    FOR_EACH_TABLE(kn)
    {
        for (int round = 0; round < 100; round++) {
            size_t n = 1 + below(&r, 300), lo = below(&r, n), hi = lo + 1 + below(&r, n - lo);
            float *s = odd_address(&r, buffer[0]), *dp = odd_address(&r, buffer[1]);
            float *p = odd_address(&r, buffer[2]), scale = 0.3f;
            struct weighted w = {s_in, dp_in, lo, hi, (double)scale};
            for (size_t i = 0; i < n; i++) {
                bool in = i >= lo && i < hi;
                p[i] = s[i] = s_in[i] = in ? normal(&r) * 9 : NAN; /* what is not seen is nothing */
                dp[i] = dp_in[i] = in ? normal(&r) : NAN;
            }
            s[n] = dp[n] = p[n] = 77;
            float lse = kn->softmax_row(p, n, lo, hi, scale);
            kn->softmax_row_back(s, dp, n, lo, hi, scale, lse);
            assert_true(s[n] == 77 && dp[n] == 77 && p[n] == 77);
            for (size_t i = 0; i < n; i++) {
                if (i < lo || i >= hi) {
                    assert_true(p[i] == 0 && s[i] == 0 && dp[i] == 0);
                    continue;
                }
                double want = exp((double)s_in[i] * (double)scale - (double)lse);
                check_close(kn, "softmax_row", i, p[i], want, 1e-5 * want + 1e-38);
                check_close(kn, "softmax_row_back p", i, s[i], want, 1e-5 * want + 1e-38);
                want = difference(s_in + i, 0x1p-8f, weighted_loss, &w);
                check_close(kn, "softmax_row_back", i, dp[i], want, 1e-5);
            }
            double sum = 0;
            for (size_t i = 0; i < n; i++)
                sum += (double)p[i];
            assert_float_equal(sum, 1, 1e-5);
        }
        float bad[40] = {1, NAN};
        assert_true(isnan(kn->softmax_row(bad, 40, 0, 3, 1)) && isnan(bad[2]));
    }
}

static void sums_of_rows_are_those_in_double(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 78);
    static float buffer[2][5000];
    FOR_EACH_TABLE(kn)
    {
        for (int round = 0; round < 60; round++) {
            size_t n = below(&r, round % 5 ? 100 : 4900);
            float *x = odd_address(&r, buffer[0]), *y = odd_address(&r, buffer[1]), a = normal(&r);
            static float in[5000];
            double squares = 0;
            for (size_t i = 0; i < n; i++) {
                x[i] = normal(&r) * 1e18f; /* whose squares a float would not hold */
                y[i] = in[i] = normal(&r) * 1e18f;
                squares += (double)x[i] * (double)x[i];
            }
            y[n] = 77;
            CHECK(fabs(kn->sum_squares(x, n) - squares) <= 1e-12 * squares, "%s: sum of squares",
                kn->isa);
            kn->axpy(a, x, n, y);
            assert_true(y[n] == 77);
            for (size_t i = 0; i < n; i++) {
                double product = (double)a * (double)x[i];
                check_close(kn, "axpy", i, y[i], (double)in[i] + product,
                    1.3e-7 * (fabs(product) + fabs((double)in[i])));
            }
        }
    }
}

static void adamw_is_the_one_in_double(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 79);
    static float buffer[4][MAX_N + 20];
    const double b1 = 0.9, b2 = 0.999, lr = 0.01, decay = 0.1, eps = 1e-8, scale = 0.5;
    FOR_EACH_TABLE(kn)
    {
        size_t n = MAX_N - below(&r, 40);
        float *p = odd_address(&r, buffer[0]), *g = odd_address(&r, buffer[1]);
        float *m = odd_address(&r, buffer[2]), *v = odd_address(&r, buffer[3]);
        double want[3][MAX_N] = {{0}};
        for (size_t i = 0; i < n; i++) {
            want[0][i] = (double)(p[i] = normal(&r));
            m[i] = v[i] = 0;
        }
        p[n] = m[n] = v[n] = 77;
        for (int t = 1; t <= 20; t++) {
            struct pr_adamw_step k = {.scale = (float)scale,
                .lr_decay = (float)(lr * decay),
                .beta1 = (float)b1,
                .beta2 = (float)b2,
                .rest1 = (float)(1 - b1),
                .rest2 = (float)(1 - b2),
                .step = (float)(lr / (1 - pow(b1, t))),
                .root = (float)(1 / sqrt(1 - pow(b2, t))),
                .eps = (float)eps};
            for (size_t i = 0; i < n; i++) {
                g[i] = i % 7 ? normal(&r) * 0.1f : 0;
                double d = (double)g[i] * scale;
                want[1][i] = b1 * want[1][i] + (1 - b1) * d;
                want[2][i] = b2 * want[2][i] + (1 - b2) * d * d;
                want[0][i] -= want[0][i] * lr * decay;
                want[0][i] -= lr / (1 - pow(b1, t)) * want[1][i] /
                              (sqrt(want[2][i]) / sqrt(1 - pow(b2, t)) + eps);
            }
            kn->adamw(p, g, m, v, n, &k);
        }
        assert_true(p[n] == 77 && m[n] == 77 && v[n] == 77);
        for (size_t i = 0; i < n; i++) {
            check_close(kn, "adamw p", i, p[i], want[0][i], 1e-6 + 1e-6 * fabs(want[0][i]));
            check_close(kn, "adamw m", i, m[i], want[1][i], 1e-7);
            check_close(kn, "adamw v", i, v[i], want[2][i], 2e-6 * want[2][i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(panels_of_any_width_hold_the_matrix),
        cmocka_unit_test(panels_of_rows_hold_the_matrix),
        cmocka_unit_test(gemm_at_has_the_bits_of_gemm),
        cmocka_unit_test(gemm_columns_has_the_bits_of_gemm_in_the_first_columns),
        cmocka_unit_test(rmsnorm_back_is_the_central_difference),
        cmocka_unit_test(silu_mul_back_is_the_central_difference),
        cmocka_unit_test(rope_by_the_negative_sine_is_its_backward),
        cmocka_unit_test(softmax_xent_is_the_loss_and_its_central_difference),
        cmocka_unit_test(softmax_xent_of_what_is_no_number_is_none),
        cmocka_unit_test(softmax_row_and_its_backward_are_those_in_double),
        cmocka_unit_test(sums_of_rows_are_those_in_double),
        cmocka_unit_test(adamw_is_the_one_in_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
