/* Matrix products of training: the three shapes against sums in double, bf16 against f32 products
 * of rounded inputs, bits independent of threads, and that they are one another's backward. */
#include "../compute/support.h"

#include "compute/pool.h"
#include "train/matmul.h"

struct problem {
    enum pr_matmul_shape shape;
    size_t m, n, k, lda, ldb, ldc, a_n, b_n, c_n; /* a_n …: elements in all */
    enum pr_dtype b_dtype;
    float *a, *c;
    void *b;
};

static struct problem problem_new(struct pr_rng *r, enum pr_matmul_shape shape, size_t m, size_t n,
    size_t k, enum pr_dtype b_dtype)
{
    struct problem p = {.shape = shape, .m = m, .n = n, .k = k, .b_dtype = b_dtype};
    p.lda = (shape == PR_TN ? m : k) + below(r, 9);
    p.ldb = (shape == PR_NT ? k : n) + below(r, 9);
    p.ldc = n + below(r, 9);
    p.a_n = p.lda * (shape == PR_TN ? k : m);
    p.b_n = p.ldb * (shape == PR_NT ? n : k);
    p.c_n = p.ldc * m;
    p.a = big(p.a_n * 4);
    p.b = big(p.b_n * pr_dtype_size(b_dtype));
    p.c = big(p.c_n * 4);
    fill_normal(r, p.a, p.a_n);
    fill_normal(r, p.c, p.c_n);
    for (size_t i = 0; i < p.b_n; i++) {
        float x = normal(r);
        if (b_dtype == PR_F64) {
            ((double *)p.b)[i] = (double)x;
            continue;
        }
        pr_convert(PR_F32, &x, 1, b_dtype, (char *)p.b + i * pr_dtype_size(b_dtype));
    }
    return p;
}

static void problem_done(struct problem *p)
{
    pr_big_free(p->a, p->a_n * 4);
    pr_big_free(p->b, p->b_n * pr_dtype_size(p->b_dtype));
    pr_big_free(p->c, p->c_n * 4);
}

static double a_at(const struct problem *p, size_t row, size_t i)
{
    return (double)p->a[p->shape == PR_TN ? i * p->lda + row : row * p->lda + i];
}

static double b_at(const struct problem *p, size_t i, size_t col)
{
    float f;
    size_t at = p->shape == PR_NT ? col * p->ldb + i : i * p->ldb + col;
    pr_to_f32(p->b_dtype, (const char *)p->b + at * pr_dtype_size(p->b_dtype), 1, &f);
    return (double)f;
}

static double rounded(double x, bool bf16)
{
    return bf16 ? (double)pr_bf16_to_f32(pr_f32_to_bf16((float)x)) : x;
}

static void run(struct pr_matmul *mm, const struct problem *p, float *c, bool accumulate)
{
    struct pr_mat b = {p->b, p->b_dtype, p->ldb};
    if (c != p->c)
        memcpy(c, p->c, p->c_n * 4);
    assert_int_equal(
        pr_matmul(mm, p->shape, p->m, p->n, p->k, p->a, p->lda, b, c, p->ldc, accumulate, NULL),
        PR_OK);
}

/* Of c, every element when it is small, else some hundreds. */
static void compare(const struct pr_matmul *mm, const struct problem *p, const float *c,
    bool accumulate, struct pr_rng *r)
{
    size_t all = p->m * p->n, checked = all < 3000 ? all : 300;
    for (size_t q = 0; q < checked; q++) {
        size_t at = all < 3000 ? q : below(r, all), row = at / p->n, col = at % p->n;
        double sum = accumulate ? (double)p->c[row * p->ldc + col] : 0, size = fabs(sum);
        for (size_t i = 0; i < p->k; i++) {
            double x = rounded(a_at(p, row, i), mm->bf16) * rounded(b_at(p, i, col), mm->bf16);
            sum += x;
            size += fabs(x);
        }
        double got = (double)c[row * p->ldc + col];
        CHECK(fabs(got - sum) <= size * (double)(p->k + 2) * 0x1p-24,
            "%s shape %d %zux%zux%zu %s at [%zu][%zu]: %.9g, expected %.9g", mm->kernels->isa,
            p->shape, p->m, p->n, p->k, mm->bf16 ? "bf16" : "f32", row, col, got, sum);
    }
    for (size_t row = 0; row < p->m; row++)
        for (size_t col = p->n; col < p->ldc; col++)
            assert_true(c[row * p->ldc + col] == p->c[row * p->ldc + col]);
}

static size_t some_size(struct pr_rng *r, int round)
{
    static const size_t edges[] = {1, 2, 15, 16, 17, 63, 64, 65, 100, 128, 130};
    return round % 3 ? edges[below(r, 11)] : 1 + below(r, 150);
}

