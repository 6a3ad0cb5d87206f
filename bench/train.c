/* Steps of training (pass forward and back, clipping, AdamW) on random tokens: one line of JSON
 * with the median step, its share of the machine's arithmetic limit, and the process's peak memory.
 * bench/train.py sets it beside PyTorch.
 *
 * train MODEL [--batch N] [--length N] [--steps N] [--bf16 0|1] [--lora RANK] [--recompute 0|1]
 *             [--micro SEQUENCES] [--threads N] [--memory MIB] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "compute/kernels.h"
#include "peak.h"
#include "train/net.h"
#include "train/optimizer.h"

#define MAX_STEPS 256

struct run {
    struct pr_pool *pool;
    struct peak peak;
    struct pr_checkpoint *checkpoint;
    struct pr_net *net;
    struct pr_optimizer optimizer;
    long batch, length, steps, bf16, lora, recompute, micro, threads, memory;
    int32_t *ids, *targets; /* (batch · length) */
    uint32_t *starts;       /* (micro + 1) */
};

static enum pr_code open_all(struct run *r, const char *model, struct pr_error *e)
{
    const struct pr_checkpoint_options co = {.weights = true};
    const struct pr_net_options no = {.bf16 = r->bf16 != 0,
        .lora = {.r = (uint32_t)r->lora, .alpha = 16},
        .recompute = r->recompute < 0 ? PR_RECOMPUTE_AUTO
                     : r->recompute   ? PR_RECOMPUTE_ON
                                      : PR_RECOMPUTE_OFF,
        .memory_bytes = (uint64_t)r->memory << 20,
        .seed = 1};
    const struct pr_optimizer_options oo = {
        .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.1, .grad_clip = 1};
    enum pr_code code = pr_pool_new((int)r->threads, &r->pool, e);
    if (!code)
        code = pr_checkpoint_open(model, &co, &r->checkpoint, e);
    if (!code)
        code = pr_net_open(r->checkpoint, &no, r->pool, &r->net, e);
    if (!code)
        code = pr_optimizer_init(&r->optimizer, r->net, r->pool, &oo, e);
    return code;
}

static void make_batch(struct run *r)
{
    size_t rows = (size_t)(r->batch * r->length);
    struct pr_rng rng;
    pr_rng_seed(&rng, 1);
    r->ids = pr_alloc(rows * sizeof *r->ids);
    r->targets = pr_alloc(rows * sizeof *r->targets);
    r->starts = pr_alloc((size_t)(r->micro + 1) * sizeof *r->starts);
    for (size_t i = 0; i < rows; i++) {
        r->ids[i] = (int32_t)pr_rng_below(&rng, pr_net_config(r->net)->vocab);
        r->targets[i] = (int32_t)pr_rng_below(&rng, pr_net_config(r->net)->vocab);
    }
    for (long s = 0; s <= r->micro; s++)
        r->starts[s] = (uint32_t)(s * r->length);
}

static enum pr_code step(struct run *r, double *ret_loss, struct pr_error *e)
{
    double norm, nll = 0;
    pr_net_zero_gradients(r->net);
    for (long s = 0; s < r->batch; s += r->micro) {
        uint32_t n = (uint32_t)(r->batch - s < r->micro ? r->batch - s : r->micro);
        struct pr_batch b = {.ids = r->ids + s * r->length,
            .targets = r->targets + s * r->length,
            .n_rows = n * (uint32_t)r->length,
            .starts = r->starts,
            .n_sequences = n};
        struct pr_pass pass;
        enum pr_code code = pr_net_pass(r->net, &b, 1 / (double)(r->batch * r->length), &pass, e);
        if (code)
            return code;
        nll += pass.nll;
    }
    *ret_loss = nll / (double)(r->batch * r->length);
    return pr_optimizer_step(&r->optimizer, 1e-3, &norm, e);
}

