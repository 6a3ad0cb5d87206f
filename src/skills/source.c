/* The interface of all sources, and the one of proctor's own skills. */
#include "skills/source.h"

#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "skills/source_kinds.h"

struct pr_skill_source *pr_source_new(
    const char *name, const struct pr_source_kind *kind, void *own)
{
    struct pr_skill_source *s = pr_zalloc(sizeof *s);
    s->name = pr_strdup(name);
    s->kind = kind;
    s->own = own;
    return s;
}

void pr_source_free(struct pr_skill_source *s)
{
    if (!s)
        return;
    s->kind->free(s->own);
    pr_free(s->name);
    pr_free(s);
}

const char *pr_source_name(const struct pr_skill_source *s)
{
    return s->name;
}

void pr_source_problems_done(struct pr_source_problems *p)
{
    for (size_t i = 0; i < p->n; i++) {
        pr_free(p->v[i].prompt);
        pr_free(p->v[i].golden);
    }
    pr_free(p->v);
    *p = (struct pr_source_problems){0};
}

enum pr_code pr_source_check_name(const char *name, struct pr_error *e)
{
    size_t n = strlen(name);
    if (!n || n > 40 ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != n)
        return pr_fail(e, PR_E_USAGE,
            "'%.60s' cannot be a skill's name: 1 to 40 letters, digits, '_' and '-' are expected",
            name);
    if (pr_skill_find(name))
        return pr_fail(
            e, PR_E_USAGE, "'%s' is a skill of proctor's own: choose another name", name);
    return PR_OK;
}

static enum pr_code named(const struct pr_skill_source *s, enum pr_code code, struct pr_error *e)
{
    return code ? pr_wrap(e, code, "skill '%s'", s->name) : PR_OK;
}

enum pr_code pr_source_info(
    struct pr_skill_source *s, struct pr_source_info *ret, struct pr_error *e)
{
    if (!s->info.n_levels) {
        struct pr_source_info info = {0};
        enum pr_code code = s->kind->info(s->own, &info, e);
        if (code)
            return named(s, code, e);
        s->info = info;
    }
    *ret = s->info;
    return PR_OK;
}

enum pr_difficulty pr_source_difficulty(const struct pr_source_info *info, int level)
{
    struct pr_skill like = {.n_levels = PR_N_DIFFICULTIES};
    if (info->n_levels == PR_N_DIFFICULTIES)
        return pr_skill_difficulty(&like, level);
    like.n_levels = PR_SKILL_LEVELS;
    return pr_skill_difficulty(
        &like, (level * PR_SKILL_LEVELS + info->n_levels - 1) / info->n_levels);
}

enum pr_code pr_source_generate(struct pr_skill_source *s, size_t count, int level, uint64_t seed,
    struct pr_source_problems *ret, struct pr_error *e)
{
    struct pr_source_problems all = {0};
    struct pr_source_info info;
    struct pr_rng rng;
    enum pr_code code = pr_source_info(s, &info, e);
    if (!code && (level < 1 || level > info.n_levels))
        return pr_fail(e, PR_E_USAGE, "skill '%s': there is no level %d, the last is %d", s->name,
            level, info.n_levels);
    pr_rng_seed(&rng, seed);
    /* The first request has the seed itself; all fit a double, as JSON's readers may need. */
    for (uint64_t own = seed; !code && all.n < count; own = pr_rng_u64(&rng) >> 11) {
        size_t before = all.n, most = count - all.n;
        most = most < PR_SOURCE_MAX_COUNT ? most : PR_SOURCE_MAX_COUNT;
        code = named(s, s->kind->generate(s->own, most, level, own, &all, e), e);
        if (all.n - before < most)
            break;
    }
    for (size_t i = 0; !code && i < all.n; i++)
        PR_PUSH(ret->v, ret->n, ret->cap, all.v[i]);
    if (!code)
        all.n = 0; /* the texts have a new owner */
    pr_source_problems_done(&all);
    return code;
}

enum pr_code pr_source_verify(struct pr_skill_source *s, const char *prompt, const char *answer,
    enum pr_source_verdict *ret, char **ret_reason, struct pr_error *e)
{
    if (strlen(prompt) > PR_SOURCE_MAX_TEXT || strlen(answer) > PR_SOURCE_MAX_TEXT)
        return pr_fail(e, PR_E_LIMIT, "skill '%s': a question or answer of more than %zu bytes",
            s->name, PR_SOURCE_MAX_TEXT);
    return named(s, s->kind->verify(s->own, prompt, answer, ret, ret_reason, e), e);
}

/* ---- proctor's own ------------------------------------------------------------------------- */

static enum pr_code own_info(void *own, struct pr_source_info *ret, struct pr_error *e)
{
    const struct pr_skill *s = *(const struct pr_skill **)own;
    (void)e;
    ret->n_levels = s->n_levels;
    size_t n = strnlen(s->summary, sizeof ret->summary - 1);
    memcpy(ret->summary, s->summary, n);
    ret->summary[n] = 0;
    return PR_OK;
}

static enum pr_code own_generate(void *own, size_t count, int level, uint64_t seed,
    struct pr_source_problems *ret, struct pr_error *e)
{
    const struct pr_skill *s = *(const struct pr_skill **)own;
    struct pr_rng rng;
    (void)e;
    pr_rng_seed(&rng, seed);
    for (size_t i = 0; i < count; i++) {
        struct pr_str prompt = PR_STR_INIT(PR_SOURCE_MAX_TEXT),
                      golden = PR_STR_INIT(PR_SOURCE_MAX_TEXT);
        s->make(&rng, level, &prompt, &golden);
        struct pr_source_problem p = {pr_str_take(&prompt), pr_str_take(&golden)};
        PR_PUSH(ret->v, ret->n, ret->cap, p);
    }
    return PR_OK;
}

static enum pr_code own_verify(void *own, const char *prompt, const char *answer,
    enum pr_source_verdict *ret, char **ret_reason, struct pr_error *e)
{
    const struct pr_skill *s = *(const struct pr_skill **)own;
    size_t n = strlen(prompt);
    (void)e;
    *ret_reason = NULL;
    if (!s->solve(prompt, n, NULL, NULL)) {
        *ret = PR_SOURCE_CANNOT_SAY;
        *ret_reason = pr_strdup("it is no question of this skill");
    } else {
        *ret = s->verify(prompt, n, answer, strlen(answer)) ? PR_SOURCE_RIGHT : PR_SOURCE_WRONG;
    }
    return PR_OK;
}

struct pr_skill_source *pr_source_builtin(const struct pr_skill *s)
{
    static const struct pr_source_kind kind = {own_info, own_generate, own_verify, pr_free};
    const struct pr_skill **own = pr_alloc(sizeof(void *));
    *own = s;
    return pr_source_new(s->name, &kind, own);
}
