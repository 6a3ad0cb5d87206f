/* Attention of training: forward against the definition in double, backward against central
 * differences of that definition, over packed sequences, groups of heads and windows. */
#include "../compute/support.h"

#include "compute/pool.h"
#include "train/attention.h"

struct problem {
    struct pr_attention t;
    uint32_t starts[8];
    size_t rows, ld_qkv, ld_out, heads_dim;
    float *qkv, *out, *d_out, *lse, *dqkv;
};

static size_t kv_at(const struct problem *p, size_t row, size_t head, bool value)
{
    const struct pr_attention *t = &p->t;
    size_t kv_head = head / (t->n_heads / t->n_kv_heads);
    return row * p->ld_qkv +
           (t->n_heads + (value ? t->n_kv_heads : 0) + kv_head) * (size_t)t->head_dim;
}

static struct problem problem_new(struct pr_rng *r, struct pr_pool *pool,
    const struct pr_kernels *kn, const uint32_t *lengths, uint32_t n_sequences, uint32_t n_heads,
    uint32_t n_kv_heads, uint32_t head_dim, uint32_t window)
{
    struct problem p = {.t = {.pool = pool,
                            .kernels = kn,
                            .n_sequences = n_sequences,
                            .n_heads = n_heads,
                            .n_kv_heads = n_kv_heads,
                            .head_dim = head_dim,
                            .window = window,
                            .scale = 1 / sqrtf((float)head_dim)}};
    for (uint32_t s = 0; s < n_sequences; s++)
        p.starts[s + 1] = p.starts[s] + lengths[s];
    p.rows = p.starts[n_sequences];
    p.ld_qkv = (n_heads + 2 * n_kv_heads) * (size_t)head_dim + below(r, 9);
    p.ld_out = n_heads * (size_t)head_dim + below(r, 9);
    p.qkv = big(p.rows * p.ld_qkv * 4);
    p.dqkv = big(p.rows * p.ld_qkv * 4);
    p.out = big(p.rows * p.ld_out * 4);
    p.d_out = big(p.rows * p.ld_out * 4);
    p.lse = big(p.rows * n_heads * 4);
    fill_normal(r, p.qkv, p.rows * p.ld_qkv);
    fill_normal(r, p.d_out, p.rows * p.ld_out);
    return p;
}

static void problem_done(struct problem *p)
{
    pr_big_free(p->qkv, p->rows * p->ld_qkv * 4);
    pr_big_free(p->dqkv, p->rows * p->ld_qkv * 4);
    pr_big_free(p->out, p->rows * p->ld_out * 4);
    pr_big_free(p->d_out, p->rows * p->ld_out * 4);
    pr_big_free(p->lse, p->rows * p->t.n_heads * 4);
    pr_attention_done(&p->t);
}

static void run(struct problem *p)
{
    p->t.starts = p->starts;
    assert_int_equal(
        pr_attention_forward(&p->t, p->qkv, p->ld_qkv, p->out, p->ld_out, p->lse, NULL), PR_OK);
    assert_int_equal(
        pr_attention_back(&p->t, p->qkv, p->ld_qkv, p->d_out, p->ld_out, p->lse, p->dqkv, NULL),
        PR_OK);
}

/* One head of one query by the definition: its output to out[head_dim]; returns the log-sum-exp. */
static double attend(const struct problem *p, size_t start, size_t row, size_t head, double *out)
{
    static double score[2000];
    size_t dim = p->t.head_dim, from = start;
    double top = -INFINITY, sum = 0;
    if (p->t.window && row + 1 > start + p->t.window)
        from = row + 1 - p->t.window;
    for (size_t key = from; key <= row; key++) {
        const float *q = p->qkv + row * p->ld_qkv + head * dim,
                    *k = p->qkv + kv_at(p, key, head, 0);
        double s = 0;
        for (size_t i = 0; i < dim; i++)
            s += (double)q[i] * (double)k[i];
        score[key - from] = s * (double)p->t.scale;
        top = fmax(top, score[key - from]);
    }
    for (size_t i = 0; i < dim; i++)
        out[i] = 0;
    for (size_t key = from; key <= row; key++) {
        double e = exp(score[key - from] - top);
        const float *v = p->qkv + kv_at(p, key, head, 1);
        sum += e;
        for (size_t i = 0; i < dim; i++)
            out[i] += e * (double)v[i];
    }
    for (size_t i = 0; i < dim; i++)
        out[i] /= sum;
    return top + log(sum);
}

