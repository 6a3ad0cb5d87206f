/* Packing a checkpoint's weights.  First every matrix is entered in a list of jobs, then one block
 * is allocated for all panels, then the jobs run in parallel over panels. */
#include "model/packed.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"

struct job {
    struct pr_linear *linear;
    const struct pr_tensor *tensor;
    size_t offset; /* in the block */
};

struct packer {
    struct pr_packed *w;
    const struct pr_checkpoint *c;
    const struct pr_model_config *config;
    const struct pr_kernels *kernels;
    bool bf16;
    struct job *jobs;
    size_t n_jobs, cap_jobs, bytes;
    const struct job *now; /* the job that pack_panel works on */
    const struct pr_stop *stop;
    atomic_bool stopped; /* a panel was left out */
    void *copy;          /* of the embedding */
};

static enum pr_panel_kind kind_of(bool bf16, enum pr_dtype stored)
{
    if (bf16)
        return PR_PANEL_BF16;
    return stored == PR_BF16  ? PR_PANEL_F32_BF16
           : stored == PR_F16 ? PR_PANEL_F32_F16
                              : PR_PANEL_F32_F32;
}

/* Enters one matrix [n_out][k]. */
static enum pr_code add_matrix(
    struct packer *p, struct pr_linear *l, const struct pr_tensor *t, struct pr_error *e)
{
    l->kind = kind_of(p->bf16, t->dtype);
    l->n_out = (uint32_t)t->shape[0];
    l->k = (uint32_t)t->shape[1];
    l->n_panels = (l->n_out + PR_PANEL - 1) / PR_PANEL;
    l->panel_bytes = pr_panel_bytes(l->kind, l->k, PR_PANEL);
    struct job job = {l, t, p->bytes};
    size_t bytes;
    if (!pr_mul(l->panel_bytes, l->n_panels, &bytes) || !pr_add(p->bytes, bytes, &p->bytes))
        return pr_fail(e, PR_E_MEMORY, "tensor '%s': the packed size overflows", t->name);
    PR_PUSH(p->jobs, p->n_jobs, p->cap_jobs, job);
    return PR_OK;
}

static enum pr_code need(
    struct packer *p, const char *name, const struct pr_tensor **ret, struct pr_error *e)
{
    *ret = pr_checkpoint_tensor(p->c, name);
    return *ret ? PR_OK : pr_fail(e, PR_E_FORMAT, "tensor '%s' is missing", name);
}

static enum pr_code add_vector(
    struct packer *p, const char *name, size_t pad, float **ret, struct pr_error *e)
{
    const struct pr_tensor *t;
    enum pr_code code = need(p, name, &t, e);
    if (code)
        return code;
    *ret = pr_arena_alloc(&p->w->arena, (t->n + pad) * sizeof(float));
    pr_to_f32(t->dtype, t->data, t->n, *ret);
    return PR_OK;
}

static enum pr_code add_lora(
    struct packer *p, struct pr_linear *l, const char *module, struct pr_error *e)
{
    struct pr_lora found;
    if (!pr_checkpoint_lora(p->c, module, &found))
        return PR_OK;
    struct pr_low_rank *r = pr_arena_alloc(&p->w->arena, sizeof *r);
    r->scale = found.scale;
    l->lora = r;
    if (found.r > p->w->max_rank)
        p->w->max_rank = found.r;
    enum pr_code code = add_matrix(p, &r->a, found.a, e);
    return code ? code : add_matrix(p, &r->b, found.b, e);
}

static enum pr_code add_linear(struct packer *p, struct pr_linear *l, uint32_t layer,
    const char *module, bool bias, struct pr_error *e)
{
    char name[128], full[160];
    const struct pr_tensor *t;
    snprintf(name, sizeof name, "model.layers.%u.%s", layer, module);
    snprintf(full, sizeof full, "%s.weight", name);
    enum pr_code code = need(p, full, &t, e);
    if (!code)
        code = add_matrix(p, l, t, e);
    if (!code && bias) {
        snprintf(full, sizeof full, "%s.bias", name);
        code = add_vector(p, full, PR_PANEL, &l->bias, e);
    }
    return code ? code : add_lora(p, l, name, e);
}

