/* The list of what is trained, its memory and first values, and the layers' views of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "train/net_internal.h"

const struct pr_net_module pr_net_modules[NET_LINEARS] = {
    [NET_Q] = {"self_attn", "q_proj"},
    [NET_K] = {"self_attn", "k_proj"},
    [NET_V] = {"self_attn", "v_proj"},
    [NET_O] = {"self_attn", "o_proj"},
    [NET_GATE] = {"mlp", "gate_proj"},
    [NET_UP] = {"mlp", "up_proj"},
    [NET_DOWN] = {"mlp", "down_proj"},
};

#define EMBED "model.embed_tokens"
#define HEAD  "lm_head"

/* ---- the list ---- */

void pr_net_add(struct pr_net *n, const char *name, uint32_t rank, size_t rows, size_t cols,
    const struct pr_net_source *src)
{
    struct pr_param p = {.name = pr_arena_strndup(&n->arena, name, strlen(name)),
        .n = rows * cols,
        .rows = rows,
        .cols = cols,
        .rank = rank};
    PR_PUSH(n->params, n->n_params, n->cap_params, p);
    size_t n_sources = n->n_params - 1;
    PR_PUSH(n->sources, n_sources, n->cap_sources, *src);
}

enum pr_code pr_net_list_full(struct pr_net *n, double std, struct pr_error *e)
{
    struct pr_tensor_spec *specs;
    size_t count;
    enum pr_code code = PR_OK;
    pr_model_config_tensors(&n->config, &specs, &count);
    for (size_t i = 0; i < count && !code; i++) {
        const struct pr_tensor_spec *t = &specs[i];
        size_t len = strlen(t->name);
        bool bias = len > 5 && !strcmp(t->name + len - 5, ".bias");
        struct pr_net_source src = {.width = std,
            .rule = t->rank == 2 ? NET_NORMAL
                    : bias       ? NET_ZERO
                                 : NET_ONE};
        if (n->checkpoint && !(src.tensor = pr_checkpoint_tensor(n->checkpoint, t->name)))
            code = pr_fail(e, PR_E_FORMAT, "tensor '%s' is missing", t->name);
        else
            pr_net_add(n, t->name, t->rank, t->shape[0], t->shape[1], &src);
    }
    pr_free(specs);
    return code;
}

/* ---- memory and first values ---- */

struct entry {
    struct pr_param param;
    struct pr_net_source source;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->param.name, ((const struct entry *)b)->param.name);
}

static void sort(struct pr_net *n)
{
    struct entry *v = pr_alloc((n->n_params + 1) * sizeof *v);
    for (size_t i = 0; i < n->n_params; i++)
        v[i] = (struct entry){n->params[i], n->sources[i]};
    qsort(v, n->n_params, sizeof *v, by_name);
    for (size_t i = 0; i < n->n_params; i++) {
        n->params[i] = v[i].param;
        n->sources[i] = v[i].source;
    }
    pr_free(v);
}

struct filler {
    struct pr_net *n;
    const uint64_t *seeds; /* (n_params) */
};

static void fill_item(void *ctx, size_t i, int thread)
{
    (void)thread;
    const struct filler *f = ctx;
    const struct pr_param *p = &f->n->params[i];
    const struct pr_tensor *t = f->n->sources[i].tensor;
    if (t) {
        pr_to_f32(t->dtype, t->data, t->n, p->value);
        pr_checkpoint_drop(f->n->checkpoint, t);
    } else {
        pr_net_make_up(&f->n->sources[i], f->seeds[i], p->value, p->n);
    }
}

enum pr_code pr_net_fill(struct pr_net *n, struct pr_error *e)
{
    void *values = NULL, *gradients = NULL;
    enum pr_code code = PR_OK;
    sort(n);
    for (size_t i = 0; i < n->n_params && !code; i++)
        if (!pr_add(n->n_values, n->params[i].n, &n->n_values))
            code = pr_fail(e, PR_E_MEMORY, "the number of parameters overflows");
    if (!code)
        code = pr_big_alloc(&values, n->n_values, sizeof(float), "parameters", e);
    n->values = values;
    if (!code)
        code = pr_big_alloc(&gradients, n->n_values, sizeof(float), "gradients", e);
    n->gradients = gradients;
    if (code)
        return code;
    uint64_t *seeds = pr_alloc((n->n_params + 1) * sizeof *seeds);
    struct pr_rng rng;
    pr_rng_seed(&rng, n->options.seed);
    size_t at = 0;
    for (size_t i = 0; i < n->n_params; i++) {
        n->params[i].value = n->values + at;
        n->params[i].grad = n->gradients + at;
        at += n->params[i].n;
        seeds[i] = pr_rng_u64(&rng);
    }
    struct filler f = {n, seeds};
    pr_pool_run(n->pool, n->n_params, fill_item, &f);
    pr_free(seeds);
    return PR_OK;
}

