/* What was asked before: the system's own suite with its grades, round by round. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "systems/miner.h"

enum pr_code pr_miner_grades(struct pr_view *v, const struct pr_checkpoint_row *c, int64_t suite,
    struct pr_grades **ret, size_t *ret_done, size_t *ret_all, struct pr_error *e)
{
    const struct pr_suite *examples;
    int64_t settings = 0;
    *ret = NULL;
    *ret_done = *ret_all = 0;
    enum pr_code code = pr_view_examples(v, suite, &examples, e);
    if (!code && c->model)
        code = pr_gradebook_settings(v->g, c->model, v->options, &settings, e);
    if (code)
        return code;
    *ret_all = examples->n;
    if (!settings)
        return PR_OK;
    struct pr_grades *gs;
    if ((code = pr_gradebook_grades(v->g, c, settings, examples, true, &gs, e)))
        return pr_wrap(e, code, "grades of %s", c->name);
    for (size_t i = 0; i < gs->n; i++)
        *ret_done += gs->v[i].graded || gs->v[i].reason;
    *ret = gs;
    return PR_OK;
}

const json_t *pr_miner_mine(const struct pr_example *x)
{
    return json_object_get(x->source, "mine");
}

int pr_miner_round_of(const struct pr_example *x)
{
    int64_t round = json_integer_value(json_object_get(pr_miner_mine(x), "round"));
    return round >= 1 && round <= PR_MINER_ROUNDS ? (int)round : 0;
}

enum pr_code pr_miner_asked_of(struct pr_view *v, const struct pr_suite_row *own,
    const struct pr_checkpoint_row **ret, struct pr_error *e)
{
    const struct pr_suite *s = NULL;
    *ret = NULL;
    enum pr_code code = own ? pr_view_examples(v, own->id, &s, e) : PR_OK;
    if (code || !s || !s->n || strlen(s->v[0].id) < 9)
        return code;
    for (size_t i = v->n_checkpoints; i-- > 0 && !*ret;) {
        const struct pr_checkpoint_row *c = &v->checkpoints[i];
        if (c->state == PR_CHECKPOINT_READY && !strncmp(c->fingerprint, s->v[0].id, 8))
            *ret = c;
    }
    /* Folders of the same content: the newest of them stands for all. */
    const struct pr_checkpoint_row *newest = pr_view_newest(v);
    if (*ret && newest && newest->model == (*ret)->model)
        *ret = newest;
    return PR_OK;
}

static void count(struct pr_miner_round *r, const struct pr_grade *g)
{
    bool done = g && (g->graded || g->reason);
    r->asked++;
    r->pending += !done;
    r->ungraded += done && (!g->graded || g->correct == PR_VERDICT_NONE);
    r->failed += done && g->graded && g->correct == PR_VERDICT_WRONG;
    r->right += done && g->graded && g->correct == PR_VERDICT_RIGHT;
}

enum pr_code pr_miner_asked_read(struct pr_view *v, struct pr_miner_asked *ret, struct pr_error *e)
{
    const struct pr_suite_row *own = pr_view_own(v, PR_MINER);
    size_t done, all;
    *ret = (struct pr_miner_asked){0};
    enum pr_code code = pr_miner_asked_of(v, own, &ret->checkpoint, e);
    if (code || !ret->checkpoint)
        return code;
    if ((code = pr_view_examples(v, own->id, &ret->suite, e)) ||
        (code = pr_miner_grades(v, ret->checkpoint, own->id, &ret->grades, &done, &all, e)))
        return code;
    for (size_t i = 0; i < ret->suite->n; i++) {
        int round = pr_miner_round_of(&ret->suite->v[i]);
        const struct pr_grade *g = ret->grades ? &ret->grades->v[i] : NULL;
        if (!round)
            continue;
        count(&ret->rounds[round - 1], g);
        count(&ret->all, g);
        ret->n_rounds = round > ret->n_rounds ? round : ret->n_rounds;
    }
    for (int i = 0; i < ret->n_rounds; i++)
        ret->rounds[i].number = i + 1;
    return PR_OK;
}

void pr_miner_asked_done(struct pr_miner_asked *a)
{
    pr_grades_free(a->grades);
    *a = (struct pr_miner_asked){0};
}

bool pr_miner_round_complete(const struct pr_miner_asked *a, int round)
{
    return round >= 1 && round <= a->n_rounds && a->rounds[round - 1].asked &&
           !a->rounds[round - 1].pending;
}
