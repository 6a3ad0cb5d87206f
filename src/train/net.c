/* A net from its options to its end, and what is asked of it in between. */
#include "train/net.h"

#include <math.h>
#include <string.h>

#include "train/net_internal.h"

static enum pr_code begin(const struct pr_model_config *config, struct pr_checkpoint *c,
    const struct pr_net_options *o, struct pr_pool *pool, struct pr_net **ret, struct pr_error *e)
{
    const struct pr_kernels *kernels = pr_kernels_default();
    if (!kernels)
        return pr_fail(e, PR_E_UNSUPPORTED, "PROCTOR_ISA names no instruction set of this CPU");
    struct pr_net *n = pr_zalloc(sizeof *n);
    n->config = *config;
    n->checkpoint = c;
    n->options = *o;
    n->kernels = kernels;
    n->pool = pool;
    pr_matmul_init(&n->matmul, pool, kernels, o->bf16);
    n->attention = (struct pr_attention){.pool = pool,
        .kernels = kernels,
        .n_heads = config->n_heads,
        .n_kv_heads = config->n_kv_heads,
        .head_dim = config->head_dim,
        .scale = (float)(1 / sqrt(config->head_dim))};
    *ret = n;
    return PR_OK;
}

/* Hands n over, or frees it. */
static enum pr_code end(
    struct pr_net *n, enum pr_code code, struct pr_net **ret, struct pr_error *e)
{
    if (!code)
        code = pr_net_fill(n, e);
    if (!code)
        code = pr_net_bind(n, e);
    if (code)
        pr_net_free(n);
    else
        *ret = n;
    return code;
}

enum pr_code pr_net_open(struct pr_checkpoint *c, const struct pr_net_options *o,
    struct pr_pool *pool, struct pr_net **ret, struct pr_error *e)
{
    const struct pr_model_config *config = pr_checkpoint_config(c);
    struct pr_net *n;
    if (!config || !pr_checkpoint_tensor(c, "model.norm.weight"))
        return pr_fail(e, PR_E_USAGE, "%s: opened without weights", pr_checkpoint_name(c));
    enum pr_code code = begin(config, c, o, pool, &n, e);
    if (code)
        return code;
    n->is_lora = o->lora.r || pr_checkpoint_is_adapter(c);
    if (pr_checkpoint_is_adapter(c))
        code = pr_net_list_adapter(n, e);
    else if (n->is_lora)
        code = pr_net_list_lora(n, e);
    else
        code = pr_net_list_full(n, 0, e);
    code = end(n, code, ret, e);
    return code ? pr_wrap(e, code, "%s", pr_checkpoint_name(c)) : PR_OK;
}

enum pr_code pr_net_new(const struct pr_model_config *config, double std,
    const struct pr_net_options *o, struct pr_pool *pool, struct pr_net **ret, struct pr_error *e)
{
    struct pr_net *n;
    if (o->lora.r)
        return pr_fail(e, PR_E_USAGE, "a new model has no weights that a LoRA could leave alone");
    if (!(std > 0 && std <= 1e3))
        return pr_fail(e, PR_E_USAGE, "a standard deviation of %g to begin with", std);
    enum pr_code code = begin(config, NULL, o, pool, &n, e);
    return code ? code : end(n, pr_net_list_full(n, std, e), ret, e);
}

void pr_net_free(struct pr_net *n)
{
    if (!n)
        return;
    pr_net_room_done(n);
    pr_matmul_done(&n->matmul);
    pr_attention_done(&n->attention);
    pr_rope_table_done(&n->rope);
    pr_big_free(n->minus_sin, n->minus_n * sizeof(float));
    pr_big_free(n->values, n->n_values * sizeof(float));
    pr_big_free(n->gradients, n->n_values * sizeof(float));
    pr_free(n->params);
    pr_free(n->sources);
    pr_arena_done(&n->arena);
    pr_free(n);
}

const struct pr_model_config *pr_net_config(const struct pr_net *n)
{
    return &n->config;
}

const struct pr_param *pr_net_params(const struct pr_net *n, size_t *ret_n)
{
    *ret_n = n->n_params;
    return n->params;
}

float *pr_net_values(struct pr_net *n, size_t *ret_n)
{
    *ret_n = n->n_values;
    return n->values;
}

float *pr_net_gradients(struct pr_net *n, size_t *ret_n)
{
    *ret_n = n->n_values;
    return n->gradients;
}

#define ZERO_BYTES ((size_t)1 << 20)

static void zero_item(void *ctx, size_t item, int thread)
{
    (void)thread;
    const struct pr_net *n = ctx;
    size_t first = item * ZERO_BYTES, bytes = n->n_values * sizeof(float);
    memset(
        (char *)n->gradients + first, 0, bytes - first < ZERO_BYTES ? bytes - first : ZERO_BYTES);
}

void pr_net_zero_gradients(struct pr_net *n)
{
    size_t bytes = n->n_values * sizeof(float);
    pr_pool_run(n->pool, (bytes + ZERO_BYTES - 1) / ZERO_BYTES, zero_item, n);
}

void pr_net_changed(struct pr_net *n)
{
    (void)n; /* nothing that a pass reads is derived from the values */
}

const struct pr_net_lora *pr_net_lora_of(const struct pr_net *n)
{
    return &n->lora;
}

uint64_t pr_net_bytes(const struct pr_net *n)
{
    return 2 * (uint64_t)n->n_values * sizeof(float) + n->frozen_bytes + n->space.bytes +
           n->matmul.scratch_bytes + n->attention.scratch_bytes;
}
