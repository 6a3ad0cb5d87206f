/* Trees of operations; see working.h. */
#include "mistakes/working.h"

int pr_working_number(struct pr_working *w, struct pr_ratio value)
{
    if (w->n == PR_WORKING_NODES)
        return -1;
    w->v[w->n] = (struct pr_step){.value = value, .left = -1, .right = -1};
    return w->n++;
}

int pr_working_step(struct pr_working *w, char op, int left, int right)
{
    if (w->n == PR_WORKING_NODES || left < 0 || right < 0)
        return -1;
    w->v[w->n] = (struct pr_step){.op = op, .left = left, .right = right, .value = {0, 1}};
    return w->n++;
}

int pr_working_operations(const struct pr_working *w)
{
    int n = 0;
    for (int i = 0; i < w->n; i++)
        n += w->v[i].op != 0;
    return n;
}

bool pr_working_values(
    const struct pr_working *w, int at, struct pr_ratio value, struct pr_ratio *ret_values)
{
    for (int i = 0; i < w->n; i++) {
        const struct pr_step *s = &w->v[i];
        if (i == at)
            ret_values[i] = value;
        else if (!s->op)
            ret_values[i] = s->value;
        else if (!pr_ratio_apply(s->op, ret_values[s->left], ret_values[s->right], &ret_values[i]))
            return false;
    }
    return w->n > 0;
}

bool pr_working_run(struct pr_working *w)
{
    struct pr_ratio values[PR_WORKING_NODES];
    if (!pr_working_values(w, -1, (struct pr_ratio){0, 1}, values))
        return false;
    for (int i = 0; i < w->n; i++)
        w->v[i].value = values[i];
    return true;
}

bool pr_working_result(
    const struct pr_working *w, int at, struct pr_ratio value, struct pr_ratio *ret)
{
    struct pr_ratio values[PR_WORKING_NODES];
    if (!pr_working_values(w, at, value, values))
        return false;
    *ret = values[w->n - 1];
    return true;
}