static void compare_forward(const struct problem *p)
{
    double want[300];
    for (uint32_t s = 0; s < p->t.n_sequences; s++) {
        for (size_t row = p->starts[s]; row < p->starts[s + 1]; row++) {
            for (size_t head = 0; head < p->t.n_heads; head++) {
                double lse = attend(p, p->starts[s], row, head, want);
                const float *got = p->out + row * p->ld_out + head * p->t.head_dim;
                CHECK(fabs((double)p->lse[row * p->t.n_heads + head] - lse) < 1e-5,
                    "%s: lse of row %zu head %zu", p->t.kernels->isa, row, head);
                for (size_t i = 0; i < p->t.head_dim; i++)
                    CHECK(fabs((double)got[i] - want[i]) < 1e-5,
                        "%s: row %zu head %zu [%zu]: %.8g, expected %.8g", p->t.kernels->isa, row,
                        head, i, (double)got[i], want[i]);
            }
        }
    }
}

/* Σ d_out · out over one sequence, in double. */
static double loss_of(const struct problem *p, uint32_t s)
{
    double out[300], loss = 0;
    for (size_t row = p->starts[s]; row < p->starts[s + 1]; row++) {
        for (size_t head = 0; head < p->t.n_heads; head++) {
            attend(p, p->starts[s], row, head, out);
            const float *d = p->d_out + row * p->ld_out + head * p->t.head_dim;
            for (size_t i = 0; i < p->t.head_dim; i++)
                loss += (double)d[i] * out[i];
        }
    }
    return loss;
}

static void compare_back(struct problem *p, struct pr_rng *r, int points)
{
    size_t used = (p->t.n_heads + 2 * p->t.n_kv_heads) * (size_t)p->t.head_dim;
    for (int q = 0; q < points; q++) {
        uint32_t s = (uint32_t)below(r, p->t.n_sequences);
        size_t row = p->starts[s] + below(r, p->starts[s + 1] - p->starts[s]);
        size_t at = row * p->ld_qkv + below(r, used);
        float kept = p->qkv[at], high = kept + 0x1p-9f, low = kept - 0x1p-9f;
        p->qkv[at] = high;
        double up = loss_of(p, s);
        p->qkv[at] = low;
        double down = loss_of(p, s);
        p->qkv[at] = kept;
        double want = (up - down) / ((double)high - (double)low), got = (double)p->dqkv[at];
        CHECK(fabs(got - want) < 3e-5 * fmax(1, fabs(want)),
            "%s: gradient at row %zu of sequence %u, column %zu: %.8g, expected %.8g",
            p->t.kernels->isa, row - p->starts[s], s, at % p->ld_qkv, got, want);
    }
}

static const struct {
    uint32_t lengths[4], n_sequences, n_heads, n_kv_heads, head_dim, window;
    int points;
} shapes[] = {
    {{5, 1, 9}, 3, 2, 1, 16, 0, 60},
    {{1}, 1, 1, 1, 8, 0, 24},
    {{70, 3, 64, 65}, 4, 4, 2, 32, 0, 40},
    {{40, 130}, 2, 3, 3, 20, 7, 40},
    {{200, 10}, 2, 2, 1, 64, 70, 30},
    {{130}, 1, 4, 1, 80, 0, 20},
    {{90, 33}, 2, 2, 2, 128, 33, 20},
    {{530, 2}, 2, 2, 1, 16, 0, 8},
    {{600}, 1, 1, 1, 16, 200, 8},
};
#define N_SHAPES (sizeof shapes / sizeof *shapes)

static struct pr_pool *pool_of(int threads)
{
    struct pr_pool *pool;
    assert_int_equal(pr_pool_new(threads, &pool, NULL), PR_OK);
    return pool;
}

static struct problem shape_new(
    size_t s, struct pr_rng *r, struct pr_pool *pool, const struct pr_kernels *kn)
{
    return problem_new(r, pool, kn, shapes[s].lengths, shapes[s].n_sequences, shapes[s].n_heads,
        shapes[s].n_kv_heads, shapes[s].head_dim, shapes[s].window);
}

