/* The table of skills. */
#include "skills/skill.h"

const char *pr_difficulty_name(enum pr_difficulty d)
{
    static const char *const names[] = {
#define PR_X(name, text) text,
        PR_DIFFICULTIES(PR_X)
#undef PR_X
    };
    return names[d];
}