/* ---- views ---- */

const struct pr_param *pr_net_find(const struct pr_net *n, const char *name)
{
    size_t lo = 0, hi = n->n_params;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(name, n->params[mid].name);
        if (!c)
            return &n->params[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

/* The parameter that is the model's tensor `name`, or NULL where that is not trained. */
static const struct pr_param *trained(const struct pr_net *n, const char *name)
{
    char full[192];
    if (!n->is_lora)
        return pr_net_find(n, name);
    snprintf(full, sizeof full, PR_NET_PREFIX "%s", name);
    return pr_net_find(n, full);
}

static enum pr_code frozen(
    struct pr_net *n, const char *name, const struct pr_tensor **ret, struct pr_error *e)
{
    *ret = n->checkpoint ? pr_checkpoint_tensor(n->checkpoint, name) : NULL;
    if (!*ret)
        return pr_fail(e, PR_E_FORMAT, "tensor '%s' is missing", name);
    n->frozen_bytes += (*ret)->bytes;
    return PR_OK;
}

static enum pr_code bind_vector(
    struct pr_net *n, const char *name, const float **value, float **grad, struct pr_error *e)
{
    const struct pr_param *p = trained(n, name);
    const struct pr_tensor *t;
    if (p) {
        *value = p->value;
        *grad = p->grad;
        return PR_OK;
    }
    enum pr_code code = frozen(n, name, &t, e);
    if (code)
        return code;
    float *copy = pr_arena_alloc(&n->arena, t->n * sizeof *copy);
    pr_to_f32(t->dtype, t->data, t->n, copy);
    *value = copy;
    return PR_OK;
}

static enum pr_code bind_matrix(
    struct pr_net *n, const char *name, struct pr_mat *w, float **grad, struct pr_error *e)
{
    const struct pr_param *p = trained(n, name);
    const struct pr_tensor *t;
    if (p) {
        *w = pr_mat_f32(p->value, p->cols);
        *grad = p->grad;
        return PR_OK;
    }
    enum pr_code code = frozen(n, name, &t, e);
    if (!code)
        *w = (struct pr_mat){t->data, t->dtype, t->shape[1]};
    return code;
}

/* The low-rank pair of `module`, where it has one. */
static void bind_lora(struct pr_net *n, const char *module, struct pr_net_linear *l)
{
    char name[192];
    snprintf(name, sizeof name, PR_NET_PREFIX "%s.lora_A.weight", module);
    const struct pr_param *a = pr_net_find(n, name);
    snprintf(name, sizeof name, PR_NET_PREFIX "%s.lora_B.weight", module);
    const struct pr_param *b = pr_net_find(n, name);
    struct pr_lora own;
    if (!a || !b)
        return;
    l->r = (uint32_t)a->rows;
    l->scale = pr_net_lora_scale(&n->lora, l->r);
    if (n->checkpoint && pr_checkpoint_lora(n->checkpoint, module, &own))
        l->scale = own.scale;
    l->a = a->value;
    l->da = a->grad;
    l->b = b->value;
    l->db = b->grad;
}

static enum pr_code bind_linear(struct pr_net *n, const char *module, bool bias, size_t n_out,
    size_t n_in, struct pr_net_linear *l, struct pr_error *e)
{
    char name[128];
    l->n_out = (uint32_t)n_out;
    l->n_in = (uint32_t)n_in;
    snprintf(name, sizeof name, "%s.weight", module);
    enum pr_code code = bind_matrix(n, name, &l->w, &l->dw, e);
    snprintf(name, sizeof name, "%s.bias", module);
    if (!code && bias)
        code = bind_vector(n, name, &l->bias, &l->dbias, e);
    bind_lora(n, module, l);
    return code;
}

static enum pr_code bind_norm(struct pr_net *n, uint32_t layer, const char *module, bool there,
    struct pr_net_norm *norm, struct pr_error *e)
{
    char name[128];
    snprintf(name, sizeof name, "model.layers.%u.%s.weight", layer, module);
    return there ? bind_vector(n, name, &norm->w, &norm->dw, e) : PR_OK;
}

static bool linear_trained(const struct pr_net_linear *l)
{
    return l->dw || l->dbias || l->r;
}

static void settle_layer(struct pr_net *n, struct pr_net_layer *l)
{
    l->attn_trained = l->attn_norm.dw || l->q_norm.dw || l->k_norm.dw;
    for (int i = NET_Q; i <= NET_O; i++)
        l->attn_trained |= linear_trained(&l->linear[i]);
    l->trained = l->attn_trained || l->mlp_norm.dw;
    for (int i = NET_GATE; i <= NET_DOWN; i++)
        l->trained |= linear_trained(&l->linear[i]);
    for (int i = 0; i < NET_LINEARS; i++)
        n->max_rank = l->linear[i].r > n->max_rank ? l->linear[i].r : n->max_rank;
}

static enum pr_code bind_layer(struct pr_net *n, uint32_t i, struct pr_error *e)
{
    const struct pr_model_config *c = &n->config;
    struct pr_net_layer *l = &n->layers[i];
    size_t q = (size_t)c->n_heads * c->head_dim, k = (size_t)c->n_kv_heads * c->head_dim;
    const struct {
        size_t out, in;
        bool bias;
    } shapes[NET_LINEARS] = {
        [NET_Q] = {q, c->hidden, c->qkv_bias},
        [NET_K] = {k, c->hidden, c->qkv_bias},
        [NET_V] = {k, c->hidden, c->qkv_bias},
        [NET_O] = {c->hidden, q, c->o_bias},
        [NET_GATE] = {c->intermediate, c->hidden, c->mlp_bias},
        [NET_UP] = {c->intermediate, c->hidden, c->mlp_bias},
        [NET_DOWN] = {c->hidden, c->intermediate, c->mlp_bias},
    };
    enum pr_code code = PR_OK;
    for (int m = 0; m < NET_LINEARS && !code; m++) {
        char module[128];
        snprintf(module, sizeof module, "model.layers.%u.%s.%s", i, pr_net_modules[m].block,
            pr_net_modules[m].name);
        code =
            bind_linear(n, module, shapes[m].bias, shapes[m].out, shapes[m].in, &l->linear[m], e);
    }
    if (!code)
        code = bind_norm(n, i, "input_layernorm", true, &l->attn_norm, e);
    if (!code)
        code = bind_norm(n, i, "post_attention_layernorm", true, &l->mlp_norm, e);
    if (!code)
        code = bind_norm(n, i, "self_attn.q_norm", c->qk_norm, &l->q_norm, e);
    if (!code)
        code = bind_norm(n, i, "self_attn.k_norm", c->qk_norm, &l->k_norm, e);
    if (!code)
        settle_layer(n, l);
    return code;
}

enum pr_code pr_net_bind(struct pr_net *n, struct pr_error *e)
{
    const struct pr_model_config *c = &n->config;
    struct pr_mat embed;
    n->layers = pr_arena_alloc(&n->arena, c->n_layers * sizeof *n->layers);
    enum pr_code code = bind_matrix(n, EMBED ".weight", &embed, &n->d_embed, e);
    if (!code)
        code = bind_vector(n, "model.norm.weight", &n->final_norm.w, &n->final_norm.dw, e);
    for (uint32_t i = 0; i < c->n_layers && !code; i++)
        code = bind_layer(n, i, e);
    if (!code && !c->tied)
        code = bind_linear(n, HEAD, false, c->vocab, c->hidden, &n->head, e);
    if (code)
        return code;
    n->embed_data = embed.data;
    n->embed_dtype = embed.dtype;
    if (c->tied) {
        n->head = (struct pr_net_linear){
            .n_out = c->vocab, .n_in = c->hidden, .w = embed, .dw = n->d_embed};
        bind_lora(n, HEAD, &n->head);
    }
    while (n->first < c->n_layers && !n->d_embed && !n->layers[n->first].trained)
        n->first++;
    return PR_OK;
}
