/* See curve_cache.h. */
#include "api/curve_cache.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "gradebook/browse.h"

#define MAX_CURVES   64
#define MAX_POINTS   ((size_t)6 << 20) /* of all that stay in memory: 96 MB */
#define READ_AT_ONCE 100000

struct curve {
    int64_t series, revision;
    int64_t n_counted, first, last; /* as far as it was counted; n_counted 0: not at all */
    bool loaded;
    int64_t *step; /* n each, where loaded */
    double *value;
    size_t n, step_cap, value_cap;
    uint64_t used;
};

/* All of one file; another file begins anew. */
static struct {
    pthread_mutex_t lock; /* guards the rest */
    struct pr_gradebook_file file;
    struct curve v[MAX_CURVES];
    size_t n;
    uint64_t clock;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void unload(struct curve *c)
{
    pr_free(c->step);
    pr_free(c->value);
    *c = (struct curve){.series = c->series, .revision = c->revision, .used = c->used};
}

static void forget(void)
{
    for (size_t i = 0; i < cache.n; i++)
        unload(&cache.v[i]);
    cache.n = 0;
    pr_gradebook_file_done(&cache.file);
}

void pr_api_curve_forget(void)
{
    pthread_mutex_lock(&cache.lock);
    forget();
    pthread_mutex_unlock(&cache.lock);
}

/* The one that was not used the longest, among those in memory or all; NULL: none but `but`. */
static struct curve *oldest(const struct curve *but, bool loaded)
{
    struct curve *old = NULL;
    for (size_t i = 0; i < cache.n; i++)
        if (&cache.v[i] != but && (cache.v[i].loaded || !loaded) &&
            (!old || cache.v[i].used < old->used))
            old = &cache.v[i];
    return old;
}

/* A reader of an older picture finds a newer revision: what is here is then newer than its own, and
 * as good. */
static struct curve *find(struct pr_gradebook *g, const struct pr_series_row *s)
{
    struct pr_gradebook_file file;
    struct curve *c = NULL;
    pr_gradebook_which(g, &file);
    if (pr_gradebook_same_file(&file, &cache.file)) {
        pr_gradebook_file_done(&file);
    } else {
        forget();
        cache.file = file;
    }
    for (size_t i = 0; i < cache.n && !c; i++)
        if (cache.v[i].series == s->id)
            c = &cache.v[i];
    if (!c) {
        c = cache.n < MAX_CURVES ? &cache.v[cache.n++] : oldest(NULL, false);
        unload(c);
        c->series = s->id;
        c->revision = s->revision;
    }
    if (c->revision < s->revision) {
        unload(c);
        c->revision = s->revision;
    }
    c->used = ++cache.clock;
    return c;
}

/* Makes room for a curve that has just grown: others are dropped, the longest unused first. */
static void limit(const struct curve *but)
{
    size_t all = 0;
    for (size_t i = 0; i < cache.n; i++)
        all += cache.v[i].n;
    for (struct curve *old; all > MAX_POINTS && (old = oldest(but, true));) {
        all -= old->n;
        unload(old);
    }
}

static enum pr_code load(struct pr_gradebook *g, struct curve *c, struct pr_error *e)
{
    size_t got = READ_AT_ONCE;
    while (got == READ_AT_ONCE) {
        struct pr_point *v = NULL;
        int64_t after = c->n ? c->step[c->n - 1] : INT64_MIN;
        enum pr_code code = pr_gradebook_points(g, c->series, after, READ_AT_ONCE, &v, &got, e);
        if (code)
            return code;
        for (size_t i = 0; i < got; i++) {
            size_t n = c->n;
            PR_PUSH(c->step, n, c->step_cap, v[i].step);
            PR_PUSH(c->value, c->n, c->value_cap, v[i].value);
        }
        pr_free(v);
        c->loaded = true;
    }
    return PR_OK;
}

enum pr_code pr_api_curve(struct pr_gradebook *g, const struct pr_series_row *series,
    enum pr_code (*look)(
        void *ctx, const int64_t *step, const double *value, size_t n, struct pr_error *e),
    void *ctx, struct pr_error *e)
{
    pthread_mutex_lock(&cache.lock);
    struct curve *c = find(g, series);
    enum pr_code code = load(g, c, e);
    if (!code)
        code = look(ctx, c->step, c->value, c->n, e);
    limit(c);
    if (c->n > MAX_POINTS)
        unload(c);
    pthread_mutex_unlock(&cache.lock);
    return code;
}

/* Counts what came since it was last counted. */
static enum pr_code count(struct pr_gradebook *g, struct curve *c, struct pr_error *e)
{
    int64_t n, first, last;
    enum pr_code code = pr_gradebook_count_points(
        g, c->series, c->n_counted ? c->last : INT64_MIN, &n, &first, &last, e);
    if (code)
        return code;
    if (n) {
        c->first = c->n_counted ? c->first : first;
        c->last = last;
        c->n_counted += n;
    }
    return PR_OK;
}

enum pr_code pr_api_curve_extent(struct pr_gradebook *g, const struct pr_series_row *series,
    int64_t *ret_n, int64_t *ret_first, int64_t *ret_last, struct pr_error *e)
{
    pthread_mutex_lock(&cache.lock);
    struct curve *c = find(g, series);
    enum pr_code code = count(g, c, e);
    if (!code) {
        *ret_n = c->n_counted;
        *ret_first = c->first;
        *ret_last = c->last;
    }
    pthread_mutex_unlock(&cache.lock);
    return code;
}

/* The correction is the sum of the weights, kept as 1 − past^k to stay exact for past near 1. */
void pr_api_smooth(const double *value, size_t n, double past, double *ret)
{
    double mean = 0, left = 1; /* left: past^k */
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(value[i])) {
            mean = past * mean + (1 - past) * value[i];
            left *= past;
            any = true;
        }
        ret[i] = any ? mean / (1 - left) : NAN;
    }
}
