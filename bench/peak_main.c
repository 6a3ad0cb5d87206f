/* Prints what this machine can do at most, with one thread and with all. */
#include <stdio.h>
#include <stdlib.h>

#include "compute/cpus.h"
#include "compute/kernels.h"
#include "peak.h"

#define REPEATS 41

static double read_memory(struct peak *p, const char *isa)
{
    (void)isa;
    return peak_read(p);
}

static double read_l3(struct peak *p, const char *isa)
{
    (void)isa;
    return peak_read_l3(p);
}

static double flops_f32(struct peak *p, const char *isa)
{
    return peak_flops(p, isa, false);
}

static double flops_bf16(struct peak *p, const char *isa)
{
    return peak_flops(p, isa, true);
}

static const struct {
    const char *name, *unit;
    double (*measure)(struct peak *p, const char *isa);
} lines[] = {
    {"memory read", "GB/s", read_memory},
    {"L3 read (12 MiB)", "GB/s", read_l3},
    {"f32 multiply-add", "GFLOP/s", flops_f32},
    {"bf16 products", "GFLOP/s", flops_bf16},
};
#define N_LINES (sizeof lines / sizeof *lines)

static void measure(int threads, double best[N_LINES])
{
    struct pr_pool *pool;
    struct pr_error e;
    struct peak p;
    double values[N_LINES][REPEATS];
    if (pr_pool_new(threads, &pool, &e)) {
        fprintf(stderr, "%s\n", e.message);
        exit(1);
    }
    peak_init(&p, pool);
    const char *isa = pr_kernels_all(&(size_t){0})[0]->isa;
    for (int r = 0; r < REPEATS; r++) { /* alternating, so that a slow moment hits all alike */
        for (size_t i = 0; i < N_LINES; i++)
            values[i][r] = lines[i].measure(&p, isa);
    }
    for (size_t i = 0; i < N_LINES; i++)
        best[i] = bench_best(values[i], REPEATS);
    peak_done(&p);
    pr_pool_free(pool);
}

int main(void)
{
    int all = pr_cpus_usable();
    double one[N_LINES], many[N_LINES];
    measure(1, one);
    measure(all, many);
    printf("%-18s %12s %9d threads\n", "limit", "1 thread", all);
    for (size_t i = 0; i < N_LINES; i++)
        printf("%-18s %12.1f %12.1f %s\n", lines[i].name, one[i] * 1e-9, many[i] * 1e-9,
            lines[i].unit);
    return 0;
}
