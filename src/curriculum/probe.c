/* A probe from its options to its result: see probe.h. */
#include "curriculum/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "curriculum/probe_internal.h"
#include "model/checkpoint.h"

#define MAX_CONFIG  ((size_t)1 << 24)
#define MAX_DEPTH   16 /* of the start checkpoint that is watched for changes */
#define MAX_ENTRIES ((size_t)100000)

enum pr_code pr_probe_goes_on(const struct pr_probe *p, struct pr_error *e)
{
    if (p->o->stopped && p->o->stopped())
        return pr_fail(e, PR_E_CANCELLED, "stopped");
    if (p->deadline_ns && pr_clock_monotonic_ns() >= p->deadline_ns)
        return pr_fail(
            e, PR_E_LIMIT, "the %g seconds that the probe may take are over", p->o->seconds);
    return PR_OK;
}

static double since(int64_t begun_ns)
{
    return (double)(pr_clock_monotonic_ns() - begun_ns) / 1e9;
}

/* ---- the start checkpoint stays as it is ---- */

/* Whatever anybody who writes in a folder changes: names, sizes, inodes and times of all that is in
 * it, the change time too, which nobody can set back.  A link to a file counts with that file, as
 * in a cache of downloads; one to a folder is not followed. */
struct watched {
    struct pr_sha256 *h;
    size_t left; /* entries that are still looked at */
};

static void add_facts(struct pr_sha256 *h, const struct stat *st)
{
    const int64_t facts[] = {(int64_t)st->st_ino, (int64_t)st->st_mode, st->st_size,
        st->st_mtim.tv_sec, st->st_mtim.tv_nsec, st->st_ctim.tv_sec, st->st_ctim.tv_nsec};
    pr_sha256_update(h, facts, sizeof facts);
}

static enum pr_code add_folder(struct watched *w, const char *folder, int depth, struct pr_error *e)
{
    char **names;
    size_t n;
    enum pr_code code = pr_dir_list(folder, &names, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n && w->left && !code; i++) {
        w->left--;
        char *path = pr_path_join(folder, names[i]);
        struct stat st, to;
        bool there = !lstat(path, &st), is_folder = there && S_ISDIR(st.st_mode);
        pr_sha256_update(w->h, names[i], strlen(names[i]) + 1);
        if (there && !is_folder)
            add_facts(w->h, &st);
        if (there && S_ISLNK(st.st_mode) && !stat(path, &to) && !S_ISDIR(to.st_mode))
            add_facts(w->h, &to);
        if (is_folder && depth < MAX_DEPTH)
            code = add_folder(w, path, depth + 1, e);
        pr_free(path);
    }
    pr_sha256_update(w->h, "/", 2);
    pr_names_free(names, n);
    return code;
}

static enum pr_code state_of(const char *folder, char ret[PR_SHA256_HEX], struct pr_error *e)
{
    uint8_t hash[PR_SHA256_LEN];
    struct watched w = {pr_sha256_new(), MAX_ENTRIES};
    enum pr_code code = add_folder(&w, folder, 0, e);
    pr_sha256_final(w.h, hash);
    pr_sha256_hex(hash, ret);
    return code;
}

static enum pr_code check_start(
    const struct pr_probe *p, const char before[PR_SHA256_HEX], struct pr_error *e)
{
    char after[PR_SHA256_HEX];
    enum pr_code code = state_of(p->start, after, e);
    if (!code && strcmp(before, after) != 0)
        code = pr_fail(e, PR_E_CHANGED,
            "files of the start checkpoint changed while it was trained from: the outcome means "
            "nothing");
    return code ? pr_wrap(e, code, "%s", p->o->start) : PR_OK;
}

/* ---- what is trained on ---- */

