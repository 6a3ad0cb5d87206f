/* The question that probes answer, and what is left of their budget; see question.h. */
#include "daemon/question.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/sha256.h"
#include "curriculum/pool.h"
#include "systems/training.h"

#define FORMAT           1 /* of what makes probes comparable; another one asks anew */
#define TRAINING_FOLDERS 5
#define SPENT_ROWS       2000
#define HOUR_MS          3600000
#define LONG_PAST_MS     ((int64_t)1000 * 24 * HOUR_MS)
#define LORA_FROM        200000000 /* parameters */
#define LORA_RANK        16

/* ---- budget ---- */

void pr_question_settle(struct pr_probe_spent *v, size_t n, int64_t now_ms)
{
    int64_t raw = now_ms, at = now_ms; /* of the one after it */
    if (n && v[n - 1].at_ms - now_ms > HOUR_MS)
        at -= LONG_PAST_MS;
    for (size_t i = n; i-- > 0;) {
        int64_t passed = raw - v[i].at_ms;
        raw = v[i].at_ms;
        at -= passed > 0 ? passed : 0;
        v[i].at_ms = at;
    }
}

int64_t pr_question_budget(
    const struct pr_probe_spent *spent, size_t n, int64_t percent, int64_t now_ms, double *ret)
{
    double rate = (double)percent / 100, cap = 3600 * rate, left = cap;
    int64_t at = n ? spent[0].at_ms : now_ms;
    for (size_t i = 0; i < n; i++) {
        double passed = (double)(spent[i].at_ms - at) / 1000;
        left = fmin(cap, left + rate * fmax(0, passed)) - spent[i].seconds;
        at = spent[i].at_ms;
    }
    left = fmin(cap, left + rate * fmax(0, (double)(now_ms - at) / 1000));
    *ret = left;
    if (left > 0)
        return 0;
    return rate > 0 ? now_ms + 1 + (int64_t)(-left / rate * 1000) : INT64_MAX;
}

static int by_time(const void *pa, const void *pb)
{
    int64_t a = ((const struct pr_probe_spent *)pa)->at_ms,
            b = ((const struct pr_probe_spent *)pb)->at_ms;
    return a < b ? -1 : a > b;
}

static enum pr_code account(struct pr_view *v, const struct pr_question_options *o,
    struct pr_view_pool *ret, struct pr_error *e)
{
    struct pr_probe_row *rows;
    size_t n;
    enum pr_code code = pr_gradebook_probes(v->g, NULL, SPENT_ROWS, &rows, &n, e);
    if (code)
        return code;
    struct pr_probe_spent *spent = pr_zalloc((n + o->n_lost + 1) * sizeof *spent);
    size_t k = 0;
    ret->probe_seconds = NAN;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(rows[i].seconds))
            continue;
        spent[k++] = (struct pr_probe_spent){rows[i].at_ms, rows[i].seconds};
        if (*rows[i].question) /* not given up */
            ret->probe_seconds = rows[i].seconds;
    }
    pr_question_settle(spent, k, v->now_ms);
    size_t stored = k;
    for (size_t i = 0; i < o->n_lost; i++)
        spent[k++] = o->lost[i];
    pr_question_settle(spent + stored, o->n_lost, v->now_ms);
    qsort(spent, k, sizeof *spent, by_time);
    ret->used_seconds = 0;
    for (size_t i = 0; i < k; i++)
        if (v->now_ms - spent[i].at_ms < HOUR_MS)
            ret->used_seconds += spent[i].seconds;
    ret->budget_until_ms = pr_question_budget(
        spent, k, o->config->settings.curriculum_budget_percent, v->now_ms, &ret->budget_seconds);
    pr_free(spent);
    pr_probe_rows_free(rows, n);
    return PR_OK;
}

/* ---- the training's learning rate ---- */

static double trained_rate(const struct pr_view *v, const struct pr_config *c)
{
    const char *folders[TRAINING_FOLDERS];
    size_t n = 0,
           from = v->n_checkpoints > TRAINING_FOLDERS ? v->n_checkpoints - TRAINING_FOLDERS : 0;
    char *status = pr_path_join(c->base_dir, "status/training_status.json");
    char *current =
        c->current ? pr_strdup(c->current) : pr_path_join(c->base_dir, "models/current_model");
    if (!c->current && !pr_path_is_dir(current)) {
        pr_free(current);
        current = pr_path_join(c->base_dir, "current_model");
    }
    for (size_t i = from; i < v->n_checkpoints; i++)
        folders[n++] = v->checkpoints[i].path;
    const struct pr_training_places p = {
        .status_file = status, .checkpoints = folders, .n_checkpoints = n, .runs_folder = current};
    json_t *o = pr_training_read(&p, v->now_ms), *rate = json_object_get(o, "learning_rate");
    double x = json_is_number(rate) ? json_number_value(rate) : NAN;
    json_decref(o);
    pr_free(status);
    pr_free(current);
    return x > 0 && x < 10 ? x : NAN; /* a schedule's last step logs 0 */
}

