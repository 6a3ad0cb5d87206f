/* The table of defects; see validate.h. */
#include "queue/validate.h"

static const struct {
    const char *name;
    bool refuses;
    const char *about;
} defects[] = {
#define PR_X(id, name, refuses, about) {name, refuses, about},
    PR_DEFECTS(PR_X)
#undef PR_X
};

const char *pr_defect_name(enum pr_defect d)
{
    return defects[d].name;
}

const char *pr_defect_about(enum pr_defect d)
{
    return defects[d].about;
}

bool pr_defect_refuses(enum pr_defect d)
{
    return defects[d].refuses;
}
