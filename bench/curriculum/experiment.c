/* One repetition draws its own pool, validation set and model, trains the model a little (three
 * start checkpoints, a newer one after every four blocks), and probes until pr_evidence_next has no
 * open question. */
#include "curriculum/experiment.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

#define MOST_PROBES 400
#define STAGES      5 /* of the start training; each of the last three ends with a checkpoint */
#define STARTS      3
#define PER_START   4 /* blocks from one checkpoint; then a newer one is there */

/* 57 thousand parameters; a probe is 30 steps. */
const struct pr_experiment pr_experiment_reported = {
    .model = {.task = {.letters = 20, .length = 4, .wrong = 0.3},
        .layers = 2,
        .hidden = 48,
        .heads = 3,
        .head_dim = 16,
        .intermediate = 128,
        .batch = 16,
        .learning_rate = 1e-3,
        .warmup = 4},
    .start_rate = 3e-3,
    .stage = 1000,
    .pool = 6000,
    .validation = 300,
    .probe = 480,
    .error_rate = 0.05,
};

const char *const pr_experiment_arms[PR_EXPERIMENT_ARMS] = {
    PR_ARM_RANDOM, "easy_to_hard", "hard_first", "interleaved", "adaptive", PR_ARM_AGAIN};

/* What a repetition's probes share. */
struct repetition {
    const struct pr_experiment *def;
    struct pr_task_set pool, validation;
    uint32_t *tokens;
    struct pr_tiny model;
    float *start[STARTS]; /* the start checkpoints' values */
    struct pr_level_progress progress[STARTS][3];
    double start_loss; /* of the first */
};

static void repetition_done(struct repetition *r)
{
    pr_task_set_done(&r->pool);
    pr_task_set_done(&r->validation);
    pr_tiny_done(&r->model);
    pr_free(r->tokens);
    for (size_t k = 0; k < STARTS; k++)
        pr_free(r->start[k]);
}

/* Keeps the model as it is as checkpoint k; progress: the losses of the last three stages. */
static void keep_start(struct repetition *r, size_t k, double loss[STAGES][3])
{
    size_t n;
    const float *values = pr_net_values(r->model.net, &n);
    r->start[k] = pr_alloc(n * sizeof *values);
    memcpy(r->start[k], values, n * sizeof *values);
    for (size_t l = 0; l < 3; l++) {
        r->progress[k][l].n = 3;
        for (size_t i = 0; i < 3; i++)
            r->progress[k][l].loss[i] = loss[k + i][l];
    }
}

/* Trains a new model on right answers of the family, stage by stage. */
static enum pr_code make_starts(struct repetition *r, uint64_t seed, struct pr_error *e)
{
    struct pr_tiny_options of_start = r->def->model;
    of_start.batch = 32;
    of_start.learning_rate = r->def->start_rate;
    of_start.warmup = 20;
    of_start.decay = 0;
    enum pr_code code = pr_tiny_new(&of_start, seed, &r->model, e);
    double loss[STAGES][3];
    for (size_t k = 0; k < STAGES && code == PR_OK; k++) {
        struct pr_task_set family;
        pr_task_set_make(&r->def->model.task, PR_POOL_EQUAL, r->def->stage, seed + 10 + k, &family);
        code = pr_tiny_train(&r->model, &family, NULL, family.n, e);
        double mean = NAN;
        if (code == PR_OK)
            code = pr_tiny_loss(&r->model, &r->validation, &mean, loss[k], e);
        if (k == STAGES - STARTS)
            r->start_loss = mean;
        if (k >= STAGES - STARTS && code == PR_OK)
            keep_start(r, k - (STAGES - STARTS), loss);
        pr_task_set_done(&family);
    }
    r->model.o = &r->def->model;
    return code;
}

static enum pr_code repetition_make(const struct pr_experiment *d, enum pr_task_pool pool,
    uint64_t number, struct repetition *r, struct pr_error *e)
{
    uint64_t seed = 1000 * number;
    *r = (struct repetition){.def = d};
    pr_task_set_make(&r->def->model.task, pool, r->def->pool, seed + 1, &r->pool);
    pr_task_set_make(
        &r->def->model.task, PR_POOL_EQUAL, r->def->validation, seed + 2, &r->validation);
    r->tokens = pr_alloc(r->pool.n * sizeof *r->tokens);
    for (size_t i = 0; i < r->pool.n; i++)
        r->tokens[i] = r->def->model.task.length + 1;
    enum pr_code code = make_starts(r, seed, e);
    if (code != PR_OK)
        repetition_done(r);
    return code;
}

/* From a start checkpoint in the order of an arm; the validation loss of what comes of it. */
static enum pr_code train_arm(struct repetition *r, size_t start, const char *arm, uint64_t seed,
    size_t examples, double *ret_loss, struct pr_error *e)
{
    struct pr_strategy_input in = {.level = r->pool.level,
        .tokens = r->tokens,
        .n = r->pool.n,
        .n_levels = 3,
        .progress = r->progress[start],
        .seed = seed,
        .budget = examples * (r->def->model.task.length + 1),
        .batch = r->def->model.batch};
    struct pr_example_order order = {0};
    enum pr_code code = pr_strategy_order(arm, &in, &order, e);
    if (code != PR_OK)
        return code;
    size_t n;
    float *values = pr_net_values(r->model.net, &n);
    memcpy(values, r->start[start], n * sizeof *values);
    pr_net_changed(r->model.net);
    code = pr_tiny_train(&r->model, &r->pool, order.v, order.n, e);
    if (code == PR_OK)
        code = pr_tiny_loss(&r->model, &r->validation, ret_loss, NULL, e);
    pr_example_order_done(&order);
    return code;
}

enum pr_code pr_experiment_full(const struct pr_experiment *d, enum pr_task_pool pool,
    uint64_t number, double ret_loss[PR_EXPERIMENT_ARMS], double *ret_start, struct pr_error *e)
{
    struct repetition r;
    enum pr_code code = repetition_make(d, pool, number, &r, e);
    if (code != PR_OK)
        return code;
    *ret_start = r.start_loss;
    for (size_t a = 0; a < PR_EXPERIMENT_ARMS && code == PR_OK; a++)
        code = train_arm(&r, 0, pr_experiment_arms[a], number, d->pool, &ret_loss[a], e);
    repetition_done(&r);
    return code;
}

enum pr_code pr_experiment_probes(const struct pr_experiment *d, enum pr_task_pool pool,
    uint64_t number, struct pr_evidence *ret, size_t *ret_probes, struct pr_error *e)
{
    struct pr_probe_outcome v[MOST_PROBES];
    struct pr_evidence_options o = {.error_rate = d->error_rate};
    struct repetition r;
    size_t n = 0;
    enum pr_code code = repetition_make(d, pool, number, &r, e);
    if (code != PR_OK)
        return code;
    while (code == PR_OK && n < MOST_PROBES) {
        double loss;
        size_t start = n ? v[n - 1].seed / PER_START : 0; /* as time passes */
        v[n].start = (int64_t)(start < STARTS ? start : STARTS - 1);
        (void)pr_evidence_begun(v, n, &o, &v[n].start);
        if (!pr_evidence_next(v, n, &o, v[n].start, &v[n].arm, &v[n].seed))
            break;
        code = train_arm(
            &r, (size_t)v[n].start, v[n].arm, 1000 * number + v[n].seed, d->probe, &loss, e);
        v[n++].score = -loss;
    }
    repetition_done(&r);
    *ret_probes = n;
    return code == PR_OK ? pr_evidence_weigh(v, n, &o, ret, e) : code;
}