static void forward_is_the_definition(void **state)
{
    (void)state;
    struct pr_pool *pool = pool_of(2);
    struct pr_rng r;
    pr_rng_seed(&r, 61);
    FOR_EACH_TABLE(kn)
    {
        for (size_t s = 0; s < N_SHAPES; s++) {
            struct problem p = shape_new(s, &r, pool, kn);
            run(&p);
            compare_forward(&p);
            problem_done(&p);
        }
    }
    pr_pool_free(pool);
}

static void backward_is_the_central_difference(void **state)
{
    (void)state;
    struct pr_pool *pool = pool_of(2);
    struct pr_rng r;
    pr_rng_seed(&r, 62);
    FOR_EACH_TABLE(kn)
    {
        for (size_t s = 0; s < N_SHAPES; s++) {
            struct problem p = shape_new(s, &r, pool, kn);
            run(&p);
            compare_back(&p, &r, shapes[s].points);
            problem_done(&p);
        }
    }
    pr_pool_free(pool);
}

static void every_gradient_is_written(void **state)
{
    (void)state;
    struct pr_pool *pool = pool_of(2);
    struct pr_rng r;
    pr_rng_seed(&r, 63);
    struct problem p = shape_new(2, &r, pool, pr_kernels_default());
    run(&p);
    size_t bytes = p.rows * p.ld_qkv * 4, used = (4 + 2 * 2) * 32;
    float *first = big(bytes);
    memcpy(first, p.dqkv, bytes);
    for (size_t i = 0; i < p.rows * p.ld_qkv; i++)
        p.dqkv[i] = NAN;
    run(&p); /* once more over the scratch of before */
    for (size_t row = 0; row < p.rows; row++) {
        assert_memory_equal(first + row * p.ld_qkv, p.dqkv + row * p.ld_qkv, used * 4);
        for (size_t i = used; i < p.ld_qkv; i++)
            assert_true(isnan(p.dqkv[row * p.ld_qkv + i]));
    }
    pr_big_free(first, bytes);
    problem_done(&p);
    pr_pool_free(pool);
}

static void what_the_scratch_held_does_not_matter(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {128};
    struct pr_pool *pool = pool_of(1);
    struct pr_rng r;
    pr_rng_seed(&r, 65);
    FOR_EACH_TABLE(kn)
    {
        struct problem p = problem_new(&r, pool, kn, lengths, 1, 2, 1, 32, 0);
        for (size_t i = 0; i < p.rows * p.ld_qkv; i++)
            p.qkv[i] = NAN;
        run(&p);
        fill_normal(&r, p.qkv, p.rows * p.ld_qkv);
        p.starts[1] = 70; /* shorter, and no whole number of blocks */
        run(&p);
        compare_forward(&p);
        compare_back(&p, &r, 20);
        problem_done(&p);
    }
    pr_pool_free(pool);
}

static void bits_depend_neither_on_threads_nor_on_the_neighbours(void **state)
{
    (void)state;
    struct pr_pool *pools[] = {pool_of(1), pool_of(3)};
    struct pr_rng r;
    pr_rng_seed(&r, 64);
    struct problem p = shape_new(2, &r, pools[0], pr_kernels_default());
    size_t bytes = p.rows * p.ld_qkv * 4, out_bytes = p.rows * p.ld_out * 4;
    float *dqkv = big(bytes), *out = big(out_bytes);
    run(&p);
    memcpy(dqkv, p.dqkv, bytes);
    memcpy(out, p.out, out_bytes);
    pr_attention_done(&p.t);
    p.t.pool = pools[1];
    run(&p);
    assert_memory_equal(dqkv, p.dqkv, bytes);
    assert_memory_equal(out, p.out, out_bytes);
    p.t.n_sequences = 1; /* the first alone */
    memset(p.dqkv, 0, bytes);
    run(&p);
    assert_memory_equal(dqkv, p.dqkv, p.starts[1] * p.ld_qkv * 4);
    assert_memory_equal(out, p.out, p.starts[1] * p.ld_out * 4);
    pr_big_free(dqkv, bytes);
    pr_big_free(out, out_bytes);
    problem_done(&p);
    pr_pool_free(pools[0]);
    pr_pool_free(pools[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_the_definition),
        cmocka_unit_test(backward_is_the_central_difference),
        cmocka_unit_test(every_gradient_is_written),
        cmocka_unit_test(what_the_scratch_held_does_not_matter),
        cmocka_unit_test(bits_depend_neither_on_threads_nor_on_the_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
