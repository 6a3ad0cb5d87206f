/* Values without a model. */
#include "fake_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"

struct pr_net {
    struct pr_model_config config;
    struct pr_net_lora lora;
    struct pr_param *params;
    size_t n, n_values, cap;
    float *values;
    unsigned changes;
};

static const char *const targets[] = {"q_proj", "v_proj"};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct pr_param *)a)->name, ((const struct pr_param *)b)->name);
}

static void add(struct pr_net *n, const char *name, uint32_t rank, size_t rows, size_t cols)
{
    struct pr_param p = {.name = pr_strdup(name), .rank = rank, .rows = rows, .cols = cols};
    p.n = rows * cols;
    n->n_values += p.n;
    PR_PUSH(n->params, n->n, n->cap, p);
}

static void add_lora(struct pr_net *n, const struct pr_tensor_spec *spec)
{
    char name[192];
    size_t len = strlen(spec->name) - strlen(".weight");
    for (size_t i = 0; i < 2; i++) {
        if (spec->rank != 2 || !strstr(spec->name, targets[i]))
            continue;
        snprintf(name, sizeof name, "base_model.model.%.*s.lora_A.weight", (int)len, spec->name);
        add(n, name, 2, n->lora.r, spec->shape[1]);
        snprintf(name, sizeof name, "base_model.model.%.*s.lora_B.weight", (int)len, spec->name);
        add(n, name, 2, spec->shape[0], n->lora.r);
    }
}

static void place(struct pr_net *n)
{
    size_t at = 0;
    qsort(n->params, n->n, sizeof *n->params, by_name);
    n->values = pr_zalloc(n->n_values * sizeof *n->values);
    for (size_t i = 0; i < n->n; i++) {
        n->params[i].value = n->values + at;
        at += n->params[i].n;
    }
}

struct pr_net *fake_net(const char *dir, uint32_t r, double alpha)
{
    struct pr_checkpoint_options o = {.weights = true};
    struct pr_net *n = pr_zalloc(sizeof *n);
    struct pr_checkpoint *c;
    struct pr_tensor_spec *specs;
    struct pr_error e;
    size_t n_specs;
    if (pr_checkpoint_open(dir, &o, &c, &e)) {
        fprintf(stderr, "%s\n", e.message);
        abort();
    }
    n->config = *pr_checkpoint_config(c);
    n->lora = (struct pr_net_lora){.r = r, .alpha = alpha, .targets = targets, .n_targets = 2};
    pr_model_config_tensors(&n->config, &specs, &n_specs);
    for (size_t i = 0; i < n_specs; i++) {
        const struct pr_tensor_spec *s = &specs[i];
        if (r)
            add_lora(n, s);
        else
            add(n, s->name, s->rank, s->shape[0], s->rank == 2 ? s->shape[1] : 1);
    }
    place(n);
    if (r)
        fake_net_shake(n, 1);
    for (size_t i = 0; !r && i < n->n; i++) {
        const struct pr_tensor *t = pr_checkpoint_tensor(c, n->params[i].name);
        pr_to_f32(t->dtype, t->data, t->n, n->params[i].value);
    }
    pr_free(specs);
    pr_checkpoint_free(c);
    return n;
}

void fake_net_shake(struct pr_net *n, uint64_t seed)
{
    struct pr_rng rng;
    pr_rng_seed(&rng, seed);
    for (size_t i = 0; i < n->n_values; i++)
        n->values[i] = (float)pr_rng_normal(&rng);
}

unsigned fake_net_changes(const struct pr_net *n)
{
    return n->changes;
}

void fake_optimizer(struct pr_optimizer *o, struct pr_net *n, int64_t step)
{
    struct pr_rng rng;
    pr_rng_seed(&rng, (uint64_t)step);
    *o = (struct pr_optimizer){.net = n, .step = step};
    o->m = pr_zalloc(n->n_values * sizeof *o->m);
    o->v = pr_zalloc(n->n_values * sizeof *o->v);
    for (size_t i = 0; i < n->n_values; i++) {
        o->m[i] = (float)pr_rng_normal(&rng);
        o->v[i] = (float)pr_rng_double(&rng);
    }
}

void fake_optimizer_done(struct pr_optimizer *o)
{
    pr_free(o->m);
    pr_free(o->v);
}

void pr_net_free(struct pr_net *n)
{
    for (size_t i = 0; i < n->n; i++)
        pr_free((char *)n->params[i].name);
    pr_free(n->params);
    pr_free(n->values);
    pr_free(n);
}

const struct pr_model_config *pr_net_config(const struct pr_net *n)
{
    return &n->config;
}

const struct pr_param *pr_net_params(const struct pr_net *n, size_t *ret_n)
{
    *ret_n = n->n;
    return n->params;
}

float *pr_net_values(struct pr_net *n, size_t *ret_n)
{
    *ret_n = n->n_values;
    return n->values;
}

void pr_net_changed(struct pr_net *n)
{
    n->changes++;
}

const struct pr_net_lora *pr_net_lora_of(const struct pr_net *n)
{
    return &n->lora;
}