/* ---- the suite ---- */

static enum pr_code write_suite(struct pr_view *v, const struct pr_config *c,
    const struct pr_suite_row *suite, char **ret, struct pr_error *e)
{
    const struct pr_suite *examples;
    char name[64];
    snprintf(name, sizeof name, "suite-%.12s.jsonl", suite->fingerprint);
    char *path = pr_question_path(c, name);
    enum pr_code code = PR_OK;
    if (!pr_path_exists(path) && !(code = pr_view_examples(v, suite->id, &examples, e)))
        code = pr_question_write(path, examples, e);
    if (code) {
        pr_free(path);
    } else {
        pr_question_remove_older(c, "suite-", name);
        *ret = path;
    }
    return code;
}

/* ---- the question ---- */

static int64_t rank_of(const struct pr_config *c, const struct pr_checkpoint_row *start)
{
    int64_t given = c->settings.curriculum_lora_rank;
    return given >= 0 ? given : start->parameters < LORA_FROM ? 0 : LORA_RANK;
}

/* Weights, gradients and two moments in f32, masters beside bf16; with LoRA the weights and what is
 * computed with them.  A user's program takes what it takes, and often elsewhere. */
static uint64_t memory_of(
    const struct pr_config *c, const struct pr_checkpoint_row *start, int64_t rank)
{
    return json_array_size(c->probe_command) ? 0 : start->parameters * (rank ? 7 : 18);
}

static uint64_t memory_limit(const struct pr_config *c)
{
    struct sysinfo info;
    if (c->settings.curriculum_memory_mb)
        return (uint64_t)c->settings.curriculum_memory_mb << 20;
    return sysinfo(&info) ? UINT64_MAX : (uint64_t)info.totalram * info.mem_unit / 2;
}

static bool is_too_large(const struct pr_config *c, struct pr_question *q)
{
    uint64_t limit = memory_limit(c);
    char why[200];
    if (q->memory <= limit)
        return false;
    snprintf(why, sizeof why,
        "a probe needs about %llu MB of memory, and may take %llu (curriculum.memory_mb)",
        (unsigned long long)(q->memory >> 20), (unsigned long long)(limit >> 20));
    q->view.reason = pr_strdup(why);
    return true;
}

/* Everything that an outcome depends on beside start, strategy and seed. */
static json_t *describe(const struct pr_view *v, const struct pr_config *c,
    const struct pr_question *q, const struct pr_question_pool *pool,
    const struct pr_suite_row *suite, const struct pr_checkpoint_row *start)
{
    json_t *o = json_object();
    pr_json_set_int(o, "format", FORMAT);
    pr_json_set_str(o, "pool", pool->fingerprint);
    pr_json_set_str(o, "suite", suite->fingerprint);
    pr_json_set_str(o, "grading", v->options);
    pr_json_set_int(o, "samples", c->settings.curriculum_samples);
    pr_json_set_int(o, "tokens", c->settings.curriculum_probe_tokens);
    pr_json_set_int(o, "batch", c->settings.curriculum_batch);
    pr_json_set_real(o, "learning_rate", q->learning_rate, NULL);
    pr_json_set_int(o, "lora_rank", q->lora_rank);
    pr_json_set_int(o, "parameters", (int64_t)start->parameters);
    if (json_array_size(c->probe_command))
        pr_json_set(o, "trainer", json_deep_copy(c->probe_command));
    else
        pr_json_set_str(o, "trainer", "proctor train");
    return o;
}

static char *fingerprint_of(const json_t *o)
{
    struct pr_str text = PR_STR_INIT((size_t)4 << 20);
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    pr_json_dump_canonical(o, &text);
    pr_sha256(pr_str_cstr(&text), text.len, digest);
    pr_sha256_hex(digest, hex);
    pr_str_done(&text);
    return pr_strdup(hex);
}

static void fill_view(const struct pr_question_pool *pool, struct pr_view_pool *ret)
{
    const char *name;
    json_t *n;
    _Static_assert(sizeof ret->levels[0].name == PR_LEVEL_NAME, "a level's name");
    ret->n = pool->n;
    ret->changed_ms = pool->changed_ms;
    ret->n_skipped = pool->n_skipped;
    ret->skipped = pool->skipped ? pr_strdup(pool->skipped) : NULL;
    json_object_foreach (pool->levels, name, n) {
        if (ret->n_levels == sizeof ret->levels / sizeof *ret->levels)
            break;
        pr_level_name(name, ret->levels[ret->n_levels].name);
        ret->levels[ret->n_levels++].n = (size_t)json_integer_value(n);
    }
}

