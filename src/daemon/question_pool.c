/* The copy of the training examples that probes draw from: when it is made, and of what. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "curriculum/pool.h"
#include "daemon/prober.h"
#include "daemon/question.h"
#include "daemon/question_internal.h"

#define STATE_FILE   "pool.json"
#define POOL         "pool-"
#define COPYING      "copying." /* what a folder begins with that is copied into */
#define MAX_STATE    ((size_t)4 << 20)
#define MAX_LEVELS   16
#define DEFAULT_RATE 1e-4
#define RATE_FACTOR  4 /* the fixed learning rate follows when the training's is so far away */
#define DAY_MS       ((int64_t)24 * 3600 * 1000)

/* ---- as lines ---- */

enum pr_code pr_question_write(const char *path, const struct pr_suite *s, struct pr_error *e)
{
    struct pr_str out = PR_STR_INIT((size_t)1 << 32);
    for (size_t i = 0; i < s->n; i++) {
        const struct pr_example *x = &s->v[i];
        json_t *line = json_copy(x->source); /* shallow: only two members are set */
        if (!x->own_id)
            pr_json_set_str(line, "id", x->id);
        pr_json_set_str(line, "difficulty", x->difficulty);
        pr_json_dump(line, 0, 0, &out);
        pr_str_putc(&out, '\n');
        json_decref(line);
    }
    enum pr_code code = out.over ? pr_fail(e, PR_E_LIMIT, "%s: too large", path)
                                 : pr_file_write_atomic(path, out.data, out.len, e);
    pr_str_done(&out);
    return code;
}

char *pr_question_path(const struct pr_config *c, const char *name)
{
    char *dir = pr_path_join(c->base_dir, ".proctor/curriculum"), *path = pr_path_join(dir, name);
    pr_free(dir);
    return path;
}

/* ---- what is known of the copy: pool.json ---- */

struct state {
    json_t *doc; /* NULL: there is none that holds */
    const char *file, *identity, *fingerprint;
    const char *skipped; /* NULL: no line was left out, or it is not known why */
    int64_t made_ms, changed_ms, n, n_skipped;
    double rate;
};

static bool read_fields(struct state *s)
{
    return !pr_json_get_str(s->doc, "file", true, &s->file, NULL) &&
           !pr_json_get_str(s->doc, "sources", true, &s->identity, NULL) &&
           !pr_json_get_str(s->doc, "fingerprint", true, &s->fingerprint, NULL) &&
           !pr_json_get_int(s->doc, "made_ms", true, 0, INT64_MAX, &s->made_ms, NULL) &&
           !pr_json_get_int(s->doc, "n", true, 1, INT32_MAX, &s->n, NULL) &&
           !pr_json_get_real(s->doc, "learning_rate", true, 0, 10, &s->rate, NULL) &&
           !pr_json_get_int(s->doc, "changed_ms", false, 0, INT64_MAX, &s->changed_ms, NULL) &&
           !pr_json_get_int(s->doc, "n_skipped", false, 0, INT64_MAX, &s->n_skipped, NULL) &&
           !pr_json_get_str(s->doc, "skipped_reason", false, &s->skipped, NULL) &&
           json_is_object(json_object_get(s->doc, "levels"));
}

static void read_state(const struct pr_config *c, struct state *ret)
{
    char *path = pr_question_path(c, STATE_FILE);
    *ret = (struct state){0};
    if (pr_json_read(AT_FDCWD, path, MAX_STATE, PR_JSON_STRICT, &ret->doc, NULL))
        ret->doc = NULL;
    pr_free(path);
    bool there = false;
    if (ret->doc && read_fields(ret) && !strchr(ret->file, '/')) {
        char *file = pr_question_path(c, ret->file);
        there = pr_path_exists(file);
        pr_free(file);
    }
    if (!there || !json_equal(json_object_get(ret->doc, "pool"), c->pool) ||
        json_integer_value(json_object_get(ret->doc, "pool_mb")) !=
            c->settings.curriculum_pool_mb) {
        json_decref(ret->doc);
        *ret = (struct state){0};
    }
}

static enum pr_code write_state(const struct pr_config *c, const json_t *doc, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(MAX_STATE);
    char *path = pr_question_path(c, STATE_FILE);
    pr_json_dump(doc, 2, 0, &text);
    pr_str_putc(&text, '\n');
    enum pr_code code = pr_file_write_atomic(path, pr_str_cstr(&text), text.len, e);
    pr_str_done(&text);
    pr_free(path);
    return code;
}

/* {"easy": 120, …}; of very many difficulties the first ones. */
static json_t *levels_of(const struct pr_suite *s)
{
    json_t *o = json_object();
    for (size_t i = 0; i < s->n; i++) {
        char name[PR_LEVEL_NAME];
        pr_level_name(s->v[i].difficulty ? s->v[i].difficulty : PR_UNSPECIFIED, name);
        const json_t *n = json_object_get(o, name);
        if (n || json_object_size(o) < MAX_LEVELS)
            pr_json_set_int(o, name, json_integer_value(n) + 1);
    }
    return o;
}

