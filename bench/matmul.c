/* Products of training as src/train/matmul.h makes them, packing included: GFLOP/s and the share of
 * the machine's arithmetic limit, measured in the same run.  Best of --repeats; matrices rotate
 * through more memory than the second-level caches hold, as the layers of a model do.
 *
 * matmul [--isa NAME] [--threads N] [--bf16 0|1] [--shape 0-2] [--m N --n N --k N] [--repeats N] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "peak.h"
#include "train/matmul.h"

#define TURNS 4 /* sets of matrices */

static const char *const shape_names[] = {"NT x·Wᵀ", "NN dy·W", "TN dyᵀ·x"};
static const struct {
    size_t m, n, k; /* of the forward product: m rows, k in, n out */
} f32_sizes[] = {{1024, 128, 128}, {1024, 192, 192}, {1024, 512, 192}, {1024, 192, 512},
    {2048, 256, 256}, {2048, 512, 256}, {2048, 768, 256}, {2048, 256, 768}, {2048, 1024, 256},
    {2048, 256, 1024}, {2048, 1024, 1024}, {2048, 8192, 256}, {512, 16, 1024}, {512, 1024, 16}},
  bf16_sizes[] = {{512, 1024, 1024}, {512, 2048, 1024}, {512, 3072, 1024}, {512, 1024, 3072},
      {512, 1024, 2048}, {64, 151936, 1024}, {512, 16, 1024}, {512, 1024, 16}};

struct product {
    struct pr_matmul mm;
    enum pr_matmul_shape shape;
    size_t m, n, k, turn; /* of the product itself */
    size_t lda, ldb;
    float *a, *c;
    char *b;
    size_t a_n, b_n, c_n; /* elements of one set */
    enum pr_dtype b_dtype;
};

static void *memory(size_t bytes)
{
    void *p;
    struct pr_error e;
    if (pr_big_alloc(&p, bytes, 1, "bench", &e)) {
        fprintf(stderr, "%s\n", e.message);
        exit(1);
    }
    return p;
}

static double time_product(struct product *p)
{
    double start = bench_now(), now;
    size_t n = 0;
    struct pr_error e;
    do {
        size_t t = p->turn++ % TURNS;
        struct pr_mat b = {p->b + t * p->b_n * pr_dtype_size(p->b_dtype), p->b_dtype, p->ldb};
        if (pr_matmul(&p->mm, p->shape, p->m, p->n, p->k, p->a + t * p->a_n, p->lda, b,
                p->c + t * p->c_n, p->n, p->shape == PR_TN, &e)) {
            fprintf(stderr, "%s\n", e.message);
            exit(1);
        }
        n++;
        now = bench_now();
    } while (now < start + 0.01);
    return (double)n / (now - start);
}

/* m, n, k: of the forward product, whose backward products are the other two shapes. */
static void bench_one(struct peak *peak, const struct pr_matmul *mm, enum pr_matmul_shape shape,
    const size_t mnk[3], int repeats)
{
    size_t m = mnk[0], n = mnk[1], k = mnk[2];
    struct product p = {.mm = *mm, .shape = shape, .b_dtype = mm->bf16 ? PR_BF16 : PR_F32};
    p.m = shape == PR_TN ? n : m;
    p.n = shape == PR_NT ? n : k;
    p.k = shape == PR_NT ? k : shape == PR_NN ? n : m;
    if (shape == PR_TN)
        p.b_dtype = PR_F32; /* activations */
    p.lda = shape == PR_TN ? p.m : p.k;
    p.ldb = shape == PR_NT ? p.k : p.n;
    p.a_n = p.m * p.k;
    p.b_n = p.n * p.k;
    p.c_n = p.m * p.n;
    size_t b_bytes = TURNS * p.b_n * pr_dtype_size(p.b_dtype);
    p.a = memory(TURNS * p.a_n * 4);
    p.b = memory(b_bytes);
    p.c = memory(TURNS * p.c_n * 4);
    struct pr_rng r;
    pr_rng_seed(&r, 1);
    for (size_t i = 0; i < TURNS * p.a_n; i++)
        p.a[i] = (float)(int32_t)(pr_rng_u64(&r) >> 40) * 0x1p-24f;
    for (size_t i = 0; i < TURNS * p.b_n; i++) {
        if (p.b_dtype == PR_F32)
            ((float *)(void *)p.b)[i] = (float)(int32_t)(pr_rng_u64(&r) >> 40) * 0x1p-24f;
        else
            ((uint16_t *)(void *)p.b)[i] = (uint16_t)(0x3c00 + (i & 0x1ff));
    }
    double rate[64], flops[64];
    for (int i = 0; i < repeats; i++) {
        flops[i] = peak_flops(peak, mm->kernels->isa, mm->bf16);
        rate[i] = time_product(&p);
    }
    double work = 2.0 * (double)p.m * (double)p.n * (double)p.k * 1e-9;
    double got = work * bench_best(rate, (size_t)repeats);
    double limit = bench_best(flops, (size_t)repeats) * 1e-9;
    printf("%-9s %6zu %6zu %6zu %9.1f %7.0f %%\n", shape_names[shape], p.m, p.n, p.k, got,
        100 * got / limit);
    fflush(stdout);
    pr_matmul_done(&p.mm);
    pr_big_free(p.a, TURNS * p.a_n * 4);
    pr_big_free(p.b, b_bytes);
    pr_big_free(p.c, TURNS * p.c_n * 4);
}

int main(int argc, char **argv)
{
    const struct pr_kernels *kn = pr_kernels_default();
    long threads = 0, repeats = 9, bf16 = 0, only_shape = -1, m = 0, n = 0, k = 0;
    const struct {
        const char *name;
        long *value;
    } numbers[] = {{"--threads", &threads}, {"--repeats", &repeats}, {"--bf16", &bf16},
        {"--shape", &only_shape}, {"--m", &m}, {"--n", &n}, {"--k", &k}};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--isa"))
            kn = pr_kernels_named(argv[i + 1]);
        for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++)
            if (!strcmp(argv[i], numbers[j].name))
                *numbers[j].value = strtol(argv[i + 1], NULL, 10);
    }
    struct pr_pool *pool;
    struct pr_error e;
    if (!kn || repeats < 1 || repeats > 64 || pr_pool_new((int)threads, &pool, &e)) {
        fprintf(stderr, "matmul: no such instruction set or thread count here\n");
        return 2;
    }
    struct peak peak;
    struct pr_matmul mm;
    peak_init(&peak, pool);
    pr_matmul_init(&mm, pool, kn, bf16 != 0);
    printf("%s, %d threads, %s\n%-7s %6s %6s %6s %9s %9s\n", kn->isa, pr_pool_threads(pool),
        bf16 ? "bf16" : "f32", "shape", "m", "n", "k", "GFLOP/s", "of limit");
    size_t n_sizes =
        bf16 ? sizeof bf16_sizes / sizeof *bf16_sizes : sizeof f32_sizes / sizeof *f32_sizes;
    for (size_t s = 0; s < (m ? 1 : n_sizes); s++) {
        const size_t given[] = {(size_t)m, (size_t)n, (size_t)k};
        const size_t *mnk = m ? given : bf16 ? &bf16_sizes[s].m : &f32_sizes[s].m;
        for (int shape = 0; shape < 3; shape++)
            if (only_shape < 0 || only_shape == shape)
                bench_one(&peak, &mm, (enum pr_matmul_shape)shape, mnk, (int)repeats);
    }
    peak_done(&peak);
    pr_pool_free(pool);
    return 0;
}