static struct pr_pool *pool_of(int threads)
{
    struct pr_pool *pool;
    assert_int_equal(pr_pool_new(threads, &pool, NULL), PR_OK);
    return pool;
}

static void products_are_the_sums_in_double(void **state)
{
    (void)state;
    static const enum pr_dtype types[] = {PR_F32, PR_BF16, PR_F16, PR_F64};
    struct pr_pool *pool = pool_of(2);
    struct pr_rng r;
    pr_rng_seed(&r, 51);
    for (int round = 0; round < 120; round++) {
        struct problem p = problem_new(&r, round % 3, some_size(&r, round), some_size(&r, round),
            some_size(&r, round), types[round / 3 % 4]);
        float *c = big(p.c_n * 4);
        FOR_EACH_TABLE(kn)
        {
            for (int how = 0; how < 4; how++) {
                struct pr_matmul mm;
                pr_matmul_init(&mm, pool, kn, how & 1);
                run(&mm, &p, c, how & 2);
                compare(&mm, &p, c, how & 2, &r);
                pr_matmul_done(&mm);
            }
        }
        pr_big_free(c, p.c_n * 4);
        problem_done(&p);
    }
    pr_pool_free(pool);
}

/* Past every block of rows, columns and k, with scratch that is kept from one to the next. */
static void large_products_are_the_sums_in_double(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {{2100, 40, 70}, {70, 1100, 90}, {50, 70, 2300},
        {300, 1030, 1030}, {2050, 1025, 5}, {700, 600, 1100}, {520, 100, 1030}};
    struct pr_pool *pool = pool_of(2);
    struct pr_matmul mm;
    struct pr_rng r;
    pr_rng_seed(&r, 52);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        pr_matmul_init(&mm, pool, pr_kernels_default(), bf16);
        for (size_t s = 0; s < 21; s++) {
            const size_t *size = sizes[s / 3];
            struct problem p = problem_new(&r, s % 3, size[0], size[1], size[2], PR_F32);
            float *c = big(p.c_n * 4);
            for (int accumulate = 0; accumulate < 2; accumulate++) {
                run(&mm, &p, c, accumulate);
                compare(&mm, &p, c, accumulate, &r);
            }
            pr_big_free(c, p.c_n * 4);
            problem_done(&p);
        }
        pr_matmul_done(&mm);
    }
    pr_pool_free(pool);
}

/* NaN everywhere in one product, then sizes that fill their panels and pairs by half. */
static void what_one_product_leaves_does_not_reach_the_next(void **state)
{
    (void)state;
    struct pr_pool *pool = pool_of(2);
    struct pr_rng r;
    pr_rng_seed(&r, 55);
    FOR_EACH_TABLE(kn)
    {
        for (int round = 0; round < 12; round++) {
            struct pr_matmul mm;
            pr_matmul_init(&mm, pool, kn, round & 1);
            struct problem bad = problem_new(&r, round % 3, 130, 130, 140, PR_F32);
            struct problem p = problem_new(&r, round % 3, 67, 1 + below(&r, 90), 99, PR_F32);
            for (size_t i = 0; i < bad.a_n; i++)
                bad.a[i] = NAN;
            for (size_t i = 0; i < bad.b_n; i++)
                ((float *)bad.b)[i] = NAN;
            run(&mm, &bad, bad.c, false);
            float *c = big(p.c_n * 4);
            run(&mm, &p, c, false);
            compare(&mm, &p, c, false, &r);
            pr_big_free(c, p.c_n * 4);
            problem_done(&bad);
            problem_done(&p);
            pr_matmul_done(&mm);
        }
    }
    pr_pool_free(pool);
}

static void bits_do_not_depend_on_the_number_of_threads(void **state)
{
    (void)state;
    struct pr_pool *pools[] = {pool_of(1), pool_of(2), pool_of(3), pool_of(5)};
    struct pr_rng r;
    pr_rng_seed(&r, 53);
    for (int round = 0; round < 24; round++) {
        struct problem p = problem_new(&r, round % 3, 1 + below(&r, 700), 1 + below(&r, 300),
            1 + below(&r, 1500), round % 2 ? PR_F32 : PR_BF16);
        float *first = big(p.c_n * 4), *c = big(p.c_n * 4);
        for (size_t t = 0; t < 4; t++) {
            struct pr_matmul mm;
            pr_matmul_init(&mm, pools[t], pr_kernels_default(), round / 3 % 2);
            run(&mm, &p, t ? c : first, round % 2);
            if (t)
                assert_memory_equal(c, first, p.c_n * 4);
            pr_matmul_done(&mm);
        }
        pr_big_free(first, p.c_n * 4);
        pr_big_free(c, p.c_n * 4);
        problem_done(&p);
    }
    for (size_t t = 0; t < 4; t++)
        pr_pool_free(pools[t]);
}

