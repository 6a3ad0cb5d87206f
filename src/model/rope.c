/* Rotary position embeddings. */
#include "model/rope.h"

#include <math.h>

#include "base/alloc.h"

static double llama3(const struct pr_rope *r, double f)
{
    double wavelength = 2 * M_PI / f;
    if (wavelength < r->original_max_position / r->high_freq_factor)
        return f;
    if (wavelength > r->original_max_position / r->low_freq_factor)
        return f / r->factor;
    double smooth = (r->original_max_position / wavelength - r->low_freq_factor) /
                    (r->high_freq_factor - r->low_freq_factor);
    return (1 - smooth) * f / r->factor + smooth * f;
}

void pr_rope_frequencies(const struct pr_rope *rope, uint32_t head_dim, double *ret)
{
    for (uint32_t i = 0; i < head_dim / 2; i++) {
        double f = pow(rope->theta, -2.0 * i / head_dim);
        if (rope->type == PR_ROPE_LINEAR)
            f /= rope->factor;
        else if (rope->type == PR_ROPE_LLAMA3)
            f = llama3(rope, f);
        ret[i] = f;
    }
}

static size_t table_bytes(const struct pr_rope_table *t)
{
    return (size_t)t->n * t->half * sizeof(float);
}

enum pr_code pr_rope_table_grow(struct pr_rope_table *t, const struct pr_rope *rope,
    uint32_t head_dim, uint32_t n, struct pr_error *e)
{
    if (n <= t->n)
        return PR_OK;
    struct pr_rope_table new = {.half = head_dim / 2, .n = (n + 255) / 256 * 256};
    void *c = NULL, *s = NULL;
    enum pr_code code = pr_big_alloc(&c, new.n, new.half * sizeof(float), "rotary table", e);
    if (!code)
        code = pr_big_alloc(&s, new.n, new.half * sizeof(float), "rotary table", e);
    if (code) {
        pr_big_free(c, table_bytes(&new));
        return code;
    }
    new.cos = c;
    new.sin = s;
    double *f = pr_alloc(new.half * sizeof *f);
    pr_rope_frequencies(rope, head_dim, f);
    for (uint32_t p = 0; p < new.n; p++)
        for (uint32_t i = 0; i < new.half; i++) {
            double angle = p * f[i];
            new.cos[(size_t)p * new.half + i] = (float)cos(angle);
            new.sin[(size_t)p * new.half + i] = (float)sin(angle);
        }
    pr_free(f);
    pr_rope_table_done(t);
    *t = new;
    return PR_OK;
}

void pr_rope_table_done(struct pr_rope_table *t)
{
    pr_big_free(t->cos, table_bytes(t));
    pr_big_free(t->sin, table_bytes(t));
    *t = (struct pr_rope_table){0};
}
