/* Products of a few or many rows with a weight matrix in panels, as the engine calls them: a loop
 * of the pool over panels.  Weights rotate through far more memory than the caches hold, as the
 * layers of a model do.  Prints GFLOP/s, GB/s of weights, and the share of the limit: the time that
 * the machine's peak arithmetic or peak memory bandwidth, measured in the same run, would need.
 * Best of
 * --repeats.
 *
 * gemm [--isa NAME] [--threads N] [--rows N] [--kind 0-3] [--repeats N] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "compute/kernels.h"
#include "peak.h"

#define WEIGHT_BYTES ((size_t)256 << 20)
#define MAX_ROWS     512
#define MAX_PANELS   1024 /* of one product */

static const char *const kind_names[PR_PANEL_KINDS] = {
    "f32 x f32", "f32 x bf16", "f32 x f16", "bf16 x bf16"};
static const struct {
    size_t k, n;
} shapes[] = {{1024, 3072}, {3072, 1024}, {1024, 151936}};
static const size_t row_counts[] = {1, 2, 4, 8, 16, 32, 64, 128, 512};

struct product {
    const struct pr_kernels *kn;
    enum pr_panel_kind kind;
    size_t rows, k, n_panels, first; /* first: where the weights of this turn begin */
    const void *a;
    const char *weights;
    float *c;
};

static void product_item(void *ctx, size_t item, int thread)
{
    struct product *p = ctx;
    (void)thread;
    size_t bytes = pr_panel_bytes(p->kind, p->k, PR_PANEL);
    size_t at = (p->first + item) % (WEIGHT_BYTES / bytes);
    p->kn->gemm[p->kind](p->rows, PR_PANEL, p->k, p->a, p->k, p->weights + at * bytes,
        p->c + item * PR_PANEL, p->n_panels * PR_PANEL, false);
}

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

/* Products a second, over some 5 ms. */
static double time_product(struct pr_pool *pool, struct product *p)
{
    double start = bench_now(), now;
    size_t n = 0;
    do {
        pr_pool_run(pool, p->n_panels, product_item, p);
        p->first += p->n_panels;
        n++;
        now = bench_now();
    } while (now < start + 0.005);
    return (double)n / (now - start);
}

static void bench_one(struct pr_pool *pool, struct peak *peak, struct product *p, int repeats)
{
    double rate[64], read[64], flops[64];
    for (int i = 0; i < repeats; i++) {
        flops[i] = peak_flops(peak, p->kn->isa, p->kind == PR_PANEL_BF16);
        read[i] = peak_read(peak);
        rate[i] = time_product(pool, p);
    }
    double t = 1 / bench_best(rate, (size_t)repeats), f = bench_best(flops, (size_t)repeats);
    double work = 2.0 * (double)p->rows * (double)p->k * (double)(p->n_panels * PR_PANEL);
    double bytes = (double)(p->n_panels * pr_panel_bytes(p->kind, p->k, PR_PANEL));
    double by_work = work / f, by_memory = bytes / bench_best(read, (size_t)repeats);
    double limit = by_work > by_memory ? by_work : by_memory;
    printf("%-11s %5zu x %-6zu %5zu %9.1f %8.1f %7.0f %% of %s\n", kind_names[p->kind], p->k,
        p->n_panels * PR_PANEL, p->rows, work / t * 1e-9, bytes / t * 1e-9, 100 * limit / t,
        by_work > by_memory ? "arithmetic" : "memory");
    fflush(stdout);
}

static void fill(void *a, char *weights)
{
    struct pr_rng r;
    pr_rng_seed(&r, 1);
    uint16_t *x = a;
    for (size_t i = 0; i < (size_t)MAX_ROWS * 3072 * 2; i++)
        x[i] = (uint16_t)(0x3c00 + pr_rng_below(&r, 0x200)); /* small positive, as f32 or bf16 */
    for (size_t i = 0; i < 1 << 20; i++)
        ((uint16_t *)(void *)weights)[i] = (uint16_t)(0x3c00 + pr_rng_below(&r, 0x200));
    for (size_t i = 2 << 20; i < WEIGHT_BYTES; i += 2 << 20)
        memcpy(weights + i, weights, 2 << 20);
}

int main(int argc, char **argv)
{
    const struct pr_kernels *kn = pr_kernels_default();
    int threads = 0, repeats = 15;
    long only_rows = 0, only_kind = -1;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--isa"))
            kn = pr_kernels_named(argv[i + 1]);
        else if (!strcmp(argv[i], "--threads"))
            threads = (int)strtol(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--rows"))
            only_rows = strtol(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--kind"))
            only_kind = strtol(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--repeats"))
            repeats = (int)strtol(argv[i + 1], NULL, 10);
    }
    struct pr_pool *pool;
    struct pr_error e;
    if (!kn || repeats < 1 || repeats > 64 || pr_pool_new(threads, &pool, &e)) {
        fprintf(stderr, "gemm: no such instruction set or thread count here\n");
        return 2;
    }
    struct peak peak;
    peak_init(&peak, pool);
    void *a = memory((size_t)MAX_ROWS * 3072 * 4);
    char *weights = memory(WEIGHT_BYTES);
    float *c = memory((size_t)MAX_ROWS * MAX_PANELS * PR_PANEL * 4);
    fill(a, weights);
    printf("%s, %d threads\n%-11s %5s   %-6s %5s %9s %8s %9s\n", kn->isa, pr_pool_threads(pool),
        "kind", "K", "N", "rows", "GFLOP/s", "GB/s", "of limit");
    for (int kind = 0; kind < PR_PANEL_KINDS; kind++) {
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++) {
                size_t panels = shapes[s].n / PR_PANEL;
                if ((only_rows && row_counts[r] != (size_t)only_rows) ||
                    (only_kind >= 0 && kind != only_kind))
                    continue;
                struct product p = {kn, (enum pr_panel_kind)kind, row_counts[r], shapes[s].k,
                    panels < MAX_PANELS ? panels : MAX_PANELS, 0, a, weights, c};
                bench_one(pool, &peak, &p, repeats);
            }
        }
    }
    pr_big_free(a, (size_t)MAX_ROWS * 3072 * 4);
    pr_big_free(weights, WEIGHT_BYTES);
    pr_big_free(c, (size_t)MAX_ROWS * MAX_PANELS * PR_PANEL * 4);
    peak_done(&peak);
    pr_pool_free(pool);
    return 0;
}