static enum pr_code put_together(struct pr_view *v, const struct pr_config *c,
    const struct pr_question_pool *pool, struct pr_question *q, struct pr_error *e)
{
    const struct pr_suite_row *suite = pr_view_suite(v, PR_SUITE_MAIN);
    const struct pr_checkpoint_row *newest = pr_view_newest(v);
    const char *why = pool->reason ? pool->reason
                      : !suite     ? "there are no examples in data/validation yet"
                      : !newest    ? "no checkpoint has been opened yet"
                                   : NULL;
    if (why) {
        q->view.reason = pr_strdup(why);
        return PR_OK;
    }
    q->lora_rank = rank_of(c, newest);
    q->memory = memory_of(c, newest, q->lora_rank);
    if (is_too_large(c, q))
        return PR_OK;
    enum pr_code code = write_suite(v, c, suite, &q->suite_file, e);
    if (code)
        return code;
    q->pool_file = pr_strdup(pool->path);
    q->learning_rate = pool->learning_rate;
    fill_view(pool, &q->view);
    q->view.document = describe(v, c, q, pool, suite, newest);
    q->view.question = fingerprint_of(q->view.document);
    return PR_OK;
}

enum pr_code pr_question_look(struct pr_view *v, const struct pr_question_options *o,
    struct pr_question **ret, struct pr_error *e)
{
    struct pr_question_pool pool = {0};
    struct pr_question *q = pr_zalloc(sizeof *q);
    enum pr_code code = account(v, o, &q->view, e);
    if (!code)
        code = pr_question_pool(o->config, trained_rate(v, o->config), v->now_ms, &pool, e);
    if (!code)
        code = put_together(v, o->config, &pool, q, e);
    pr_question_pool_done(&pool);
    if (code)
        pr_question_free(q);
    else
        *ret = q;
    return code;
}

/* ---- what came of it ---- */

static bool is_text(const json_t *result, const char *key, const char *expected)
{
    const char *s = json_string_value(json_object_get(result, key));
    return s && !strcmp(s, expected);
}

/* What a probe is examined on, as the probe takes it. */
struct exam {
    size_t n, unasked; /* unasked: those that the start could not be asked */
    char fingerprint[PR_SHA256_HEX];
};

static enum pr_code examined(const struct pr_question *q, int64_t samples, const json_t *unasked,
    struct exam *ret, struct pr_error *e)
{
    const char *const paths[] = {q->suite_file};
    struct pr_suite *s = NULL;
    const struct pr_suite_options o = {.name = "validation", .samples = (size_t)samples};
    enum pr_code code = pr_suite_load(paths, 1, &o, &s, e);
    if (!code)
        code = pr_suite_fingerprint(s, ret->fingerprint, e);
    ret->n = s ? s->n : 0;
    ret->unasked = 0;
    for (size_t i = 0; i < ret->n; i++)
        ret->unasked += json_object_get(unasked, s->v[i].id) != NULL;
    pr_suite_free(s);
    return code;
}

/* What the start could not be asked is missing in every probe alike, so that their means can be
 * compared; what a trained model cannot be asked beside it is missing in its own alone. */
bool pr_question_fits(const struct pr_question *q, int64_t samples, const json_t *unasked,
    const json_t *result, char *reason, size_t size)
{
    const char *pool = json_string_value(json_object_get(q->view.document, "pool")), *why = NULL;
    int64_t n = json_integer_value(json_object_get(result, "n")),
            ungraded = json_integer_value(json_object_get(result, "n_ungraded"));
    struct exam x;
    struct pr_error e;
    *reason = 0;
    if (pool && json_object_get(result, "pool") && !is_text(result, "pool", pool)) {
        snprintf(reason, size, "its examples to train on are not those of the question");
    } else if (examined(q, samples, unasked, &x, &e)) {
        snprintf(reason, size, "the question's examples cannot be read: %.300s", e.message);
    } else if (!is_text(result, "suite", x.fingerprint) || n + ungraded != (int64_t)x.n) {
        snprintf(reason, size, "it was examined on %lld examples that are not the question's %zu",
            (long long)n, x.n);
    } else if (ungraded && ungraded != (int64_t)x.unasked) {
        (void)!pr_json_get_str(result, "ungraded_reason", false, &why, NULL);
        snprintf(reason, size, "%lld of %zu examples could not be asked, of its start %zu: %.250s",
            (long long)ungraded, x.n, x.unasked, why ? why : "no reason was given");
    }
    return !*reason;
}

void pr_question_free(struct pr_question *q)
{
    if (!q)
        return;
    pr_free((char *)(uintptr_t)q->view.question);
    pr_free((char *)(uintptr_t)q->view.reason);
    pr_free((char *)(uintptr_t)q->view.skipped);
    json_decref(q->view.document);
    pr_free(q->pool_file);
    pr_free(q->suite_file);
    pr_free(q);
}
