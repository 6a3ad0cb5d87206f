/* A folder with a suite, checkpoints and probes, for the tests of the curriculum optimizer. */
#ifndef PR_TESTS_CURRICULUM_FOLDER_H
#define PR_TESTS_CURRICULUM_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "curriculum/evidence.h"
#include "hand_made.h"

#define OK HAND_MADE_OK
#define E  (&hand_made_error)
#define N  90

static const struct pr_system *const optimizer = &pr_system_curriculum_optimizer;

/* ---- a folder of the tests ---- */

struct folder {
    struct hand_made h;
    struct pr_view_pool pool;
    int64_t suite;
    /* the last run */
    json_t *o;
    char *waiting;
    struct pr_probe_wanted *probe;
    size_t decisions, alerts;
};

static inline void init(struct folder *f)
{
    *f = (struct folder){.pool = {.question = "question-1",
                             .n = 300,
                             .levels = {{"easy", 100}, {"medium", 100}, {"hard", 100}},
                             .n_levels = 3,
                             .probe_seconds = NAN,
                             .budget_seconds = 900}};
    hand_made_init(&f->h);
    f->h.pool = &f->pool;
    f->suite = hand_made_suite(&f->h, "validation", N, 0);
}

static inline void forget(struct folder *f)
{
    json_decref(f->o);
    pr_free(f->waiting);
    pr_probe_wanted_free(f->probe);
    f->o = NULL;
    f->waiting = NULL;
    f->probe = NULL;
}

static inline void done(struct folder *f)
{
    forget(f);
    hand_made_done(&f->h);
}

static inline void run(struct folder *f)
{
    struct pr_findings found;
    forget(f);
    hand_made_find(&f->h, optimizer, &found);
    f->o = json_incref(found.status);
    f->waiting = found.waiting ? pr_strdup(found.waiting) : NULL;
    f->probe = found.probe;
    found.probe = NULL;
    f->decisions = found.n_decisions;
    f->alerts = found.n_alerts;
    hand_made_apply(&f->h, optimizer, &found);
}

/* A checkpoint whose losses on easy, medium and hard examples are these. */
static inline int64_t add(struct folder *f, int64_t step, double easy, double medium, double hard)
{
    int64_t id = hand_made_checkpoint(&f->h, NULL, step, NULL);
    const double loss[3] = {easy, medium, hard};
    struct hand_made_answer v[N] = {{0}};
    for (size_t i = 0; i < N; i++)
        v[i] = (struct hand_made_answer){
            .loss = loss[i % 3], .confidence = 0.5, .right = i % 3 == 0 || i % 9 == 1};
    hand_made_grade(&f->h, id, f->suite, v, N);
    return id;
}

static inline void put(struct folder *f, int64_t start, const char *arm, int64_t seed, double loss,
    double accuracy, const char *reason, json_t *result)
{
    const struct pr_probe_row row = {.question = (char *)(uintptr_t)f->pool.question,
        .checkpoint = start,
        .arm = (char *)(uintptr_t)arm,
        .seed = seed,
        .reason = (char *)(uintptr_t)reason,
        .n = reason ? 0 : 50,
        .loss = loss,
        .accuracy = accuracy,
        .result = result,
        .at_ms = f->h.now_ms,
        .seconds = 10};
    OK(pr_gradebook_put_probe(f->h.g, &row, NULL, E));
    json_decref(result);
    f->h.now_ms += 1000;
}

static inline const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "null";
}

static inline double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_number(v))
        fail_msg("%s is no number", key);
    return json_number_value(v);
}

static inline const json_t *strategy(const struct folder *f, const char *name)
{
    size_t i;
    const json_t *x;
    json_array_foreach (json_object_get(f->o, "strategies_tested"), i, x)
        if (!strcmp(text(x, "strategy"), name))
            return x;
    fail_msg("%s is not among the strategies", name);
    return NULL;
}

#endif