/* Multiplications and additions of one token of a step: 2 for each weight forward, 2 for the
 * gradient of the input and 2 for that of the weight; attention twice that back, half of it masked.
 */
static double token_flops(const struct run *r)
{
    const struct pr_model_config *c = pr_net_config(r->net);
    double q = (double)c->n_heads * c->head_dim, k = (double)c->n_kv_heads * c->head_dim;
    double h = c->hidden;
    double layer = 2 * h * q + 2 * h * k + 3 * h * c->intermediate;
    double weights = c->n_layers * layer + h * c->vocab;
    return (r->lora ? 4 : 6) * weights + 6.0 * c->n_layers * q * (double)r->length;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static enum pr_code measure(struct run *r, struct pr_error *e)
{
    double seconds[MAX_STEPS], flops[MAX_STEPS], loss = 0;
    struct rusage usage;
    for (long i = -1; i < r->steps; i++) { /* one that does not count */
        double begin = bench_now();
        enum pr_code code = step(r, &loss, e);
        if (code)
            return code;
        if (i >= 0)
            seconds[i] = bench_now() - begin;
    }
    getrusage(RUSAGE_SELF, &usage); /* before the memory of peak_init */
    uint64_t bytes = pr_net_bytes(r->net);
    peak_init(&r->peak, r->pool);
    for (long i = 0; i < r->steps; i++)
        flops[i] = peak_flops(&r->peak, pr_kernels_default()->isa, r->bf16);
    peak_done(&r->peak);
    qsort(seconds, (size_t)r->steps, sizeof *seconds, by_value);
    double median = seconds[r->steps / 2], tokens = (double)(r->batch * r->length);
    double limit = bench_best(flops, (size_t)r->steps);
    printf("{\"tokens_per_second\": %.0f, \"best\": %.0f, \"gflops\": %.1f, \"share_of_limit\": "
           "%.3f, \"step_ms\": %.1f, \"peak_rss_bytes\": %ld, \"net_bytes\": %llu, \"loss\": "
           "%.4f}\n",
        tokens / median, tokens / seconds[0], token_flops(r) * tokens / median * 1e-9,
        token_flops(r) * tokens / median / limit, median * 1e3, usage.ru_maxrss * 1024,
        (unsigned long long)bytes, loss);
    return PR_OK;
}

int main(int argc, char **argv)
{
    struct run r = {.batch = 16, .length = 128, .steps = 8, .recompute = -1};
    const struct {
        const char *name;
        long *value;
    } numbers[] = {{"--batch", &r.batch}, {"--length", &r.length}, {"--steps", &r.steps},
        {"--bf16", &r.bf16}, {"--lora", &r.lora}, {"--recompute", &r.recompute},
        {"--micro", &r.micro}, {"--threads", &r.threads}, {"--memory", &r.memory}};
    for (int i = 2; i + 1 < argc; i += 2)
        for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++)
            if (!strcmp(argv[i], numbers[j].name))
                *numbers[j].value = strtol(argv[i + 1], NULL, 10);
    if (argc < 2 || r.batch < 1 || r.length < 1 || r.steps < 1 || r.steps > MAX_STEPS) {
        fprintf(stderr, "usage: bench_train MODEL [--batch N] [--length N] [--steps N] …\n");
        return 2;
    }
    struct pr_error e;
    r.micro = r.micro > 0 && r.micro < r.batch ? r.micro : r.batch;
    enum pr_code code = open_all(&r, argv[1], &e);
    if (!code) {
        make_batch(&r);
        code = measure(&r, &e);
    }
    if (code)
        fprintf(stderr, "%s\n", e.message);
    pr_optimizer_done(&r.optimizer);
    pr_net_free(r.net);
    pr_checkpoint_free(r.checkpoint);
    pr_pool_free(r.pool);
    pr_free(r.ids);
    pr_free(r.targets);
    pr_free(r.starts);
    return code ? 1 : 0;
}
