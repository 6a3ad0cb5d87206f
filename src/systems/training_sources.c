/* training_status.json and trainer_state.json, as sources of where a training stands. */
#include <ctype.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/file.h"
#include "model/trainer_state.h"
#include "systems/training_internal.h"

#define TRIES    8    /* of the newest checkpoints, when their states cannot be read */
#define MAX_STEP 9e15 /* a double holds whole numbers up to here */
#define MAX_TEXT 200  /* of a status or a model's name that is shown */

void pr_training_source_done(struct pr_training_source *s)
{
    for (size_t i = 0; i < PR_TRAINING_FIELD_COUNT; i++) {
        pr_free(s->v[i].why);
        pr_free(s->v[i].where);
    }
    pr_free(s->path);
    pr_free(s->status);
    pr_free(s->model_name);
    pr_free(s->points);
    *s = (struct pr_training_source){0};
}

void pr_training_set(struct pr_training_source *s, enum pr_training_field f, double x)
{
    s->v[f].known = true;
    s->v[f].x = x;
    pr_free(s->v[f].why);
    s->v[f].why = NULL;
}

void pr_training_not(struct pr_training_source *s, enum pr_training_field f, const char *why)
{
    s->v[f].known = false;
    pr_free(s->v[f].why);
    s->v[f].why = pr_strdup(why);
}

/* which: 0 loss, 1 eval_loss, 2 learning_rate.  Values of one step that follow each other are one
 * point. */
void pr_training_point(struct pr_training_source *s, int64_t step, int which, double x)
{
    if (!s->n || s->points[s->n - 1].step != step) {
        struct pr_training_point p = {step, NAN, NAN, NAN, 0};
        PR_PUSH(s->points, s->n, s->cap, p);
    }
    struct pr_training_point *p = &s->points[s->n - 1];
    double *to[] = {&p->loss, &p->eval_loss, &p->learning_rate};
    *to[which] = x;
    if (!isfinite(x))
        p->nan |= 1u << which;
}

/* ---- training_status.json: every trainer writes its own, so several names are known ---- */

static const struct {
    const char *key;
    enum pr_training_field field;
} keys[] = {
    {"current_step", PR_TRAINING_STEP},
    {"global_step", PR_TRAINING_STEP},
    {"step", PR_TRAINING_STEP},
    {"total_steps", PR_TRAINING_TOTAL},
    {"max_steps", PR_TRAINING_TOTAL},
    {"epoch", PR_TRAINING_EPOCH},
    {"current_epoch", PR_TRAINING_EPOCH},
    {"loss", PR_TRAINING_LOSS},
    {"train_loss", PR_TRAINING_LOSS},
    {"training_loss", PR_TRAINING_LOSS},
    {"eval_loss", PR_TRAINING_EVAL_LOSS},
    {"validation_loss", PR_TRAINING_EVAL_LOSS},
    {"val_loss", PR_TRAINING_EVAL_LOSS},
    {"learning_rate", PR_TRAINING_RATE},
    {"lr", PR_TRAINING_RATE},
    {"grad_norm", PR_TRAINING_GRAD_NORM},
    {"tokens_per_second", PR_TRAINING_TOKENS_PER_SECOND},
    {"tokens_per_sec", PR_TRAINING_TOKENS_PER_SECOND},
    {"steps_per_second", PR_TRAINING_STEPS_PER_SECOND},
    {"steps_per_sec", PR_TRAINING_STEPS_PER_SECOND},
    {"eta_seconds", PR_TRAINING_ETA},
};

#define PR_X(name, key, whole) whole,
static const bool is_whole[] = {PR_TRAINING_FIELDS(PR_X)};
#undef PR_X

