/* The gradebook at one moment, as systems see it.  The view owns whatever it hands out; sets of
 * grades are kept least recently used first out. */
#include "systems/view.h"

#include <string.h>

#include "base/alloc.h"

#define KEPT_GRADES 40

struct kept_suite {
    int64_t id;
    struct pr_suite *suite;
};

struct kept_grades {
    int64_t checkpoint, suite;
    uint64_t used; /* the clock of the cache when it was last asked for */
    struct pr_grades *grades;
    size_t done, all;
};

struct pr_view_cache {
    struct kept_suite *suites;
    size_t n_suites, suites_cap;
    struct kept_grades grades[KEPT_GRADES];
    size_t n_grades;
    uint64_t clock;
};

/* Takes the reference out of the rows, which keep their order. */
static void split_rows(struct pr_view *v, struct pr_checkpoint_row *rows, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool here = rows[i].state != PR_CHECKPOINT_GONE;
        if (here && rows[i].reference && !v->reference) {
            v->reference = pr_alloc(sizeof *v->reference);
            *v->reference = rows[i];
        } else if (here && !rows[i].reference) {
            rows[kept++] = rows[i];
        } else {
            pr_checkpoint_row_done(&rows[i]);
        }
    }
    v->checkpoints = rows;
    v->n_checkpoints = kept;
}

static int rank_of_suite(const struct pr_suite_row *s)
{
    return strcmp(s->name, PR_SUITE_MAIN) ? strcmp(s->name, PR_SUITE_TESTING) ? 1 : 2 : 0;
}

/* The main suite first, the testing suite last, the others by name between them. */
static void sort_suites(struct pr_suite_row *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct pr_suite_row x = v[i];
        size_t k = i;
        for (; k; k--) {
            int d = rank_of_suite(&x) - rank_of_suite(&v[k - 1]);
            if (d > 0 || (d == 0 && strcmp(x.name, v[k - 1].name) >= 0))
                break;
            v[k] = v[k - 1];
        }
        v[k] = x;
    }
}

enum pr_code pr_view_open(struct pr_gradebook *g, const struct pr_settings *settings,
    const char *options, int64_t now_ms, struct pr_view *ret, struct pr_error *e)
{
    static const struct pr_checkpoint_filter present;
    struct pr_view v = {.g = g, .settings = settings, .options = options, .now_ms = now_ms};
    struct pr_checkpoint_row *rows = NULL;
    size_t n = 0;
    enum pr_code code = pr_gradebook_checkpoints(g, &present, &rows, &n, e);
    if (code)
        return code;
    split_rows(&v, rows, n);
    v.cache = pr_zalloc(sizeof *v.cache);
    if ((code = pr_gradebook_runs(g, &v.runs, &v.n_runs, e)) ||
        (code = pr_gradebook_suites(g, true, &v.suites, &v.n_suites, e)) ||
        (code = pr_gradebook_own_suites(g, &v.own, &v.n_own, e))) {
        pr_view_close(&v);
        return code;
    }
    sort_suites(v.suites, v.n_suites);
    *ret = v;
    return PR_OK;
}

void pr_view_close(struct pr_view *v)
{
    struct pr_view_cache *c = v->cache;
    for (size_t i = 0; c && i < c->n_grades; i++)
        pr_grades_free(c->grades[i].grades);
    for (size_t i = 0; c && i < c->n_suites; i++) /* after the grades, which borrow them */
        pr_suite_free(c->suites[i].suite);
    if (c)
        pr_free(c->suites);
    pr_free(c);
    pr_checkpoint_rows_free(v->checkpoints, v->n_checkpoints);
    pr_checkpoint_rows_free(v->reference, v->reference ? 1 : 0);
    pr_suite_rows_free(v->suites, v->n_suites);
    pr_suite_rows_free(v->own, v->n_own);
    pr_free(v->runs);
    *v = (struct pr_view){0};
}

const struct pr_suite_row *pr_view_suite(const struct pr_view *v, const char *name)
{
    for (size_t i = 0; i < v->n_suites; i++)
        if (!strcmp(v->suites[i].name, name))
            return &v->suites[i];
    return NULL;
}

const struct pr_suite_row *pr_view_own(const struct pr_view *v, const char *system)
{
    for (size_t i = 0; i < v->n_own; i++)
        if (!strcmp(v->own[i].name + strlen(PR_SUITE_OWN), system))
            return &v->own[i];
    return NULL;
}

