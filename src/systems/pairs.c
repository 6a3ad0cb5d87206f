/* Two sets of grades of one suite, paired by example. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "systems/view.h"

static bool done(const struct pr_grade *g)
{
    return g->graded || g->reason;
}

static enum pr_code check_same(
    const struct pr_grades *a, const struct pr_grades *b, struct pr_error *e)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && a->suite != b->suite && i < a->n; i++)
        same = !memcmp(a->v[i].example->digest, b->v[i].example->digest, PR_SHA256_LEN);
    return same ? PR_OK
                : pr_fail(e, PR_E_USAGE,
                      "grades of different suites are not paired: %s and %s hold other examples",
                      a->suite->name, b->suite->name);
}

static void add_pair(struct pr_pairs *p, const struct pr_grade *a, const struct pr_grade *b)
{
    p->n_bad_a += a->graded && a->bad_number;
    p->n_bad_b += b->graded && b->bad_number;
    if (!a->graded || !b->graded)
        return;
    p->n++;
    if (isfinite(a->loss) && isfinite(b->loss)) {
        p->loss_a[p->n_loss] = a->loss;
        p->loss_b[p->n_loss++] = b->loss;
    }
    if (a->correct == PR_VERDICT_NONE || b->correct == PR_VERDICT_NONE)
        return;
    bool right_a = a->correct == PR_VERDICT_RIGHT, right_b = b->correct == PR_VERDICT_RIGHT;
    p->n_verdicts++;
    p->both += right_a && right_b;
    p->gained += !right_a && right_b;
    p->lost += right_a && !right_b;
    p->neither += !right_a && !right_b;
}

enum pr_code pr_pairs_make(const struct pr_grades *a, const struct pr_grades *b, bool prefix_only,
    struct pr_pairs *ret, struct pr_error *e)
{
    enum pr_code code = check_same(a, b, e);
    if (code)
        return code;
    struct pr_pairs p = {.loss_a = pr_zalloc((a->n + 1) * sizeof(double)),
        .loss_b = pr_zalloc((a->n + 1) * sizeof(double))};
    size_t *order;
    pr_gradebook_order(a->suite, &order);
    /* An example that can never be graded is done with and does not end the beginning. */
    while (p.prefix < a->n && done(&a->v[order[p.prefix]]) && done(&b->v[order[p.prefix]]))
        p.prefix++;
    for (size_t k = 0; k < (prefix_only ? p.prefix : a->n); k++)
        add_pair(&p, &a->v[order[k]], &b->v[order[k]]);
    pr_free(order);
    *ret = p;
    return PR_OK;
}

void pr_pairs_done(struct pr_pairs *p)
{
    pr_free(p->loss_a);
    pr_free(p->loss_b);
    *p = (struct pr_pairs){0};
}
