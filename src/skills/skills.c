/* The table of skills. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "skills/skill.h"

static const char *const difficulties[] = {
#define PR_X(name, text) text,
    PR_DIFFICULTIES(PR_X)
#undef PR_X
};

static const struct pr_skill *const skills[] = {
#define PR_X(name) &pr_skill_##name,
    PR_SKILLS(PR_X)
#undef PR_X
};
#define N_SKILLS (sizeof skills / sizeof *skills)

const char *pr_difficulty_name(enum pr_difficulty d)
{
    return difficulties[d];
}

bool pr_difficulty_find(const char *name, enum pr_difficulty *ret)
{
    for (size_t i = 0; i < PR_N_DIFFICULTIES; i++)
        if (!strcmp(difficulties[i], name)) {
            *ret = (enum pr_difficulty)i;
            return true;
        }
    return false;
}

const struct pr_skill *const *pr_skills(size_t *ret_n)
{
    *ret_n = N_SKILLS;
    return skills;
}

const struct pr_skill *pr_skill_find(const char *name)
{
    for (size_t i = 0; i < N_SKILLS; i++)
        if (!strcmp(skills[i]->name, name))
            return skills[i];
    return NULL;
}

void pr_skill_names(struct pr_str *out)
{
    for (size_t i = 0; i < N_SKILLS; i++)
        pr_str_printf(out, "%s%s", i ? ", " : "", skills[i]->name);
}

enum pr_difficulty pr_skill_difficulty(const struct pr_skill *s, int level)
{
    static const enum pr_difficulty ten[PR_SKILL_LEVELS] = {PR_EASY, PR_EASY, PR_EASY, PR_MEDIUM,
        PR_MEDIUM, PR_MEDIUM, PR_MEDIUM, PR_HARD, PR_HARD, PR_HARD};
    int i = level < 1 ? 0 : level > s->n_levels ? s->n_levels - 1 : level - 1;
    return s->n_levels == PR_SKILL_LEVELS ? ten[i] : (enum pr_difficulty)i;
}

const struct pr_skill *pr_skill_knowing(const char *name, const char *prompt, size_t n)
{
    const struct pr_skill *named = name ? pr_skill_find(name) : NULL;
    if (named && named->solve && named->solve(prompt, n, NULL, NULL))
        return named;
    for (size_t i = 0; i < N_SKILLS; i++)
        if (skills[i]->solve && skills[i]->solve(prompt, n, NULL, NULL))
            return skills[i];
    return NULL;
}

void pr_slips_add(struct pr_slips *s, const char *pattern, const char *answer, const char *fmt, ...)
{
    char why[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    struct pr_slip x = {pr_strdup(pattern), pr_strdup(answer), pr_strdup(why)};
    PR_PUSH(s->v, s->n, s->cap, x);
}

void pr_slips_done(struct pr_slips *s)
{
    for (size_t i = 0; i < s->n; i++) {
        pr_free(s->v[i].pattern);
        pr_free(s->v[i].answer);
        pr_free(s->v[i].why);
    }
    pr_free(s->v);
    *s = (struct pr_slips){0};
}
