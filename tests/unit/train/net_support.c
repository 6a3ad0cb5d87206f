/* What the tests of net share. */
#include "net_support.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"

static struct pr_checkpoint *open_fixture(const char *model, const char *base)
{
    char path[512], base_path[512];
    struct pr_error e;
    struct pr_checkpoint *c;
    snprintf(path, sizeof path, "%s/%s", PR_FIXTURES, model);
    snprintf(base_path, sizeof base_path, "%s/%s", PR_FIXTURES, base ? base : "");
    struct pr_checkpoint_options o = {.weights = true, .base_model = base ? base_path : NULL};
    if (pr_checkpoint_open(path, &o, &c, &e))
        fail_msg("%s: %s", model, e.message);
    return c;
}

struct opened open_net(
    const char *model, const char *base, const struct pr_net_options *o, int threads)
{
    struct opened n = {.checkpoint = open_fixture(model, base)};
    struct pr_error e;
    if (pr_pool_new(threads, &n.pool, &e) || pr_net_open(n.checkpoint, o, n.pool, &n.net, &e))
        fail_msg("%s: %s", model, e.message);
    return n;
}

struct opened new_net(const char *model, const struct pr_net_options *o, int threads)
{
    struct pr_checkpoint *shape = open_fixture(model, NULL);
    struct opened n = {0};
    struct pr_error e;
    if (pr_pool_new(threads, &n.pool, &e) ||
        pr_net_new(pr_checkpoint_config(shape), 0.02, o, n.pool, &n.net, &e))
        fail_msg("%s: %s", model, e.message);
    pr_checkpoint_free(shape);
    return n;
}

void close_net(struct opened *o)
{
    pr_net_free(o->net);
    pr_checkpoint_free(o->checkpoint);
    pr_pool_free(o->pool);
}

static struct made made_new(uint32_t rows, uint32_t sequences)
{
    struct made m = {.ids = pr_alloc(rows * sizeof *m.ids),
        .targets = pr_alloc(rows * sizeof *m.targets),
        .starts = pr_zalloc((sequences + 1) * sizeof *m.starts)};
    m.b = (struct pr_batch){.ids = m.ids, .targets = m.targets, .starts = m.starts};
    return m;
}

static int32_t at(const json_t *rows, size_t row, size_t i)
{
    return (int32_t)json_integer_value(json_array_get(json_array_get(rows, row), i));
}

struct made batch_of_json(const json_t *batch)
{
    const json_t *ids = json_object_get(batch, "input_ids"),
                 *labels = json_object_get(batch, "labels"),
                 *mask = json_object_get(batch, "attention_mask");
    size_t n = json_array_size(ids), t = json_array_size(json_array_get(ids, 0));
    struct made m = made_new((uint32_t)(n * t), (uint32_t)n);
    for (size_t s = 0; s < n; s++) {
        for (size_t i = 0; i < t && at(mask, s, i); i++) {
            bool last = i + 1 == t || !at(mask, s, i + 1);
            m.ids[m.b.n_rows] = at(ids, s, i);
            m.targets[m.b.n_rows++] = last ? -100 : at(labels, s, i + 1);
        }
        m.starts[++m.b.n_sequences] = m.b.n_rows;
    }
    return m;
}

struct made batch_of_lengths(
    uint64_t seed, uint32_t vocab, const uint32_t *lengths, uint32_t n, double share)
{
    struct pr_rng r;
    uint32_t rows = 0;
    pr_rng_seed(&r, seed);
    for (uint32_t s = 0; s < n; s++)
        rows += lengths[s];
    struct made m = made_new(rows, n);
    for (uint32_t s = 0; s < n; s++) {
        for (uint32_t i = 0; i < lengths[s]; i++) {
            m.ids[m.b.n_rows] = (int32_t)pr_rng_below(&r, vocab);
            int32_t target = (int32_t)pr_rng_below(&r, vocab);
            m.targets[m.b.n_rows++] = pr_rng_double(&r) < share ? target : -100;
        }
        m.starts[++m.b.n_sequences] = m.b.n_rows;
    }
    return m;
}

struct made batch_part(const struct pr_batch *b, uint32_t first, uint32_t n)
{
    uint32_t row = b->starts[first], rows = b->starts[first + n] - row;
    struct made m = made_new(rows, n);
    memcpy(m.ids, b->ids + row, rows * sizeof *m.ids);
    memcpy(m.targets, b->targets + row, rows * sizeof *m.targets);
    for (uint32_t s = 0; s <= n; s++)
        m.starts[s] = b->starts[first + s] - row;
    m.b.n_rows = rows;
    m.b.n_sequences = n;
    return m;
}

void made_done(struct made *m)
{
    pr_free(m->ids);
    pr_free(m->targets);
    pr_free(m->starts);
}

struct pr_pass pass(struct opened *o, const struct pr_batch *b, double scale)
{
    struct pr_pass p;
    struct pr_error e;
    if (pr_net_pass(o->net, b, scale, &p, &e))
        fail_msg("%s", e.message);
    return p;
}

float *gradients_of(
    struct opened *o, const struct pr_batch *b, double scale, size_t *ret_n, double *ret_nll)
{
    pr_net_zero_gradients(o->net);
    struct pr_pass p = pass(o, b, scale);
    const float *g = pr_net_gradients(o->net, ret_n);
    float *copy = pr_alloc(*ret_n * sizeof *copy);
    memcpy(copy, g, *ret_n * sizeof *copy);
    if (ret_nll)
        *ret_nll = p.nll;
    return copy;
}

const struct pr_param *param(const struct opened *o, const char *name)
{
    size_t n;
    const struct pr_param *p = pr_net_params(o->net, &n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(p[i].name, name))
            return &p[i];
    fail_msg("no parameter '%s'", name);
    return NULL;
}

json_t *reference_of(const char *model)
{
    char path[512];
    struct pr_error e;
    json_t *v;
    snprintf(path, sizeof path, "%s/reference/%s.train.json", PR_FIXTURES, model);
    if (pr_json_read(AT_FDCWD, path, (size_t)64 << 20, PR_JSON_STRICT, &v, &e))
        fail_msg("%s", e.message);
    return v;
}

double distance(const float *a, const float *b, size_t n)
{
    double d = 0, s = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        s += (double)b[i] * (double)b[i];
    }
    return sqrt(d / s);
}
