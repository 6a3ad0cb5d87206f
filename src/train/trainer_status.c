/* training_status.json: where the training stands, for the watch, the page and people. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "train/feed.h"
#include "train/trainer_internal.h"

#define EVERY_NS   INT64_C(1000000000)
#define RECENT     5   /* examples of the last batch that are shown */
#define TEXT_BYTES 600 /* of each of their texts */

static json_t *recent(const struct pr_trainer *t)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < RECENT && t->prompter; i++) {
        json_t *o = pr_train_data_show(t->data, t->prompter, i, TEXT_BYTES);
        if (!o)
            break;
        pr_json_set_int(o, "step", t->step);
        json_array_append_new(list, o);
    }
    return list;
}

static void put_where(json_t *o, const struct pr_trainer *t)
{
    const char *none =
        t->step ? "no step was made since it was gone on with" : "no step was made yet";
    const struct pr_train_step *s = &t->last;
    const char *why = s->step ? "no token of the last batch counts" : none;
    pr_json_set_int(o, "current_step", t->step);
    if (t->steps)
        pr_json_set_int(o, "total_steps", t->steps);
    else
        pr_json_set_null(o, "total_steps", "a limit of time or tokens ends it");
    pr_json_set_real(o, "epoch", pr_trainer_epoch(t, t->step), NULL);
    pr_json_set_real(o, "loss", s->step ? s->loss : NAN, why);
    pr_json_set_real(o, "learning_rate", s->step ? s->learning_rate : NAN, none);
    pr_json_set_real(o, "grad_norm", s->step ? s->grad_norm : NAN, why);
    pr_json_set_int(o, "answer_tokens", (int64_t)t->answer_total);
    pr_json_set_real(o, "tokens_per_second", t->rate > 0 ? t->rate : NAN, none);
    pr_json_set_real(o, "examples_per_second", t->examples_rate > 0 ? t->examples_rate : NAN, none);
    pr_json_set_real(o, "steps_per_second", t->seconds > 0 ? 1 / t->seconds : NAN, none);
    if (t->steps && t->seconds > 0)
        pr_json_set_real(o, "eta_seconds", (double)(t->steps - t->step) * t->seconds, NULL);
    else
        pr_json_set_null(o, "eta_seconds", t->steps ? none : "the last step is not known");
}

static void put_queue(json_t *o, const struct pr_trainer *t)
{
    if (pr_feed_current(t->feed))
        pr_json_set_str(o, "current_file", pr_feed_current(t->feed));
    else
        pr_json_set_null(o, "current_file", "no file is being trained on");
    pr_json_set_int(o, "files_completed", (int64_t)pr_feed_completed(t->feed));
    pr_json_set_int(o, "queue_waiting", (int64_t)pr_feed_waiting(t->feed));
}

/* Whoever reads the file runs in another folder than we do. */
static void put_path(json_t *o, const char *key, const char *path)
{
    char full[PATH_MAX];
    pr_json_set_str(o, key, realpath(path, full) ? full : path);
}

static json_t *document(const struct pr_trainer *t, const char *status, const char *error)
{
    char now[32];
    json_t *o = json_object();
    char *name = pr_path_base(t->o->scratch ? t->o->out : t->o->model);
    pr_clock_iso8601(pr_clock_utc_ms(), now);
    pr_json_set_int(o, "schema_version", 1);
    pr_json_set_str(o, "status", status);
    if (error)
        pr_json_set_str(o, "error", error);
    pr_json_set_str(o, "model_name", name);
    pr_free(name);
    if (t->data || t->feed)
        put_where(o, t);
    if (t->feed)
        put_queue(o, t);
    pr_json_set_str(o, "timestamp", now);
    put_path(o, "output_folder", t->o->out);
    if (t->last_checkpoint)
        put_path(o, "last_checkpoint", t->last_checkpoint);
    else
        pr_json_set_null(o, "last_checkpoint", "none was written yet");
    pr_json_set(o, "recent_examples", t->data ? recent(t) : json_array());
    return o;
}

void pr_trainer_tell(struct pr_trainer *t, const char *status, const char *error)
{
    int64_t now = pr_clock_monotonic_ns();
    struct pr_error e;
    bool waiting = !strcmp(status, PR_TRAIN_WAITING);
    bool same = (waiting || !strcmp(status, "training")) && waiting == t->told_waiting;
    if (!t->o->status_file || t->status_broken ||
        (same && t->status_ns && now - t->status_ns < EVERY_NS))
        return;
    t->told_waiting = waiting;
    t->status_ns = now;
    struct pr_str text = PR_STR_INIT(1 << 20);
    json_t *o = document(t, status, error);
    pr_json_dump(o, 2, 0, &text);
    pr_str_putc(&text, '\n');
    json_decref(o);
    if (pr_file_write_atomic(t->o->status_file, pr_str_cstr(&text), text.len, &e)) {
        pr_trainer_note(t, "%s; the training goes on without a status file", e.message);
        t->status_broken = true;
    }
    pr_str_done(&text);
}
