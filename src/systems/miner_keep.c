/* Which of the asked problems become hard examples: those that the checkpoint failed, the surest
 * errors first, none that a validation suite asks or that is there already.
 *
 * Whatever has been written counts first, so that a run which is made again adds nothing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "systems/miner.h"

struct keeping {
    struct pr_view *v;
    const struct pr_miner_asked *asked;
    struct pr_miner_folder *folder;
    struct pr_known *known;
    json_t *lines;
    struct pr_miner_kept *kept;
};

static double confidence_of(const struct pr_miner_failure *x)
{
    return isfinite(x->grade->confidence) ? x->grade->confidence : -1;
}

/* By round, then by confidence: what a round brought does not depend on the rounds after it. */
static int by_merit(const void *pa, const void *pb)
{
    const struct pr_miner_failure *a = *(const struct pr_miner_failure *const *)pa,
                                  *b = *(const struct pr_miner_failure *const *)pb;
    int i = pr_miner_round_of(a->grade->example), k = pr_miner_round_of(b->grade->example);
    if (i != k)
        return i - k;
    double x = confidence_of(a), y = confidence_of(b);
    if (x < y || x > y)
        return x > y ? -1 : 1;
    return strcmp(a->grade->example->id, b->grade->example->id);
}

/* ---- the line ---- */

static void copy(json_t *o, const char *key, const json_t *from, const char *name)
{
    const json_t *x = json_object_get(from, name);
    if (x)
        pr_json_set(o, key, json_deep_copy(x));
}

static void set_answer(json_t *o, const struct pr_grade *g)
{
    if (g->answer)
        pr_json_set_strn(o, "model_answer", g->answer, g->answer_len);
    else
        pr_json_set_null(o, "model_answer",
            g->truncated       ? "cut off at the token limit"
            : g->texts_dropped ? "its text is not kept any more"
                               : "there was none");
    pr_json_set_real(o, "confidence", g->confidence, "no token of an answer was generated");
}

static json_t *line_of(const struct keeping *k, const struct pr_miner_failure *x)
{
    static const char *const asked[] = {"skill", "difficulty", "level", "check"};
    const struct pr_checkpoint_row *c = k->asked->checkpoint;
    const json_t *line = x->grade->example->source, *mine = pr_miner_mine(x->grade->example);
    json_t *o = json_object();
    copy(o, "prompt", line, "prompt");
    copy(o, "golden", line, "golden");
    pr_json_set_bool(o, "model_failed", true);
    pr_json_set_str(o, "pattern", pr_mistake_name(x->pattern));
    pr_json_set_str(o, "id", x->grade->example->id);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        copy(o, asked[i], line, asked[i]);
    set_answer(o, x->grade);
    pr_json_set_str(o, "why", x->why);
    copy(o, "source", mine, "source");
    pr_json_set_str(o, "checkpoint", c->name);
    if (c->step >= 0)
        pr_json_set_int(o, "step", c->step);
    else
        pr_json_set_null(o, "step", "not known");
    pr_json_set_str(o, "fingerprint", c->fingerprint);
    copy(o, "round", mine, "round");
    copy(o, "cluster", mine, "cluster");
    copy(o, "seed", mine, "seed");
    return o;
}

/* ---- the choice ---- */

static bool is_full(const struct keeping *k)
{
    return k->kept->n >= (size_t)k->v->settings->miner_kept;
}

static void consider(struct keeping *k, const struct pr_miner_failure *x)
{
    const struct pr_example *example = x->grade->example;
    enum pr_known_kind is = pr_miner_known_is(k->known, example);
    k->kept->n_double += is == PR_KNOWN_EXACT || is == PR_KNOWN_NEAR;
    k->kept->n_protected += is == PR_KNOWN_CONTAMINATED;
    if (is != PR_KNOWN_NEW || is_full(k))
        return;
    pr_known_add(k->known, example, PR_MINER, 0);
    json_array_append_new(k->lines, line_of(k, x));
    k->kept->n++;
}

static bool is_new(const struct keeping *k, const struct pr_miner_failure *x, bool partly)
{
    int round = pr_miner_round_of(x->grade->example);
    return round && (partly || pr_miner_round_complete(k->asked, round)) &&
           !pr_miner_folder_has(k->folder, x->grade->example->id);
}

static enum pr_code choose(
    struct keeping *k, const struct pr_miner_failures *f, bool partly, struct pr_error *e)
{
    size_t n = 0;
    const struct pr_miner_failure **v = pr_zalloc((f->n + 1) * sizeof *v);
    for (size_t i = 0; i < f->n; i++)
        if (is_new(k, &f->v[i], partly))
            v[n++] = &f->v[i];
    if (n)
        qsort(v, n, sizeof *v, by_merit);
    enum pr_code code = n ? pr_miner_known_open(k->v, k->folder, &k->known, e) : PR_OK;
    for (size_t i = 0; i < n && !code; i++)
        consider(k, v[i]);
    pr_free(v);
    return code;
}

enum pr_code pr_miner_keep(struct pr_view *v, const struct pr_miner_asked *a,
    const struct pr_miner_failures *f, bool partly, struct pr_miner_folder *folder,
    struct pr_miner_kept *ret, struct pr_error *e)
{
    struct keeping k = {.v = v, .asked = a, .folder = folder, .lines = json_array(), .kept = ret};
    *ret = (struct pr_miner_kept){.n = pr_miner_folder_count(folder, a->checkpoint->fingerprint)};
    enum pr_code code = choose(&k, f, partly, e);
    if (!code)
        code = pr_miner_folder_add(folder, k.lines, e);
    ret->full = is_full(&k);
    json_decref(k.lines);
    pr_known_free(k.known);
    return code;
}
