/* Reading a pool: examples, levels, answer tokens. */
#include "curriculum/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define LOOK 64 /* examples between looks at stop */

static int by_digest(const void *a, const void *b)
{
    return memcmp(((const struct pr_example *)a)->digest, ((const struct pr_example *)b)->digest,
        PR_SHA256_LEN);
}

/* Answer tokens of an example as the exam scores and the trainer counts them; a plain text's first
 * token has nothing before it to be predicted from. */
static enum pr_code count(const struct pr_prompter *p, const struct pr_example *x,
    uint32_t max_position, uint32_t *ret, struct pr_error *e)
{
    struct pr_prompt prompt;
    enum pr_code code = pr_prompter_build(p, x, x->golden, &prompt, e);
    if (code)
        return code;
    size_t n = prompt.ids.n, from = prompt.n_prompt ? prompt.n_prompt : 1;
    pr_prompt_done(&prompt);
    if ((max_position && n > max_position) || n > UINT32_MAX)
        return pr_fail(e, PR_E_LIMIT, "its %zu tokens are more than the model's %u positions", n,
            max_position);
    if (n <= from)
        return pr_fail(e, PR_E_FORMAT, "nothing of it could be trained on");
    *ret = (uint32_t)(n - from);
    return PR_OK;
}

static void leave_out(struct pr_curriculum_pool *p, struct pr_example *x, const struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(1 << 16);
    pr_str_printf(&text, "%s:%zu: %s", p->suite->files[x->file].path, x->line, e->message);
    if (!p->n_left_out++)
        p->left_out = pr_str_take(&text);
    pr_str_done(&text);
    pr_example_done(x);
}

/* Counts tokens; what cannot be trained on is taken out of the suite. */
static enum pr_code count_all(
    struct pr_curriculum_pool *p, const struct pr_curriculum_pool_options *o, struct pr_error *e)
{
    struct pr_suite *s = p->suite;
    struct pr_error why;
    size_t kept = 0, all = s->n, i = 0;
    bool stopped = false;
    p->tokens = pr_zalloc((s->n + 1) * sizeof *p->tokens);
    for (; i < all && !stopped; i++) {
        struct pr_example x = s->v[i];
        stopped = o->stopped && i % LOOK == 0 && o->stopped();
        if (count(o->start, &x, o->max_position, &p->tokens[kept], &why))
            leave_out(p, &x, &why);
        else
            s->v[kept++] = x;
    }
    for (; i < all; i++)
        pr_example_done(&s->v[i]);
    s->n = kept;
    if (stopped)
        return pr_fail(e, PR_E_CANCELLED, "stopped");
    return kept ? PR_OK
                : pr_fail(e, PR_E_FORMAT, "none of the pool's %zu examples can be trained on: %s",
                      all, p->left_out);
}

enum pr_code pr_curriculum_pool_load(
    const struct pr_curriculum_pool_options *o, struct pr_curriculum_pool *ret, struct pr_error *e)
{
    /* Nothing is checked while training, so that a check by command starts no program here. */
    struct pr_suite_options so = {.name = "pool", .samples = o->samples, .allow_commands = true};
    struct pr_curriculum_pool p = {.n = 0};
    enum pr_code code = pr_suite_load(o->paths, o->n_paths, &so, &p.suite, e);
    if (!code)
        code = pr_suite_fingerprint(p.suite, p.fingerprint, e);
    if (!code) {
        qsort(p.suite->v, p.suite->n, sizeof *p.suite->v, by_digest);
        if (o->start)
            code = count_all(&p, o, e);
    }
    if (code) {
        pr_curriculum_pool_done(&p);
        return pr_wrap(e, code, "pool");
    }
    p.n = p.suite->n;
    p.level = pr_zalloc(p.n);
    pr_levels_of(p.suite, o->progress, p.level, &p.levels);
    for (size_t i = 0; p.tokens && i < p.n; i++)
        p.levels.v[p.level[i]].tokens += p.tokens[i];
    *ret = p;
    return PR_OK;
}

void pr_curriculum_pool_done(struct pr_curriculum_pool *p)
{
    pr_suite_free(p->suite);
    pr_free(p->level);
    pr_free(p->tokens);
    pr_free(p->left_out);
    *p = (struct pr_curriculum_pool){.n = 0};
}
