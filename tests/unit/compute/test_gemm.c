/* Matrix products of every table: right against sums in double, and bit-identical however the rows
 * are split, whatever the strides, and on any number of threads. */
#include "support.h"

#include "compute/pool.h"

struct problem {
    enum pr_panel_kind kind;
    size_t rows, cols, k, lda, ldc;
    void *a; /* f32 or bf16, [rows][lda] */
    size_t a_bytes;
    void *panel;
    size_t panel_bytes;
    float *c; /* [rows][ldc] */
    size_t c_bytes;
};

static size_t a_elem(enum pr_panel_kind kind)
{
    return kind == PR_PANEL_BF16 ? 2 : 4;
}

static void set_a(struct problem *p, size_t row, size_t k, float value)
{
    char *at = (char *)p->a + (row * p->lda + k) * a_elem(p->kind);
    pr_convert(PR_F32, &value, 1, p->kind == PR_PANEL_BF16 ? PR_BF16 : PR_F32, at);
}

static double get_a(const struct problem *p, size_t row, size_t k)
{
    float f;
    pr_to_f32(p->kind == PR_PANEL_BF16 ? PR_BF16 : PR_F32,
        (const char *)p->a + (row * p->lda + k) * a_elem(p->kind), 1, &f);
    return (double)f;
}

static struct problem problem_new(
    struct pr_rng *r, enum pr_panel_kind kind, size_t rows, size_t cols, size_t k)
{
    struct problem p = {.kind = kind, .rows = rows, .cols = cols, .k = k};
    size_t u = pr_panel_unit(kind);
    p.lda = (k + u - 1) / u * u + u * below(r, 20);
    p.ldc = cols + below(r, 20);
    p.a_bytes = rows * p.lda * a_elem(kind);
    p.panel_bytes = pr_panel_bytes(kind, k, cols);
    p.c_bytes = rows * p.ldc * 4;
    p.a = big(p.a_bytes);
    p.panel = big(p.panel_bytes);
    p.c = big(p.c_bytes);
    for (size_t i = 0; i < k; i++) {
        for (size_t row = 0; row < rows; row++)
            set_a(&p, row, i, normal(r));
        for (size_t col = 0; col < cols; col++)
            panel_set(kind, p.panel, cols, i, col, normal(r));
    }
    fill_normal(r, p.c, rows * p.ldc);
    return p;
}

static void problem_done(struct problem *p)
{
    pr_big_free(p->a, p->a_bytes);
    pr_big_free(p->panel, p->panel_bytes);
    pr_big_free(p->c, p->c_bytes);
}

static void run_rows(const struct pr_kernels *kn, const struct problem *p, float *c, size_t from,
    size_t rows, bool accumulate)
{
    kn->gemm[p->kind](rows, p->cols, p->k, (char *)p->a + from * p->lda * a_elem(p->kind), p->lda,
        p->panel, c + from * p->ldc, p->ldc, accumulate);
}

static void compare_to_double(
    const struct pr_kernels *kn, const struct problem *p, const float *c, const float *before)
{
    for (size_t row = 0; row < p->rows; row++) {
        for (size_t col = 0; col < p->cols; col++) {
            double sum = before ? (double)before[row * p->ldc + col] : 0, size = fabs(sum);
            for (size_t i = 0; i < p->k; i++) {
                double x = get_a(p, row, i) * panel_get(p->kind, p->panel, p->cols, i, col);
                sum += x;
                size += fabs(x);
            }
            double got = (double)c[row * p->ldc + col];
            CHECK(fabs(got - sum) <= size * (double)(2 * p->k + 2) * 0x1p-24,
                "%s kind %d, %zux%zux%zu at [%zu][%zu]: %.9g, expected %.9g", kn->isa, p->kind,
                p->rows, p->cols, p->k, row, col, got, sum);
        }
        for (size_t col = p->cols; before && col < p->ldc; col++)
            assert_true(c[row * p->ldc + col] == before[row * p->ldc + col]);
    }
}

static const size_t odd_rows[] = {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 17, 50};