static enum pr_code add_layer(struct packer *p, uint32_t i, struct pr_error *e)
{
    const struct pr_model_config *c = p->config;
    struct pr_layer *l = &p->w->layers[i];
    const struct {
        struct pr_linear *linear;
        const char *module;
        bool bias;
    } linears[] = {
        {&l->q, "self_attn.q_proj", c->qkv_bias},
        {&l->k, "self_attn.k_proj", c->qkv_bias},
        {&l->v, "self_attn.v_proj", c->qkv_bias},
        {&l->o, "self_attn.o_proj", c->o_bias},
        {&l->gate, "mlp.gate_proj", c->mlp_bias},
        {&l->up, "mlp.up_proj", c->mlp_bias},
        {&l->down, "mlp.down_proj", c->mlp_bias},
    };
    for (size_t k = 0; k < sizeof linears / sizeof *linears; k++) {
        enum pr_code code =
            add_linear(p, linears[k].linear, i, linears[k].module, linears[k].bias, e);
        if (code)
            return code;
    }
    const struct {
        float **to;
        const char *module;
        bool there;
    } norms[] = {
        {&l->attn_norm, "input_layernorm", true},
        {&l->mlp_norm, "post_attention_layernorm", true},
        {&l->q_norm, "self_attn.q_norm", c->qk_norm},
        {&l->k_norm, "self_attn.k_norm", c->qk_norm},
    };
    for (size_t k = 0; k < sizeof norms / sizeof *norms; k++) {
        char name[128];
        snprintf(name, sizeof name, "model.layers.%u.%s.weight", i, norms[k].module);
        enum pr_code code = norms[k].there ? add_vector(p, name, 0, norms[k].to, e) : PR_OK;
        if (code)
            return code;
    }
    return PR_OK;
}

static enum pr_code add_all(struct packer *p, struct pr_error *e)
{
    enum pr_code code = need(p, "model.embed_tokens.weight", &p->w->embed, e);
    const struct pr_tensor *head = NULL;
    if (!code)
        head = pr_checkpoint_tensor(p->c, "lm_head.weight");
    if (!code && !head && p->config->tied)
        head = p->w->embed;
    if (!code && !head)
        code = pr_fail(e, PR_E_FORMAT, "tensor 'lm_head.weight' is missing");
    /* The largest matrix goes first, while nothing else is resident. */
    if (!code)
        code = add_matrix(p, &p->w->head, head, e);
    if (!code)
        code = add_lora(p, &p->w->head, "lm_head", e);
    if (!code)
        code = add_vector(p, "model.norm.weight", 0, &p->w->final_norm, e);
    p->w->layers = pr_arena_alloc(&p->w->arena, p->config->n_layers * sizeof *p->w->layers);
    for (uint32_t i = 0; !code && i < p->config->n_layers; i++)
        code = add_layer(p, i, e);
    return code;
}

static void pack_panel(void *ctx, size_t item, int thread)
{
    (void)thread;
    struct packer *p = ctx;
    const struct pr_tensor *t = p->now->tensor;
    const struct pr_linear *l = p->now->linear;
    size_t first = item * PR_PANEL, n = l->n_out - first < PR_PANEL ? l->n_out - first : PR_PANEL;
    const char *src = (const char *)t->data + first * l->k * pr_dtype_size(t->dtype);
    if (pr_stop_asked(p->stop)) {
        atomic_store(&p->stopped, true);
        return;
    }
    p->kernels->pack(l->kind, t->dtype, src, l->k, n, l->k, l->panels + item * l->panel_bytes);
    pr_fault_point(PR_FAULT_LOAD_PACKED);
}

/* ---- an embedding that is read from no file ---- */

#define COPY_BLOCK ((size_t)4 << 20)

/* With bf16 math the panels are bf16, whatever was stored; else they keep the stored type. */
static bool is_exact(bool bf16, const struct pr_tensor *t)
{
    return !bf16 || t->dtype == PR_BF16;
}

