/* doctor: what the curriculum optimizer's probes would train on, and with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/sha256.h"
#include "curriculum/probe_child.h"
#include "daemon/doctor_internal.h"
#include "daemon/question_internal.h"

/* Of examples that are read: parsed they take some sixteen times their size.  Of more, the files
 * that fit. */
#define MAX_BYTES ((uint64_t)32 << 20)

/* ---- are they the exam's? ---- */

struct prompt {
    uint8_t digest[PR_SHA256_LEN];
    bool trained;
};

static void digest_of(const struct pr_example *x, uint8_t ret[PR_SHA256_LEN])
{
    const struct pr_text *t = x->text.s ? &x->text : &x->prompt;
    pr_sha256(t->s ? t->s : "", t->s ? t->n : 0, ret);
}

static int by_digest(const void *a, const void *b)
{
    return memcmp(
        ((const struct prompt *)a)->digest, ((const struct prompt *)b)->digest, PR_SHA256_LEN);
}

/* How many of the exam's prompts are among those of the pool. */
static size_t count_shared(const struct pr_suite *exam, const struct pr_suite *pool)
{
    size_t shared = 0;
    struct prompt *v = pr_zalloc((exam->n + 1) * sizeof *v), key = {.trained = false};
    for (size_t i = 0; i < exam->n; i++)
        digest_of(&exam->v[i], v[i].digest);
    qsort(v, exam->n, sizeof *v, by_digest);
    for (size_t i = 0; i < pool->n; i++) {
        digest_of(&pool->v[i], key.digest);
        struct prompt *found = bsearch(&key, v, exam->n, sizeof *v, by_digest);
        if (found)
            found->trained = true;
    }
    for (size_t i = 0, same = 0; i < exam->n; i = same) { /* a prompt may come twice */
        bool any = false;
        for (same = i; same < exam->n && !by_digest(&v[i], &v[same]); same++)
            any |= v[same].trained;
        shared += any ? same - i : 0;
    }
    pr_free(v);
    return shared;
}

static void compare(struct pr_doctor *d, const struct pr_suite *pool)
{
    char *folder = pr_doctor_path(d, "data/validation");
    const char *const paths[] = {folder};
    const struct pr_suite_options o = {.name = "validation", .allow_commands = true};
    struct pr_suite *exam = NULL;
    struct pr_error e;
    if (!pr_suite_load(paths, 1, &o, &exam, &e)) { /* else the check of the suites has said why */
        size_t shared = count_shared(exam, pool);
        if (shared)
            pr_doctor_say(d, shared == exam->n ? PR_DOCTOR_ERROR : PR_DOCTOR_WARNING,
                "take them out of what is trained on, or set curriculum.pool to other files",
                "%zu of the %zu prompts of data/validation are among the examples that probes "
                "train "
                "on: they would be examined on what they have seen",
                shared, exam->n);
    }
    pr_suite_free(exam);
    pr_free(folder);
}

/* ---- what there is ---- */

static const char **paths_of(const struct pr_pool_sources *s, size_t *ret_n)
{
    const char **v = pr_alloc((s->n + 1) * sizeof *v);
    uint64_t bytes = 0;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        uint64_t size = (uint64_t)s->v[i].size;
        if (size > MAX_BYTES - bytes)
            continue;
        v[n++] = s->v[i].path;
        bytes += size;
    }
    *ret_n = n;
    return v;
}

static void check_examples(
    struct pr_doctor *d, const char *const *paths, size_t n, const struct pr_pool_sources *s)
{
    const struct pr_suite_options o = {.name = "pool", .allow_commands = true};
    struct pr_suite *pool = NULL;
    struct pr_error e;
    if (pr_suite_load(paths, n, &o, &pool, &e)) {
        pr_doctor_say(d, PR_DOCTOR_WARNING, "proctor inspect FILE says what is expected",
            "no probe can be run: %s", e.message);
    } else {
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%zu examples for probes in %zu file%s%s", pool->n, n,
            n == 1 ? "" : "s", n < s->n ? "; the others are too large to be looked at" : "");
        if (pool->n_skipped)
            pr_doctor_say(d, PR_DOCTOR_NOTE, "proctor inspect FILE names them",
                "%zu lines beside them are not used", pool->n_skipped);
        compare(d, pool);
    }
    pr_suite_free(pool);
}

static void check_sources(struct pr_doctor *d, const struct pr_pool_sources *s)
{
    size_t n;
    const char **paths = paths_of(s, &n);
    if (n)
        check_examples(d, paths, n, s);
    else
        pr_doctor_say(d, PR_DOCTOR_NOTE, NULL,
            "examples for probes are there, but not looked at here: %.500s is larger than %d MB",
            s->v[0].path, (int)(MAX_BYTES >> 20));
    pr_free(paths);
}

static void check_pool(struct pr_doctor *d)
{
    struct pr_pool_sources s;
    const json_t *x;
    size_t i, missing = 0;
    json_array_foreach (d->config.pool, i, x) {
        if (pr_path_exists(json_string_value(x)))
            continue;
        missing++;
        pr_doctor_say(d, PR_DOCTOR_ERROR, "correct curriculum.pool in proctor.yaml",
            "%.500s of curriculum.pool does not exist", json_string_value(x));
    }
    pr_pool_find(&d->config, &s);
    if (s.n)
        check_sources(d, &s);
    else if (s.given && !missing)
        pr_doctor_say(d, PR_DOCTOR_ERROR, "correct curriculum.pool in proctor.yaml",
            "curriculum.pool names no file with examples");
    else if (!s.given)
        pr_doctor_say(d, PR_DOCTOR_NOTE, "name training examples in curriculum.pool",
            "no examples for probes: curriculum.pool is not set, and the queue is empty");
    pr_pool_sources_done(&s);
}

static void check_command(struct pr_doctor *d)
{
    const char *name = json_string_value(json_array_get(d->config.probe_command, 0));
    char *path = NULL;
    struct pr_error e;
    if (!name)
        return;
    if (pr_probe_program(name, &path, &e))
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            "name it with its path in curriculum.probe_command, or correct it there",
            "curriculum.probe_command: %s", e.message);
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "probes are trained by %.500s", path);
    pr_free(path);
}

void pr_doctor_curriculum(struct pr_doctor *d)
{
    if (!d->config.settings.curriculum_budget_percent) {
        pr_doctor_say(
            d, PR_DOCTOR_NOTE, NULL, "probes are switched off (curriculum.budget_percent is 0)");
        return;
    }
    check_pool(d);
    check_command(d);
}