/* In every fourth round the dimension of this number is longer than a block. */
static size_t some_length(struct pr_rng *r, int round, int number, size_t longest)
{
    return round / 3 % 4 == number ? longest - below(r, 3) : 1 + below(r, 90);
}

/* Three at once, the last of the b of the second where the shape makes that possible. */
static void products_made_together_have_the_bits_of_each_alone(void **state)
{
    (void)state;
    struct pr_pool *pool = pool_of(2);
    struct pr_rng r;
    pr_rng_seed(&r, 57);
    for (int round = 0; round < 24; round++) {
        struct pr_matmul mm;
        struct pr_matmul_part parts[PR_MATMUL_PARTS];
        struct problem p[PR_MATMUL_PARTS];
        enum pr_matmul_shape shape = round % 3;
        bool accumulate = round & 1;
        float *c[PR_MATMUL_PARTS];
        size_t k = some_length(&r, round, 1, 1030), n = 0;
        pr_matmul_init(&mm, pool, pr_kernels_default(), round / 3 & 1);
        for (int i = 0; i < PR_MATMUL_PARTS; i++) {
            n = i == 2 ? n : some_length(&r, round, 2, 1100);
            p[i] = problem_new(&r, shape, some_length(&r, round, 3, 2100), n, k, PR_F32);
            c[i] = big(p[i].c_n * 4);
            memcpy(c[i], p[i].c, p[i].c_n * 4);
            const struct problem *q = &p[i == 2 ? 1 : i]; /* whose b */
            parts[i] = (struct pr_matmul_part){
                p[i].m, n, k, p[i].a, p[i].lda, {q->b, PR_F32, q->ldb}, c[i], p[i].ldc};
        }
        assert_int_equal(pr_matmul_parts(&mm, shape, parts, 3, accumulate, NULL), PR_OK);
        for (int i = 0; i < PR_MATMUL_PARTS; i++) { /* p.c: what it was, and becomes */
            assert_int_equal(pr_matmul(&mm, shape, p[i].m, parts[i].n, k, p[i].a, p[i].lda,
                                 parts[i].b, p[i].c, p[i].ldc, accumulate, NULL),
                PR_OK);
            CHECK(!memcmp(c[i], p[i].c, p[i].c_n * 4), "shape %d part %d of round %d", shape, i,
                round);
        }
        for (int i = 0; i < PR_MATMUL_PARTS; i++) {
            pr_big_free(c[i], p[i].c_n * 4);
            problem_done(&p[i]);
        }
        pr_matmul_done(&mm);
    }
    pr_pool_free(pool);
}

static void products_into_one_are_added_in_their_order(void **state)
{
    (void)state;
    struct pr_pool *pool = pool_of(2);
    struct pr_rng r;
    pr_rng_seed(&r, 58);
    for (int round = 0; round < 18; round++) {
        struct pr_matmul mm;
        struct pr_matmul_part parts[PR_MATMUL_PARTS];
        struct problem p[PR_MATMUL_PARTS];
        size_t m = some_length(&r, round, 3, 2100), n = some_length(&r, round, 2, 1100);
        bool accumulate = round & 1;
        pr_matmul_init(&mm, pool, pr_kernels_default(), round / 3 & 1);
        for (int i = 0; i < PR_MATMUL_PARTS; i++)
            p[i] = problem_new(&r, round % 3, m, n, some_length(&r, round, 1, 2100), PR_F32);
        float *c = big(p->c_n * 4);
        memcpy(c, p->c, p->c_n * 4);
        for (int i = 0; i < PR_MATMUL_PARTS; i++)
            parts[i] = (struct pr_matmul_part){
                m, n, p[i].k, p[i].a, p[i].lda, {p[i].b, PR_F32, p[i].ldb}, c, p->ldc};
        assert_int_equal(pr_matmul_parts(&mm, round % 3, parts, 3, accumulate, NULL), PR_OK);
        for (int i = 0; i < PR_MATMUL_PARTS; i++)
            assert_int_equal(pr_matmul(&mm, round % 3, m, n, p[i].k, p[i].a, p[i].lda, parts[i].b,
                                 p->c, p->ldc, accumulate || i, NULL),
                PR_OK);
        for (size_t row = 0; row < m; row++) /* in blocks of k each of them comes in turn */
            for (size_t col = 0; col < n; col++) {
                double got = (double)c[row * p->ldc + col], want = (double)p->c[row * p->ldc + col];
                CHECK(fabs(got - want) <= 2e-4 * (1 + fabs(want)), "round %d at [%zu][%zu]: %g, %g",
                    round, row, col, got, want);
            }
        pr_big_free(c, p->c_n * 4);
        for (int i = 0; i < PR_MATMUL_PARTS; i++)
            problem_done(&p[i]);
        pr_matmul_done(&mm);
    }
    pr_pool_free(pool);
}