/* What a copy is made of and for. */
struct making {
    const struct pr_config *c;
    const struct pr_pool_sources *from;
    const char *identity;
    double rate;
    int64_t now_ms;
};

static json_t *describe(const struct making *m, const struct pr_suite *s,
    const struct pr_pool_copies *x, const char *file)
{
    char at[32], *skipped = pr_pool_first_skipped(x, s);
    json_t *o = json_object();
    pr_clock_iso8601(m->now_ms, at);
    pr_json_set_int(o, "schema_version", 1);
    pr_json_set_str(o, "made_at", at);
    pr_json_set_int(o, "made_ms", m->now_ms);
    pr_json_set_str(o, "file", file);
    pr_json_set_str(o, "sources", m->identity);
    pr_json_set_str(o, "fingerprint", s->fingerprint);
    pr_json_set_int(o, "n", (int64_t)s->n);
    pr_json_set_int(o, "n_skipped", (int64_t)(s->n_skipped + x->n_too_long));
    if (skipped)
        pr_json_set_str(o, "skipped_reason", skipped);
    pr_json_set(o, "levels", levels_of(s));
    pr_json_set(o, "pool", json_deep_copy(m->c->pool));
    pr_json_set_int(o, "pool_mb", m->c->settings.curriculum_pool_mb);
    pr_json_set_real(o, "learning_rate", m->rate, NULL);
    if (m->from->given)
        pr_json_set(o, "files", pr_pool_names(m->from));
    pr_free(skipped);
    return o;
}