/* A number, or its text ("0.25", "1e-4", "nan"); false for anything else. */
static bool number_of(const json_t *v, double *ret)
{
    if (json_is_number(v)) {
        *ret = json_number_value(v);
        return true;
    }
    const char *s = json_string_value(v);
    char *end;
    if (!s || !*s || strlen(s) > 64 || strlen(s) != json_string_length(v) || strpbrk(s, "xXpP"))
        return false;
    *ret = strtod(s, &end);
    return end != s && end[strspn(end, " \t\r\n")] == 0;
}

static void read_number(struct pr_training_source *s, enum pr_training_field f, const char *key,
    const json_t *v, bool nan, struct pr_notes *warnings)
{
    char why[200];
    double x;
    if (json_is_null(v)) {
        if (!nan) /* the trainer does not know it either */
            return;
        snprintf(why, sizeof why, "'%s' is null or NaN in training_status.json", key);
        pr_training_not(s, f, why);
        return;
    }
    if (!number_of(v, &x)) {
        snprintf(why, sizeof why, "'%s' is %s in training_status.json, a number was expected", key,
            pr_json_type_name(v));
        pr_training_not(s, f, why);
        pr_notes_add(warnings, "training_status.json: '%s' is %s, a number was expected", key,
            pr_json_type_name(v));
        return;
    }
    if (!isfinite(x)) {
        snprintf(why, sizeof why, "'%s' is not finite in training_status.json", key);
        pr_training_not(s, f, why);
    } else if (is_whole[f] && (x < 0 || x > MAX_STEP || x != floor(x))) {
        snprintf(why, sizeof why, "'%s' in training_status.json is no number of steps", key);
        pr_training_not(s, f, why);
        pr_notes_add(
            warnings, "training_status.json: '%s' is %g, a number of steps was expected", key, x);
    } else {
        pr_training_set(s, f, x);
    }
}

static bool digits(const char **s, int n, int *ret)
{
    for (*ret = 0; n--; (*s)++) {
        if (!isdigit((unsigned char)**s))
            return false;
        *ret = *ret * 10 + (**s - '0');
    }
    return true;
}

static bool after(const char **s, const char *any)
{
    return **s && strchr(any, **s) && (*s)++;
}

/* "2026-11-24T01:02:03.5Z" or with "+01:00"; a time without a zone could be any: 0. */
static int64_t time_of(const char *s)
{
    struct tm t = {0};
    int year, h = 0, m = 0, sign = 1, ms = 0;
    if (!digits(&s, 4, &year) || !after(&s, "-") || !digits(&s, 2, &t.tm_mon) || !after(&s, "-") ||
        !digits(&s, 2, &t.tm_mday) || !after(&s, "Tt ") || !digits(&s, 2, &t.tm_hour) ||
        !after(&s, ":") || !digits(&s, 2, &t.tm_min) || !after(&s, ":") ||
        !digits(&s, 2, &t.tm_sec))
        return 0;
    if (after(&s, ".,"))
        for (int unit = 100; isdigit((unsigned char)*s); s++, unit /= 10)
            ms += unit * (*s - '0');
    if (*s == '+' || *s == '-') {
        sign = *s++ == '-' ? 1 : -1;
        if (!digits(&s, 2, &h) || (after(&s, ":"), !digits(&s, 2, &m)))
            return 0;
    } else if (!after(&s, "Zz")) {
        return 0;
    }
    if (*s || year < 1971 || t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31 ||
        t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60)
        return 0;
    t.tm_year = year - 1900;
    t.tm_mon--;
    return ((int64_t)timegm(&t) + sign * (h * 3600 + m * 60)) * 1000 + ms;
}

static int64_t timestamp_of(const json_t *v)
{
    double x;
    if (json_is_string(v) && (x = (double)time_of(json_string_value(v))) > 0)
        return (int64_t)x;
    if (!number_of(v, &x) || !(x > 1e8 && x < 1e14))
        return 0;
    return x > 1e11 ? (int64_t)x : (int64_t)(x * 1000); /* milliseconds, or seconds */
}

