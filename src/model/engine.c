/* Making and freeing an engine. */
#include "model/engine.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "model/engine_internal.h"

/* The arrangement of panels, pages and reductions.  Changes whenever a change to them changes bits.
 */
#define KERNEL_FAMILY  "panel64.1"
#define DEFAULT_PASS   512
#define AUTO_F32_BELOW 200000000u /* parameters */

size_t pr_engine_default_kv_bytes(size_t weight_bytes)
{
    const size_t least = (size_t)64 << 20, most = (size_t)4 << 30;
    size_t n = weight_bytes / 4;
    return n < least ? least : n > most ? most : n;
}

static enum pr_math choose_math(enum pr_math wanted, const struct pr_model_config *c)
{
    if (wanted != PR_MATH_AUTO)
        return wanted;
    return pr_model_config_parameters(c) < AUTO_F32_BELOW ? PR_MATH_F32 : PR_MATH_BF16;
}

static enum pr_code choose_kernels(
    const struct pr_engine_options *options, const struct pr_kernels **ret, struct pr_error *e)
{
    *ret = options->kernels ? options->kernels : pr_kernels_default();
    if (*ret)
        return PR_OK;
    return pr_fail(e, PR_E_USAGE,
        "PROCTOR_ISA='%s': no such instruction set, or this CPU lacks it (known: avx512bf16, "
        "avx512, avx2, portable)",
        getenv("PROCTOR_ISA"));
}

enum pr_code pr_engine_choose(const struct pr_checkpoint *c,
    const struct pr_engine_options *options, enum pr_math *ret_math,
    char ret_numerics[PR_NUMERICS_MAX], struct pr_error *e)
{
    const struct pr_kernels *kernels;
    enum pr_code code = choose_kernels(options, &kernels, e);
    if (code)
        return code;
    *ret_math = choose_math(options->math, pr_checkpoint_config(c));
    snprintf(ret_numerics, PR_NUMERICS_MAX, "%s/%s/%s", *ret_math == PR_MATH_BF16 ? "bf16" : "f32",
        kernels->isa, KERNEL_FAMILY);
    return PR_OK;
}

enum pr_code pr_engine_new(const struct pr_checkpoint *c, const struct pr_engine_options *options,
    struct pr_engine **ret, struct pr_error *e)
{
    const struct pr_kernels *kernels;
    struct pr_engine *g = pr_zalloc(sizeof *g);
    g->checkpoint = c;
    g->config = pr_checkpoint_config(c);
    enum pr_code code = choose_kernels(options, &kernels, e);
    if (!code)
        code = pr_engine_choose(c, options, &g->math, g->numerics, e);
    if (code) {
        pr_free(g); /* nothing in it was set up */
        return code;
    }
    bool bf16 = g->math == PR_MATH_BF16;
    code = pr_pool_new(options->n_threads, &g->pool, e);
    if (!code)
        code = pr_packed_make(
            &g->weights, c, bf16, options->own_weights, kernels, g->pool, &options->stop, e);
    if (code)
        goto fail;
    pr_kv_init(&g->kv, g->config, bf16,
        options->kv_bytes ? options->kv_bytes : pr_engine_default_kv_bytes(g->weights.block_bytes));
    g->forward = (struct pr_forward){.config = g->config,
        .kernels = kernels,
        .pool = g->pool,
        .weights = &g->weights,
        .kv = &g->kv,
        .bf16 = bf16};
    code = pr_forward_init(
        &g->forward, (uint32_t)(options->pass_tokens ? options->pass_tokens : DEFAULT_PASS), e);
    if (!code)
        code = pr_head_init(&g->head, &g->forward, e);
    if (code)
        goto fail;
    *ret = g;
    return PR_OK;
fail:
    pr_engine_free(g);
    return code;
}

void pr_engine_free(struct pr_engine *g)
{
    if (!g)
        return;
    pr_head_done(&g->head);
    pr_forward_done(&g->forward);
    pr_kv_done(&g->kv);
    pr_packed_done(&g->weights);
    pr_pool_free(g->pool);
    pr_free(g);
}

enum pr_math pr_engine_math(const struct pr_engine *g)
{
    return g->math;
}

const char *pr_engine_numerics(const struct pr_engine *g)
{
    return g->numerics;
}

void pr_engine_kernels_id(const struct pr_kernels *kernels, char *ret, size_t size)
{
    if (!kernels)
        kernels = pr_kernels_default();
    snprintf(ret, size, "%s/%s", kernels ? kernels->isa : "none", KERNEL_FAMILY);
}

int pr_engine_threads(const struct pr_engine *g)
{
    return pr_pool_threads(g->pool);
}
