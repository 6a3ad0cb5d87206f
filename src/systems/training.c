/* Where the training stands: what its sources say, brought into one document. */
#include "systems/training.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "systems/training_internal.h"

#define LEFT_BEHIND_MS                                                                             \
    600000             /* a training_status.json so much older than a state is not kept up         \
                        */
#define FUTURE_MS 2000 /* clocks differ by a little */

enum { STATUS, STATE, EVENTS, N_SOURCES };

#define PR_X(name, key, whole) {key, whole},
static const struct {
    const char *key;
    bool whole;
} fields[] = {PR_TRAINING_FIELDS(PR_X)};
#undef PR_X

/* Why nobody knows it, where no source has anything to say. */
static const char *const unknown[PR_TRAINING_FIELD_COUNT] = {
    [PR_TRAINING_STEP] = "no training was found",
    [PR_TRAINING_TOTAL] = "no source says how many steps there will be",
    [PR_TRAINING_EPOCH] = "no source gives an epoch",
    [PR_TRAINING_LOSS] = "no source gives a loss",
    [PR_TRAINING_EVAL_LOSS] = "no source gives a loss of an evaluation",
    [PR_TRAINING_RATE] = "no source gives a learning rate",
    [PR_TRAINING_GRAD_NORM] = "no source gives a gradient norm",
    [PR_TRAINING_TOKENS_PER_SECOND] = "the trainer does not count tokens",
    [PR_TRAINING_STEPS_PER_SECOND] =
        "no source has times, and no two checkpoints were written at least 10 s apart",
    [PR_TRAINING_ETA] = "the rate or the number of steps is not known",
};

static void set_age(json_t *o, int64_t then_ms, int64_t now_ms)
{
    if (!then_ms)
        pr_json_set_null(o, "age_seconds", "the source gives no time");
    else if (then_ms > now_ms + FUTURE_MS)
        pr_json_set_null(o, "age_seconds", "the file's time is in the future");
    else
        pr_json_set_real(
            o, "age_seconds", then_ms > now_ms ? 0 : (double)(now_ms - then_ms) / 1000, NULL);
}

static void set_time(json_t *o, int64_t ms)
{
    char at[32];
    if (ms <= 0) {
        pr_json_set_null(o, "timestamp", "the source gives no time");
        return;
    }
    pr_clock_iso8601(ms, at);
    pr_json_set_str(o, "timestamp", at);
}

static void set_number(json_t *o, enum pr_training_field f, double x)
{
    if (fields[f].whole)
        pr_json_set_int(o, fields[f].key, (int64_t)x);
    else
        pr_json_set_real(o, fields[f].key, x, NULL);
}

/* The sources that count, the first one first. */
struct ranked {
    const struct pr_training_source *v[N_SOURCES];
    size_t n;
};

/* A value of the first source that has one; the others' are named in `from`. */
static void set_field(json_t *o, json_t *from, const struct ranked *r, enum pr_training_field f)
{
    const char *why = unknown[f];
    for (size_t i = r->n; i--;) {
        const struct pr_training_value *v = &r->v[i]->v[f];
        why = v->why ? v->why : why;
    }
    for (size_t i = 0; i < r->n; i++) {
        const struct pr_training_value *v = &r->v[i]->v[f];
        if (v->why) /* it is known to be no number: an older one is no answer */
            break;
        if (!v->known)
            continue;
        set_number(o, f, v->x);
        if (v->where || i)
            pr_json_set_str(from, fields[f].key, v->where ? v->where : r->v[i]->kind);
        return;
    }
    pr_json_set_null(o, fields[f].key, why);
}

/* Where no source gives it: what is left at the present rate. */
static void set_eta(json_t *o, json_t *from)
{
    const json_t *rate = json_object_get(o, "steps_per_second"),
                 *step = json_object_get(o, "current_step"),
                 *total = json_object_get(o, "total_steps");
    if (json_is_number(json_object_get(o, "eta_seconds")) || !json_is_integer(step) ||
        !json_is_integer(total) || !(json_number_value(rate) > 0))
        return;
    json_int_t left = json_integer_value(total) - json_integer_value(step);
    json_object_del(o, "eta_seconds_reason");
    pr_json_set_real(o, "eta_seconds", left > 0 ? (double)left / json_number_value(rate) : 0, NULL);
    pr_json_set_str(from, "eta_seconds", "steps left and steps_per_second");
}

static void set_point(json_t *list, const struct pr_training_point *p)
{
    json_t *o = json_object();
    const double x[] = {p->loss, p->eval_loss, p->learning_rate};
    static const char *const names[] = {"loss", "eval_loss", "learning_rate"};
    pr_json_set_int(o, "step", p->step);
    for (unsigned i = 0; i < 3; i++)
        if (p->nan & 1u << i || isfinite(x[i]))
            pr_json_set_real(o, names[i], x[i], "logged as not finite");
        else
            pr_json_set(o, names[i], json_null()); /* nothing was logged at this step */
    json_array_append_new(list, o);
}

static json_t *history(const struct ranked *r)
{
    json_t *list = json_array();
    const struct pr_training_source *s = NULL;
    for (size_t i = 0; i < r->n && !s; i++)
        if (r->v[i]->n)
            s = r->v[i];
    size_t n = s ? s->n : 0, shown = n < PR_TRAINING_HISTORY ? n : PR_TRAINING_HISTORY;
    for (size_t i = 0; i < shown; i++) /* the first and the last are among them */
        set_point(list, &s->points[n == shown ? i : i * (n - 1) / (shown - 1)]);
    return list;
}

