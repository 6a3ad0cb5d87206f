/* The tiny model: src/train's net and optimizer on sequences made here. */
#include "curriculum/tiny.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/optimizer.h"

static struct pr_model_config config_of(const struct pr_tiny_options *o)
{
    return (struct pr_model_config){.arch = pr_arch_find("Qwen3ForCausalLM"),
        .n_layers = o->layers,
        .hidden = o->hidden,
        .n_heads = o->heads,
        .n_kv_heads = o->heads,
        .head_dim = o->head_dim,
        .intermediate = o->intermediate,
        .vocab = pr_task_vocab(&o->task),
        .max_position = 64,
        .rms_eps = 1e-6f,
        .rope = {.type = PR_ROPE_DEFAULT, .theta = 10000, .factor = 1},
        .tied = true,
        .tied_given = true,
        .qk_norm = true,
        .bos = -1};
}

enum pr_code pr_tiny_new(
    const struct pr_tiny_options *o, uint64_t seed, struct pr_tiny *ret, struct pr_error *e)
{
    *ret = (struct pr_tiny){.o = o, .most = o->batch > 64 ? o->batch : 64};
    struct pr_model_config config = config_of(o);
    struct pr_net_options options = {.seed = seed, .recompute = PR_RECOMPUTE_OFF};
    enum pr_code code = pr_pool_new(1, &ret->pool, e);
    if (code == PR_OK)
        code = pr_net_new(&config, 0.05, &options, ret->pool, &ret->net, e);
    size_t rows = ret->most * pr_task_rows(&o->task);
    ret->ids = pr_alloc(rows * sizeof *ret->ids);
    ret->targets = pr_alloc(rows * sizeof *ret->targets);
    ret->starts = pr_alloc((ret->most + 1) * sizeof *ret->starts);
    if (code != PR_OK)
        pr_tiny_done(ret);
    return code;
}

void pr_tiny_done(struct pr_tiny *t)
{
    pr_net_free(t->net);
    pr_pool_free(t->pool);
    pr_free(t->ids);
    pr_free(t->targets);
    pr_free(t->starts);
    *t = (struct pr_tiny){0};
}

/* Examples order[0..n) of a set, or the n from `first` on where order is NULL. */
static struct pr_batch batch_of(
    struct pr_tiny *t, const struct pr_task_set *s, const size_t *order, size_t first, size_t n)
{
    const struct pr_task *task = &t->o->task;
    uint32_t rows = pr_task_rows(task), len = task->length;
    for (size_t i = 0; i < n; i++) {
        const struct pr_task_example *x = &s->v[order ? order[first + i] : first + i];
        int32_t all[2 * PR_TASK_MOST + 2];
        for (uint32_t k = 0; k < len; k++) {
            all[k] = x->letters[k];
            all[len + 1 + k] = x->answer[k];
        }
        all[len] = (int32_t)task->letters;
        all[2 * len + 1] = (int32_t)task->letters + 1;
        for (uint32_t k = 0; k < rows; k++) {
            t->ids[i * rows + k] = all[k];
            t->targets[i * rows + k] = k >= len ? all[k + 1] : -100;
        }
        t->starts[i] = (uint32_t)(i * rows);
    }
    t->starts[n] = (uint32_t)(n * rows);
    return (struct pr_batch){t->ids, t->targets, (uint32_t)(n * rows), t->starts, (uint32_t)n};
}

enum pr_code pr_tiny_train(struct pr_tiny *t, const struct pr_task_set *s, const size_t *order,
    size_t n, struct pr_error *e)
{
    struct pr_optimizer optimizer;
    struct pr_optimizer_options options = {
        .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .grad_clip = 1};
    enum pr_code code = pr_optimizer_init(&optimizer, t->net, t->pool, &options, e);
    if (code != PR_OK)
        return code;
    int64_t step = 0;
    for (size_t at = 0, len; at < n && code == PR_OK; at += len) {
        len = n - at < t->o->batch ? n - at : t->o->batch;
        struct pr_batch b = batch_of(t, s, order, at, len);
        struct pr_pass pass;
        double norm, warm = (double)++step / (double)(t->o->warmup + 1);
        double rate =
            t->o->learning_rate * fmin(1, warm) * (1 - t->o->decay * (double)at / (double)n);
        pr_net_zero_gradients(t->net);
        code = pr_net_pass(t->net, &b, 1.0 / (double)(len * (t->o->task.length + 1)), &pass, e);
        if (code == PR_OK)
            code = pr_optimizer_step(&optimizer, rate, &norm, e);
    }
    pr_optimizer_done(&optimizer);
    return code;
}

enum pr_code pr_tiny_loss(struct pr_tiny *t, const struct pr_task_set *s, double *ret_mean,
    double ret_level[3], struct pr_error *e)
{
    double sum[3] = {0}, counted[3] = {0};
    size_t *chosen = pr_alloc(s->n * sizeof *chosen);
    enum pr_code code = PR_OK;
    for (size_t l = 0; l < 3; l++) {
        size_t n = 0;
        for (size_t i = 0; i < s->n; i++)
            if (s->level[i] == l)
                chosen[n++] = i;
        for (size_t at = 0, len; at < n && code == PR_OK; at += len) {
            len = n - at < t->most ? n - at : t->most;
            struct pr_batch b = batch_of(t, s, chosen, at, len);
            struct pr_pass pass = {0};
            code = pr_net_pass(t->net, &b, 0, &pass, e);
            sum[l] += pass.nll;
            counted[l] += (double)pass.counted;
        }
        if (ret_level)
            ret_level[l] = sum[l] / counted[l];
    }
    *ret_mean = (sum[0] + sum[1] + sum[2]) / (counted[0] + counted[1] + counted[2]);
    pr_free(chosen);
    return code;
}