static void products_are_the_sums_in_double(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 1);
    for (int round = 0; round < 160; round++) {
        size_t rows = odd_rows[below(&r, 13)], cols = 16 + 16 * below(&r, 4);
        size_t k = below(&r, 6) == 0 ? 300 + below(&r, 400) : below(&r, 70);
        struct problem p = problem_new(&r, round % PR_PANEL_KINDS, rows, cols, k);
        float *c = big(p.c_bytes);
        FOR_EACH_TABLE(kn)
        {
            for (int accumulate = 0; accumulate < 2; accumulate++) {
                memcpy(c, p.c, p.c_bytes);
                run_rows(kn, &p, c, 0, rows, accumulate);
                compare_to_double(kn, &p, c, accumulate ? p.c : NULL);
            }
        }
        pr_big_free(c, p.c_bytes);
        problem_done(&p);
    }
}

struct pooled {
    const struct pr_kernels *kn;
    const struct problem *p;
    float *c;
    size_t chunk;
    bool accumulate;
};

static void run_item(void *ctx, size_t item, int thread)
{
    struct pooled *j = ctx;
    (void)thread;
    size_t from = item * j->chunk, left = j->p->rows - from;
    run_rows(j->kn, j->p, j->c, from, left < j->chunk ? left : j->chunk, j->accumulate);
}

static void assert_same(const struct pr_kernels *kn, const struct problem *p, const float *c,
    const float *whole, const char *how)
{
    CHECK(!memcmp(c, whole, p->c_bytes), "%s kind %d, %zux%zux%zu: %s differs", kn->isa, p->kind,
        p->rows, p->cols, p->k, how);
}

/* The same rows one by one, in random groups, in two parts of k, and by pools. */
static void compare_splits(const struct pr_kernels *kn, const struct problem *p, struct pr_rng *r,
    struct pr_pool **pools, size_t n_pools)
{
    float *whole = big(p->c_bytes), *c = big(p->c_bytes);
    bool accumulate = below(r, 2);
    memcpy(whole, p->c, p->c_bytes);
    run_rows(kn, p, whole, 0, p->rows, accumulate);

    memcpy(c, p->c, p->c_bytes);
    for (size_t row = 0; row < p->rows; row++)
        run_rows(kn, p, c, row, 1, accumulate);
    assert_same(kn, p, c, whole, "one row at a time");

    memcpy(c, p->c, p->c_bytes);
    for (size_t row = 0, n; row < p->rows; row += n) {
        n = 1 + below(r, p->rows - row);
        run_rows(kn, p, c, row, n, accumulate);
    }
    assert_same(kn, p, c, whole, "rows in groups");

    size_t u = pr_panel_unit(p->kind), k1 = below(r, p->k / u + 1) * u;
    memcpy(c, p->c, p->c_bytes);
    kn->gemm[p->kind](p->rows, p->cols, k1, p->a, p->lda, p->panel, c, p->ldc, accumulate);
    kn->gemm[p->kind](p->rows, p->cols, p->k - k1, (char *)p->a + k1 * a_elem(p->kind), p->lda,
        (char *)p->panel + pr_panel_bytes(p->kind, k1, p->cols), c, p->ldc, true);
    assert_same(kn, p, c, whole, "k in two parts");

    for (size_t i = 0; i < n_pools; i++) {
        struct pooled j = {kn, p, c, 1 + below(r, 7), accumulate};
        memcpy(c, p->c, p->c_bytes);
        pr_pool_run(pools[i], (p->rows + j.chunk - 1) / j.chunk, run_item, &j);
        assert_same(kn, p, c, whole, "by a pool");
    }
    pr_big_free(whole, p->c_bytes);
    pr_big_free(c, p->c_bytes);
}