static int64_t changed_at(const char *path)
{
    struct stat st;
    return stat(path, &st) ? INT64_MIN
                           : (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

void pr_question_remove_older(const struct pr_config *c, const char *prefix, const char *now)
{
    char *dir = pr_question_path(c, ""), *last = NULL;
    char **names;
    size_t n;
    if (pr_dir_list(dir, &names, &n, NULL))
        n = 0, names = NULL;
    for (size_t i = 0; i < n; i++) {
        char *path = pr_path_join(dir, names[i]);
        bool one = !strncmp(names[i], prefix, strlen(prefix)) && strcmp(names[i], now) != 0;
        bool newer = one && (!last || changed_at(path) > changed_at(last));
        if (one && (!newer || last))
            unlink(newer ? last : path);
        if (newer) {
            pr_free(last);
            last = path;
        } else {
            pr_free(path);
        }
    }
    pr_names_free(names, n);
    pr_free(last);
    pr_free(dir);
}

/* What a copying left that was killed. */
static void clear_copying(const struct pr_config *c)
{
    char *dir = pr_question_path(c, "");
    char **names;
    size_t n;
    if (!pr_dir_list(dir, &names, &n, NULL)) {
        for (size_t i = 0; i < n; i++) {
            char *path = pr_path_join(dir, names[i]);
            if (!strncmp(names[i], COPYING, sizeof COPYING - 1))
                pr_prober_remove_tree(path);
            pr_free(path);
        }
        pr_names_free(names, n);
    }
    pr_free(dir);
}

/* ---- making it ---- */

static enum pr_code store(const struct making *m, const struct pr_suite *s,
    const struct pr_pool_copies *x, struct pr_error *e)
{
    char file[64];
    snprintf(file, sizeof file, POOL "%.12s.jsonl", s->fingerprint);
    char *path = pr_question_path(m->c, file);
    json_t *doc = describe(m, s, x, file);
    enum pr_code code = pr_question_write(path, s, e);
    if (!code)
        code = write_state(m->c, doc, e);
    if (!code)
        pr_question_remove_older(m->c, POOL, file);
    json_decref(doc);
    pr_free(path);
    return code;
}

/* Loads what was copied and writes it as one file; PR_E_FORMAT: nothing in it can be used. */
static enum pr_code load_and_store(
    const struct making *m, const struct pr_pool_copies *x, struct pr_error *e)
{
    const struct pr_suite_options o = {.name = "pool", .allow_commands = true}; /* none is run */
    struct pr_suite *s = NULL;
    enum pr_code code = pr_suite_load((const char *const *)x->files, x->n, &o, &s, e);
    if (!code)
        code = store(m, s, x, e);
    pr_suite_free(s);
    return code;
}

static enum pr_code make(const struct making *m, struct pr_error *e)
{
    struct pr_pool_copies x = {0};
    char *dir = pr_question_path(m->c, COPYING "XXXXXX"), *above = pr_question_path(m->c, "");
    enum pr_code code = pr_mkdirs(above, e);
    if (!code)
        clear_copying(m->c);
    if (!code && !mkdtemp(dir))
        code = pr_fail_errno(e, errno, "%s", dir);
    if (!code)
        code = pr_pool_copy(m->c, m->from, pr_strdup(dir), &x, e);
    if (!code)
        code = x.n ? load_and_store(m, &x, e)
                   : pr_fail(e, PR_E_FORMAT, "none of the files has a line that can be used");
    pr_pool_copies_remove(&x);
    pr_free(dir);
    pr_free(above);
    return code;
}

/* ---- whether it is due ---- */

/* A question that changed with every line that is appended to a file would never be answered: so
 * whatever changes waits until the copy is old, but for a file that was taken away. */
static bool is_due(const struct pr_config *c, const struct pr_pool_sources *s,
    const struct state *st, const char *identity, int64_t now_ms)
{
    int64_t age = now_ms - st->made_ms;
    if (!st->doc)
        return true;
    if (!strcmp(st->identity, identity))
        return false;
    if (s->given && (!s->n || pr_pool_lost(s, json_object_get(st->doc, "files"))))
        return true;
    return s->n && (age > c->settings.curriculum_pool_days * DAY_MS || age < -DAY_MS);
}

/* What the training's rate is rounded to: it moves all the time, and a question must not. */
static bool is_rate_far(double fixed, double rate)
{
    return isfinite(rate) && rate > 0 &&
           !(rate <= fixed * RATE_FACTOR && rate * RATE_FACTOR >= fixed);
}

static double rate_of(const struct pr_config *c, const struct state *st, double rate)
{
    if (c->settings.curriculum_learning_rate > 0)
        return c->settings.curriculum_learning_rate;
    if (st->doc && st->rate > 0 && !is_rate_far(st->rate, rate))
        return st->rate;
    return isfinite(rate) && rate > 0 ? rate : DEFAULT_RATE;
}

/* Notes the rate, and since when the files are others than those that were copied. */
static enum pr_code keep(const struct pr_config *c, struct state *st, const char *identity,
    double rate, int64_t now_ms, struct pr_error *e)
{
    bool changed = strcmp(st->identity, identity) != 0;
    if (!(rate > st->rate || rate < st->rate) && changed == (st->changed_ms > 0))
        return PR_OK;
    pr_json_set_real(st->doc, "learning_rate", rate, NULL);
    if (!changed)
        json_object_del(st->doc, "changed_ms");
    else if (!st->changed_ms)
        pr_json_set_int(st->doc, "changed_ms", now_ms);
    return write_state(c, st->doc, e);
}

static enum pr_code refresh(const struct pr_config *c, const struct pr_pool_sources *s,
    struct state *st, double rate, int64_t now_ms, struct pr_error *e)
{
    char identity[PR_SHA256_HEX];
    pr_pool_identify(s, identity);
    const struct making m = {c, s, identity, rate_of(c, st, rate), now_ms};
    enum pr_code code = PR_OK;
    if (!is_due(c, s, st, identity, now_ms))
        code = keep(c, st, identity, m.rate, now_ms, e);
    else if (s->n)
        code = make(&m, e);
    else
        code = pr_fail(e, PR_E_NOT_FOUND,
            s->given ? "curriculum.pool names no file with examples"
                     : "there are no training examples: curriculum.pool is not set, and the queue "
                       "holds no *.jsonl");
    if (code)
        return code;
    json_decref(st->doc);
    read_state(c, st);
    return st->doc ? PR_OK : pr_fail(e, PR_E_CHANGED, "the copy of the examples is gone again");
}

enum pr_code pr_question_pool(const struct pr_config *c, double rate, int64_t now_ms,
    struct pr_question_pool *ret, struct pr_error *e)
{
    struct pr_pool_sources s;
    struct state st;
    pr_pool_find(c, &s);
    read_state(c, &st);
    enum pr_code code = refresh(c, &s, &st, rate, now_ms, e);
    *ret = (struct pr_question_pool){.learning_rate = NAN};
    if (code) {
        ret->reason = pr_strdup(e->message);
        /* Examples that cannot be used are no failure of ours. */
        code = code == PR_E_NOT_FOUND || code == PR_E_FORMAT || code == PR_E_CHANGED ? PR_OK : code;
    } else {
        ret->path = pr_question_path(c, st.file);
        snprintf(ret->fingerprint, sizeof ret->fingerprint, "%s", st.fingerprint);
        ret->n = (size_t)st.n;
        ret->levels = json_incref(json_object_get(st.doc, "levels"));
        ret->learning_rate = st.rate;
        ret->changed_ms = st.changed_ms;
        ret->n_skipped = (size_t)st.n_skipped;
        ret->skipped = st.skipped ? pr_strdup(st.skipped) : NULL;
    }
    json_decref(st.doc);
    pr_pool_sources_done(&s);
    return code;
}

void pr_question_pool_done(struct pr_question_pool *p)
{
    pr_free(p->path);
    pr_free(p->reason);
    pr_free(p->skipped);
    json_decref(p->levels);
    *p = (struct pr_question_pool){0};
}
