/* How fast a pass forward and back is, and what memory it takes.
 *
 *   net [DIR] [--rows N] [--length N] [--lora R] [--bf16] [--recompute on|off] [--counted X]
 *       [--threads N] [--repeat N]
 *
 * Without a checkpoint folder DIR: a new model of 4 layers × 256 (MLP 1024, vocabulary 1024).
 * Prints one JSON line.  The best repeat counts: on a shared machine the others measure the
 * neighbours; cpu_seconds is the least processor time of a repeat, which they disturb less (with
 * one thread nothing of it is waiting).  Operations: six a weight and counted row for what is
 * trained, four for what only passes gradients on, attention left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/rng.h"
#include "compute/kernels.h"
#include "peak.h"
#include "train/net.h"

struct args {
    const char *dir;
    struct pr_net_options net;
    long rows, length, threads, repeat;
    double counted;
};

static bool parse(int argc, char **argv, struct args *a)
{
    *a = (struct args){.rows = 2048, .length = 128, .threads = 2, .repeat = 10, .counted = 1};
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : "";
        const struct {
            const char *name;
            long *at;
        } numbers[] = {{"--rows", &a->rows}, {"--length", &a->length}, {"--threads", &a->threads},
            {"--repeat", &a->repeat}};
        bool known = argv[i][0] != '-';
        if (known)
            a->dir = argv[i];
        if (!strcmp(argv[i], "--bf16"))
            known = a->net.bf16 = true;
        for (size_t k = 0; !known && k < sizeof numbers / sizeof *numbers; k++)
            if (!strcmp(argv[i], numbers[k].name))
                known = (*numbers[k].at = strtol(next, NULL, 10)) > 0 && ++i;
        if (!known && !strcmp(argv[i], "--lora"))
            known = (a->net.lora.r = (uint32_t)strtoul(next, NULL, 10)) > 0 && ++i;
        if (!known && !strcmp(argv[i], "--counted"))
            known = (a->counted = strtod(next, NULL)) > 0 && ++i;
        if (!known && !strcmp(argv[i], "--recompute"))
            known = (a->net.recompute = !strcmp(next, "on") ? PR_RECOMPUTE_ON : PR_RECOMPUTE_OFF) &&
                    ++i;
        if (!known)
            return false;
    }
    a->net.lora.alpha = a->net.lora.r;
    return true;
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void die(const struct pr_error *e)
{
    fprintf(stderr, "net: %s\n", e->message);
    exit(1);
}

static struct pr_net *make(const struct args *a, struct pr_pool *pool)
{
    struct pr_model_config config = {.arch = pr_arch_find("Qwen3ForCausalLM"),
        .n_layers = 4,
        .hidden = 256,
        .n_heads = 4,
        .n_kv_heads = 4,
        .head_dim = 64,
        .intermediate = 1024,
        .vocab = 1024,
        .max_position = 4096,
        .rms_eps = 1e-6f,
        .rope = {.theta = 1e6},
        .tied = true,
        .qk_norm = true};
    struct pr_checkpoint_options o = {.weights = true};
    struct pr_checkpoint *c;
    struct pr_net *n;
    struct pr_error e;
    if (!a->dir) {
        if (pr_net_new(&config, 0.02, &a->net, pool, &n, &e))
            die(&e);
        return n;
    }
    /* c lives as long as the process. */
    if (pr_checkpoint_open(a->dir, &o, &c, &e) || pr_net_open(c, &a->net, pool, &n, &e))
        die(&e);
    return n;
}

/* Sequences of a->length random tokens. */
static struct pr_batch fill(const struct args *a, uint32_t vocab)
{
    uint32_t rows = (uint32_t)a->rows, length = (uint32_t)a->length;
    uint32_t n = (rows + length - 1) / length;
    int32_t *ids = pr_alloc(rows * sizeof *ids), *targets = pr_alloc(rows * sizeof *targets);
    uint32_t *starts = pr_alloc((n + 1) * sizeof *starts);
    struct pr_rng rng;
    pr_rng_seed(&rng, 1);
    for (uint32_t r = 0; r < rows; r++) {
        ids[r] = (int32_t)pr_rng_below(&rng, vocab);
        targets[r] = (int32_t)pr_rng_below(&rng, vocab);
        if (pr_rng_double(&rng) >= a->counted)
            targets[r] = -100;
    }
    for (uint32_t s = 0; s <= n; s++)
        starts[s] = s * length < rows ? s * length : rows;
    return (struct pr_batch){
        .ids = ids, .targets = targets, .n_rows = rows, .starts = starts, .n_sequences = n};
}

static double operations(const struct args *a, const struct pr_model_config *c, uint64_t counted)
{
    double head = (double)c->vocab * c->hidden;
    double body = (double)pr_model_config_parameters(c) - head * (c->tied ? 1 : 2);
    return (a->net.lora.r ? 4 : 6) * (body * (double)a->rows + head * (double)counted);
}

int main(int argc, char **argv)
{
    struct args a;
    struct pr_pool *pool;
    struct pr_error e;
    if (!parse(argc, argv, &a)) {
        fprintf(stderr, "usage: see the top of bench/net.c\n");
        return 2;
    }
    if (pr_pool_new((int)a.threads, &pool, &e))
        die(&e);
    struct pr_net *n = make(&a, pool);
    struct pr_batch b = fill(&a, pr_net_config(n)->vocab);
    struct pr_pass p = {0};
    double best = 0, peak_rate = 0, cpu = 0;
    for (long i = 0; i <= a.repeat; i++) { /* the first makes room */
        double start = bench_now(), cpu_start = cpu_seconds();
        pr_net_zero_gradients(n);
        if (pr_net_pass(n, &b, 1.0 / (double)b.n_rows, &p, &e))
            die(&e);
        double rate = 1 / (bench_now() - start);
        double spent = cpu_seconds() - cpu_start;
        best = i && rate > best ? rate : best;
        cpu = i && (spent < cpu || cpu <= 0) ? spent : cpu;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    struct peak peak;
    peak_init(&peak, pool);
    for (int i = 0; i < 20; i++) {
        double rate = peak_flops(&peak, pr_kernels_default()->isa, a.net.bf16);
        peak_rate = rate > peak_rate ? rate : peak_rate;
    }
    peak_done(&peak);
    double flops = operations(&a, pr_net_config(n), p.counted) * best;
    printf("{\"rows\": %u, \"tokens_per_second\": %.0f, \"seconds\": %.4f, \"cpu_seconds\": %.4f, "
           "\"gflops\": %.1f, "
           "\"of_peak\": %.3f, \"loss\": %.4f, \"net_mib\": %.0f, \"peak_rss_mib\": %.0f}\n",
        b.n_rows, best * b.n_rows, 1 / best, cpu, flops / 1e9, flops / peak_rate,
        p.nll / (double)p.counted, (double)pr_net_bytes(n) / 1048576,
        (double)usage.ru_maxrss / 1024);
    pr_net_free(n);
    pr_pool_free(pool);
    return 0;
}