/* Event files are written as the training goes, a state at its checkpoints only. */
static json_t *latest_logged(
    const struct pr_training_source *events, const struct ranked *r, int64_t now_ms)
{
    const struct pr_training_value *step = &events->v[PR_TRAINING_STEP];
    if (!events->kind || !r->n || r->v[0] == events || events->mtime_ms < r->v[0]->mtime_ms ||
        !step->known || !(step->x > r->v[0]->v[PR_TRAINING_STEP].x))
        return json_null();
    json_t *o = json_object();
    pr_json_set_str(o, "source_path", events->path);
    pr_json_set_int(o, "step", (int64_t)step->x);
    static const enum pr_training_field also[] = {PR_TRAINING_LOSS, PR_TRAINING_RATE};
    for (size_t i = 0; i < sizeof also / sizeof *also; i++) {
        const struct pr_training_value *v = &events->v[also[i]];
        if (v->known)
            set_number(o, also[i], v->x);
        else
            pr_json_set_null(o, fields[also[i]].key, v->why ? v->why : "not logged");
    }
    set_time(o, events->timestamp_ms);
    set_age(o, events->timestamp_ms, now_ms);
    return o;
}

static void rank(struct pr_training_source all[N_SOURCES], struct ranked *r, struct pr_notes *w)
{
    const struct pr_training_source *status = &all[STATUS], *state = &all[STATE];
    bool left_behind =
        status->kind && state->kind && status->mtime_ms + LEFT_BEHIND_MS < state->mtime_ms;
    if (left_behind)
        pr_notes_add(w,
            "training_status.json is %lld minutes older than the newest trainer_state.json, which "
            "is used instead",
            (long long)(state->mtime_ms - status->mtime_ms) / 60000);
    if (status->kind && !left_behind)
        r->v[r->n++] = status;
    if (state->kind)
        r->v[r->n++] = state;
    if (all[EVENTS].kind)
        r->v[r->n++] = &all[EVENTS];
}

static void set_text(json_t *o, const char *key, const char *text, const char *why)
{
    if (text)
        pr_json_set_str(o, key, text);
    else
        pr_json_set_null(o, key, why);
}

static json_t *warnings_of(const struct pr_notes *w)
{
    json_t *list = json_array();
    for (size_t i = 0; i < w->n; i++)
        json_array_append_new(list, json_string(w->v[i]));
    return list;
}

json_t *pr_training_read(const struct pr_training_places *p, int64_t now_ms)
{
    struct pr_training_source all[N_SOURCES] = {0};
    struct pr_notes warnings = {0};
    struct ranked r = {0};
    json_t *o = json_object(), *from = json_object();
    pr_training_status(p->status_file, &all[STATUS], &warnings);
    pr_training_state(p, &all[STATE], &warnings);
    pr_training_events(p->runs_folder, &all[EVENTS], &warnings);
    rank(all, &r, &warnings);
    static const struct pr_training_source none;
    const struct pr_training_source *s = r.n ? r.v[0] : &none;
    set_text(o, "source", s->kind, unknown[PR_TRAINING_STEP]);
    set_text(o, "source_path", s->path, unknown[PR_TRAINING_STEP]);
    set_text(o, "status", s->status, "the source does not say whether the training goes on");
    set_text(o, "model_name", s->model_name ? s->model_name : all[STATUS].model_name,
        "no source names the model");
    for (int f = 0; f < PR_TRAINING_FIELD_COUNT; f++)
        set_field(o, from, &r, (enum pr_training_field)f);
    set_eta(o, from);
    set_time(o, s->timestamp_ms ? s->timestamp_ms : s->mtime_ms);
    set_age(o, s->mtime_ms, now_ms);
    pr_json_set(o, "history", history(&r));
    pr_json_set(o, "from", from);
    pr_json_set(o, "latest_logged", latest_logged(&all[EVENTS], &r, now_ms));
    pr_json_set(o, "warnings", warnings_of(&warnings));
    for (size_t i = 0; i < N_SOURCES; i++)
        pr_training_source_done(&all[i]);
    pr_notes_done(&warnings);
    return o;
}

void pr_training_stamp_file(const char *path, struct pr_sha256 *h)
{
    struct stat st = {0};
    if (stat(path, &st))
        st = (struct stat){0};
    const int64_t what[] = {(int64_t)st.st_ino, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
    pr_sha256_update(h, path, strlen(path) + 1);
    pr_sha256_update(h, what, sizeof what);
}

void pr_training_stamp(const struct pr_training_places *p, char ret[65])
{
    struct pr_sha256 *h = pr_sha256_new();
    uint8_t digest[PR_SHA256_LEN];
    if (p->status_file)
        pr_training_stamp_file(p->status_file, h);
    for (size_t i = 0; i < p->n_checkpoints; i++) {
        char *path = pr_path_join(p->checkpoints[i], "trainer_state.json");
        pr_training_stamp_file(path, h);
        pr_free(path);
    }
    pr_training_events_stamp(p->runs_folder, h);
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, ret);
}