static char *text_of(const json_t *root, const char *key)
{
    const char *s = json_string_value(json_object_get(root, key));
    return s && *s ? pr_strndup(s, strnlen(s, MAX_TEXT)) : NULL;
}

enum pr_code pr_training_status_parse(const char *text, size_t n, struct pr_training_source *s,
    struct pr_notes *warnings, struct pr_error *e)
{
    json_t *root;
    struct pr_json_notes notes = {0};
    enum pr_code code = pr_json_parse(
        text, n, PR_JSON_NAN | PR_JSON_LENIENT, "training_status.json", &root, &notes, e);
    if (code)
        return code;
    if (!json_is_object(root)) {
        code = pr_fail(e, PR_E_FORMAT, "training_status.json: %s, an object was expected",
            pr_json_type_name(root));
        json_decref(root);
        return code;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *v = json_object_get(root, keys[i].key);
        if (v && !s->v[keys[i].field].known && !s->v[keys[i].field].why)
            read_number(s, keys[i].field, keys[i].key, v, notes.nan, warnings);
    }
    s->kind = "training_status.json";
    s->status = text_of(root, "status");
    s->model_name = text_of(root, "model_name");
    if (!s->model_name)
        s->model_name = text_of(root, "model");
    s->timestamp_ms = timestamp_of(json_object_get(root, "timestamp"));
    json_decref(root);
    return PR_OK;
}

/* When a file was last written, ms; 0 where it is not there. */
static int64_t mtime_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? 0 : (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
}

void pr_training_status(const char *path, struct pr_training_source *s, struct pr_notes *warnings)
{
    char *text;
    size_t n;
    struct pr_error e;
    if (!path || !pr_path_exists(path))
        return;
    s->mtime_ms = mtime_of(path);
    enum pr_code code = pr_file_read(AT_FDCWD, path, PR_TRAINING_STATUS_MAX, &text, &n, &e);
    if (!code) {
        code = pr_training_status_parse(text, n, s, warnings, &e);
        pr_free(text);
    }
    if (code && code != PR_E_NOT_FOUND)
        pr_notes_add(warnings, "%s", e.message);
    if (!code)
        s->path = pr_strdup(path);
}

/* ---- trainer_state.json ---- */

/* A state with what a rate needs of it. */
struct state {
    struct pr_trainer_state s;
    char *path, *name; /* of the file; of its folder */
    int64_t mtime_ms;
    double tokens; /* num_input_tokens_seen; NaN: not counted */
};

static void state_done(struct state *x)
{
    pr_trainer_state_done(&x->s);
    pr_free(x->path);
    pr_free(x->name);
}

static bool read_state(const char *folder, struct state *ret, struct pr_notes *warnings)
{
    struct pr_error e;
    struct state x = {.path = pr_path_join(folder, "trainer_state.json"), .tokens = NAN};
    x.mtime_ms = mtime_of(x.path);
    enum pr_code code =
        x.mtime_ms ? pr_trainer_state_read(AT_FDCWD, x.path, &x.s, NULL, &e) : PR_E_NOT_FOUND;
    if (code) {
        if (code != PR_E_NOT_FOUND)
            pr_notes_add(warnings, "%s", e.message);
        pr_free(x.path);
        return false;
    }
    x.name = pr_path_base(folder);
    double seen = json_number_value(json_object_get(x.s.root, "num_input_tokens_seen"));
    if (seen > 0)
        x.tokens = seen; /* 0 is what a trainer that does not count writes */
    *ret = x;
    return true;
}

