/* The table of skills. */
#include <string.h>

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