static enum pr_code load_pool(
    const struct pr_probe *p, struct pr_curriculum_pool *ret, struct pr_error *e)
{
    const struct pr_probe_options *o = p->o;
    struct pr_checkpoint_options co = {
        .base_model = p->base_folder, .bases = o->bases, .n_bases = o->n_bases};
    struct pr_prompt_options po = {.template_vars = o->template_vars, .now_utc_ms = o->now_utc_ms};
    struct pr_checkpoint *c;
    struct pr_prompter *prompter = NULL;
    enum pr_code code = pr_checkpoint_open(p->start, &co, &c, e);
    if (code)
        return code;
    const struct pr_model_config *config = pr_checkpoint_config(c);
    if (!config)
        code = pr_fail(e, PR_E_FORMAT,
            "%s: no config.json: a checkpoint to train from was expected", o->start);
    if (!code)
        code = pr_prompter_new(c, &po, &prompter, e);
    if (!code) {
        struct pr_curriculum_pool_options lo = {.paths = o->pool,
            .n_paths = o->n_pool,
            .samples = o->pool_samples,
            .progress = o->progress,
            .start = prompter,
            .max_position = config->max_position,
            .stopped = o->stopped};
        code = pr_curriculum_pool_load(&lo, ret, e);
    }
    pr_prompter_free(prompter);
    pr_checkpoint_free(c);
    return code;
}

static enum pr_code make_order(const struct pr_probe *p, const struct pr_curriculum_pool *pool,
    struct pr_example_order *ret, struct pr_error *e)
{
    const struct pr_probe_options *o = p->o;
    struct pr_level_progress progress[PR_MAX_LEVELS];
    enum pr_code code = pr_levels_progress(&pool->levels, o->progress, progress, e);
    if (code)
        return code;
    struct pr_strategy_input in = {.level = pool->level,
        .tokens = pool->tokens,
        .n = pool->n,
        .n_levels = pool->levels.n,
        .progress = progress,
        .seed = o->seed,
        .budget = o->tokens,
        .batch = o->batch};
    return pr_strategy_order(o->strategy, &in, ret, e);
}

static void note_order(struct pr_probe *p, const struct pr_curriculum_pool *pool,
    const struct pr_example_order *order, struct pr_probe_result *ret)
{
    uint64_t batch = p->o->batch;
    p->tokens = ret->tokens = order->tokens;
    p->steps = ret->steps = (order->n + batch - 1) / batch;
    ret->examples = order->n;
    ret->n_pool = pool->n;
    ret->n_left_out = pool->n_left_out;
    ret->left_out = pool->left_out ? pr_strdup(pool->left_out) : NULL;
    memcpy(ret->pool, pool->fingerprint, sizeof ret->pool);
    ret->trained = pool->levels;
    for (size_t k = 0; k < ret->trained.n; k++)
        ret->trained.v[k].n = ret->trained.v[k].tokens = 0;
    for (size_t i = 0; i < order->n; i++) {
        struct pr_level *l = &ret->trained.v[pool->level[order->v[i]]];
        l->n++;
        l->tokens += pool->tokens[order->v[i]];
    }
}

/* The pool is let go of before anything is trained: it may be large. */
static enum pr_code prepare(struct pr_probe *p, struct pr_probe_result *ret, struct pr_error *e)
{
    int64_t begun = pr_clock_monotonic_ns();
    struct pr_curriculum_pool pool;
    struct pr_example_order order = {.n = 0};
    enum pr_code code = load_pool(p, &pool, e);
    if (code)
        return code;
    if (!(code = make_order(p, &pool, &order, e))) {
        note_order(p, &pool, &order, ret);
        code = pr_probe_order_write(&pool, order.v, order.n, p->folder.order, e);
    }
    pr_example_order_done(&order);
    pr_curriculum_pool_done(&pool);
    ret->prepare_seconds = since(begun);
    return code ? code : pr_probe_goes_on(p, e);
}

/* ---- from beginning to end ---- */

/* Where the start is an adapter, its base. */
static enum pr_code find_base(struct pr_probe *p, struct pr_error *e)
{
    const struct pr_probe_options *o = p->o;
    const char *name = NULL, *folder = o->base_model;
    json_t *config = NULL;
    char *path = pr_path_join(p->start, "adapter_config.json");
    enum pr_code code = PR_OK;
    if (pr_path_exists(path) &&
        !(code = pr_json_read(AT_FDCWD, path, MAX_CONFIG, PR_JSON_STRICT, &config, e)))
        code = pr_json_get_str(config, "base_model_name_or_path", false, &name, e);
    if (code)
        pr_wrap(e, code, "%s", o->start);
    for (size_t i = 0; name && !folder && i < o->n_bases; i++)
        if (!strcmp(o->bases[i][0], name))
            folder = o->bases[i][1];
    p->base_name = name ? pr_strdup(name) : NULL;
    p->base_folder = folder ? pr_strdup(folder) : NULL;
    json_decref(config);
    pr_free(path);
    return code;
}

