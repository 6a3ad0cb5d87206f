/* Texts that must not be asked or kept: those of the validation suites, and hard examples that are
 * there already (queue/known.h). */
#include "systems/miner.h"

enum pr_code pr_miner_known_open(
    struct pr_view *v, const struct pr_miner_folder *f, struct pr_known **ret, struct pr_error *e)
{
    struct pr_known *k = pr_known_new();
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < v->n_suites && !code; i++) {
        const struct pr_suite *s;
        code = pr_view_examples(v, v->suites[i].id, &s, e);
        if (!code)
            code = pr_known_protect(k, s, v->suites[i].name, e);
    }
    for (size_t i = 0; i < f->n_files && !code; i++)
        code = pr_known_add_file(k, f->files[i], NULL, e);
    if (code)
        pr_known_free(k);
    else
        *ret = k;
    return code;
}

enum pr_known_kind pr_miner_known_is(const struct pr_known *k, const struct pr_example *x)
{
    struct pr_known_match m;
    pr_known_check(k, x, &m);
    return m.kind;
}