uint64_t pr_packed_copy_bytes(const struct pr_checkpoint *c, bool bf16)
{
    const struct pr_tensor *t = pr_checkpoint_tensor(c, "model.embed_tokens.weight");
    bool in_head = !pr_checkpoint_tensor(c, "lm_head.weight");
    return !t || (in_head && is_exact(bf16, t)) ? 0 : t->bytes;
}

static void copy_block(void *ctx, size_t item, int thread)
{
    struct packer *p = ctx;
    const struct pr_tensor *t = p->w->embed;
    size_t at = item * COPY_BLOCK, left = t->bytes - at;
    (void)thread;
    if (pr_stop_asked(p->stop)) {
        atomic_store(&p->stopped, true);
        return;
    }
    memcpy((char *)p->copy + at, (const char *)t->data + at, left < COPY_BLOCK ? left : COPY_BLOCK);
}

static enum pr_code own_embed(struct packer *p, struct pr_pool *pool, struct pr_error *e)
{
    struct pr_packed *w = p->w;
    const struct pr_tensor *t = w->embed;
    w->embed_in_head = !pr_packed_copy_bytes(p->c, p->bf16);
    if (w->embed_in_head)
        return PR_OK;
    enum pr_code code = pr_big_alloc(&p->copy, t->bytes, 1, "copy of the embedding", e);
    if (code)
        return code;
    w->copy = *t;
    w->copy.data = p->copy;
    pr_pool_run(pool, (t->bytes + COPY_BLOCK - 1) / COPY_BLOCK, copy_block, p);
    pr_checkpoint_drop(p->c, t);
    w->embed = &w->copy;
    return PR_OK;
}

void pr_packed_embed_row(const struct pr_packed *w, size_t id, float *ret)
{
    static const enum pr_dtype types[PR_PANEL_KINDS] = {PR_F32, PR_BF16, PR_F16, PR_BF16};
    const struct pr_tensor *t = w->embed;
    size_t hidden = t->shape[1];
    if (!w->embed_in_head) {
        pr_to_f32(
            t->dtype, (const char *)t->data + id * hidden * pr_dtype_size(t->dtype), hidden, ret);
        return;
    }
    enum pr_panel_kind kind = w->head.kind;
    size_t u = pr_panel_unit(kind), step = u * pr_panel_elem(kind); /* [hidden / u][64][u] */
    const char *at = (const char *)pr_linear_panel(&w->head, id / PR_PANEL) + id % PR_PANEL * step;
    for (size_t k = 0; k < hidden; k += u, at += PR_PANEL * step)
        pr_to_f32(types[kind], at, hidden - k < u ? hidden - k : u, ret + k);
}

/* ---- all of it ---- */

enum pr_code pr_packed_make(struct pr_packed *w, const struct pr_checkpoint *c, bool bf16, bool own,
    const struct pr_kernels *kernels, struct pr_pool *pool, const struct pr_stop *stop,
    struct pr_error *e)
{
    struct packer p = {.w = w,
        .c = c,
        .config = pr_checkpoint_config(c),
        .kernels = kernels,
        .bf16 = bf16,
        .stop = stop};
    enum pr_code code = add_all(&p, e);
    if (!code)
        code = pr_big_alloc(&w->block, p.bytes, 1, "packed weights", e);
    if (code)
        goto out;
    w->block_bytes = p.bytes;
    for (size_t i = 0; i < p.n_jobs && !atomic_load(&p.stopped); i++) {
        p.now = &p.jobs[i];
        p.now->linear->panels = (char *)w->block + p.now->offset;
        pr_pool_run(pool, p.now->linear->n_panels, pack_panel, &p);
        pr_checkpoint_drop(c, p.now->tensor);
    }
    if (own)
        code = own_embed(&p, pool, e);
    if (!code && atomic_load(&p.stopped))
        code = pr_fail(e, PR_E_CANCELLED, "%s: told to stop while its weights were packed",
            pr_checkpoint_name(c));
out:
    pr_free(p.jobs);
    return code;
}

void pr_packed_done(struct pr_packed *w)
{
    pr_big_free(w->block, w->block_bytes);
    pr_big_free((void *)(uintptr_t)w->copy.data, w->copy.bytes);
    pr_arena_done(&w->arena);
    *w = (struct pr_packed){0};
}