static void a_rows_bits_do_not_depend_on_its_company(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 5};
    struct pr_pool *pools[4];
    struct pr_rng r;
    pr_rng_seed(&r, 2);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pr_pool_new(threads[i], &pools[i], NULL), PR_OK);
    for (int round = 0; round < 120; round++) {
        bool large = below(&r, 8) == 0;
        size_t rows = 1 + below(&r, large ? 200 : 40), cols = 16 + 16 * below(&r, 4);
        size_t k = 1 + below(&r, large ? 1500 : 300);
        struct problem p = problem_new(&r, round % PR_PANEL_KINDS, rows, cols, k);
        FOR_EACH_TABLE(kn)
        compare_splits(kn, &p, &r, pools, 4);
        problem_done(&p);
    }
    for (size_t i = 0; i < 4; i++)
        pr_pool_free(pools[i]);
}

static void a_columns_bits_do_not_depend_on_the_panels_width(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 3);
    for (int round = 0; round < 24; round++) {
        struct problem p = problem_new(&r, round % PR_PANEL_KINDS, 1 + below(&r, 9), 64, 77);
        float *c = big(p.c_bytes), *narrow = big(p.rows * 16 * 4);
        void *part = big(pr_panel_bytes(p.kind, p.k, 16));
        size_t first = 16 * below(&r, 4);
        for (size_t i = 0; i < p.k; i++) {
            for (size_t col = 0; col < 16; col++)
                memcpy((char *)part + panel_at(p.kind, 16, i, col),
                    (char *)p.panel + panel_at(p.kind, 64, i, first + col), pr_panel_elem(p.kind));
        }
        FOR_EACH_TABLE(kn)
        {
            run_rows(kn, &p, c, 0, p.rows, false);
            kn->gemm[p.kind](p.rows, 16, p.k, p.a, p.lda, part, narrow, 16, false);
            for (size_t row = 0; row < p.rows; row++)
                assert_memory_equal(c + row * p.ldc + first, narrow + row * 16, 64);
        }
        pr_big_free(part, pr_panel_bytes(p.kind, p.k, 16));
        pr_big_free(narrow, p.rows * 16 * 4);
        pr_big_free(c, p.c_bytes);
        problem_done(&p);
    }
}

static void nan_and_infinity_stay_in_their_row(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 4);
    for (int kind = 0; kind < PR_PANEL_KINDS; kind++) {
        struct problem p = problem_new(&r, (enum pr_panel_kind)kind, 8, 64, 40);
        set_a(&p, 3, 17, NAN);
        set_a(&p, 5, 20, INFINITY);
        panel_set(p.kind, p.panel, 64, 20, 9, 2.0f);
        FOR_EACH_TABLE(kn)
        {
            run_rows(kn, &p, p.c, 0, 8, false);
            for (size_t row = 0; row < 8; row++) {
                for (size_t col = 0; col < 64; col++) {
                    float v = p.c[row * p.ldc + col];
                    assert_true(row == 3 ? isnan(v) : row == 5 ? !isfinite(v) : isfinite(v));
                }
            }
            assert_true(p.c[5 * p.ldc + 9] == INFINITY);
        }
        problem_done(&p);
    }
}

static void k_of_zero_gives_zeros_or_leaves_c(void **state)
{
    (void)state;
    FOR_EACH_TABLE(kn)
    {
        for (int kind = 0; kind < PR_PANEL_KINDS; kind++) {
            static float c[60 * 16];
            _Alignas(64) float a[60 * 2] = {0};
            for (size_t rows = 1; rows < 60; rows += 29) {
                for (size_t i = 0; i < 60 * 16; i++)
                    c[i] = 7;
                kn->gemm[kind](rows, 16, 0, a, 2, a, c, 16, true);
                for (size_t i = 0; i < rows * 16; i++)
                    assert_true(c[i] == 7);
                kn->gemm[kind](rows, 16, 0, a, 2, a, c, 16, false);
                for (size_t i = 0; i < 60 * 16; i++)
                    assert_true(c[i] == (i < rows * 16 ? 0 : 7));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_the_sums_in_double),
        cmocka_unit_test(a_rows_bits_do_not_depend_on_its_company),
        cmocka_unit_test(a_columns_bits_do_not_depend_on_the_panels_width),
        cmocka_unit_test(nan_and_infinity_stay_in_their_row),
        cmocka_unit_test(k_of_zero_gives_zeros_or_leaves_c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