const struct pr_checkpoint_row *pr_view_checkpoint(const struct pr_view *v, int64_t id)
{
    for (size_t i = 0; i < v->n_checkpoints; i++)
        if (v->checkpoints[i].id == id)
            return &v->checkpoints[i];
    return v->reference && v->reference->id == id ? v->reference : NULL;
}

static int64_t last_of_run(const struct pr_view *v, int64_t run)
{
    for (size_t i = 0; i < v->n_runs; i++)
        if (v->runs[i].id == run)
            return v->runs[i].last_ms;
    return 0;
}

const struct pr_checkpoint_row *pr_view_newest(const struct pr_view *v)
{
    const struct pr_checkpoint_row *ret = NULL;
    int64_t last = 0, last_run = 0;
    for (size_t i = 0; i < v->n_checkpoints; i++) {
        const struct pr_checkpoint_row *c = &v->checkpoints[i];
        if (c->state != PR_CHECKPOINT_READY)
            continue;
        int64_t at = ret && c->run_id == last_run ? last : last_of_run(v, c->run_id);
        if (ret && at < last)
            continue;
        ret = c;
        last = at;
        last_run = c->run_id;
    }
    return ret;
}

enum pr_code pr_view_examples(
    struct pr_view *v, int64_t suite, const struct pr_suite **ret, struct pr_error *e)
{
    struct pr_view_cache *c = v->cache;
    for (size_t i = 0; i < c->n_suites; i++) {
        if (c->suites[i].id != suite)
            continue;
        *ret = c->suites[i].suite;
        return PR_OK;
    }
    struct kept_suite x = {.id = suite};
    enum pr_code code = pr_gradebook_load_suite(v->g, suite, &x.suite, e);
    if (code)
        return code;
    PR_PUSH(c->suites, c->n_suites, c->suites_cap, x);
    *ret = x.suite;
    return PR_OK;
}

static struct kept_grades *find_kept(struct pr_view_cache *c, int64_t checkpoint, int64_t suite)
{
    for (size_t i = 0; i < c->n_grades; i++)
        if (c->grades[i].checkpoint == checkpoint && c->grades[i].suite == suite)
            return &c->grades[i];
    return NULL;
}

/* A free place, or that of the set which was not asked for the longest. */
static struct kept_grades *make_room(struct pr_view_cache *c)
{
    if (c->n_grades < KEPT_GRADES)
        return &c->grades[c->n_grades++];
    struct kept_grades *old = &c->grades[0];
    for (size_t i = 1; i < c->n_grades; i++)
        if (c->grades[i].used < old->used)
            old = &c->grades[i];
    pr_grades_free(old->grades);
    return old;
}

static enum pr_code read_grades(struct pr_view *v, const struct pr_checkpoint_row *c,
    const struct pr_suite *examples, struct kept_grades *ret, struct pr_error *e)
{
    int64_t settings = 0;
    ret->all = examples->n;
    enum pr_code code =
        c->model ? pr_gradebook_settings(v->g, c->model, v->options, &settings, e) : PR_OK;
    if (code || !settings)
        return code;
    struct pr_grades *gs;
    if ((code = pr_gradebook_grades(v->g, c, settings, examples, false, &gs, e)))
        return code;
    for (size_t i = 0; i < gs->n; i++)
        ret->done += gs->v[i].graded || gs->v[i].reason;
    if (ret->done)
        ret->grades = gs;
    else
        pr_grades_free(gs);
    return PR_OK;
}

enum pr_code pr_view_grades(struct pr_view *v, const struct pr_checkpoint_row *c, int64_t suite,
    struct pr_view_grades *ret, struct pr_error *e)
{
    struct kept_grades *k = find_kept(v->cache, c->id, suite);
    if (!k) {
        const struct pr_suite *examples;
        struct kept_grades x = {.checkpoint = c->id, .suite = suite};
        enum pr_code code = pr_view_examples(v, suite, &examples, e);
        if (code || (code = read_grades(v, c, examples, &x, e)))
            return pr_wrap(e, code, "grades of %s", c->name);
        k = make_room(v->cache);
        *k = x;
    }
    k->used = ++v->cache->clock;
    *ret = (struct pr_view_grades){k->grades, k->done, k->all, k->done == k->all && k->all};
    return PR_OK;
}