static enum pr_code load_suite(const struct pr_probe_options *o, struct pr_suite **ret,
    struct pr_probe_result *result, struct pr_error *e)
{
    /* What a command would judge has a loss all the same, and a probe runs no command. */
    struct pr_suite_options so = {
        .name = "validation", .samples = o->samples, .allow_commands = true};
    enum pr_code code = pr_suite_load(o->suite, o->n_suite, &so, ret, e);
    if (!code)
        code = pr_suite_fingerprint(*ret, result->suite, e);
    return code ? pr_wrap(e, code, "suite") : PR_OK;
}

static enum pr_code train_and_examine(struct pr_probe *p, const struct pr_suite *suite,
    struct pr_probe_result *ret, struct pr_error *e)
{
    char *checkpoint = NULL, before[PR_SHA256_HEX];
    enum pr_code code = state_of(p->start, before, e);
    if (code)
        return code;
    if (p->o->baseline) {
        if ((code = pr_probe_grade(p, p->start, suite, &ret->baseline, e)))
            return pr_wrap(e, code, "examining the start checkpoint");
        ret->has_baseline = true;
    }
    int64_t begun = pr_clock_monotonic_ns();
    code = pr_probe_train(p, &checkpoint, e);
    ret->train_seconds = since(begun);
    if (!code)
        code = check_start(p, before, e);
    if (!code && (code = pr_probe_grade(p, checkpoint, suite, &ret->exam, e)))
        pr_wrap(e, code, "examining what was trained");
    ret->grade_seconds = ret->exam.seconds;
    pr_free(checkpoint);
    return code;
}

static enum pr_code check(const struct pr_probe_options *o, struct pr_error *e)
{
    const struct {
        bool wrong;
        const char *text;
    } rules[] = {
        {!o->start || !o->work, "a start checkpoint and a folder to work in are needed"},
        {!o->n_pool, "a pool of training examples is needed"},
        {!o->n_suite, "a suite of validation examples is needed"},
        {!o->tokens, "the number of answer tokens to train on must be at least 1"},
        {!o->batch, "the batch must be at least 1"},
        {!(o->learning_rate > 0) || !isfinite(o->learning_rate),
            "the learning rate must be above 0"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].wrong)
            return pr_fail(e, PR_E_USAGE, "%s", rules[i].text);
    if (!o->strategy || (strcmp(o->strategy, PR_ARM_AGAIN) != 0 && !pr_strategy_find(o->strategy)))
        return pr_fail(
            e, PR_E_USAGE, "there is no strategy '%.40s'", o->strategy ? o->strategy : "");
    return o->command ? pr_probe_command_check(o->command, e) : PR_OK;
}

static enum pr_code claim(struct pr_probe *p, struct pr_error *e)
{
    const struct pr_probe_options *o = p->o;
    size_t n = 0;
    const char **apart = pr_alloc((o->n_pool + o->n_suite + 2) * sizeof *apart);
    apart[n++] = o->start;
    apart[n++] = o->base_model;
    for (size_t i = 0; i < o->n_pool; i++)
        apart[n++] = o->pool[i];
    for (size_t i = 0; i < o->n_suite; i++)
        apart[n++] = o->suite[i];
    enum pr_code code = pr_probe_folder_claim(o->work, apart, n, &p->folder, e);
    pr_free(apart);
    return code;
}

static enum pr_code run(struct pr_probe *p, struct pr_probe_result *ret, struct pr_error *e)
{
    struct pr_suite *suite = NULL;
    enum pr_code code = find_base(p, e);
    if (!code)
        code = load_suite(p->o, &suite, ret, e);
    if (!code)
        code = prepare(p, ret, e);
    if (!code)
        code = train_and_examine(p, suite, ret, e);
    pr_suite_free(suite);
    return code;
}

