/* Which low-rank pairs there are: those that the options name, or those of an adapter. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "train/net_internal.h"

float pr_net_lora_scale(const struct pr_net_lora *lora, uint32_t r)
{
    return (float)(lora->alpha / (lora->rslora ? sqrt(r) : r));
}

static enum pr_code unknown(const char *name, struct pr_error *e)
{
    struct pr_str all = PR_STR_INIT(512);
    for (int i = 0; i < NET_LINEARS; i++)
        pr_str_printf(&all, "%s%s", i ? ", " : "", pr_net_modules[i].name);
    enum pr_code code = pr_fail(
        e, PR_E_USAGE, "LoRA target '%.60s' is unknown: there are %s", name, pr_str_cstr(&all));
    pr_str_done(&all);
    return code;
}

/* Which of the modules are targets. */
static enum pr_code targets_of(
    const struct pr_net_lora *lora, bool on[NET_LINEARS], struct pr_error *e)
{
    for (int i = 0; i < NET_LINEARS; i++)
        on[i] = !lora->targets;
    for (size_t t = 0; lora->targets && t < lora->n_targets; t++) {
        int i = 0;
        while (i < NET_LINEARS && strcmp(lora->targets[t], pr_net_modules[i].name))
            i++;
        if (i == NET_LINEARS)
            return unknown(lora->targets[t], e);
        on[i] = true;
    }
    return lora->targets && !lora->n_targets
               ? pr_fail(e, PR_E_USAGE, "LoRA needs at least one target module")
               : PR_OK;
}

static void keep_targets(struct pr_net *n, const bool on[NET_LINEARS])
{
    n->targets = pr_arena_alloc(&n->arena, NET_LINEARS * sizeof *n->targets);
    n->lora.n_targets = 0;
    for (int i = 0; i < NET_LINEARS; i++)
        if (on[i])
            n->targets[n->lora.n_targets++] = pr_net_modules[i].name;
    n->lora.targets = n->targets;
}

/* A and B of one module; a and b NULL: new ones. */
static void add_pair(struct pr_net *n, const char *module, uint32_t r, size_t out, size_t in,
    const struct pr_tensor *a, const struct pr_tensor *b)
{
    char name[192];
    /* As PEFT begins: kaiming_uniform with a = √5, which is ±1/√in, and zeros. */
    struct pr_net_source sa = {.tensor = a, .rule = NET_UNIFORM, .width = 1 / sqrt((double)in)};
    struct pr_net_source sb = {.tensor = b, .rule = NET_ZERO};
    snprintf(name, sizeof name, PR_NET_PREFIX "%s.lora_A.weight", module);
    pr_net_add(n, name, 2, r, in, &sa);
    snprintf(name, sizeof name, PR_NET_PREFIX "%s.lora_B.weight", module);
    pr_net_add(n, name, 2, out, r, &sb);
}

static void module_name(uint32_t layer, int i, char *name, size_t size)
{
    snprintf(name, size, "model.layers.%u.%s.%s", layer, pr_net_modules[i].block,
        pr_net_modules[i].name);
}

enum pr_code pr_net_list_lora(struct pr_net *n, struct pr_error *e)
{
    const struct pr_net_lora *lora = &n->options.lora;
    bool on[NET_LINEARS];
    enum pr_code code = targets_of(lora, on, e);
    if (code)
        return code;
    if (lora->r > 4096 || !(lora->alpha > 0 && lora->alpha <= 1e6))
        return pr_fail(e, PR_E_USAGE, "LoRA of rank %u and alpha %g: 1 to 4096 and above 0 needed",
            lora->r, lora->alpha);
    n->lora = *lora;
    keep_targets(n, on);
    for (uint32_t l = 0; l < n->config.n_layers; l++)
        for (int i = 0; i < NET_LINEARS; i++) {
            char name[128], weight[160];
            module_name(l, i, name, sizeof name);
            snprintf(weight, sizeof weight, "%s.weight", name);
            const struct pr_tensor *t = pr_checkpoint_tensor(n->checkpoint, weight);
            if (!t)
                return pr_fail(e, PR_E_FORMAT, "tensor '%s' is missing", weight);
            if (on[i])
                add_pair(n, name, lora->r, t->shape[0], t->shape[1], NULL, NULL);
        }
    return PR_OK;
}

static void take_pair(struct pr_net *n, const char *module, const struct pr_lora *own)
{
    if (!n->lora.r) {
        n->lora.r = own->r;
        n->lora.alpha = (double)own->scale * own->r;
    }
    add_pair(n, module, own->r, own->b->shape[0], own->a->shape[1], own->a, own->b);
}

/* What the adapter brings whole (modules_to_save) is trained with its pairs. */
static void take_saved(struct pr_net *n)
{
    struct pr_tensor_spec *specs;
    size_t count;
    pr_model_config_tensors(&n->config, &specs, &count);
    for (size_t i = 0; i < count; i++) {
        struct pr_net_source src = {.tensor = pr_checkpoint_tensor(n->checkpoint, specs[i].name)};
        char name[192];
        if (!pr_checkpoint_replaces(n->checkpoint, specs[i].name))
            continue;
        snprintf(name, sizeof name, PR_NET_PREFIX "%s", specs[i].name);
        pr_net_add(n, name, specs[i].rank, specs[i].shape[0], specs[i].shape[1], &src);
    }
    pr_free(specs);
}

enum pr_code pr_net_list_adapter(struct pr_net *n, struct pr_error *e)
{
    bool on[NET_LINEARS] = {false};
    struct pr_lora own;
    for (uint32_t l = 0; l < n->config.n_layers; l++)
        for (int i = 0; i < NET_LINEARS; i++) {
            char name[128];
            module_name(l, i, name, sizeof name);
            if (!pr_checkpoint_lora(n->checkpoint, name, &own))
                continue;
            on[i] = true;
            take_pair(n, name, &own);
        }
    if (pr_checkpoint_lora(n->checkpoint, "lm_head", &own))
        take_pair(n, "lm_head", &own);
    if (!n->n_params)
        return pr_fail(e, PR_E_UNSUPPORTED, "the adapter has no low-rank pairs to train");
    keep_targets(n, on);
    take_saved(n);
    return PR_OK;
}