static void take_entry(struct pr_training_source *s, const struct pr_log_entry *l)
{
    const struct {
        enum pr_log_has bit;
        enum pr_training_field field;
        double x;
        int point; /* -1: none */
    } all[] = {
        {PR_LOG_EPOCH, PR_TRAINING_EPOCH, l->epoch, -1},
        {PR_LOG_LOSS, PR_TRAINING_LOSS, l->loss, 0},
        {PR_LOG_EVAL_LOSS, PR_TRAINING_EVAL_LOSS, l->eval_loss, 1},
        {PR_LOG_LEARNING_RATE, PR_TRAINING_RATE, l->learning_rate, 2},
        {PR_LOG_GRAD_NORM, PR_TRAINING_GRAD_NORM, l->grad_norm, -1},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!(l->has & all[i].bit))
            continue;
        if (isfinite(all[i].x))
            pr_training_set(s, all[i].field, all[i].x);
        else
            pr_training_not(s, all[i].field, "the last value in trainer_state.json is not finite");
        if (all[i].point >= 0)
            pr_training_point(s, l->step, all[i].point, all[i].x);
    }
}

/* The trainer's own rate, which it logs when it has finished. */
static void take_summary(struct pr_training_source *s, const struct pr_log_entry *l)
{
    const json_t *rate = json_object_get(l->raw, "train_steps_per_second");
    if (json_is_number(rate) && json_number_value(rate) > 0)
        pr_training_set(s, PR_TRAINING_STEPS_PER_SECOND, json_number_value(rate));
    s->status = s->status ? s->status : pr_strdup("completed");
}

static void take_state(struct pr_training_source *s, const struct state *x)
{
    const struct pr_trainer_state *t = &x->s;
    s->kind = "trainer_state.json";
    s->path = pr_strdup(x->path);
    s->mtime_ms = s->timestamp_ms = x->mtime_ms;
    for (size_t i = 0; i < t->n_log; i++)
        take_entry(s, &t->log[i]);
    pr_training_set(s, PR_TRAINING_STEP, (double)t->global_step);
    if (t->max_steps > 0)
        pr_training_set(s, PR_TRAINING_TOTAL, (double)t->max_steps);
    if (isfinite(t->epoch))
        pr_training_set(s, PR_TRAINING_EPOCH, t->epoch);
    if (t->n_log && t->log[t->n_log - 1].has & PR_LOG_TRAIN_LOSS)
        take_summary(s, &t->log[t->n_log - 1]);
    else if (t->max_steps > 0 && t->global_step >= t->max_steps)
        s->status = pr_strdup("completed");
}

/* Checkpoints that follow each other faster were copied, not trained: their times say how fast. */
#define LEAST_SECONDS 10

static void rate(struct pr_training_source *s, enum pr_training_field f, double done,
    const struct state *from, const struct state *to)
{
    double seconds = (double)(to->mtime_ms - from->mtime_ms) / 1000;
    struct pr_str where = PR_STR_INIT(1 << 12);
    if (s->v[f].known || !(done > 0) || !(seconds >= LEAST_SECONDS))
        return;
    pr_training_set(s, f, done / seconds);
    pr_str_printf(&where, "file times of %.200s and %.200s", from->name, to->name);
    s->v[f].where = pr_str_take(&where);
}

/* A state has no times; the files of two successive checkpoints do. */
static void rates(struct pr_training_source *s, const struct state *old, const struct state *new)
{
    rate(s, PR_TRAINING_STEPS_PER_SECOND, (double)(new->s.global_step - old->s.global_step), old,
        new);
    if (new->s.global_step > old->s.global_step)
        rate(s, PR_TRAINING_TOKENS_PER_SECOND, new->tokens - old->tokens, old, new);
}

void pr_training_state(
    const struct pr_training_places *p, struct pr_training_source *s, struct pr_notes *warnings)
{
    struct state newest = {0}, before = {0};
    size_t i = p->n_checkpoints, tries = 0;
    bool found = false;
    while (!found && i && tries++ < TRIES)
        found = read_state(p->checkpoints[--i], &newest, warnings);
    if (!found)
        return;
    take_state(s, &newest);
    for (tries = 0, found = false; !found && i && tries < TRIES; tries++)
        found = read_state(p->checkpoints[--i], &before, NULL);
    if (found)
        rates(s, &before, &newest);
    state_done(&newest);
    state_done(&before);
}