enum pr_code pr_probe_run(
    const struct pr_probe_options *o, struct pr_probe_result *ret, struct pr_error *e)
{
    int64_t begun = pr_clock_monotonic_ns();
    char real[PATH_MAX];
    struct pr_error left;
    struct pr_probe p = {.o = o};
    enum pr_code code = check(o, e);
    if (code)
        return code;
    if (!realpath(o->start, real))
        return pr_fail_errno(e, errno, "%s", o->start);
    if ((code = claim(&p, e)))
        return code;
    p.start = pr_strdup(real);
    p.deadline_ns = o->seconds > 0 ? begun + (int64_t)(fmin(o->seconds, 1e9) * 1e9) : 0;
    *ret = (struct pr_probe_result){.trainer = pr_probe_trainer_of(o)->name};
    code = run(&p, ret, e);
    ret->seconds = since(begun);
    pr_free(p.start);
    pr_free(p.base_name);
    pr_free(p.base_folder);
    if (pr_probe_folder_release(&p.folder, o->keep, &left) && !code) {
        *e = left; /* a disk that fills up probe by probe is to be known of */
        code = left.code;
    }
    if (code)
        pr_probe_result_done(ret);
    return code;
}

void pr_probe_result_done(struct pr_probe_result *r)
{
    pr_probe_exam_done(&r->exam);
    pr_probe_exam_done(&r->baseline);
    pr_free(r->left_out);
    r->left_out = NULL;
}

/* ---- as JSON ---- */

static void put_exam(json_t *o, const struct pr_probe_exam *x)
{
    static const char none[] = "no example has a loss", unjudged[] = "no example has a verdict",
                      bad[] = "NaN or infinity came out of the model",
                      commands[] = "commands judge the answers, and a probe runs none";
    json_t *levels = json_object();
    pr_json_set_int(o, "n", (int64_t)x->n);
    pr_json_set_int(o, "n_accuracy", (int64_t)x->n_accuracy);
    pr_json_set_int(o, "n_ungraded", (int64_t)x->n_ungraded);
    pr_json_set_int(o, "n_bad", (int64_t)x->n_bad);
    if (x->ungraded)
        pr_json_set_str(o, "ungraded_reason", x->ungraded);
    pr_json_set_real(o, "loss_mean_per_example", x->loss_mean_per_example, x->n_bad ? bad : none);
    pr_json_set_real(o, "accuracy", x->accuracy, x->n_command ? commands : unjudged);
    for (size_t k = 0; k < x->n_levels; k++) {
        const struct pr_probe_level *l = &x->levels[k];
        json_t *one = json_object();
        pr_json_set_int(one, "n", (int64_t)l->n);
        pr_json_set_int(one, "n_accuracy", (int64_t)l->n_accuracy);
        pr_json_set_real(one, "loss_mean_per_example", l->loss, x->n_bad ? bad : none);
        pr_json_set_real(one, "accuracy", l->accuracy, x->n_command ? commands : unjudged);
        pr_json_set(levels, l->name, one);
    }
    pr_json_set(o, "by_difficulty", levels);
}

json_t *pr_probe_result_json(const struct pr_probe_result *r)
{
    json_t *o = json_object(), *trained = json_object();
    put_exam(o, &r->exam);
    if (r->has_baseline) {
        json_t *b = json_object();
        put_exam(b, &r->baseline);
        pr_json_set(o, "baseline", b);
    }
    pr_json_set_str(o, "trainer", r->trainer);
    pr_json_set_int(o, "tokens", (int64_t)r->tokens);
    pr_json_set_int(o, "examples", (int64_t)r->examples);
    pr_json_set_int(o, "steps", (int64_t)r->steps);
    for (size_t k = 0; k < r->trained.n; k++) {
        json_t *one = json_object();
        pr_json_set_int(one, "examples", (int64_t)r->trained.v[k].n);
        pr_json_set_int(one, "tokens", (int64_t)r->trained.v[k].tokens);
        pr_json_set(trained, r->trained.v[k].name, one);
    }
    pr_json_set(o, "trained", trained);
    pr_json_set_str(o, "pool", r->pool);
    pr_json_set_int(o, "pool_examples", (int64_t)r->n_pool);
    pr_json_set_int(o, "pool_left_out", (int64_t)r->n_left_out);
    if (r->left_out)
        pr_json_set_str(o, "pool_left_out_reason", r->left_out);
    pr_json_set_str(o, "suite", r->suite);
    pr_json_set_real(o, "prepare_seconds", r->prepare_seconds, NULL);
    pr_json_set_real(o, "train_seconds", r->train_seconds, NULL);
    pr_json_set_real(o, "grade_seconds", r->grade_seconds, NULL);
    if (r->has_baseline)
        pr_json_set_real(o, "baseline_seconds", r->baseline.seconds, NULL);
    pr_json_set_real(o, "seconds", r->seconds, NULL);
    return o;
}