static void empty_products_are_zero_or_nothing(void **state)
{
    (void)state;
    struct pr_pool *pool = pool_of(2);
    struct pr_matmul mm;
    pr_matmul_init(&mm, pool, pr_kernels_default(), false);
    float a[64] = {0}, c[64];
    for (int shape = 0; shape < 3; shape++) {
        for (int i = 0; i < 64; i++)
            c[i] = 7;
        assert_int_equal(pr_matmul(&mm, (enum pr_matmul_shape)shape, 0, 8, 8, a, 8,
                             pr_mat_f32(a, 8), c, 8, false, NULL),
            PR_OK);
        assert_int_equal(pr_matmul(&mm, (enum pr_matmul_shape)shape, 4, 4, 0, a, 8,
                             pr_mat_f32(a, 8), c, 8, true, NULL),
            PR_OK);
        for (int i = 0; i < 64; i++)
            assert_true(c[i] == 7);
        assert_int_equal(pr_matmul(&mm, (enum pr_matmul_shape)shape, 4, 4, 0, a, 8,
                             pr_mat_f32(a, 8), c, 8, false, NULL),
            PR_OK);
        for (int i = 0; i < 64; i++)
            assert_true(c[i] == (i < 32 && i % 8 < 4 ? 0 : 7));
    }
    pr_matmul_done(&mm);
    pr_pool_free(pool);
}

/* loss = Σ g · (x Wᵀ): its gradients are dx = g W and dW = gᵀ x. */
#define ROWS 7
#define IN   19
#define OUT  21
static double linear_loss(const float *x, const float *w, const float *g)
{
    double loss = 0;
    for (int r = 0; r < ROWS; r++)
        for (int o = 0; o < OUT; o++) {
            double y = 0;
            for (int i = 0; i < IN; i++)
                y += (double)x[r * IN + i] * (double)w[o * IN + i];
            loss += y * (double)g[r * OUT + o];
        }
    return loss;
}

static double central_difference(float *at, const float *x, const float *w, const float *g)
{
    float kept = *at, high = kept + 0x1p-6f, low = kept - 0x1p-6f;
    *at = high;
    double up = linear_loss(x, w, g);
    *at = low;
    double down = linear_loss(x, w, g);
    *at = kept;
    return (up - down) / ((double)high - (double)low);
}

static void the_shapes_are_the_backward_of_a_linear_layer(void **state)
{
    (void)state;
    float x[ROWS * IN], w[OUT * IN], g[ROWS * OUT], dx[ROWS * IN], dw[OUT * IN];
    struct pr_pool *pool = pool_of(2);
    struct pr_rng r;
    pr_rng_seed(&r, 54);
    fill_normal(&r, x, ROWS * IN);
    fill_normal(&r, w, OUT * IN);
    fill_normal(&r, g, ROWS * OUT);
    FOR_EACH_TABLE(kn)
    {
        struct pr_matmul mm;
        pr_matmul_init(&mm, pool, kn, false);
        assert_int_equal(
            pr_matmul(&mm, PR_NN, ROWS, IN, OUT, g, OUT, pr_mat_f32(w, IN), dx, IN, false, NULL),
            PR_OK);
        assert_int_equal(
            pr_matmul(&mm, PR_TN, OUT, IN, ROWS, g, OUT, pr_mat_f32(x, IN), dw, IN, false, NULL),
            PR_OK);
        for (int i = 0; i < ROWS * IN; i++)
            assert_float_equal((double)dx[i], central_difference(x + i, x, w, g), 2e-5);
        for (int i = 0; i < OUT * IN; i++)
            assert_float_equal((double)dw[i], central_difference(w + i, x, w, g), 2e-5);
        pr_matmul_done(&mm);
    }
    pr_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_the_sums_in_double),
        cmocka_unit_test(large_products_are_the_sums_in_double),
        cmocka_unit_test(what_one_product_leaves_does_not_reach_the_next),
        cmocka_unit_test(bits_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(products_made_together_have_the_bits_of_each_alone),
        cmocka_unit_test(products_into_one_are_added_in_their_order),
        cmocka_unit_test(empty_products_are_zero_or_nothing),
        cmocka_unit_test(the_shapes_are_the_backward_of_a_linear_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
